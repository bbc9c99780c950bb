package failover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tests/harness"
)

// patience bounds every waiting: a task that a killed scheduler held comes
// again after half a minute.
const patience = 3 * time.Minute

// load is how many plans there are: invoices times moments, which are due a
// second apart.
type load struct {
	invoices, moments int
	first             time.Time
}

func (l load) plans() int { return l.invoices * l.moments }

// ahead returns a first moment in a while, so that all are on one day: schedules
// are times of day.
func ahead(while time.Duration, moments int) time.Time {
	at := time.Now().Add(while).UTC().Truncate(time.Second)
	if end := at.Add(time.Duration(moments) * time.Second); end.Day() != at.Day() {
		return end.Truncate(24 * time.Hour)
	}
	return at
}

// run is a platform whose scheduled events are watched.
type run struct {
	load
	server *natstest.Server
	bin    harness.Binaries
	js     jetstream.JetStream
}

// begin makes the streams and the subscriptions of a load, whose first moment is
// in a while: a longer one the slower the machine is.
func begin(t *testing.T, r *run, while time.Duration, environ ...string) {
	t.Helper()
	r.bin = builder.Build(t)
	r.js = r.server.JetStream(t, permissiontest.As(permission.Operator)...)
	began := time.Now()
	r.cli(t, "", environ, "setup")
	r.first = ahead(while+5*time.Since(began), r.moments)
	var doc strings.Builder
	doc.WriteString("kind: owner\nid: acme\nname: Acme\ntime_zone: Etc/UTC\n---\nkind: endpoint\nowner: acme\nid: crm\nname: CRM\nurl: https://hooks.example.com\n")
	for m := range r.moments {
		at := r.first.Add(time.Duration(m) * time.Second).UTC()
		fmt.Fprintf(&doc, "---\nkind: subscription\nowner: acme\nid: s%d\nname: s%d\nevents: [invoice.delivery_date_plus]\nchannel: webhook\n"+
			"webhook: {endpoint: crm}\nschedule: {days: 1, time: %q}\n", m, m, at.Format(time.TimeOnly))
	}
	r.cli(t, doc.String(), nil, "apply", "-f", "-")
}

func (r *run) cli(t *testing.T, stdin string, environ []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), r.bin.Path("billhook"), append(args, "--wait", "1m")...)
	cmd.Env = append(append(os.Environ(), harness.Env(r.server, permission.Operator)...), environ...)
	cmd.Env = append(cmd.Env, "SECRET_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("billhook %v: %v\n%s", args, err, out)
	}
}

// service starts a service and waits until it works.
func (r *run) service(t *testing.T, name string) *harness.Process {
	t.Helper()
	p := harness.Run(t, harness.Start{Path: r.bin.Path(name), Env: append(harness.Env(r.server, name), "SCHEDULER_LEASE=2s")})
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

// deliver publishes the deliveries, a day before the moments.
func (r *run) deliver(t *testing.T) {
	t.Helper()
	for i := range r.invoices {
		data, err := json.Marshal(map[string]any{
			"id": fmt.Sprint("d", i), "time": time.Now().UTC(), "account": fmt.Sprint("a", i%50),
			"data": map[string]string{
				"Invoice.Id": fmt.Sprint("i", i), "Invoice.DeliveryDate": r.first.AddDate(0, 0, -1).UTC().Format(time.RFC3339),
			},
		})
		if err == nil {
			_, err = r.js.PublishAsync(subject.Platform("acme", "invoice.delivery"), data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(patience):
		t.Fatal("deliveries were not stored")
	}
}

// planned waits until every invoice is stored with its plans.
func (r *run) planned(t *testing.T) {
	t.Helper()
	r.until(t, "invoices planned", func(ctx context.Context) (int, error) {
		s, err := r.js.Stream(ctx, topology.BucketStream(topology.Invoices))
		if err != nil {
			return 0, err
		}
		return int(s.CachedInfo().State.NumSubjects), nil //nolint:gosec // few
	}, r.invoices)
}

// until waits until something counts so many. Errors pass: servers are killed.
func (r *run) until(t *testing.T, what string, count func(context.Context) (int, error), want int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := once(ctx, count)
		if err == nil && n >= want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %d of %d (%v)", what, n, want, err)
		case <-tick.C:
		}
	}
}

// once counts in bounded time: who was asked may have been killed.
func once(ctx context.Context, count func(context.Context) (int, error)) (int, error) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	return count(ctx)
}

// accepted counts the scheduled events that were accepted.
func (r *run) accepted(ctx context.Context) (int, error) {
	s, err := r.js.Stream(ctx, topology.Events)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject.EventsOfType("invoice.delivery_date_plus")))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, of := range info.State.Subjects {
		n += int(of) //nolint:gosec // few
	}
	return n, nil
}

// settled waits until every plan is fired, so that nothing is to come.
func (r *run) settled(t *testing.T) {
	t.Helper()
	r.until(t, "events accepted", r.accepted, r.plans())
	r.until(t, "plans fired", func(ctx context.Context) (int, error) {
		kv, err := r.js.KeyValue(ctx, topology.Invoices)
		if err != nil {
			return 0, err
		}
		w, err := kv.WatchAll(ctx)
		if err != nil {
			return 0, err
		}
		defer func() { _ = w.Stop() }()
		n := 0
		for e := range w.Updates() {
			if e == nil {
				break
			}
			n += strings.Count(string(e.Value()), `"state":"fired"`)
		}
		return n, nil
	}, r.plans())
}

// judge reads every scheduled event and judges them.
func (r *run) judge(t *testing.T) {
	t.Helper()
	var all []fired
	stretch := scan.Stretch{Stream: topology.Events, Filters: []string{subject.EventsOfType("invoice.delivery_date_plus")}}
	err := scan.Read(t.Context(), r.js, stretch, func(m *cursor.Message) error {
		f, err := read(m.Data, m.Time)
		all = append(all, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v := judge(r.load, all)
	if err := v.wrong(); err != nil {
		t.Error(err)
	}
	t.Logf("%d plans fired once; the last %s after its moment", v.plans, v.latest.Round(time.Millisecond))
}
