package letter_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gomail "github.com/wneessen/go-mail"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/mailer/internal/letter"
)

// Letters were made by go-mail before; what is kept between attempts is the
// letter, so a retry must still give the same bytes. It is the judge of headers,
// folding, parts and encodings.
func TestALetterIsTheBytesThatGoMailMakesOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, files := anyLetter(t)
		e, err := letter.Seal(l, letter.Wrap{Files: files})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(byGoMail(t, l, files)), string(e.Message)); diff != "" {
			t.Fatalf("(-go-mail +ours):\n%s", diff)
		}
	})
}

// Of a quote or a backslash in a name go-mail makes another name, or no letter at
// all.
func TestANameWithQuotesIsReadAsItWas(t *testing.T) {
	for _, name := range []string{`Ada "Countess" Byron`, `a\`, `"`, `x" <eve@evil.example>, "y`} {
		l := sample()
		l.From.Name, l.To[0].Name = name, name
		h := parse(t, l).Header
		for _, field := range []string{"From", "To"} {
			list, err := h.AddressList(field)
			if err != nil || len(list) != 1 || list[0].Name != name {
				t.Errorf("%s: %q is read as %v: %v", field, name, list, err)
			}
		}
	}
}

// anyLetter draws a letter. Its texts are one line where headers are made of
// them; what makes them so has tests of its own.
func anyLetter(t *rapid.T) (letter.Letter, []letter.File) {
	line := func(label string) string {
		s := rapid.OneOf(
			rapid.StringMatching(`[ -!#-\[\]-~]{0,150}`), rapid.StringMatching(`([a-zäß€😀]{1,30} {1,3}){0,12}`),
			rapid.StringMatching(`=\?utf-8\?q\?[a-z=0-9]{0,9}\?=`),
		).Draw(t, label)
		return strings.TrimSpace(s)
	}
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`([ -~äß€]{0,90}[ \t]?(\r\n|\n|\r)?\.?){0,9}`))
	l := letter.Letter{
		Key:  rapid.StringMatching(`dlv_[a-z0-9]{26}/[1-9]`).Draw(t, "key"),
		Date: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "date"), 0).UTC(),
		From: letter.Address{Name: line("from"), Addr: "billing@acme.example"},
		Text: text.Draw(t, "text"), HTML: text.Draw(t, "html"), Subject: line("subject"),
	}
	if l.Text == "" && l.HTML == "" {
		l.Text = "."
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "to") {
		l.To = append(l.To, letter.Address{Name: line("name"), Addr: fmt.Sprintf("to+%d@example.com", i)})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "cc") {
		l.CC = append(l.CC, letter.Address{Name: line("name"), Addr: fmt.Sprintf("{cc}%d@example.com", i)})
	}
	if len(l.To)+len(l.CC) == 0 {
		l.BCC = []letter.Address{{Addr: "hidden@example.com"}}
	}
	if rapid.Bool().Draw(t, "answers") {
		l.ReplyTo = "answers@acme.example"
	}
	if rapid.Bool().Draw(t, "unsubscribe") {
		l.Unsubscribe = "https://mail.example.com/unsubscribe/" + rapid.StringMatching(`[a-zA-Z0-9~_-]{0,900}`).Draw(t, "link")
	}
	var files []letter.File
	for range rapid.IntRange(0, 2).Draw(t, "files") {
		files = append(files, letter.File{
			Name: rapid.StringMatching(`[A-Za-zäß€ ]{1,60}x(\.pdf|\.xml|)`).Draw(t, "file"),
			Type: rapid.SampledFrom([]string{"application/pdf", "", "text/html; x=y"}).Draw(t, "type"),
			Data: rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "data"),
		})
	}
	return l, files
}

// byGoMail makes the message of a letter by go-mail.
func byGoMail(t *rapid.T, l letter.Letter, files []letter.File) []byte {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	must(m.FromFormat(l.From.Name, l.From.Addr))
	for _, a := range l.To {
		must(m.AddToFormat(a.Name, a.Addr))
	}
	for _, a := range l.CC {
		must(m.AddCcFormat(a.Name, a.Addr))
	}
	if l.ReplyTo != "" {
		must(m.ReplyTo(l.ReplyTo))
	}
	m.Subject(l.Subject)
	m.SetDateWithValue(l.Date)
	m.SetMessageIDWithValue(letter.MessageID(l.Key, l.From.Addr))
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	if l.Unsubscribe != "" {
		m.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+l.Unsubscribe+">")
		m.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	switch {
	case l.Text == "":
		m.SetBodyString(gomail.TypeTextHTML, l.HTML)
	case l.HTML == "":
		m.SetBodyString(gomail.TypeTextPlain, l.Text)
	default:
		m.SetBodyString(gomail.TypeTextPlain, l.Text)
		m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	}
	for _, f := range files {
		options := []gomail.FileOption{gomail.WithFileEncoding(gomail.EncodingB64)}
		if f.Type != "" && !strings.Contains(f.Type, ";") {
			options = append(options, gomail.WithFileContentType(gomail.ContentType(f.Type)))
		}
		must(m.AttachReader(strings.Trim(f.Name, " "), bytes.NewReader(f.Data), options...))
	}
	var b bytes.Buffer
	_, err := m.WriteTo(&b)
	must(err)
	return ours(b.Bytes(), l.Key)
}

// drawn finds the boundaries that go-mail draws for the parts of a message.
var drawn = regexp.MustCompile(`\r\n boundary=([0-9a-f]{60})\r\n`)

// ours replaces the drawn boundaries by those that follow from the key.
func ours(message []byte, key string) []byte {
	for i, found := range drawn.FindAllSubmatch(message, -1) {
		boundary := fmt.Sprintf("bh-%d-%x", i, sha256.Sum256([]byte(key)))
		message = bytes.ReplaceAll(message, found[1], []byte(boundary[:len(found[1])]))
	}
	return message
}
