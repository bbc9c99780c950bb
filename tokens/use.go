package tokens

import "github.com/billhook/billhook/shared/delivery"

// Use says what a template is for. It decides which tokens are legal and how
// their values are encoded.
type Use struct {
	// Events are the types that the template is rendered for. A token must
	// be available in every one of them. With none, it must exist for the
	// channel.
	Events []string
	// Channel is the way it leaves; empty asks for tokens that every channel
	// has.
	Channel delivery.Channel
	Output  Output
}

// Output is the kind of text that a template becomes. Values are encoded for
// it, so that a value is never more than a value.
type Output uint8

// The outputs.
const (
	// Text is plain text; values stand as they are.
	Text Output = iota
	// HTML is a document or a part of one. No value adds markup, an attribute
	// or the scheme of a link.
	HTML
	// HeaderLine is one line of a mail header, such as a subject. No value
	// adds a line.
	HeaderLine
	// URLPath is the path of a URL. A value is percent-encoded and never adds
	// a segment; a segment that became . or .. is an error of rendering.
	URLPath
	// URLQuery is the query of a URL. A value never adds a parameter.
	URLQuery
	// JSONValue is one JSON value: the value itself, with its JSON type, when
	// the template is a single token (null when absent), else a JSON string.
	JSONValue
)
