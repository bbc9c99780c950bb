package event

import (
	"slices"
	"time"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/fault"
)

// Encode returns the stored form of e: a JSON object whose data is sorted by
// name, so that equal events are equal bytes. Unlike encoding/json it escapes
// only what JSON demands, so a value never grows on the way through Billhook
// and what fitted into [MaxBytes] as published fits into a message as stored.
func (e *Event) Encode() ([]byte, error) {
	if y := e.Time.Year(); y < 0 || y > 9999 {
		return nil, fault.New(fault.Internal, "encode event", e.ID, errYear)
	}
	b := make([]byte, 0, 256+32*len(e.Data))
	b = AppendString(append(b, `{"id":`...), e.ID)
	b = AppendString(append(b, `,"type":`...), e.Type)
	b = AppendString(append(b, `,"owner":`...), e.Owner)
	if e.Account != "" {
		b = AppendString(append(b, `,"account":`...), e.Account)
	}
	b = e.Time.AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
	b = append(e.Data.AppendJSON(append(b, `","data":`...)), '}')
	return b, nil
}

// AppendJSON appends the values to b as a JSON object sorted by name.
func (v Values) AppendJSON(b []byte) []byte {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = v[name].AppendJSON(append(AppendString(b, name), ':'))
	}
	return append(b, '}')
}

// AppendJSON appends the literal the value was given in.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case String:
		return AppendString(b, v.text)
	case Number, Bool:
		return append(b, v.text...)
	default:
		return append(b, "null"...)
	}
}

// AppendString appends s to b as a JSON string. What is no valid UTF-8 becomes
// the replacement character.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c, size := s[i], 1
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if size = n; r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		} else if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = appendEscape(append(b, s[start:i]...), c)
		i += size
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// appendEscape appends what stands for a byte that may not stand for itself.
func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	if c >= utf8.RuneSelf {
		return append(b, "\ufffd"...)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
