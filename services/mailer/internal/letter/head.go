package letter

import (
	"mime"
	"net/mail"
	"strings"
	"time"
)

// head writes every header but those of the body. Values are made one line
// first: no value may start another header.
func (w *writer) head(l Letter) {
	w.header("Auto-Submitted", "auto-generated")
	w.header("Date", l.Date.Format(time.RFC1123Z))
	if l.Unsubscribe != "" { // RFC 8058, section 3.1
		w.header("List-Unsubscribe", encoded("<"+l.Unsubscribe+">"))
		w.header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	w.header("MIME-Version", "1.0")
	w.header("Message-ID", "<"+MessageID(l.Key, l.From.Addr)+">")
	w.header("Subject", encoded(foldable(oneLine(l.Subject))))
	w.header("X-Auto-Response-Suppress", "All")
	w.header("From", l.From.header())
	w.addresses("To", l.To)
	w.addresses("Cc", l.CC)
	if l.ReplyTo != "" {
		w.header("Reply-To", Address{Addr: l.ReplyTo}.header())
	}
}

func (w *writer) addresses(name string, list []Address) {
	if len(list) == 0 {
		return
	}
	all := make([]string, len(list))
	for i, a := range list {
		all[i] = a.header()
	}
	w.header(name, strings.Join(all, ", "))
}

// header is a mailbox as headers have it. Its address was checked.
func (a Address) header() string {
	return (&mail.Address{Name: shown(a.Name), Address: a.Addr}).String()
}

// encoded is a text in encoded words (RFC 2047) where it needs them.
func encoded(s string) string { return mime.QEncoding.Encode("UTF-8", s) }

// firstLine and nextLine are how many characters of a header's value a line has
// room for, the first one with its name.
const (
	firstLine = 73
	nextLine  = 72
)

// header writes a header, folded between its words where a line is full.
func (w *writer) header(name, value string) {
	w.text(name, ": ")
	left := firstLine - len(name) - len(": ")
	for more := true; more; {
		var word string
		word, value, more = strings.Cut(value, " ")
		if len(word) >= left {
			w.fold()
			left = nextLine
		}
		w.text(word)
		if left -= len(word); more {
			w.text(" ")
			left--
		}
	}
	w.text("\r\n")
}

// fold goes on in the next line. The space between two words is behind it.
func (w *writer) fold() {
	if last := len(w.out) - 1; w.out[last] == ' ' {
		w.out = w.out[:last]
	}
	w.text("\r\n ")
}
