package series

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/ordered"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// onNATS returns the ground of a series in the streams.
func onNATS(cfg Config, deps Deps) ground {
	g := ground{
		events: eventsOf{js: deps.JS, room: cfg.Limits.withDefaults().Window},
		ledger: newLedger(cfg, deps.JS),
		heads:  headsOf{js: deps.JS, key: cfg.Key},
		gap:    gaps{cfg: cfg, deps: deps}.record,
	}
	if deps.Desk != nil {
		g.park = deps.Desk.Park
	}
	return g
}

// eventsOf is EVENTS.
type eventsOf struct {
	js   jetstream.JetStream
	room int
}

// watched is a reader with the goroutine that watches it.
type watched struct {
	*ordered.Reader
	stop context.CancelFunc
	work sync.WaitGroup
}

func (e eventsOf) read(ctx context.Context, filters []string, after uint64) (source, error) {
	r, err := ordered.Read(ctx, e.js, ordered.Config{Stream: topology.Events, Filters: filters, After: after, Room: e.room})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &watched{Reader: r, stop: cancel}
	w.work.Go(func() { r.Watch(ctx) })
	return w, nil
}

// Close ends the reading.
func (w *watched) Close(ctx context.Context) {
	w.stop()
	w.work.Wait()
	w.Reader.Close(ctx)
}

func (e eventsOf) ends(ctx context.Context, filters []string) (eventlog.Ends, error) {
	return eventlog.FindEnds(ctx, e.js, filters)
}

func (e eventsOf) get(ctx context.Context, seq uint64) (*event.Event, time.Time, error) {
	return eventlog.One(ctx, e.js, seq)
}

// gaps records what a series lost to retention.
type gaps struct {
	cfg  Config
	deps Deps
}

func (g gaps) record(ctx context.Context, after uint64, at eventlog.Ends) error {
	name := g.cfg.name()
	data, err := json.Marshal(cursor.Gap{
		Cursor: name, Stream: topology.Events, After: after, First: at.First, Last: at.Last, At: g.deps.Now(),
	})
	if err != nil {
		return fault.New(fault.Internal, "encode gap", name, err)
	}
	ctx, cancel := api.Bound(ctx, g.deps.JS)
	defer cancel()
	if _, err := g.deps.JS.PublishMsg(ctx, &nats.Msg{Subject: subject.GapOfSeries(name), Data: data}); err != nil {
		return fault.New(fault.Unavailable, "record gap", name, err)
	}
	g.deps.Log.Error().Str("series", name).Uint64("after", after).Uint64("first", at.First).Uint64("last", at.Last).
		Msg("in-order subscription lost events; see the stream GAPS")
	return nil
}
