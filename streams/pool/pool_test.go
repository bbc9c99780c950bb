package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ackWait is short, for tests in which tasks are abandoned.
const ackWait = time.Second

// rig is a server with a stream and two durables, one a partition.
type rig struct {
	t   testing.TB
	ctx func() context.Context
	srv *natstest.Server
	js  jetstream.JetStream
	cfg pool.Config
}

func newRig(t testing.TB, opts ...natstest.Option) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	srv := natstest.Start(t, opts...)
	r := &rig{t: t, ctx: func() context.Context { return ctx }, srv: srv, js: srv.JetStream(t)}
	_, err := r.js.CreateStream(ctx, jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work.>"}})
	r.must(err)
	r.cfg = pool.Config{Drain: 200 * time.Millisecond}
	for part := range 2 {
		r.cfg.Durables = append(r.cfg.Durables, topology.Durable{Stream: "WORK", Config: jetstream.ConsumerConfig{
			Durable: fmt.Sprintf("worker-%d", part), FilterSubject: fmt.Sprintf("work.%d", part),
			AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 100,
		}})
	}
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) publish(from, to int) {
	r.t.Helper()
	for i := from; i <= to; i++ {
		_, err := r.js.Publish(r.ctx(), fmt.Sprintf("work.%d", i%2), fmt.Append(nil, i))
		r.must(err)
	}
}

// worker is a running pool on a connection of its own, with its tasks.
type worker struct {
	nc    *nats.Conn
	tasks chan *pool.Task
	stop  context.CancelFunc
	done  chan struct{}
}

func (r *rig) start(change ...func(*pool.Config)) *worker {
	r.t.Helper()
	nc := r.srv.Conn(r.t)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(2*time.Second))
	r.must(err)
	cfg := r.cfg
	for _, c := range change {
		c(&cfg)
	}
	p := pool.New(cfg, pool.Deps{JS: js, Logger: zerolog.New(zerolog.NewTestWriter(r.t))})
	w := &worker{nc: nc, tasks: make(chan *pool.Task, 10_000), done: make(chan struct{})}
	ctx, stop := context.WithCancel(r.ctx())
	w.stop = stop
	go func() {
		defer close(w.done)
		if err := p.Run(ctx, func(_ context.Context, t *pool.Task) { w.tasks <- t }); err != nil {
			r.t.Errorf("run: %v", err)
		}
	}()
	r.t.Cleanup(w.halt)
	select {
	case <-p.Ready():
	case <-r.ctx().Done():
		r.t.Fatal("pool is not ready")
	}
	return w
}

func (w *worker) halt() {
	w.stop()
	<-w.done
	w.nc.Close()
}

// kill ends the worker as SIGKILL does.
func (w *worker) kill() {
	w.nc.Close()
	w.halt()
}

// next returns the next task.
func (r *rig) next(w *worker) *pool.Task {
	r.t.Helper()
	select {
	case t := <-w.tasks:
		return t
	case <-r.ctx().Done():
		r.t.Fatal("no task came")
		return nil
	}
}

// none fails when a task comes within d.
func (r *rig) none(w *worker, d time.Duration) {
	r.t.Helper()
	select {
	case t := <-w.tasks:
		r.t.Fatalf("task %s came, delivery %d", t.Data, t.Delivered)
	case <-time.After(d):
	}
}

// unsettled returns how many messages the server waits for or has yet to send.
func (r *rig) unsettled() int {
	r.t.Helper()
	n := 0
	for _, d := range r.cfg.Durables {
		c, err := r.js.Consumer(r.ctx(), "WORK", d.Config.Durable)
		r.must(err)
		n += c.CachedInfo().NumAckPending + int(c.CachedInfo().NumPending)
	}
	return n
}

func TestEveryMessageIsATaskUntilItIsDone(t *testing.T) {
	r := newRig(t)
	w := r.start(func(c *pool.Config) { c.InFlight = 8 })
	r.publish(1, 200)
	var got []int
	for range 200 {
		task := r.next(w)
		var n int
		_, err := fmt.Sscan(string(task.Data), &n)
		r.must(err)
		if task.Delivered != 1 || task.Subject != fmt.Sprintf("work.%d", n%2) || task.Seq == 0 || task.Time.IsZero() {
			t.Fatalf("task %+v", task)
		}
		got = append(got, n)
		r.must(task.Done(r.ctx()))
		r.must(task.Done(r.ctx())) // again is allowed
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != 200 {
		t.Fatalf("tasks %v", got)
	}
	if n := r.unsettled(); n != 0 {
		t.Fatalf("%d messages unsettled after all were done", n)
	}
}

func TestATaskOfACrashedWorkerComesAgain(t *testing.T) {
	r := newRig(t)
	w := r.start()
	r.publish(1, 1)
	r.next(w)
	w.kill()
	again := r.next(r.start())
	if again.Delivered != 2 {
		t.Fatalf("delivery %d, want 2", again.Delivered)
	}
	r.must(again.Done(r.ctx()))
}

func TestATaskInProgressDoesNotComeAgain(t *testing.T) {
	// Signs are due after a quarter: a machine may stand still for a second.
	const wait = 3 * time.Second
	r := newRig(t)
	for i := range r.cfg.Durables {
		r.cfg.Durables[i].Config.AckWait = wait
	}
	w := r.start()
	r.publish(1, 50)
	var tasks []*pool.Task
	for range 50 {
		tasks = append(tasks, r.next(w))
	}
	other := r.start()
	r.none(other, wait*3/2)
	for _, d := range r.cfg.Durables {
		c, err := r.js.Consumer(r.ctx(), "WORK", d.Config.Durable)
		r.must(err)
		if n := c.CachedInfo().NumRedelivered; n > 0 {
			t.Errorf("%s: %d tasks delivered again", d.Config.Durable, n)
		}
	}
	for _, task := range tasks {
		r.must(task.Done(r.ctx()))
	}
	if n := r.unsettled(); n != 0 {
		t.Errorf("%d messages unsettled after all were done", n)
	}
}

func TestAReleasedTaskComesAgainAtOnce(t *testing.T) {
	r := newRig(t)
	r.cfg.Durables[1].Config.AckWait = time.Hour
	w := r.start()
	r.publish(1, 1)
	task := r.next(w)
	r.must(task.Release(r.ctx()))
	r.must(task.Release(r.ctx())) // again is allowed
	if err := task.Done(r.ctx()); !errors.Is(err, pool.ErrReleased) {
		t.Fatalf("done after release gave %v, want %v", err, pool.ErrReleased)
	}
	again := r.next(w)
	if again.Delivered != 2 {
		t.Fatalf("delivery %d, want 2", again.Delivered)
	}
	r.must(again.Done(r.ctx()))
}

func TestAStopReleasesWhatIsNotSettled(t *testing.T) {
	r := newRig(t)
	for i := range r.cfg.Durables {
		r.cfg.Durables[i].Config.AckWait = time.Hour
	}
	first := r.start()
	r.publish(1, 40)
	r.must(r.next(first).Done(r.ctx()))
	first.stop()
	<-first.done
	second := r.start()
	for range 39 {
		r.must(r.next(second).Done(r.ctx()))
	}
	if n := r.unsettled(); n != 0 {
		t.Fatalf("%d messages unsettled", n)
	}
}

func TestAStopWaitsForTasksBeingSettled(t *testing.T) {
	r := newRig(t)
	w := r.start(func(c *pool.Config) { c.Drain = time.Hour })
	r.publish(1, 1)
	task := r.next(w)
	w.stop()
	select {
	case <-w.done:
		t.Fatal("run returned with an unsettled task")
	case <-time.After(100 * time.Millisecond):
	}
	r.must(task.Done(r.ctx()))
	<-w.done
}

func TestTwoWorkersShare(t *testing.T) {
	r := newRig(t)
	few := func(c *pool.Config) { c.InFlight = 5 }
	a, b := r.start(few), r.start(few)
	r.publish(1, 100)
	counts := map[*worker]int{}
	for range 100 {
		var w *worker
		var task *pool.Task
		select {
		case task = <-a.tasks:
			w = a
		case task = <-b.tasks:
			w = b
		case <-r.ctx().Done():
			t.Fatal("no task came")
		}
		counts[w]++
		r.must(task.Done(r.ctx()))
	}
	if counts[a] < 10 || counts[b] < 10 {
		t.Fatalf("shares %d and %d of 100", counts[a], counts[b])
	}
}

func TestUnsettledTasksAreBounded(t *testing.T) {
	for _, c := range []struct {
		name             string
		inFlight, server int
		want             int
	}{{"by the instance", 7, 100, 14}, {"by the consumer", 1000, 9, 18}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			for i := range r.cfg.Durables {
				r.cfg.Durables[i].Config.MaxAckPending = c.server
			}
			r.publish(1, 100)
			w := r.start(func(cfg *pool.Config) { cfg.InFlight = c.inFlight })
			var tasks []*pool.Task
			for range c.want {
				tasks = append(tasks, r.next(w))
			}
			r.none(w, ackWait/2)
			r.must(tasks[0].Done(r.ctx()))
			for _, task := range tasks[1:] {
				r.must(task.Done(r.ctx()))
			}
			for range 100 - c.want {
				r.must(r.next(w).Done(r.ctx()))
			}
		})
	}
}

func TestABrokerRestartLosesNothing(t *testing.T) {
	r := newRig(t)
	w := r.start()
	r.publish(1, 20)
	held := r.next(w)
	r.srv.Restart(t)
	// A task from before can be settled after.
	r.must(held.Done(r.ctx()))
	r.publish(21, 40)
	seen := map[string]bool{string(held.Data): true}
	for len(seen) < 40 {
		task := r.next(w)
		seen[string(task.Data)] = true
		r.must(task.Done(r.ctx()))
	}
	if n := r.unsettled(); n != 0 {
		t.Fatalf("%d messages unsettled", n)
	}
}

func TestADeletedConsumerIsMadeAgain(t *testing.T) {
	r := newRig(t)
	w := r.start()
	r.publish(1, 2)
	for range 2 {
		r.must(r.next(w).Done(r.ctx()))
	}
	r.must(r.js.DeleteConsumer(r.ctx(), "WORK", r.cfg.Durables[1].Config.Durable))
	// The new one begins at the beginning.
	r.publish(3, 3)
	seen := map[string]bool{}
	for !seen["3"] {
		task := r.next(w)
		seen[string(task.Data)] = true
		r.must(task.Done(r.ctx()))
	}
}

func TestAMessageThatComesAgainWhileItsTaskIsHereIsNoSecondTask(t *testing.T) {
	r := newRig(t)
	w := r.start()
	r.publish(1, 1)
	task := r.next(w)
	// The server takes the task for abandoned.
	r.changeAckWait(1, 100*time.Millisecond)
	r.none(w, ackWait)
	// One that is on its way when its task is done would be a task.
	r.changeAckWait(1, time.Hour)
	r.must(w.nc.Flush())
	r.none(w, ackWait/4)
	r.must(task.Done(r.ctx()))
	if n := r.unsettled(); n != 0 {
		t.Errorf("%d messages unsettled after the task was done", n)
	}
}

// changeAckWait changes how soon the messages of a partition come again.
func (r *rig) changeAckWait(part int, wait time.Duration) {
	r.t.Helper()
	c, err := r.js.Consumer(r.ctx(), "WORK", r.cfg.Durables[part].Config.Durable)
	r.must(err)
	cfg := c.CachedInfo().Config
	cfg.AckWait = wait
	_, err = r.js.UpdateConsumer(r.ctx(), "WORK", cfg)
	r.must(err)
}

// BenchmarkDone measures confirmed tasks by 64 goroutines.
func BenchmarkDone(b *testing.B) {
	for name, opts := range map[string][]natstest.Option{"interval": nil, "always": {natstest.WithSyncAlways()}} {
		b.Run("sync="+name, func(b *testing.B) {
			r := newRig(b, opts...)
			for i := range r.cfg.Durables {
				r.cfg.Durables[i].Config.MaxAckPending = 1000
			}
			for i := range b.N {
				_, err := r.js.PublishAsync(fmt.Sprintf("work.%d", i%2), []byte("0123456789"))
				r.must(err)
				if i%1000 == 999 {
					<-r.js.PublishAsyncComplete()
				}
			}
			<-r.js.PublishAsyncComplete()
			b.ResetTimer()
			w := r.start()
			var wg sync.WaitGroup
			work := make(chan struct{}, b.N)
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			for range 64 {
				wg.Go(func() {
					for range work {
						task := <-w.tasks
						if err := task.Done(r.ctx()); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}
