package zones

import (
	"context"
	"sync"
)

// Remembering returns zones that ask for each account and owner once. They are
// for one pass over many invoices, which begins after the change that is its
// reason: what changes later is the reason for another pass.
func (z *Zones) Remembering() *Zones {
	return &Zones{names: &memory{names: z.names}, loaded: z.loaded}
}

// memory remembers the answers of names.
type memory struct {
	names Names
	known sync.Map // [2]string to string
}

func (m *memory) Account(ctx context.Context, owner, account string) (string, error) {
	return m.once([2]string{owner, account}, func() (string, error) { return m.names.Account(ctx, owner, account) })
}

func (m *memory) Owner(ctx context.Context, owner string) (string, error) {
	return m.once([2]string{owner}, func() (string, error) { return m.names.Owner(ctx, owner) })
}

func (m *memory) once(key [2]string, ask func() (string, error)) (string, error) {
	if name, ok := m.known.Load(key); ok {
		return name.(string), nil
	}
	name, err := ask()
	if err == nil {
		m.known.Store(key, name)
	}
	return name, err
}
