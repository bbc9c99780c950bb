// Package payload writes the body of a webhook, and what a queue hands out of an
// event, in one of two forms:
//
//	{"type":…,"timestamp":…,"id":…,"owner":…,"account":…,"data":{…}}
//	{"specversion":"1.0","type":…,"time":…,"id":…,"source":"/owners/…",
//	 "subject":…,"owner":…,"datacontenttype":"application/json","data":{…}}
//
// type, timestamp (when it happened) and id are the event's; account is null
// for events that concern no account, and subject, which is the account in a
// CloudEvent, is left out; data holds the parameters in their order. The same event
// and members always give the same bytes. It refuses to choose the members.
package payload

import (
	"errors"
	"time"

	"github.com/billhook/billhook/shared/event"
)

// MaxBytes is the greatest size of a body.
const MaxBytes = 256 << 10

// Form is how a body is written.
type Form string

// The forms: Billhook's own, and CloudEvents 1.0 in its structured JSON mode.
const (
	Plain      Form = "billhook"
	CloudEvent Form = "cloudevents"
)

// ContentType is the media type of a form.
func (f Form) ContentType() string {
	if f == CloudEvent {
		return "application/cloudevents+json"
	}
	return "application/json"
}

// ErrTooLarge says that a body would be over [MaxBytes].
var ErrTooLarge = errors.New("body is over 256 KiB")

// Member is one member of data.
type Member struct {
	Name string
	// JSON is the value as a JSON text, written as it is; where it is empty
	// Value is the value, and an absent one is written as null.
	JSON  string
	Value event.Value
}

// Render returns the body in bytes of its own, or [ErrTooLarge].
func (f Form) Render(ev *event.Event, members []Member) ([]byte, error) {
	size := 224 + len(ev.Type) + len(ev.ID) + len(ev.Owner) + len(ev.Account)
	for _, m := range members {
		size += len(m.Name) + len(m.JSON) + len(m.Value.Text()) + 8
	}
	if size > 2*MaxBytes {
		return nil, ErrTooLarge
	}
	b := f.Append(make([]byte, 0, size), ev, members)
	if len(b) > MaxBytes {
		return nil, ErrTooLarge
	}
	return b, nil
}

// Append appends the body to dst.
func (f Form) Append(dst []byte, ev *event.Event, members []Member) []byte {
	if f == CloudEvent {
		dst = appendAttributes(dst, ev)
	} else {
		dst = appendEnvelope(dst, ev)
	}
	dst = append(dst, `,"data":{`...)
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, m.Name)
		dst = append(dst, ':')
		if m.JSON != "" {
			dst = append(dst, m.JSON...)
			continue
		}
		dst = appendValue(dst, m.Value)
	}
	return append(dst, "}}"...)
}

// appendEnvelope opens a body in Billhook's own form.
func appendEnvelope(dst []byte, ev *event.Event) []byte {
	dst = append(dst, `{"type":`...)
	dst = appendString(dst, ev.Type)
	dst = append(dst, `,"timestamp":"`...)
	dst = ev.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","id":`...)
	dst = appendString(dst, ev.ID)
	dst = append(dst, `,"owner":`...)
	dst = appendString(dst, ev.Owner)
	dst = append(dst, `,"account":`...)
	if ev.Account == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, ev.Account)
}

// appendAttributes opens a CloudEvent. Its id is unique within its source, as
// the specification wants; owner is an extension attribute.
func appendAttributes(dst []byte, ev *event.Event) []byte {
	dst = append(dst, `{"specversion":"1.0","type":`...)
	dst = appendString(dst, ev.Type)
	dst = append(dst, `,"time":"`...)
	dst = ev.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","id":`...)
	dst = appendString(dst, ev.ID)
	dst = append(dst, `,"source":`...)
	dst = appendString(dst, "/owners/"+ev.Owner)
	if ev.Account != "" {
		dst = append(dst, `,"subject":`...)
		dst = appendString(dst, ev.Account)
	}
	dst = append(dst, `,"owner":`...)
	dst = appendString(dst, ev.Owner)
	return append(dst, `,"datacontenttype":"application/json"`...)
}

// appendValue writes numbers and booleans in the literal they came in: nothing
// passes through a float.
func appendValue(dst []byte, v event.Value) []byte {
	switch v.Kind() {
	case event.String:
		return appendString(dst, v.Text())
	case event.Number, event.Bool:
		return append(dst, v.Text()...)
	default:
		return append(dst, "null"...)
	}
}
