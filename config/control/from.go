package control

import (
	"strconv"
	"time"

	"github.com/billhook/billhook/config/start"
	"github.com/billhook/billhook/shared/fault"
)

// From is where a replay begins: at a sequence of EVENTS, or at the first event
// that was accepted at a moment or later.
type From struct {
	Seq uint64
	// At counts where it is not zero.
	At time.Time
}

// ParseFrom reads where a replay begins: a sequence, a moment in RFC 3339, or
// "beginning".
func ParseFrom(text string) (From, error) {
	if text == start.Beginning {
		return From{Seq: 1}, nil
	}
	if seq, err := strconv.ParseUint(text, 10, 64); err == nil && seq > 0 {
		return From{Seq: seq}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.IsZero() {
		return From{}, fault.Problems{{
			Pointer: "/from", Rule: "replay.from",
			Detail: "must be a sequence of EVENTS from 1, a moment in RFC 3339 such as 2026-11-01T00:00:00Z, or beginning",
		}}
	}
	return From{At: at.UTC()}, nil
}
