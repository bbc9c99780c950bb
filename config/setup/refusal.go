package setup

import (
	"slices"
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// inUse refuses a deletion and lists the users.
func inUse(op, id string, users []string) error {
	slices.Sort(users)
	return fault.New(fault.Conflict, op, id, fault.Problems{{
		Rule: "reference.in_use", Detail: "is used by " + strings.Join(users, ", "),
	}})
}

func notFound(op, id string) error { return fault.New(fault.NotFound, op, id, nil) }

// unknown notes that a value names nothing of the owner's.
func unknown(r *field.Report, pointer, kind, id string) {
	r.Add(pointer, "reference.unknown", "the owner has no "+kind+" "+id)
}

// known refuses to configure what belongs to an owner that does not exist.
func (s *Setup) known(id string) error {
	if s.Owner == nil {
		return notFound("find owner", id)
	}
	return nil
}
