package directory

import (
	"github.com/billhook/billhook/streams/topology"
)

// apply takes one change in. A value that cannot be decoded leaves the one
// before it in force: an error that is seen does less harm than a resource
// that silently vanished.
func (d *Directory) apply(e change) {
	d.writing.Lock()
	defer d.writing.Unlock()
	if err := d.swap(e); err != nil {
		d.settings.Logger.Error().Err(err).Str("owner", e.owner).Str("bucket", e.bucket).
			Uint64("revision", e.revision).Msg("configuration not understood; the former stays in force")
	}
	d.reached[e.bucket] = max(d.reached[e.bucket], e.revision)
	if e.bucket == topology.Subscriptions && e.revision > d.revision.Load() {
		d.revision.Store(e.revision)
	}
	for c := range d.listeners {
		select {
		case c <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// swap replaces the owner's snapshot. Until the first loading is over there is
// one in the making, which needs no copy.
func (d *Directory) swap(e change) error {
	if d.loading != nil {
		s, ok := d.loading[e.owner]
		if !ok {
			s = d.empty(e.owner)
			d.loading[e.owner] = s
		}
		return s.take(e)
	}
	present := d.Owner(e.owner)
	if present.verdicts == nil {
		present = d.empty(e.owner)
	}
	next, err := present.with(e)
	if err != nil {
		return err
	}
	d.owners.Store(e.owner, next)
	return nil
}

func (d *Directory) publishAll() {
	d.writing.Lock()
	defer d.writing.Unlock()
	for owner, s := range d.loading {
		d.owners.Store(owner, s)
	}
	d.loading = nil
}

// empty is the snapshot that an owner's first value goes into.
func (d *Directory) empty(owner string) *Snapshot {
	return &Snapshot{lists: newLists(), verdicts: &verdicts{
		catalogue: d.settings.Catalogue,
		logger:    d.settings.Logger.With().Str("owner", owner).Logger(),
	}}
}
