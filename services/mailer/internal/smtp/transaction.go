package smtp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/billhook/billhook/services/mailer/internal/letter"
)

// send runs one transaction within ctx. The replies tell about each recipient;
// the error tells that nobody got the letter. After an error the session must
// not be used again. A letter that no recipient was accepted for leaves an open
// transaction behind, which is cleared.
func (s *session) send(ctx context.Context, e letter.Envelope) (replies []Reply, err error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	s.conn.allow(readToSend + readToRcpt*len(e.Recipients))
	parameters, err := s.suit(e)
	if err != nil {
		return nil, err
	}
	t := transaction{session: s, replies: make([]Reply, 0, len(e.Recipients))}
	if err := t.open(e, parameters); err != nil {
		return nil, err
	}
	if t.taken {
		return t.replies, s.data(e.Message)
	}
	s.broken = t.withdraw() != nil
	return t.replies, nil
}

// suit returns what the sender's command says of the letter, or why the server
// would not take it.
func (s *session) suit(e letter.Envelope) (parameters string, err error) {
	if most := s.largest(); most > 0 && len(e.Message) > most {
		return "", &Failure{Class: Permanent, Stage: "size", Err: fmt.Errorf("%w: %d bytes, and the server takes %d", errTooLarge, len(e.Message), most)}
	}
	names := e.From + strings.Join(e.Recipients, "")
	if strings.ContainsAny(names, "\r\n") {
		return "", &Failure{Class: Permanent, Stage: "mail", Err: errLineEnd}
	}
	if s.offers("8BITMIME") {
		parameters = " BODY=8BITMIME"
	}
	if ascii(names) {
		return parameters, nil
	}
	if !s.offers("SMTPUTF8") {
		return "", &Failure{Class: Permanent, Stage: "mail", Err: errNoUTF8}
	}
	return parameters + " SMTPUTF8", nil
}

func (s *session) offers(extension string) bool {
	ok, _ := s.client.Extension(extension)
	return ok
}

// largest is the size of the largest letter that the settings and the server
// (RFC 1870) say is taken, 0 for no limit.
func (s *session) largest() int {
	most := s.size
	_, offered := s.client.Extension("SIZE")
	if n, err := strconv.Atoi(offered); err == nil && n > 0 && (most == 0 || n < most) {
		most = n
	}
	return most
}

// transaction is what comes before a letter: its sender and its recipients.
type transaction struct {
	session *session
	replies []Reply
	// taken is true when a recipient was accepted, begun when the server waits
	// for the letter.
	taken, begun bool
}

// command is a line to the server, the code of the reply to it, or its first
// digits, and what is made of another one.
type command struct {
	line string
	want int
	hear func(refused error) error
}

// open names the sender and each recipient, and asks to begin the letter. A
// server that offers it (RFC 2920) is asked all of that at once; another is not
// asked to begin a letter that it takes for nobody.
func (t *transaction) open(e letter.Envelope, parameters string) error {
	commands := []command{{"MAIL FROM:<" + e.From + ">" + parameters, 250, func(refused error) error {
		if refused != nil {
			return fail("mail", Settings, refused)
		}
		return nil
	}}}
	for _, address := range e.Recipients {
		commands = append(commands, command{"RCPT TO:<" + address + ">", 25, func(refused error) error {
			return t.recipient(address, refused)
		}})
	}
	begin := command{"DATA", 354, t.begin}
	if t.session.offers("PIPELINING") {
		return t.session.say(append(commands, begin), together)
	}
	if err := t.session.say(commands, 1); err != nil || !t.taken {
		return err
	}
	return t.session.say([]command{begin}, 1)
}

// recipient notes the reply about one; a refusal is that recipient's alone.
func (t *transaction) recipient(address string, refused error) error {
	if refused == nil {
		t.replies, t.taken = append(t.replies, Reply{Address: address, Code: 250}), true
		return nil
	}
	f := fail("rcpt", Permanent, refused)
	if f.Code == 0 || f.Code == 421 {
		return f
	}
	t.replies = append(t.replies, Reply{Address: address, Code: f.Code, Text: refused.Error()})
	return nil
}

// begin notes whether the server waits for the letter. That it does not is as it
// should be where it takes it for nobody.
func (t *transaction) begin(refused error) error {
	if t.begun = refused == nil; t.begun {
		return nil
	}
	if f := fail("data", Permanent, refused); t.taken || f.Code == 0 {
		return f
	}
	return nil
}

// withdraw ends a transaction that nobody gets anything by. A server that waits
// for the letter gets an empty one, as RFC 2920 wants it, and whatever it says to
// that is right.
func (t *transaction) withdraw() error {
	if !t.begun {
		return t.session.client.Reset()
	}
	return t.session.say([]command{{".", 250, func(refused error) error {
		if reply := new(textproto.Error); errors.As(refused, &reply) {
			return nil
		}
		return refused
	}}}, 1)
}

// together is how many commands are said before a reply is read. The replies to
// more might not fit between us and a server that says them before it reads on.
const together = 100

// say says commands, so many at once, and hears the reply to each until one is
// made an error of.
func (s *session) say(commands []command, atOnce int) error {
	text := s.client.Text
	for len(commands) > 0 {
		n := min(len(commands), atOnce)
		for _, c := range commands[:n] {
			_, _ = text.W.WriteString(c.line + "\r\n") // told by Flush
		}
		err := text.W.Flush()
		for _, c := range commands[:n] {
			if err == nil {
				_, _, err = text.ReadResponse(c.want)
			}
			if err = c.hear(err); err != nil {
				return err
			}
		}
		commands = commands[n:]
	}
	return nil
}

// data sends the message. A connection lost after the final dot leaves open
// whether the server took it.
func (s *session) data(message []byte) error {
	text := s.client.Text
	dotted(text.W, message)
	err := text.W.Flush()
	if err == nil {
		_, _, err = text.ReadResponse(250)
	}
	if err == nil {
		return nil
	}
	f := fail("data", Permanent, err)
	if f.Code == 0 {
		f.Class = Ambiguous
	}
	return f
}

// dotted writes a message line by line, with a dot before each that begins with
// one, and the dot that ends it (RFC 5321, 4.5.2): as textproto does, which looks
// at byte after byte. What fails is told by Flush.
func dotted(w *bufio.Writer, message []byte) {
	for line := range bytes.Lines(message) {
		if line[0] == '.' {
			_ = w.WriteByte('.')
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		_, _ = w.Write(bytes.TrimSuffix(line, []byte("\r")))
		_, _ = w.WriteString("\r\n")
	}
	_, _ = w.WriteString(".\r\n")
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
