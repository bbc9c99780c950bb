package web

import (
	"net/http"
	"path"
	"strings"

	"github.com/billhook/billhook/shared/problem"
)

// Exact keeps from a mux the addresses that it would answer with a redirect,
// since they are not in their shortest form: to a program there is nothing at
// them.
func Exact(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !shortest(r.URL.Path) || !shortest(r.URL.EscapedPath()) {
			problem.Nothing().Write(w)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func shortest(p string) bool {
	clean := path.Clean(p)
	return p == clean || strings.TrimSuffix(p, "/") == clean
}
