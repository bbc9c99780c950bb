package endpoint

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
)

// Header is a header line that every request of an endpoint carries. The names
// of an endpoint's headers do not repeat one another in any case.
type Header struct {
	Name string `json:"name"`
	// Value is masked in memory, secret or not. That of a secret header comes
	// with a document and is sealed apart; no reading gives it back.
	Value secret.Text `json:"value"`
	// Secret says that the value is one.
	Secret bool `json:"secret,omitempty"`
}

// The limits of headers. Many receivers refuse requests with more than 8 KiB of
// them, and signatures, credential and what a subscription adds need their part.
const (
	MaxHeaders = 20
	// MaxHeaderBytes is that of all names and values together.
	MaxHeaderBytes = 4 << 10
)

// MarshalJSON writes the value of an open header and leaves out that of a
// secret one.
func (h Header) MarshalJSON() ([]byte, error) {
	var out struct {
		Name   string `json:"name"`
		Value  string `json:"value,omitempty"`
		Secret bool   `json:"secret,omitempty"`
	}
	if out.Name, out.Secret = h.Name, h.Secret; !h.Secret {
		out.Value = h.Value.Reveal()
	}
	return json.Marshal(out)
}

// Sets returns the pointer of what an endpoint sets in a header of that name,
// whatever its case; "" where it leaves the name to others.
func (s *Spec) Sets(name string) (pointer string) {
	if s.Auth != nil && strings.EqualFold(s.Auth.Header, name) {
		return "/auth/header"
	}
	for i := range s.Headers {
		if strings.EqualFold(s.Headers[i].Name, name) {
			return field.At("/headers", i, "name")
		}
	}
	return ""
}

func (s *Spec) checkHeaders(r *field.Report) {
	if len(s.Headers) > MaxHeaders {
		r.Add("/headers", "list.length", "at most "+strconv.Itoa(MaxHeaders)+" headers")
		return
	}
	size := 0
	for i := range s.Headers {
		h := &s.Headers[i]
		at := field.At("/headers", i)
		r.Join(at, h.check())
		if h.Name != "" && s.Sets(h.Name) != at+"/name" {
			r.Add(at+"/name", "header.duplicate", "auth or another header has this name")
		}
		size += len(h.Name) + len(h.Value.Reveal())
	}
	if size > MaxHeaderBytes {
		r.Add("/headers", "header.length", "names and values together must have at most "+strconv.Itoa(MaxHeaderBytes)+" bytes")
	}
}

// check allows a secret header to have no value: it may be kept.
func (h *Header) check() fault.Problems {
	var r field.Report
	r.Join("/name", guard.CheckHeader(h.Name))
	value := h.Value.Reveal()
	if value == "" && !h.Secret {
		r.Add("/value", "text.required", "must not be empty")
	}
	// The ends would be lost on the way, RFC 9110 section 5.5.
	if strings.Trim(value, " \t") != value {
		r.Add("/value", "header.value", "must not begin or end with white space")
	}
	r.Line("/value", value, MaxHeaderBytes)
	return r.Problems()
}
