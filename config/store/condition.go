package store

import (
	"errors"

	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
)

// What a [Condition] fails with, within an error of kind Conflict.
var (
	// ErrRevision says that the resource is not as it was when it was read.
	ErrRevision = errors.New("it was changed since it was read")
	// ErrExists says that the resource that was to be made is there.
	ErrExists = errors.New("it exists already")
)

// Condition is what a change asks of what it is about to change. The zero
// Condition asks nothing.
type Condition struct {
	// Revision is that of the key which holds the resource, as [Found] has it; 0
	// asks for none. Resources that share a key share its revision.
	Revision uint64
	// Absent asks that there is no such resource, Present that there is one.
	Absent, Present bool
}

// On returns a store whose changes are made on a condition only. Otherwise they
// fail with [fault.Conflict].
func (s *Store) On(c Condition) *Store {
	on := *s
	on.condition = c
	return &on
}

// check judges a change of a key of a revision.
func (c Condition) check(made *setup.Change, revision uint64) error {
	switch {
	case c.Absent && made.Before != nil:
		return fault.New(fault.Conflict, "create", made.Key, ErrExists)
	case c.Revision != 0 && (c.Revision != revision || made.Before == nil), c.Present && made.Before == nil:
		return fault.New(fault.Conflict, "change", made.Key, ErrRevision)
	}
	return nil
}
