package letter_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/mailer/internal/letter"
)

func sample() letter.Letter {
	return letter.Letter{
		Key:  "dlv_abc/1",
		Date: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC),
		From: letter.Address{Name: "Acme Billing", Addr: "billing@acme.example"},
		To:   []letter.Address{{Name: "Ada", Addr: "ada@example.com"}},
		CC:   []letter.Address{{Addr: "copy@example.com"}},
		BCC:  []letter.Address{{Addr: "hidden@example.com"}, {Addr: "ada@example.com"}},

		Subject: "Invoice INV-1 is ready",
		Text:    "Hello Ada", HTML: "<p>Hello Ada</p>",
	}
}

func TestALetterIsTheSameBytesEveryTime(t *testing.T) {
	a, err := letter.Seal(sample(), letter.Wrap{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := letter.Seal(sample(), letter.Wrap{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("two renderings differ:\n%s", diff)
	}
}

func TestBccIsInTheEnvelopeOnlyAndEveryRecipientOnce(t *testing.T) {
	e, err := letter.Seal(sample(), letter.Wrap{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ada@example.com", "copy@example.com", "hidden@example.com"}
	if diff := cmp.Diff(want, e.Recipients); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
	if bytes.Contains(e.Message, []byte("hidden@")) {
		t.Errorf("the message names a Bcc recipient:\n%s", e.Message)
	}
}

func TestHeadersOfAnAutomaticMail(t *testing.T) {
	m := parse(t, sample())
	for name, want := range map[string]string{
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"Date":                     "Mon, 23 Nov 2026 09:30:00 +0000",
		"Message-Id":               "<" + letter.MessageID("dlv_abc/1", "billing@acme.example") + ">",
		"User-Agent":               "",
		"X-Mailer":                 "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@acme.example>") {
		t.Errorf("Message-ID %s is not of the sender's domain", id)
	}
}

func TestTextComesBeforeHTML(t *testing.T) {
	m := parse(t, sample())
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	var got []string
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(p)
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		got = append(got, kind, strings.TrimSpace(string(body)))
	}
	want := []string{"text/plain", "Hello Ada", "text/html", "<p>Hello Ada</p>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func TestALetterWithoutRecipientOrBodyIsRefused(t *testing.T) {
	nobody, nothing, broken := sample(), sample(), sample()
	nobody.To, nobody.CC, nobody.BCC = nil, nil, nil
	nothing.Text, nothing.HTML = "", ""
	broken.BCC = []letter.Address{{Addr: "a@b\r\nX: y"}}
	for name, l := range map[string]letter.Letter{"nobody": nobody, "nothing": nothing, "broken": broken} {
		if _, err := letter.Seal(l, letter.Wrap{}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestAnInternationalDomainIsWrittenInASCII(t *testing.T) {
	l := sample()
	l.To[0].Addr, l.From.Addr = "ada@bücher.example", "info@müller.example"
	e, err := letter.Seal(l, letter.Wrap{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Recipients[0] != "ada@xn--bcher-kva.example" || e.From != "info@xn--mller-kva.example" {
		t.Errorf("envelope from %s to %s", e.From, e.Recipients)
	}
	if l.To[0].Addr != "ada@bücher.example" {
		t.Error("the caller's letter was changed")
	}
}

func TestAWordLongerThanALineMayBeIsFoldedAndReadAsItWas(t *testing.T) {
	for _, subject := range []string{strings.Repeat("x", 3000), "a " + strings.Repeat("ü€x", 700) + " b"} {
		l := sample()
		l.Subject, l.To[0].Name = subject, strings.Repeat("n", 3000)
		m := parse(t, l)
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || got != subject {
			t.Errorf("%v: read as %.80q…, written as %.80q…", err, got, subject)
		}
		to, err := mail.ParseAddress(m.Header.Get("To"))
		if err != nil || to.Name != strings.Repeat("n", 199)+"…" {
			t.Errorf("%v: the name is read as %v", err, to)
		}
	}
}

// No subject and no name may add a header, and no line may be longer than RFC
// 5322 allows or hold a bare CR or LF.
func TestNoValueAddsAHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"a\r\nBcc: x@evil.example", "a\nX-Evil: 1", "a\rX-Evil: 1", "=?utf-8?q?a=0D=0ABcc:_x?=", "\u2028Bcc: x",
		}))
		l := sample()
		l.Subject = hostile.Draw(t, "subject")
		l.From.Name = hostile.Draw(t, "from")
		l.To[0].Name = hostile.Draw(t, "to")
		l.Text = hostile.Draw(t, "text") + "."
		e, err := letter.Seal(l, letter.Wrap{})
		if err != nil {
			return
		}
		m, err := mail.ReadMessage(bytes.NewReader(e.Message))
		if err != nil {
			t.Fatalf("unreadable message: %v", err)
		}
		allowed := map[string]bool{"From": true, "To": true, "Cc": true, "Subject": true, "Date": true, "Message-Id": true,
			"Auto-Submitted": true, "X-Auto-Response-Suppress": true, "Mime-Version": true, "Content-Type": true,
			"Content-Transfer-Encoding": true}
		for name := range m.Header {
			if !allowed[name] {
				t.Fatalf("a value added the header %q", name)
			}
		}
		for line := range strings.SplitSeq(string(e.Message), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("line of %d bytes or with a bare CR or LF: %q", len(line), line)
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	l := sample()
	l.Text = strings.Repeat("Northwind owes what is due\n", 20)
	l.HTML = strings.Repeat("<p>Northwind owes <b>what is due</b></p>\n", 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := letter.Seal(l, letter.Wrap{}); err != nil {
			b.Fatal(err)
		}
	}
}

func parse(t *testing.T, l letter.Letter) *mail.Message {
	t.Helper()
	e, err := letter.Seal(l, letter.Wrap{})
	if err != nil {
		t.Fatal(err)
	}
	return read(t, e.Message)
}

func read(t *testing.T, message []byte) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
