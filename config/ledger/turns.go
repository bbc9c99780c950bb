package ledger

import (
	"context"
	"hash/maphash"
	"sync"
)

// turns lets the writers of one process go one at a time per owner: between
// processes the record decides, but within one there is no need to collide.
type turns struct {
	once sync.Once
	seed maphash.Seed
	slot [64]chan struct{}
}

// take waits for the owner's turn. Owners that share a slot wait for each
// other, which costs time and nothing else.
func (t *turns) take(ctx context.Context, owner string) (done func(), err error) {
	t.once.Do(func() {
		t.seed = maphash.MakeSeed()
		for i := range t.slot {
			t.slot[i] = make(chan struct{}, 1)
		}
	})
	slot := t.slot[maphash.String(t.seed, owner)%uint64(len(t.slot))]
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
