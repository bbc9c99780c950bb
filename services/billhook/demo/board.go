package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"sync"

	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/shared/delivery"
)

// Board keeps the score: what is expected, what came, and what nobody
// expected. Its methods may be called from many goroutines.
type Board struct {
	mu       sync.Mutex
	expected []Arrival
	got      map[Arrival]int
	strange  []string
}

// NewBoard returns a board on which nothing has come yet.
func NewBoard(expected []Arrival) *Board {
	return &Board{expected: expected, got: map[Arrival]int{}}
}

// Webhook notes a received webhook and returns what it was.
func (b *Board) Webhook(r receiver.Received) (Arrival, error) {
	var body struct{ Type string }
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return Arrival{}, b.refuse("webhook at "+r.Path, err)
	}
	if r.Verified != nil {
		return Arrival{}, b.refuse("webhook "+body.Type, r.Verified)
	}
	a := Arrival{Channel: delivery.Webhook, Type: body.Type}
	b.note(a)
	return a, nil
}

// Email notes a caught mail and returns what it was: the subject of every
// canned email of the demo ends with the event's type in brackets.
func (b *Board) Email(c mailcatcher.Caught) (Arrival, error) {
	m, err := mail.ReadMessage(bytes.NewReader(c.Data))
	if err != nil {
		return Arrival{}, b.refuse("mail from "+c.From, err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return Arrival{}, b.refuse("mail from "+c.From, err)
	}
	_, eventType, _ := strings.Cut(strings.TrimSuffix(subject, "]"), "[")
	a := Arrival{Channel: delivery.Email, Type: eventType, Via: c.User}
	b.note(a)
	return a, nil
}

func (b *Board) refuse(what string, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strange = append(b.strange, fmt.Sprintf("%s: %v", what, err))
	return fmt.Errorf("%s: %w", what, err)
}

func (b *Board) note(a Arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.expected, a) {
		b.strange = append(b.strange, fmt.Sprintf("%s %s %s: not expected", a.Channel, a.Type, a.Via))
	}
	b.got[a]++
}

// Has reports whether something arrived.
func (b *Board) Has(a Arrival) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[a] > 0
}

// HasType reports whether an event arrived on a channel, whatever it came
// through.
func (b *Board) HasType(ch delivery.Channel, eventType string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for a := range b.got {
		if a.Channel == ch && a.Type == eventType {
			return true
		}
	}
	return false
}

// Missing returns what has not arrived.
func (b *Board) Missing() []Arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Arrival
	for _, a := range b.expected {
		if b.got[a] == 0 {
			out = append(out, a)
		}
	}
	return out
}

// Strange returns what arrived wrongly: unverified, unreadable or expected by
// nobody.
func (b *Board) Strange() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.strange)
}
