// Package problem is how everything that serves HTTP says what went wrong: RFC
// 9457, with a stable code and the JSON pointer of each broken rule. It refuses to
// judge, and to know whose the failure is.
package problem

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// MediaType is that of a [Problem].
const MediaType = "application/problem+json"

// The codes, which are stable: programs tell problems apart by them.
const (
	// Request cannot be read as it stands (400), Media and Size are wrong of its
	// body (415, 413).
	Request = "request"
	Media   = "media"
	Size    = "size"
	// Key is a key that is missing, wrong, or tried too often (401, 429), Denied
	// one that may not do this (403).
	Key    = "key"
	Denied = "denied"
	// NotFound is what is not there, or is not there for the key (404), Method
	// another method than there is (405).
	NotFound = "not_found"
	Method   = "method"
	// Invalid breaks rules (422), Exhausted has used up a bound that holds for
	// long (422), Quota one that holds for a moment (429).
	Invalid   = "invalid"
	Exhausted = "exhausted"
	Quota     = "quota"
	// Idempotency is a text that stands for another request (422), or for one
	// under way (409).
	Idempotency = "idempotency"
	// Exists is there already, Reserved may not be there again yet, Conflict stands
	// in the way (409), Revision was changed since it was read (412).
	Exists   = "exists"
	Reserved = "reserved"
	Conflict = "conflict"
	Revision = "revision"
	// Unavailable may pass by itself (503), Internal is a failure that nobody
	// foresaw (500).
	Unavailable = "unavailable"
	Internal    = "internal"
)

// Problem is an answer that says what went wrong. It is an error, so that it may
// be returned.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code is stable, such as not_found or revision.
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
	// Errors are the broken rules, with pointers into the body, or, for a status
	// of 400, with the names of parameters.
	Errors fault.Problems `json:"errors,omitempty"`
	// RetryAfter is when the same request may pass; 0 for never.
	RetryAfter time.Duration `json:"-"`
	// Allow are the methods that there are, for a status of 405.
	Allow string `json:"-"`
}

// New returns a problem of a status.
func New(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Nothing returns the problem of an address at which there is nothing.
func Nothing() *Problem { return New(http.StatusNotFound, NotFound, "there is nothing here") }

// Passing returns a problem that may pass by itself, after a while.
func Passing(detail string, after time.Duration) *Problem {
	p := New(http.StatusServiceUnavailable, Unavailable, detail)
	p.RetryAfter = after
	return p
}

// Refused returns the problem of parameters or a body that cannot be read.
func Refused(errs fault.Problems) *Problem {
	p := New(http.StatusBadRequest, Request, "the request cannot be read as it stands")
	p.Errors = errs
	return p
}

// Parameter returns the problem of one parameter.
func Parameter(name, rule, detail string) *Problem {
	return Refused(fault.Problems{{Pointer: fault.Pointer(name), Rule: rule, Detail: detail}})
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter) { p.WriteAs(w, p) }

// WriteAs answers with a document that has members beside the problem's. A client
// that went away is no failure of ours.
func (p *Problem) WriteAs(w http.ResponseWriter, document any) {
	h := w.Header()
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="billhook"`)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	if p.Allow != "" {
		h.Set("Allow", p.Allow)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", MediaType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(document)
}
