package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Mask is what a [Text] shows instead of itself.
const Mask = "[secret]"

// Text is a text that no printing, logging or encoding reveals: all of them
// write [Mask]. Only [Text.Reveal] gives the text, so that every use can be
// found by that name. The zero Text is empty.
//
// The text sits behind a pointer because fmt calls no methods on unexported
// fields, but does not follow pointers there either. For the same reason Texts
// cannot be compared with ==; use [Text.Equal].
type Text struct {
	_    [0]func()
	text *string
}

// NewText returns s as a Text.
func NewText(s string) Text { return Text{text: &s} }

// Reveal returns the text itself.
func (t Text) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// Empty reports whether there is no text.
func (t Text) Empty() bool { return t.Reveal() == "" }

// Equal reports whether both hold the same text. It takes no constant time:
// credentials of others are compared by their hashes.
func (t Text) Equal(o Text) bool { return t.Reveal() == o.Reveal() }

// String returns [Mask].
func (t Text) String() string { return Mask }

// GoString returns [Mask].
func (t Text) GoString() string { return Mask }

// Format writes [Mask] for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) }

// LogValue returns [Mask].
func (t Text) LogValue() slog.Value { return slog.StringValue(Mask) }

// MarshalText returns [Mask].
func (t Text) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// MarshalJSON returns [Mask] as a JSON string, also where the text is empty:
// whether there is a secret is a fact of its own.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(Mask) }

// UnmarshalText takes the text as it stands. It refuses [Mask], which is
// nobody's secret but what came out of an earlier reading.
func (t *Text) UnmarshalText(b []byte) error {
	if string(b) == Mask {
		return errMask
	}
	*t = NewText(string(b))
	return nil
}

var errMask = errors.New("read secret: " + Mask + " stands for a secret and is none; leave it out or give the secret itself")
