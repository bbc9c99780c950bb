package intake

import (
	"context"
	"errors"

	"github.com/billhook/billhook/streams/cursor"
)

// Backlog is what was accepted and not yet taken in.
type Backlog interface {
	// Read visits what an owner has there, with the partition of the owner.
	Read(ctx context.Context, part int, owner string, visit func(*cursor.Message) error) error
}

// unreadMax bounds how much of the backlog is looked at.
const unreadMax = 10_000

// errMany ends a look at a backlog that is long.
var errMany = errors.New("too many")

// Unread tells what the events are about that were accepted and not yet taken
// in. It may be used by many goroutines.
type Unread struct{ backlog Backlog }

// NewUnread returns what is unread of a backlog.
func NewUnread(b Backlog) *Unread { return &Unread{b} }

// Of returns what tells whether something unread of an owner is, or may be,
// about the matter of a key.
func (u *Unread) Of(ctx context.Context, part int, owner string) (func(key string) bool, error) {
	about, n := map[string]bool{}, 0
	err := u.backlog.Read(ctx, part, owner, func(m *cursor.Message) error {
		t, err := decode(m)
		if err != nil {
			return nil // nor will it be taken in
		}
		if n++; n > unreadMax || t.ofMany() {
			return errMany
		}
		about[t.key()], about[t.serviceKey()] = true, true
		return nil
	})
	if errors.Is(err, errMany) {
		return func(string) bool { return true }, nil
	}
	return func(key string) bool { return about[key] }, err
}
