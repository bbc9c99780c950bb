package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	client "github.com/wneessen/go-mail/smtp"

	"github.com/billhook/billhook/services/mailer/internal/letter"
)

// session is one connection in the state after EHLO, TLS and AUTH.
type session struct {
	conn   *bounded
	client *client.Client
	made   time.Time
	used   time.Time
	// broken marks a session that answered a reset with an error.
	broken bool
}

// open dials, secures and logs in, within ctx.
func open(ctx context.Context, cfg Config, srv Server) (*session, error) {
	dialled, err := cfg.Dial(ctx, "tcp", net.JoinHostPort(srv.Host, strconv.Itoa(srv.Port)))
	if err != nil {
		return nil, fail("dial", Transient, err)
	}
	conn := &bounded{Conn: dialled, left: readToOpen}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	s, err := greet(ctx, cfg, srv, conn)
	if !stop() && err == nil {
		err = fail("dial", Transient, ctx.Err())
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func greet(ctx context.Context, cfg Config, srv Server, raw *bounded) (*session, error) {
	var conn net.Conn = raw
	tlsConfig := &tls.Config{ServerName: srv.Host, RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12}
	if srv.TLS == TLSImplicit {
		secured := tls.Client(conn, tlsConfig)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, &Failure{Class: tlsClass(err), Stage: "tls", Err: err}
		}
		conn = secured
	}
	c, err := client.NewClient(conn, srv.Host)
	if err != nil {
		return nil, fail("hello", Transient, err)
	}
	if err := c.Hello(cfg.HelloName); err != nil {
		return nil, fail("hello", Settings, err)
	}
	if err := secure(c, srv, tlsConfig); err != nil {
		return nil, err
	}
	if err := login(c, srv); err != nil {
		return nil, err
	}
	now := cfg.Now()
	return &session{conn: raw, client: c, made: now, used: now}, nil
}

// secure takes up STARTTLS as the settings say.
func secure(c *client.Client, srv Server, config *tls.Config) error {
	if srv.TLS == TLSImplicit || srv.TLS == TLSNone {
		return nil
	}
	if ok, _ := c.Extension("STARTTLS"); !ok {
		if srv.TLS == TLSOpportunistic {
			return nil
		}
		return &Failure{Class: Settings, Stage: "tls", Err: errNoTLS}
	}
	if err := c.StartTLS(config); err != nil {
		f := fail("tls", Settings, err)
		if f.Code == 0 {
			f.Class = tlsClass(err)
		}
		return f
	}
	return nil
}

// tlsClass tells a refused certificate or protocol, which stays refused, from
// a connection that broke.
func tlsClass(err error) Class {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() || errors.Is(err, net.ErrClosed) {
		return Transient
	}
	return Settings
}

// login authenticates when the settings name a user. The password never
// crosses a connection without TLS.
func login(c *client.Client, srv Server) error {
	if srv.Username == "" {
		return nil
	}
	if _, ok := c.TLSConnectionState(); !ok {
		return &Failure{Class: Settings, Stage: "auth", Err: errClearAuth}
	}
	ok, offered := c.Extension("AUTH")
	if !ok {
		return &Failure{Class: Settings, Stage: "auth", Err: errNoAuth}
	}
	auth := mechanism(offered, srv)
	if auth == nil {
		return &Failure{Class: Settings, Stage: "auth", Err: errNoMechanism}
	}
	if err := c.Auth(auth); err != nil {
		return fail("auth", Settings, err)
	}
	return nil
}

// mechanism picks the strongest that is offered.
func mechanism(offered string, srv Server) client.Auth {
	has := map[string]bool{}
	for name := range strings.FieldsSeq(strings.ToUpper(offered)) {
		has[name] = true
	}
	password := srv.Password.Reveal()
	switch {
	case has["SCRAM-SHA-256"]:
		return client.ScramSHA256Auth(srv.Username, password)
	case has["PLAIN"]:
		return client.PlainAuth("", srv.Username, password, srv.Host, false)
	case has["LOGIN"]:
		return client.LoginAuth(srv.Username, password, srv.Host, false)
	case has["CRAM-MD5"]:
		return client.CRAMMD5Auth(srv.Username, password)
	default:
		return nil
	}
}

// send runs one transaction within ctx. The replies tell about each recipient;
// the error tells that nobody got the letter. After an error the session must
// not be used again. A letter that no recipient was accepted for leaves an open
// transaction behind, which is cleared.
func (s *session) send(ctx context.Context, e letter.Envelope) (replies []Reply, err error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	s.conn.allow(readToSend + readToRcpt*len(e.Recipients))
	needsUTF8 := !ascii(e.From) || !ascii(strings.Join(e.Recipients, ""))
	if ok, _ := s.client.Extension("SMTPUTF8"); needsUTF8 && !ok {
		return nil, &Failure{Class: Permanent, Stage: "mail", Err: errNoUTF8}
	}
	s.client.SkipSMTPUTF8(!needsUTF8)
	if err := s.client.Mail("<" + e.From + ">"); err != nil {
		return nil, fail("mail", Settings, err)
	}
	replies, err = s.recipients(e.Recipients)
	if err != nil {
		return nil, err
	}
	if !anyTaken(replies) {
		s.broken = s.client.Reset() != nil
		return replies, nil
	}
	return replies, s.data(e.Message)
}

// recipients names each one; a refusal is that recipient's alone.
func (s *session) recipients(addresses []string) ([]Reply, error) {
	replies := make([]Reply, 0, len(addresses))
	for _, a := range addresses {
		err := s.client.Rcpt("<" + a + ">")
		if err == nil {
			replies = append(replies, Reply{Address: a, Code: 250})
			continue
		}
		f := fail("rcpt", Permanent, err)
		if f.Code == 0 || f.Code == 421 {
			return nil, f
		}
		replies = append(replies, Reply{Address: a, Code: f.Code, Text: err.Error()})
	}
	return replies, nil
}

// data sends the message. A connection lost after the final dot leaves open
// whether the server took it.
func (s *session) data(message []byte) error {
	w, err := s.client.Data()
	if err != nil {
		return fail("data", Permanent, err)
	}
	if _, err := w.Write(message); err != nil {
		return fail("data", Permanent, err)
	}
	if err := w.Close(); err != nil {
		f := fail("data", Permanent, err)
		if f.Code == 0 {
			f.Class = Ambiguous
		}
		return f
	}
	return nil
}

func anyTaken(replies []Reply) bool {
	for _, r := range replies {
		if r.Taken() {
			return true
		}
	}
	return false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// farewell bounds how long a server may take to answer QUIT.
const farewell = 2 * time.Second

func (s *session) close() {
	cut := time.AfterFunc(farewell, func() { _ = s.conn.Close() })
	defer cut.Stop()
	s.conn.allow(readToSend)
	_ = s.client.Quit()
	_ = s.conn.Close()
}

// closeAll closes sessions side by side: one slow server does not make the
// others wait.
func closeAll(sessions []*session) {
	var work sync.WaitGroup
	for _, s := range sessions {
		work.Go(s.close)
	}
	work.Wait()
}
