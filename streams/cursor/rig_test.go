package cursor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

const (
	source     = "SRC"
	sink       = "OUT"
	sinkFilter = "out.1.>"
	// patience bounds every wait of the tests.
	patience = 3 * time.Minute
)

// rig is a server with a stream to read, a stream to write, and what the
// tests do to them.
type rig struct {
	t   testing.TB
	ctx func() context.Context
	srv *natstest.Server
	js  jetstream.JetStream
	// now is the clock of the cursors; nil is that of the machine.
	now func() time.Time
}

func newRig(t testing.TB, opts ...natstest.Option) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	srv := natstest.Start(t, opts...)
	r := &rig{t: t, ctx: func() context.Context { return ctx }, srv: srv, js: srv.JetStream(t)}
	topologytest.Ensure(t, r.js, topologytest.WithPartitions(1))
	r.stream(jetstream.StreamConfig{Name: source, Subjects: []string{"src.>"}})
	r.stream(jetstream.StreamConfig{Name: sink, Subjects: []string{"out.>"}, AllowAtomicPublish: true, AllowDirect: true, MaxMsgSize: 1 << 20})
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stream(cfg jetstream.StreamConfig) {
	r.t.Helper()
	_, err := r.js.CreateOrUpdateStream(r.ctx(), cfg)
	r.must(err)
}

// publish stores messages with these bodies in the source.
func (r *rig) publish(subject string, bodies ...string) {
	r.t.Helper()
	for _, b := range bodies {
		_, err := r.js.Publish(r.ctx(), subject, []byte(b))
		r.must(err)
	}
}

// bodies returns the texts from..to.
func bodies(from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// eventually waits until the condition holds.
func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-r.ctx().Done():
			r.t.Fatalf("never happened: %s", what)
		case <-ticker.C:
		}
	}
}

// written returns the bodies of the sink in order.
func (r *rig) written() []string {
	r.t.Helper()
	return r.bodiesOf(sink)
}

func (r *rig) bodiesOf(stream string) []string {
	r.t.Helper()
	var out []string
	for _, m := range r.messagesOf(stream) {
		out = append(out, string(m.Data()))
	}
	return out
}

// writtenByKey returns the bodies of the sink by the last token of the subject.
func (r *rig) writtenByKey() map[string][]string {
	r.t.Helper()
	out := map[string][]string{}
	for _, m := range r.messagesOf(sink) {
		key := m.Subject()[strings.LastIndex(m.Subject(), ".")+1:]
		out[key] = append(out[key], string(m.Data()))
	}
	return out
}

func (r *rig) messagesOf(stream string) []jetstream.Msg {
	r.t.Helper()
	str, err := r.js.Stream(r.ctx(), stream)
	r.must(err)
	want := int(str.CachedInfo().State.Msgs)
	if want == 0 {
		return nil
	}
	c, err := r.js.CreateConsumer(r.ctx(), stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	r.must(err)
	batch, err := c.Fetch(want, jetstream.FetchMaxWait(time.Minute))
	r.must(err)
	var out []jetstream.Msg
	for m := range batch.Messages() {
		out = append(out, m)
	}
	r.must(batch.Error())
	return out
}

// expectWritten waits for the sink to hold exactly these bodies in order.
func (r *rig) expectWritten(want []string) {
	r.t.Helper()
	r.awaitWritten(len(want))
	r.sameWritten(want)
}

// awaitWritten waits for the sink to hold so many messages.
func (r *rig) awaitWritten(n int) {
	r.t.Helper()
	r.eventually(fmt.Sprintf("%d outputs", n), func() bool {
		str, err := r.js.Stream(r.ctx(), sink)
		return err == nil && str.CachedInfo().State.Msgs >= uint64(n)
	})
}

func (r *rig) sameWritten(want []string) {
	r.t.Helper()
	if got := r.written(); strings.Join(got, " ") != strings.Join(want, " ") {
		r.t.Fatalf("outputs:\n got %v\nwant %v", got, want)
	}
}

// prefixWritten fails unless the sink holds a first part of want, and returns
// its length.
func (r *rig) prefixWritten(want []string) int {
	r.t.Helper()
	n := len(r.written())
	if n == 0 || n > len(want) {
		r.t.Fatalf("%d outputs, want 1 to %d", n, len(want))
	}
	r.sameWritten(want[:n])
	return n
}

// expireLease does what the server does when a lease's TTL has passed.
func (r *rig) expireLease() {
	r.t.Helper()
	r.must(r.forgetLease(r.ctx()))
}

func (r *rig) forgetLease(ctx context.Context) error {
	str, err := r.js.Stream(ctx, topology.BucketStream(topology.Leases))
	if err != nil {
		return err
	}
	return str.Purge(ctx, jetstream.WithPurgeSubject(topology.BucketKey(topology.Leases, name)))
}

// restoreLeases waits for the broker, and makes the bucket that it forgot.
func (r *rig) restoreLeases() {
	r.t.Helper()
	r.eventually("the broker is back", func() bool {
		ctx, cancel := context.WithTimeout(r.ctx(), time.Second)
		defer cancel()
		return topology.RestoreLeases(ctx, r.js) == nil
	})
}

// gaps returns the recorded gaps.
func (r *rig) gaps() []cursor.Gap {
	r.t.Helper()
	var out []cursor.Gap
	for _, b := range r.bodiesOf(topology.Gaps) {
		var g cursor.Gap
		r.must(json.Unmarshal([]byte(b), &g))
		out = append(out, g)
	}
	return out
}

// position returns the stored position of the default cursor.
func (r *rig) position() uint64 {
	r.t.Helper()
	p, err := cursor.StoredPosition(r.ctx(), r.js, name)
	r.must(err)
	return p
}

const name = "test.1"

// instance is one process with one cursor.
type instance struct {
	*cursor.Cursor
	nc   *nats.Conn
	stop context.CancelFunc
	done chan struct{}
	once sync.Once
}

// start runs a cursor on a connection of its own.
func (r *rig) start(h cursor.Handler, change ...func(*cursor.Config)) *instance {
	r.t.Helper()
	return r.startOn(r.srv.Conn(r.t), h, change...)
}

func (r *rig) startOn(nc *nats.Conn, h cursor.Handler, change ...func(*cursor.Config)) *instance {
	r.t.Helper()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(2*time.Second))
	r.must(err)
	cfg := cursor.Config{
		Name: name, Holder: "test", Stream: source, Filters: []string{"src.>"},
		Fence: fence.Fence{Stream: sink, Filter: sinkFilter},
		// Nobody renews within a test, so that tests decide when leases end.
		LeaseTTL: time.Hour,
	}
	for _, c := range change {
		c(&cfg)
	}
	i := &instance{nc: nc, done: make(chan struct{})}
	i.Cursor = cursor.New(cfg, h, cursor.Deps{JS: js, Logger: zerolog.New(zerolog.NewTestWriter(r.t)), Now: r.now})
	ctx, stop := context.WithCancel(r.ctx())
	i.stop = stop
	go func() {
		defer close(i.done)
		if err := i.Run(ctx); err != nil {
			r.t.Errorf("run: %v", err)
		}
	}()
	r.t.Cleanup(i.halt)
	return i
}

// halt stops the instance as a signal does.
func (i *instance) halt() {
	i.stop()
	<-i.done
	i.nc.Close()
}

// kill ends the instance as SIGKILL does: nothing leaves it any more. It may
// be called from within the cursor.
func (i *instance) kill() {
	i.once.Do(func() {
		i.nc.Close()
		i.stop()
	})
}

// handler is a cursor.Handler of functions; by default every message becomes
// one output with the same body.
type handler struct {
	begin  func(context.Context, *cursor.Session) error
	handle func(context.Context, *cursor.Session, []cursor.Message) ([]cursor.Step, error)
	woken  func(context.Context, *cursor.Session) error
}

func (h handler) Begin(ctx context.Context, s *cursor.Session) error {
	if h.begin == nil {
		return nil
	}
	return h.begin(ctx, s)
}

func (h handler) Handle(ctx context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
	if h.handle == nil {
		return echo(msgs), nil
	}
	return h.handle(ctx, s, msgs)
}

func (h handler) Woken(ctx context.Context, s *cursor.Session) error {
	if h.woken == nil {
		return nil
	}
	return h.woken(ctx, s)
}

func output(body string) cursor.Output {
	return cursor.Output{Subject: "out.1.x", Data: []byte(body)}
}

func echo(msgs []cursor.Message) []cursor.Step {
	steps := make([]cursor.Step, len(msgs))
	for i, m := range msgs {
		steps[i].Outputs = []cursor.Output{output(string(m.Data))}
	}
	return steps
}

// fan makes of every message n outputs "body/i".
func fan(n int) handler {
	return handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		steps := make([]cursor.Step, len(msgs))
		for i, m := range msgs {
			steps[i].Outputs = fanned(string(m.Data), n)
		}
		return steps, nil
	}}
}

func fanned(body string, n int) []cursor.Output {
	var out []cursor.Output
	for j := range n {
		out = append(out, output(fmt.Sprintf("%s/%d", body, j+1)))
	}
	return out
}

func fannedBodies(body string, n int) []string {
	var out []string
	for _, o := range fanned(body, n) {
		out = append(out, string(o.Data))
	}
	return out
}
