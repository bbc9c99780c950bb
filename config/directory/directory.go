// Package directory keeps the owners' configuration at hand: watched, in one
// immutable snapshot per owner, swapped whole. Reading takes no lock. It
// refuses accounts, which are too many; see accounts.
package directory

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// Settings says what a directory watches.
type Settings struct {
	JetStream jetstream.JetStream
	// Buckets are those to watch, of owners, contact_types, smtp, emails,
	// endpoints, subscriptions, queues and controls. What is not watched stays empty in every
	// snapshot, so a service needs to read no more than it uses.
	Buckets []string
	// Catalogue judges the templates that come from a bucket.
	Catalogue *tokens.Catalogue
	Logger    zerolog.Logger
}

// Directory is the watched configuration. It may be used by many goroutines.
type Directory struct {
	settings Settings
	owners   sync.Map // owner id to *Snapshot
	revision atomic.Uint64

	writing   sync.Mutex // guards what follows, and the order of swaps
	reached   map[string]uint64
	loading   map[string]*Snapshot
	listeners map[chan struct{}]struct{}

	stop context.CancelFunc
	done sync.WaitGroup
}

// Watch returns a directory that has every value there is. ctx bounds the
// first loading; [Directory.Close] ends the watching. While the server is away
// the snapshots stay as they are, and catch up when it is back.
func Watch(ctx context.Context, s Settings) (*Directory, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	d := &Directory{
		settings: s, stop: stop, reached: map[string]uint64{},
		loading: map[string]*Snapshot{}, listeners: map[chan struct{}]struct{}{},
	}
	loaded := make(chan struct{}, len(s.Buckets))
	for _, bucket := range s.Buckets {
		f := d.follower(bucket, loaded)
		d.done.Go(func() { f.Run(life) })
	}
	for range s.Buckets {
		select {
		case <-loaded:
		case <-ctx.Done():
			d.Close()
			return nil, fault.New(fault.Unavailable, "load configuration", "", ctx.Err())
		}
	}
	d.publishAll()
	return d, nil
}

// Close ends the watching and waits for its goroutines. The snapshots stay.
func (d *Directory) Close() {
	d.stop()
	d.done.Wait()
}

// Owner returns the present snapshot of an owner, an empty one when nothing is
// known of it. It is never nil and never changes.
func (d *Directory) Owner(owner string) *Snapshot {
	if s, ok := d.owners.Load(owner); ok {
		return s.(*Snapshot)
	}
	return &Snapshot{}
}

// Owners returns every owner with its present snapshot, in no order.
func (d *Directory) Owners() iter.Seq2[string, *Snapshot] {
	return func(yield func(string, *Snapshot) bool) {
		d.owners.Range(func(k, v any) bool { return yield(k.(string), v.(*Snapshot)) })
	}
}

// Revision returns up to which revision of the bucket subscriptions the
// snapshots are.
func (d *Directory) Revision() uint64 { return d.revision.Load() }

// Await returns once the snapshots are up to a revision of a bucket, or when ctx
// ends. A bucket that is not watched is not waited for.
func (d *Directory) Await(ctx context.Context, bucket string, revision uint64) error {
	if !slices.Contains(d.settings.Buckets, bucket) {
		return nil
	}
	changes, end := d.Changes()
	defer end()
	for !d.has(bucket, revision) {
		select {
		case <-changes:
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "wait for configuration", bucket, ctx.Err())
		}
	}
	return nil
}

func (d *Directory) has(bucket string, revision uint64) bool {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.reached[bucket] >= revision
}

// Changes returns a channel that receives after every change of a snapshot.
// Several changes may give one receipt, but the last is never missed. The
// function given back ends it.
func (d *Directory) Changes() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	d.writing.Lock()
	defer d.writing.Unlock()
	d.listeners[c] = struct{}{}
	return c, func() {
		d.writing.Lock()
		defer d.writing.Unlock()
		delete(d.listeners, c)
	}
}
