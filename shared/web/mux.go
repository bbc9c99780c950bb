package web

import (
	"net/http"
	"path"
	"strings"

	"github.com/billhook/billhook/shared/problem"
)

// Mux is an [http.ServeMux] that does not redirect: at an address that is not in
// its shortest form there is nothing, as far as a program is concerned. The zero
// one is ready for use.
type Mux struct{ http.ServeMux }

// ServeHTTP implements [http.Handler].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !shortest(r.URL.Path) || !shortest(r.URL.EscapedPath()) {
		problem.Nothing().Write(w)
		return
	}
	m.ServeMux.ServeHTTP(w, r)
}

func shortest(p string) bool {
	clean := path.Clean(p)
	return p == clean || strings.TrimSuffix(p, "/") == clean
}
