// Package lease says which of several instances may work: a key with a TTL in
// a bucket of memory storage, renewed while the work runs. It is a promise of
// efficiency, not of safety: a process that was asleep may believe in a lease
// that another holds by now, so what must not happen twice needs a fence.
package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/batch"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/topology"
)

// MinTTL is the least TTL: the server expires keys by the whole second.
const MinTTL = 2 * time.Second

// releaseTTL is how long the marker of a released lease stays.
const releaseTTL = time.Second

// pollMost bounds how long a release may go unnoticed.
const pollMost = 2 * time.Second

// releaseTimeout bounds the giving back of a lease.
const releaseTimeout = time.Second

// headerOperation marks, as the KV interface does, a key that was deleted.
const (
	headerOperation = "KV-Operation"
	operationDelete = "DEL"
)

// Keeper takes one lease again and again. It belongs to one goroutine.
type Keeper struct {
	js     jetstream.JetStream
	key    string
	holder string
	ttl    time.Duration
}

// New returns a keeper of the lease of that name. The holder names this
// instance, for people. The TTL is rounded up to whole seconds.
func New(js jetstream.JetStream, name, holder string, ttl time.Duration) *Keeper {
	ttl = max(ttl, MinTTL)
	if r := ttl % time.Second; r > 0 {
		ttl += time.Second - r
	}
	return &Keeper{js: js, key: topology.BucketKey(topology.Leases, name), holder: holder, ttl: ttl}
}

// Hold takes the lease and runs work, renewing the lease every third of its
// TTL. The context of work ends with the cause [ErrLost] when the lease cannot
// be renewed in time, by this machine's monotonic clock and a fifth of the TTL
// before the server lets anybody else in. Afterwards the lease is given back,
// so that others need not wait for its end.
//
// It returns [ErrHeld] when somebody else holds the lease, else what work
// returned.
func (k *Keeper) Hold(ctx context.Context, work func(context.Context) error) error {
	h, err := k.take(ctx)
	if err != nil {
		return err
	}
	held, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	var wg sync.WaitGroup
	renewing, stop := context.WithCancel(ctx)
	wg.Go(func() {
		if h.renew(renewing) {
			lose(ErrLost)
		}
	})
	defer func() {
		stop()
		wg.Wait()
		h.release(ctx)
	}()
	return work(held)
}

// holding is one holding of the lease.
type holding struct {
	k       *Keeper
	seq     uint64
	expires time.Time
}

// take publishes the key if nobody has it.
func (k *Keeper) take(ctx context.Context) (*holding, error) {
	current, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	if !current.free {
		return nil, fault.New(fault.Conflict, "take lease", k.key, fmt.Errorf("%w: by %s", ErrHeld, current.holder))
	}
	h := &holding{k: k, seq: current.seq}
	err = h.put(ctx)
	if batch.Judge(err) == batch.Moved {
		err = fmt.Errorf("%w: another was faster", ErrHeld)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "take lease", k.key, err)
	}
	return h, nil
}

// put publishes the key with a new TTL, over the holding's own sequence.
func (h *holding) put(ctx context.Context) error {
	ctx, cancel := api.Bound(ctx, h.k.js)
	defer cancel()
	sent := time.Now()
	m := nats.NewMsg(h.k.key)
	m.Data = []byte(h.k.holder)
	ack, err := h.k.js.PublishMsg(ctx, m, jetstream.WithMsgTTL(h.k.ttl),
		jetstream.WithExpectLastSequencePerSubject(h.seq))
	if err != nil {
		return err
	}
	h.seq, h.expires = ack.Sequence, sent.Add(h.k.ttl-h.k.ttl/5)
	return nil
}

// renew renews until ctx ends, or until the lease is lost, and reports the
// latter.
func (h *holding) renew(ctx context.Context) (lost bool) {
	every := h.k.ttl / 3
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
		err := h.tryRenew(ctx)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			timer.Reset(every)
		case batch.Judge(err) == batch.Moved, !time.Now().Before(h.expires):
			return true
		default:
			timer.Reset(min(every/8, time.Until(h.expires)))
		}
	}
}

// tryRenew renews once, not longer than the lease lasts. An answer that never
// came may have been a success; then the next try finds the key moved, and
// the lease is given up.
func (h *holding) tryRenew(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, h.expires)
	defer cancel()
	return h.put(ctx)
}

// release deletes the key if it is still this holding's. It is a courtesy, so
// it is brief, and an error means that the lease ends by itself.
func (h *holding) release(ctx context.Context) {
	brief := min(time.Until(h.expires), releaseTimeout)
	if brief <= 0 || !h.k.js.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), brief)
	defer cancel()
	m := nats.NewMsg(h.k.key)
	m.Header.Set(headerOperation, operationDelete)
	_, _ = h.k.js.PublishMsg(ctx, m, jetstream.WithMsgTTL(releaseTTL),
		jetstream.WithExpectLastSequencePerSubject(h.seq))
}

// Await returns when the lease is free, or when it is time to try again: after
// a third of the TTL, after 2 s, or when ctx ends. It needs the
// permission to subscribe to the key; without it, a release is noticed by time
// only. So it is when the release is on its way into the store while this
// subscribes and reads.
func (k *Keeper) Await(ctx context.Context) error {
	released := make(chan struct{}, 1)
	sub, err := k.js.Conn().Subscribe(k.key, func(m *nats.Msg) {
		if m.Header.Get(headerOperation) != "" {
			select {
			case released <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		return fault.New(fault.Unavailable, "watch lease", k.key, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	// It may have been released before the server knew of the subscription.
	if s, err := k.read(ctx); err != nil || s.free {
		return err
	}
	timer := time.NewTimer(min(k.ttl/3, pollMost))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-released:
	}
	return nil
}

// state is what the key says.
type state struct {
	free   bool
	seq    uint64
	holder string
}

// read asks the leader for the key.
func (k *Keeper) read(ctx context.Context) (state, error) {
	bucket := topology.BucketStream(topology.Leases)
	m, err := leader.Last(ctx, k.js, bucket, k.key)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// It went with a restart of a single server.
		if err = topology.RestoreLeases(ctx, k.js); err == nil {
			m, err = leader.Last(ctx, k.js, bucket, k.key)
		}
	}
	if err != nil {
		return state{}, fault.New(fault.Unavailable, "read lease", k.key, err)
	}
	free := m.Seq == 0 || m.Header.Get(headerOperation) != ""
	return state{free: free, seq: m.Seq, holder: string(m.Data)}, nil
}
