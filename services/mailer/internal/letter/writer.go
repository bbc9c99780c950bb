package letter

import (
	"encoding/base64"
	"mime/quotedprintable"
	"strconv"
)

// writer writes a message as RFC 5322 and RFC 2045 have it, once and in place:
// what is made of parts, which are copied from buffer to buffer and whose
// boundaries are drawn, takes several times as long.
type writer struct {
	out []byte
	// name is what the boundaries of this letter end in, made so many of.
	name string
	made int
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

func (w *writer) text(parts ...string) {
	for _, s := range parts {
		w.out = append(w.out, s...)
	}
}

// room for the headers of a letter, and for what encoding a body adds as a rule.
const (
	headRoom = 2 << 10
	bodyRoom = 8 // of so many bytes one
)

// letter writes l with files behind its bodies.
func (w *writer) letter(l Letter, files []File) {
	size := len(l.Text) + len(l.HTML)
	size += size/bodyRoom + headRoom
	for _, f := range files {
		size += base64.StdEncoding.EncodedLen(len(f.Data))*(lineMax+2)/lineMax + headRoom
	}
	w.out, w.name = make([]byte, 0, size), digest(l.Key)[:55]
	w.head(l)
	if len(files) == 0 {
		w.bodies(l)
		return
	}
	b := w.multipart("mixed")
	w.open(b)
	w.bodies(l)
	for _, f := range files {
		w.open(b)
		w.file(f)
	}
	w.close(b)
}

// bodies writes what there is to read: text first, so that a reader takes the
// richest it can show (RFC 2046, 5.1.4).
func (w *writer) bodies(l Letter) {
	switch {
	case l.Text == "":
		w.body("text/html", l.HTML)
	case l.HTML == "":
		w.body("text/plain", l.Text)
	default:
		b := w.multipart("alternative")
		w.open(b)
		w.body("text/plain", l.Text)
		w.open(b)
		w.body("text/html", l.HTML)
		w.close(b)
	}
}

// boundary stands between the parts of one multipart.
type boundary struct {
	line   string
	opened bool
}

// multipart ends a header by what has parts, and returns their boundary. It
// follows from the letter's key, so that a letter is the same bytes every time,
// and is another one for each multipart.
func (w *writer) multipart(kind string) *boundary {
	b := &boundary{line: "bh-" + strconv.Itoa(w.made) + "-" + w.name}
	w.made++
	w.text("Content-Type: multipart/", kind, ";\r\n boundary=", b.line, "\r\n\r\n")
	return b
}

// open begins a part.
func (w *writer) open(b *boundary) {
	if b.opened {
		w.text("\r\n")
	}
	b.opened = true
	w.text("--", b.line, "\r\n")
}

func (w *writer) close(b *boundary) { w.text("\r\n--", b.line, "--\r\n") }

// body ends a header and writes a text: no line of it is longer than 76
// characters, or ends in a space, and none has a bare CR or LF.
func (w *writer) body(kind, text string) {
	w.text("Content-Transfer-Encoding: quoted-printable\r\nContent-Type: ", kind, "; charset=UTF-8\r\n\r\n")
	q := quotedprintable.NewWriter(w)
	_, _ = q.Write([]byte(text)) // a writer never fails
	_ = q.Close()
}

// lineMax is the greatest length of a line of base64 (RFC 2045, 6.8), and
// lineBytes what it stands for.
const (
	lineMax   = 76
	lineBytes = lineMax / 4 * 3
)

// file writes a part that is kept as a file.
func (w *writer) file(f File) {
	name := fileName(f.Name)
	kind := mediaType(f.Type, name)
	name = encoded(name)
	w.text(
		"Content-Disposition: attachment; filename=\"", name, "\"\r\nContent-Transfer-Encoding: base64\r\nContent-Type: ",
		kind, "; name=\"", name, "\"\r\n\r\n",
	)
	for data := f.Data; len(data) > 0; {
		n := min(len(data), lineBytes)
		w.out = append(base64.StdEncoding.AppendEncode(w.out, data[:n]), "\r\n"...)
		data = data[n:]
	}
}
