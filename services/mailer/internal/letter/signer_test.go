package letter_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer/internal/letter"
)

// verify checks the signature of a message by another library, with the public
// key as the record that owners are told to publish has it.
func verify(t *testing.T, message []byte, key crypto.Signer) error {
	t.Helper()
	d := &smtp.DKIM{Domain: "acme.example", Selector: "s1"}
	record, err := smtp.Record(d, key)
	if err != nil {
		t.Fatal(err)
	}
	name, text, _ := strings.Cut(record, ` TXT "`)
	got, err := dkim.VerifyWithOptions(bytes.NewReader(message), &dkim.VerifyOptions{LookupTXT: func(asked string) ([]string, error) {
		if asked != name {
			t.Errorf("the key is looked for at %s, and published at %s", asked, name)
		}
		return []string{strings.TrimSuffix(text, `"`)}, nil
	}})
	if err != nil || len(got) != 1 {
		t.Fatalf("%d signatures: %v", len(got), err)
	}
	return got[0].Err
}

func keys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"ed25519": ed, "rsa": big}
}

func TestASignatureIsVerifiedAndBreaksWithTheLetter(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			wrap := letter.Wrap{Signer: letter.NewSigner("acme.example", "s1", key), Files: []letter.File{invoice()}}
			l := sample()
			l.ReplyTo = "answers@acme.example"
			e, err := letter.Seal(l, wrap)
			if err != nil {
				t.Fatal(err)
			}
			if err := verify(t, e.Message, key); err != nil {
				t.Errorf("the signature is not accepted: %v\n%.900s", err, e.Message)
			}
			for part, other := range map[string][]byte{
				"body":                bytes.Replace(e.Message, []byte("Hello Ada"), []byte("Hello Eve"), 1),
				"subject":             bytes.Replace(e.Message, []byte("INV-1"), []byte("INV-2"), 1),
				"another From":        bytes.Replace(e.Message, []byte("Subject:"), []byte("From: eve@evil.example\r\nSubject:"), 1),
				"an added unsubcribe": bytes.Replace(e.Message, []byte("Subject:"), []byte("List-Unsubscribe: <https://evil.example>\r\nSubject:"), 1),
			} {
				if verify(t, other, key) == nil {
					t.Errorf("%s: the signature is accepted all the same", part)
				}
			}
			again, err := letter.Seal(l, wrap)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(e.Message), string(again.Message)); diff != "" {
				t.Errorf("a retry has other bytes:\n%s", diff)
			}
		})
	}
}

// RFC 8058 wants both headers signed: else anybody on the way could lead the
// reader elsewhere.
func TestTheLinkToUnsubscribeIsSignedAndWholeOnTheWire(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			l := sample()
			l.Unsubscribe = "https://mail.example.com/unsubscribe/" + strings.Repeat("aB3~_-", 140)
			e, err := letter.Seal(l, letter.Wrap{Signer: letter.NewSigner("acme.example", "s1", key)})
			if err != nil {
				t.Fatal(err)
			}
			if err := verify(t, e.Message, key); err != nil {
				t.Errorf("the signature is not accepted: %v\n%.2000s", err, e.Message)
			}
			h := read(t, e.Message).Header
			if h.Get("List-Unsubscribe") != "<"+l.Unsubscribe+">" || h.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
				t.Errorf("headers %q, %q", h.Get("List-Unsubscribe"), h.Get("List-Unsubscribe-Post"))
			}
			for line := range bytes.SplitSeq(e.Message, []byte("\r\n")) {
				if len(line) > 998 {
					t.Errorf("line of %d bytes", len(line))
				}
			}
			for part, other := range map[string][]byte{
				"changed":    bytes.Replace(e.Message, []byte("aB3~"), []byte("aB4~"), 1),
				"another":    append([]byte("List-Unsubscribe: <https://evil.example>\r\n"), e.Message...),
				"taken away": bytes.Replace(e.Message, []byte("List-Unsubscribe-Post:"), []byte("X-Unsubscribe-Post:"), 1),
			} {
				if verify(t, other, key) == nil {
					t.Errorf("%s: the signature is accepted all the same", part)
				}
			}
		})
	}
}

func invoice() letter.File {
	return letter.File{Name: "INV-1.pdf", Type: "application/pdf", Data: bytes.Repeat([]byte("%PDF\r\n\x00\xff"), 300)}
}

func TestADocumentIsAttachedBehindTheBodies(t *testing.T) {
	e, err := letter.Seal(sample(), letter.Wrap{Files: []letter.File{invoice()}})
	if err != nil {
		t.Fatal(err)
	}
	got := parts(t, e.Message)
	want := []part{
		{kind: "text/plain", data: "Hello Ada"}, {kind: "text/html", data: "<p>Hello Ada</p>"},
		{kind: "application/pdf", name: "INV-1.pdf", data: string(invoice().Data)},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(part{})); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func TestTheNameAndTypeOfADocumentAddNothing(t *testing.T) {
	f := invoice()
	f.Name, f.Type = "../a\"; x=y\r\nX-Evil: 1/ü.pdf", "text/html\r\nX-Evil: 1"
	e, err := letter.Seal(sample(), letter.Wrap{Files: []letter.File{f}})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(e.Message, []byte("\r\nX-Evil")) {
		t.Errorf("a line was added:\n%s", e.Message)
	}
	got := parts(t, e.Message)
	if last := got[len(got)-1]; last.kind != "application/pdf" || strings.ContainsAny(last.name, "/\\\"\r\n;") || !strings.HasSuffix(last.name, ".pdf") {
		t.Errorf("part %s %q", last.kind, last.name)
	}
}

// part is a leaf of a message.
type part struct{ kind, name, data string }

// parts reads the leaves of a message, however deep.
func parts(t *testing.T, message []byte) []part {
	t.Helper()
	m := read(t, message)
	var out []part
	var walk func(contentType string, body io.Reader)
	walk = func(contentType string, body io.Reader) {
		_, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			kind := p.Header.Get("Content-Type")
			if strings.HasPrefix(kind, "multipart/") {
				walk(kind, p)
				continue
			}
			data, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			media, _, err := mime.ParseMediaType(kind)
			if err != nil {
				t.Fatal(err)
			}
			leaf := part{kind: media, data: string(data)}
			if p.Header.Get("Content-Transfer-Encoding") == "base64" {
				raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(leaf.data, "\r\n", ""))
				if err != nil {
					t.Fatal(err)
				}
				leaf.data = string(raw)
			}
			if leaf.name = p.FileName(); leaf.name != "" {
				if leaf.name, err = new(mime.WordDecoder).DecodeHeader(leaf.name); err != nil {
					t.Fatal(err)
				}
			}
			out = append(out, leaf)
		}
	}
	walk(m.Header.Get("Content-Type"), m.Body)
	return out
}
