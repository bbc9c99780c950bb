// Package api is the frame of the management API: a table of routes from which
// requests are answered, rights are asked for and the OpenAPI document is
// written, so that none of the three can say something else. It refuses to know
// any resource.
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/billhook/billhook/config/access"
)

// Route is one operation.
type Route struct {
	Method, Path string
	// ID names the operation for programs, Summary says for people what it does;
	// Tag is what it belongs to.
	ID, Summary, Tag string
	// Verb and On are the right that a key needs.
	Verb access.Verb
	On   access.Resource
	// Query are the parameters behind the question mark; others are refused.
	Query []Param
	// Body is nil where none is taken.
	Body   *Body
	Answer Answer
	// Errors are the statuses of refusals beyond those that the frame gives.
	Errors []int
	// Remembered says that the operation takes an Idempotency-Key; Conditional
	// that it takes If-Match and If-None-Match.
	Remembered, Conditional bool
	// Serve answers a request that was let in and whose parameters and body are
	// of the right form. Elsewhere is nil but for an operation that another
	// server answers.
	Serve     func(context.Context, *Request) (*Reply, error)
	Elsewhere *Elsewhere
}

// Elsewhere is another server, which may be at this one's address.
type Elsewhere struct{ URL, About string }

// Param is a parameter of a query.
type Param struct {
	Name, About string
	Kind        Kind
	// Enum are the only values, where there are any.
	Enum []string
}

// Kind is the form of a parameter.
type Kind uint8

// The kinds: any text, a whole number from 1 on, a moment in RFC 3339, true or
// false, an identifier.
const (
	Text Kind = iota
	Whole
	Moment
	Flag
	ID
)

// Media types of bodies.
const (
	JSON       = "application/json"
	MergePatch = "application/merge-patch+json"
	YAML       = "application/yaml"
)

// Body is what a request carries.
type Body struct {
	// Type is what the document describes it by; nil is any text.
	Type  reflect.Type
	Media []string
	// Partial says that every member may be left out, Optional that the body may.
	Partial, Optional bool
	Example           json.RawMessage
}

// Answer is what a request that succeeds is answered with.
type Answer struct {
	Status int
	// Type is nil for an answer without a body. List says that the answer is a
	// page of it, Issued that it may hold a secret that is shown this once.
	Type         reflect.Type
	List, Issued bool
	// Tagged says that the answer has an ETag. Also is a second status that
	// success may have, with the same body.
	Tagged bool
	Also   int
	// Bare is a second status of success, without a body; 0 for none.
	Bare    int
	Example json.RawMessage
}

// Reply is what a handler answers with.
type Reply struct {
	// Status is that of the route when it is 0.
	Status int
	// Body is written as JSON; nil writes none.
	Body any
	// Revision becomes the ETag; 0 for none.
	Revision uint64
	// Location is where a created thing is.
	Location string
}

// changes reports whether the route changes something.
func (r *Route) changes() bool { return r.Method != http.MethodGet }
