// Package field holds the rules of single values that several resources share,
// and gathers what breaks them. It refuses to know any resource.
package field

import (
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/config/locale"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/tokens"
)

// Lengths in characters.
const (
	MaxName = 200
	MaxText = 500
)

// MaxEvents is the greatest number of event types that a resource names.
const MaxEvents = 100

// Report gathers the problems of one document. The zero Report is empty.
type Report struct {
	problems fault.Problems
}

// Problems returns what was gathered.
func (r *Report) Problems() fault.Problems { return r.problems }

// Add notes one problem.
func (r *Report) Add(pointer, rule, detail string) {
	r.problems = append(r.problems, fault.Problem{Pointer: pointer, Rule: rule, Detail: detail})
}

// Join notes the problems of a value that stands at pointer.
func (r *Report) Join(pointer string, problems fault.Problems) {
	r.problems = append(r.problems, problems.At(pointer)...)
}

// ID wants an identifier.
func (r *Report) ID(pointer, v string) {
	if !id.Valid(v) {
		r.Add(pointer, "id.form", "an identifier is "+id.Rule)
	}
}

// Name wants a name for people: some text of at most [MaxName] characters.
func (r *Report) Name(pointer, v string) {
	if v == "" {
		r.Add(pointer, "text.required", "must not be empty")
		return
	}
	r.Line(pointer, v, MaxName)
}

// Line wants at most limit characters without line ends or other control
// characters; it may be empty.
func (r *Report) Line(pointer, v string, limit int) {
	switch {
	case !utf8.ValidString(v):
		r.Add(pointer, "text.utf8", "must be valid UTF-8")
	case utf8.RuneCountInString(v) > limit:
		r.Add(pointer, "text.length", "must have at most "+strconv.Itoa(limit)+" characters")
	case hasControl(v):
		r.Add(pointer, "text.control", "must not contain line ends or other control characters")
	}
}

func hasControl(v string) bool {
	for _, c := range v {
		// The separators of lines and paragraphs end a line for some readers.
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return true
		}
	}
	return false
}

// Zone wants an IANA time zone, or nothing.
func (r *Report) Zone(pointer, v string) {
	if v != "" && !tokens.ValidZone(v) {
		r.Add(pointer, "time_zone.unknown", "must be a time zone of the IANA database, such as Europe/Paris")
	}
}

// Locale wants a tag of BCP 47, or nothing.
func (r *Report) Locale(pointer, v string) {
	if _, ok := locale.Canonical(v); v != "" && !ok {
		r.Add(pointer, "locale.form", "must be a language tag of BCP 47, such as de or pt-BR")
	}
}

// Address wants one bare mail address, see [address.Check].
func (r *Report) Address(pointer, v string) {
	if err := address.Check(v); err != nil {
		r.Add(pointer, "address.form", err.Error())
	}
}

// Range wants a whole number from low to high.
func (r *Report) Range(pointer string, v int64, low, high int) {
	if v < int64(low) || v > int64(high) {
		r.Add(pointer, "number.range", "must be from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
	}
}

// Events wants event types, from 1 to [MaxEvents] of them and none twice. Whether
// there are such types, the catalogue tells.
func (r *Report) Events(pointer string, types []string) {
	if len(types) == 0 || len(types) > MaxEvents {
		r.Add(pointer, "list.length", "must name from 1 to "+strconv.Itoa(MaxEvents)+" event types")
		return
	}
	for i, e := range types {
		if slices.Index(types, e) < i {
			r.Add(At(pointer, i), "event.duplicate", "is in the list twice")
		}
	}
}

// At builds the pointer of an element: At("/to", 2, "address") is
// "/to/2/address".
func At(parent string, index int, rest ...string) string {
	return parent + "/" + strconv.Itoa(index) + fault.Pointer(rest...)
}
