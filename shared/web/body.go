package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/problem"
)

// Wanted says which bodies a request may have.
type Wanted struct {
	// Media are the types, one of which the request must name.
	Media []string
	// Most is the greatest size in bytes.
	Most int64
	// Optional says that it may have none, without a type.
	Optional bool
}

// ReadBody reads the body of a request, or returns the problem to answer with.
func ReadBody(w http.ResponseWriter, r *http.Request, want Wanted) ([]byte, error) {
	if want.Optional && r.ContentLength == 0 {
		return nil, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(want.Media, media) || r.Header.Get("Content-Encoding") != "" {
		w.Header().Set("Accept", strings.Join(want.Media, ", "))
		return nil, problem.New(http.StatusUnsupportedMediaType, problem.Media, "the body must be unencoded, of the type "+strings.Join(want.Media, " or "))
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, want.Most))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, problem.New(http.StatusRequestEntityTooLarge, problem.Size, "the body must have at most "+size(want.Most))
	case err != nil:
		return nil, problem.New(http.StatusBadRequest, problem.Request, "the body could not be read")
	}
	return data, nil
}

// size writes a number of bytes in the unit that divides it.
func size(bytes int64) string {
	if bytes%(1<<20) == 0 {
		return fmt.Sprint(bytes>>20, " MiB")
	}
	return fmt.Sprint(bytes>>10, " KiB")
}
