package unsubscribe

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"sync"
)

// The states of a page.
const (
	asked   = "asked"   // the reader may leave
	left    = "left"    // the reader has left
	unknown = "unknown" // the link is none of ours
	busy    = "busy"    // not now
)

// page is what a reader sees.
type page struct{ State, Owner string }

//go:embed page.html
var source string

var form = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(source)) })

// show answers with a page that loads nothing, can be framed by nobody, and
// tells no other site where the reader was.
func show(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := form().Execute(&b, p); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a reader who went away is no failure of ours
}
