package store_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/shared/id"
)

func line(id string) queue.Spec {
	return queue.Spec{ID: id, Name: id, Events: []string{"invoice.posted"}, Order: queue.Ordered}
}

// queued is what is stored of a queue of acme, nil where there is none.
func queued(t *testing.T, s *store.Store, id string) *queue.Queue {
	t.Helper()
	st, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return st.Queues[id]
}

func TestAQueueBeginsWhereItSaysAndKeepsItsPlace(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	third := b.accepted(t, 3)
	b.accepted(t, 2)
	for _, row := range []struct {
		id, start string
		want      uint64
	}{
		{"now", "now", 5}, {"silent", "", 5}, {"beginning", "beginning", 0},
		{"third", third.Format(time.RFC3339Nano), 2}, {"long", "2001-01-01T00:00:00+02:00", 0},
	} {
		spec := line(row.id)
		spec.Start = row.start
		must(t)(s.PutQueue(ctx, "acme", spec))
		q := queued(t, s, row.id)
		if q.FromSeq != row.want || q.Revision != 1 || !id.Valid(q.Incarnation) || q.CreatedAt.IsZero() {
			t.Errorf("%s: %+v, want it to begin behind %d", row.id, q, row.want)
		}
	}
	ahead := line("ahead")
	ahead.Start = time.Now().Add(time.Hour).Format(time.RFC3339)
	_, err := s.PutQueue(ctx, "acme", ahead)
	refused(t, err, fault.Invalid, "/start", "start.future")

	former := queued(t, s, "now")
	if c := must(t)(s.PutQueue(ctx, "acme", line("now"))); c.Action != setup.Unchanged {
		t.Errorf("saving the same again: %s", c.Action)
	}
	b.accepted(t, 2)
	wider := line("now")
	wider.Events, wider.Start, wider.Active = []string{"invoice.posted", "invoice.voided"}, "beginning", new(false)
	if c := must(t)(s.PutQueue(ctx, "acme", wider)); c.Action != setup.Updated {
		t.Errorf("another document: %s", c.Action)
	}
	q := queued(t, s, "now")
	if q.FromSeq != 5 || q.Incarnation != former.Incarnation || !q.CreatedAt.Equal(former.CreatedAt) || q.Revision != 2 || q.Enabled() || len(q.Events) != 2 {
		t.Errorf("%+v became %+v", former, q)
	}
	wider.Order = queue.Unordered
	_, err = s.PutQueue(ctx, "acme", wider)
	refused(t, err, fault.Invalid, "/order", "order.settled")
}

func TestAQueueMadeAnewUnderAnIDIsAnother(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	must(t)(s.PutQueue(ctx, "acme", line("q")))
	former := queued(t, s, "q")
	b.accepted(t, 4)
	if c := must(t)(s.DeleteQueue(ctx, "acme", "q")); c.Action != setup.Deleted {
		t.Errorf("%s", c.Action)
	}
	if q := queued(t, s, "q"); q != nil {
		t.Errorf("left: %+v", q)
	}
	_, err := s.DeleteQueue(ctx, "acme", "q")
	refused(t, err, fault.NotFound)
	again := line("q")
	again.Order = queue.Unordered // which was settled for the former one alone
	must(t)(s.PutQueue(ctx, "acme", again))
	if q := queued(t, s, "q"); q.Incarnation == former.Incarnation || q.FromSeq != 4 || q.Revision != 1 {
		t.Errorf("%+v was %+v", q, former)
	}
}

func TestAQueueWantsEventsAndValuesOfTheCatalogue(t *testing.T) {
	_, s := start(t)
	for name, row := range map[string]struct {
		spoil         func(*queue.Spec)
		pointer, rule string
	}{
		"an unknown event": {func(q *queue.Spec) { q.Events = []string{"invoice.posted", "invoice.eaten"} }, "/events/1", "event.unknown"},
		"a schedule's":     {func(q *queue.Spec) { q.Events = []string{"invoice.delivery_date_plus"} }, "/events/0", "event.schedule"},
		"a value that not all carry": {func(q *queue.Spec) {
			q.Events = []string{"invoice.posted", "sim.dormant"}
			q.Filter = filter.Spec{"Invoice.Total": {{Op: filter.Exists, Present: true}}}
		}, "/filter/Invoice.Total", "filter.token"},
		"an order by account": {func(q *queue.Spec) { q.Order = "ordered_by_account" }, "/order", "order.unknown"},
	} {
		spec := line("q")
		row.spoil(&spec)
		_, err := s.PutQueue(t.Context(), "acme", spec)
		if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Pointer != row.pointer || p[0].Rule != row.rule {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.PutQueue(t.Context(), "nobody", line("q"))
	refused(t, err, fault.NotFound)
}

func TestAKeyIsBoundToQueuesThatThereAreAndHoldsThem(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	must(t)(s.PutQueue(ctx, "acme", line("q")))
	must(t)(s.PutQueue(ctx, "acme", line("both")))
	must(t)(s.PutEndpoint(ctx, "acme", hook("both")))
	reader := apikey.Key{Role: apikey.Subscriber, Queues: []string{"q", "gone", "a.b"}}
	_, _, err := s.CreateKey(ctx, "acme", reader)
	refused(t, err, fault.Invalid, "/queues/1", "reference.unknown")
	refused(t, err, fault.Invalid, "/queues/2", "id.form")
	reader.Queues = []string{"q"}
	k, _, err := s.CreateKey(ctx, "acme", reader)
	if err != nil || len(k.Queues) != 1 {
		t.Fatalf("%+v %v", k, err)
	}
	if _, _, err := s.CreateKey(ctx, "acme", apikey.Key{Role: apikey.Subscriber, Endpoints: []string{"both"}}); err != nil {
		t.Fatal(err)
	}
	_, err = s.DeleteQueue(ctx, "acme", "q")
	refused(t, err, fault.Conflict, "", "reference.in_use")
	if !strings.Contains(err.Error(), "API key "+k.ID) {
		t.Errorf("%v does not name the key", err)
	}
	must(t)(s.DeleteQueue(ctx, "acme", "both")) // a key is bound to the endpoint of the same id
	if err := s.RevokeKey(ctx, "acme", k.ID); err != nil {
		t.Fatal(err)
	}
	must(t)(s.DeleteQueue(ctx, "acme", "q"))
}

// TestNothingGoesThatAKeyIsBoundToWhateverWritersDo has keys made and revoked
// while what they are bound to comes and goes, and replays what is on record: it
// is in the order in which it was done.
func TestNothingGoesThatAKeyIsBoundToWhateverWritersDo(t *testing.T) {
	b, s := start(t)
	crowd(t, b, func(ctx context.Context, s *store.Store, _ int) error { return binding(ctx, s) })
	all, err := s.Keys(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	boundTo := map[string][]string{} // by the ids of keys
	for i := range all {
		boundTo[all[i].ID] = []string{"endpoints " + all[i].Endpoints[0], "queues " + all[i].Queues[0]}
	}
	there, valid := map[string]bool{}, map[string]bool{}
	for _, e := range kept(t, b, "acme") {
		thing := e.Resource + " " + e.ID
		switch e.Verb + " " + e.Resource {
		case "create queues", "create endpoints":
			there[thing] = true
		case "create api-keys":
			valid[e.ID] = true
			for _, of := range boundTo[e.ID] {
				if !there[of] {
					t.Errorf("a key was made for %s, which was not there", of)
				}
			}
		case "revoke api-keys":
			delete(valid, e.ID)
		case "delete queues", "delete endpoints":
			delete(there, thing)
			for id := range valid {
				if slices.Contains(boundTo[id], thing) {
					t.Errorf("%s went, to which key %s was bound", thing, id)
				}
			}
		}
	}
	if len(all) == 0 || len(valid) == len(all) {
		t.Errorf("%d keys, %d of them valid: the test shows nothing", len(all), len(valid))
	}
}

// binding makes or deletes something that a key may be bound to, or a key.
func binding(ctx context.Context, s *store.Store) error {
	var err error
	q, h := name("q", rand.N(3)), name("h", rand.N(2))
	switch rand.N(7) {
	case 0, 1:
		_, err = s.PutQueue(ctx, "acme", line(q))
	case 2:
		_, err = s.DeleteQueue(ctx, "acme", q)
	case 3:
		_, err = s.PutEndpoint(ctx, "acme", hook(h))
	case 4:
		_, err = s.DeleteEndpoint(ctx, "acme", h)
	case 5:
		_, _, err = s.CreateKey(ctx, "acme", apikey.Key{Role: apikey.Subscriber, Queues: []string{q}, Endpoints: []string{h}})
	default:
		var all []apikey.Key
		if all, err = s.Keys(ctx, "acme"); err == nil && len(all) > 0 {
			err = s.RevokeKey(ctx, "acme", all[rand.N(len(all))].ID)
		}
	}
	return err
}

func TestWhatIsDoneToAQueueIsOnRecord(t *testing.T) {
	b, anonymous := start(t)
	s := anonymous.As(auditor)
	must(t)(s.PutQueue(t.Context(), "acme", line("q")))
	again := line("q")
	again.Name = "renamed"
	must(t)(s.PutQueue(t.Context(), "acme", again))
	must(t)(s.DeleteQueue(t.Context(), "acme", "q"))
	all := kept(t, b, "acme")[1:] // without that of the owner
	want := []string{"create queues q", "change queues q", "delete queues q"}
	if got := strings.Join(acts(all), ", "); got != strings.Join(want, ", ") {
		t.Errorf("%s", got)
	}
	if len(all) == 3 && (all[0].After == "" || all[0].After != all[1].Before || all[1].After != all[2].Before || all[2].Resource != string(access.Queues)) {
		t.Errorf("no chain of hashes: %+v", all)
	}
}
