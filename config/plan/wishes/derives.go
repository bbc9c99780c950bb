package wishes

import (
	"context"
	"sync/atomic"

	"github.com/billhook/billhook/config/owner"
)

// Owners tells what owners want derived, as it is stored now.
type Owners interface {
	// Derives returns it for those who want anything.
	Derives(ctx context.Context) (map[string]owner.Derive, error)
}

// Derives has what owners want derived as of its last loading, which belongs to
// whoever plans: what is planned by must not be older than what was last
// planned for. It may be used by many goroutines.
type Derives struct {
	owners Owners
	loaded atomic.Pointer[map[string]owner.Derive]
}

// NewDerives returns what these owners want, nothing before it is loaded.
func NewDerives(o Owners) *Derives { return &Derives{owners: o} }

// Load takes in what is stored now.
func (d *Derives) Load(ctx context.Context) error {
	now, err := d.owners.Derives(ctx)
	if err == nil {
		d.loaded.Store(&now)
	}
	return err
}

// Of returns what an owner wants derived.
func (d *Derives) Of(id string) owner.Derive {
	if now := d.loaded.Load(); now != nil {
		return (*now)[id]
	}
	return owner.Derive{}
}
