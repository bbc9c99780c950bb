package topology_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func setup(t testing.TB) (context.Context, *natstest.Server, jetstream.JetStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	srv := natstest.Start(t)
	return ctx, srv, srv.JetStream(t)
}

func ensured(ctx context.Context, t *testing.T, js jetstream.JetStream) {
	t.Helper()
	if err := topology.Ensure(ctx, js, topology.Defaults()); err != nil {
		t.Fatal(err)
	}
}

func drift(ctx context.Context, t *testing.T, js jetstream.JetStream, s topology.Settings) []topology.Difference {
	t.Helper()
	diffs, err := topology.Drift(ctx, js, s)
	if err != nil {
		t.Fatal(err)
	}
	return diffs
}

func TestEnsureMakesAllAndThenNothingDiffers(t *testing.T) {
	ctx, srv, js := setup(t)
	if diffs := drift(ctx, t, js, topology.Defaults()); len(diffs) == 0 || diffs[0].Got != topology.Missing {
		t.Fatalf("an empty server differs by %v", diffs)
	}
	for range 2 {
		ensured(ctx, t, js)
		if diffs := drift(ctx, t, js, topology.Defaults()); len(diffs) > 0 {
			t.Fatalf("drift after ensure: %v", diffs)
		}
	}
	// A restart of a single server loses what lies in memory, and no more.
	srv.Restart(t)
	ensured(ctx, t, srv.JetStream(t))
	if diffs := drift(ctx, t, srv.JetStream(t), topology.Defaults()); len(diffs) > 0 {
		t.Fatalf("drift after a restart: %v", diffs)
	}
}

func TestDriftNamesFieldsAndEnsureLeavesThemAlone(t *testing.T) {
	ctx, _, js := setup(t)
	ensured(ctx, t, js)
	s := topology.Defaults()
	s.EventsMaxAge = 24 * time.Hour
	if err := topology.Ensure(ctx, js, s); err != nil {
		t.Fatal(err)
	}
	want := []topology.Difference{{Name: "EVENTS", Field: "max_age", Want: "86400000000000", Got: "2592000000000000"}}
	if diff := cmp.Diff(want, drift(ctx, t, js, s)); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}

func TestDriftNamesWhatLacksAndWhatWasChanged(t *testing.T) {
	ctx, _, js := setup(t)
	ensured(ctx, t, js)
	name := topology.SenderDurable(delivery.Email, 3)
	if err := js.DeleteConsumer(ctx, topology.Deliveries, name); err != nil {
		t.Fatal(err)
	}
	con, err := js.Consumer(ctx, topology.Retries, topology.RetriesDurable(delivery.Webhook))
	if err != nil {
		t.Fatal(err)
	}
	cfg := con.CachedInfo().Config
	cfg.MaxAckPending = 1
	if _, err := js.UpdateConsumer(ctx, topology.Retries, cfg); err != nil {
		t.Fatal(err)
	}
	want := []topology.Difference{
		{Name: "DELIVERIES " + name, Got: topology.Missing},
		{Name: "RETRIES retries-webhook", Field: "max_ack_pending", Want: "4096", Got: "1"},
	}
	if diff := cmp.Diff(want, drift(ctx, t, js, topology.Defaults())); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}

func TestAnotherNumberOfPartitionsIsRefused(t *testing.T) {
	ctx, _, js := setup(t)
	if _, err := topology.Partitions(ctx, js); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("partitions of an empty server: %v", err)
	}
	ensured(ctx, t, js)
	if n, err := topology.Partitions(ctx, js); err != nil || n != 16 {
		t.Fatalf("partitions %d, %v", n, err)
	}
	s := topology.Defaults()
	s.Partitions = 8
	if err := topology.Ensure(ctx, js, s); !errors.Is(err, topology.ErrPartitions) {
		t.Fatalf("ensure gave %v, want %v", err, topology.ErrPartitions)
	}
}

func TestBucketsAreAsTheClientLibraryMakesThem(t *testing.T) {
	ctx, _, js := setup(t)
	ensured(ctx, t, js)
	if _, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "reference", Description: "<owner>"}); err != nil {
		t.Fatal(err)
	}
	made, err := js.Stream(ctx, topology.BucketStream("reference"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := js.Stream(ctx, topology.BucketStream(topology.Owners))
	if err != nil {
		t.Fatal(err)
	}
	want, got := made.CachedInfo().Config, ours.CachedInfo().Config
	want.Name, want.Subjects = got.Name, got.Subjects
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bucket (-library +ours):\n%s", diff)
	}
}

func TestThePartitionIsAFunctionOfTheOwnerAlone(t *testing.T) {
	ctx, _, js := setup(t)
	ensured(ctx, t, js)
	parts := map[string]int{}
	for _, s := range []string{
		subject.Platform("acme", "invoice.posted"), subject.Internal("acme", "invoice.delivery_date_plus"),
		subject.Platform("acme", "account.status"), subject.Platform("globex", "invoice.posted"),
	} {
		ack, err := js.Publish(ctx, s, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		str, err := js.Stream(ctx, topology.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		m, err := str.GetMsg(ctx, ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		a, err := subject.ParseInbox(m.Subject)
		if err != nil {
			t.Fatal(err)
		}
		if a.Internal != strings.HasPrefix(s, "billhook.") || !strings.HasSuffix(s, a.Owner+"."+a.Type) {
			t.Errorf("%s is stored as %s", s, m.Subject)
		}
		if part, ok := parts[a.Owner]; ok && part != a.Part {
			t.Errorf("%s has partitions %d and %d", a.Owner, part, a.Part)
		}
		parts[a.Owner] = a.Part
	}
}

func TestSettingsThatCannotWorkAreRefusedByName(t *testing.T) {
	ok := topology.Defaults()
	if p := ok.Check(); len(p) > 0 {
		t.Fatalf("defaults are refused: %v", p)
	}
	for name, change := range map[string]func(*topology.Settings){
		"PARTITIONS":       func(s *topology.Settings) { s.Partitions = 0 },
		"REPLICAS":         func(s *topology.Settings) { s.Replicas = 2 },
		"DEDUP_WINDOW":     func(s *topology.Settings) { s.DedupWindow = time.Millisecond },
		"INBOX_MAX_BYTES":  func(s *topology.Settings) { s.InboxMaxBytes = 1 },
		"PARKED_MAX_AGE":   func(s *topology.Settings) { s.ParkedMaxAge = 0 },
		"EVENTS_MAX_AGE":   func(s *topology.Settings) { s.EventsMaxAge = time.Second; s.DedupWindow = 100 * time.Millisecond },
		"OUTCOMES_MAX_AGE": func(s *topology.Settings) { s.OutcomesMaxAge = -1 },
	} {
		s := topology.Defaults()
		change(&s)
		p := s.Check()
		if len(p) != 1 || p[0].Pointer != "/"+name {
			t.Errorf("%s: problems %v", name, p)
		}
	}
}

func TestDefaultsAreThoseOfAnEmptyEnvironment(t *testing.T) {
	var s topology.Settings
	if err := process.Load(nil, &s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(topology.Defaults(), s); diff != "" {
		t.Errorf("defaults (-code +environment):\n%s", diff)
	}
}
