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
	"github.com/billhook/billhook/tokens"
)

// Board keeps the score: what is expected, what came, and what nobody
// expected. Its methods may be called from many goroutines.
type Board struct {
	names map[string]string // event type by name

	mu       sync.Mutex
	expected []Arrival
	got      map[Arrival]int
	strange  []string
	complete chan struct{}
	changed  chan struct{}
}

// NewBoard returns a board on which nothing has come yet.
func NewBoard(c *tokens.Catalogue, expected []Arrival) *Board {
	names := map[string]string{}
	for _, e := range c.Events() {
		names[e.Name] = e.Type
	}
	return &Board{names: names, expected: expected, got: map[Arrival]int{},
		complete: make(chan struct{}), changed: make(chan struct{}, 1)}
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
// canned email of the demo begins with the event's name.
func (b *Board) Email(c mailcatcher.Caught) (Arrival, error) {
	m, err := mail.ReadMessage(bytes.NewReader(c.Data))
	if err != nil {
		return Arrival{}, b.refuse("mail from "+c.From, err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return Arrival{}, b.refuse("mail from "+c.From, err)
	}
	a := Arrival{Channel: delivery.Email, Type: b.typeOf(subject), Via: c.User}
	b.note(a)
	return a, nil
}

// typeOf returns the type of the event whose name a subject begins with; the
// longest, because one name may begin another.
func (b *Board) typeOf(subject string) string {
	best, found := "", "unknown"
	for name, eventType := range b.names {
		if strings.HasPrefix(subject, name) && len(name) > len(best) {
			best, found = name, eventType
		}
	}
	return found
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
	if len(b.missing()) == 0 {
		select {
		case <-b.complete:
		default:
			close(b.complete)
		}
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// Has reports whether something arrived.
func (b *Board) Has(a Arrival) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[a] > 0
}

// Complete is closed once everything expected has arrived.
func (b *Board) Complete() <-chan struct{} { return b.complete }

// Changed receives after arrivals; several may give one receipt.
func (b *Board) Changed() <-chan struct{} { return b.changed }

// Missing returns what has not arrived.
func (b *Board) Missing() []Arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.missing()
}

func (b *Board) missing() []Arrival {
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
