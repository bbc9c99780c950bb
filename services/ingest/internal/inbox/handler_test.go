package inbox_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/inbox"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/tokens"
)

// world stands for what the handler asks.
type world struct {
	owners, accounts error
	quotas           owner.Quotas
}

func (w *world) Owner(_ context.Context, id string) (owner.Owner, error) {
	return owner.Owner{ID: id, Quotas: w.quotas}, w.owners
}

func (w *world) Get(context.Context, string, string) (*account.Account, error) {
	return &account.Account{ID: "A-1", Name: "Northwind"}, w.accounts
}

func handler(t testing.TB, w *world) *inbox.Handler {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return inbox.New(3, inbox.Deps{Owners: w, Admission: admission.New(rules.New(c), w), Logger: zerolog.Nop()})
}

func message(seq uint64) cursor.Message {
	return cursor.Message{
		Subject: "inbox.3.platform.acme.invoice.posted", Seq: seq, Time: time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC),
		Data: []byte(`{"id":"e1","time":"2026-11-23T14:05:00Z","account":"A-1","data":{"Invoice.Total":"12.50"}}`),
	}
}

func TestEventIsWrittenInsideTheFenceUnderItsOwnersId(t *testing.T) {
	steps, err := handler(t, &world{}).Handle(t.Context(), &cursor.Session{}, []cursor.Message{message(1)})
	if err != nil {
		t.Fatal(err)
	}
	out := steps[0].Outputs[0]
	if out.Subject != "events.3.acme.invoice.posted" || out.MsgID != "acme/e1" {
		t.Errorf("%s %s", out.Subject, out.MsgID)
	}
	e, err := event.Decode(out.Data)
	if err != nil || e.Data.Text("Account.Name") != "Northwind" || e.Data.Text("Invoice.Total") != "12.50" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestWhatCannotBeDecidedNowIsTriedAgainAndNeverRefused(t *testing.T) {
	down := fault.New(fault.Unavailable, "read", "bucket", errors.New("no responders"))
	for name, w := range map[string]*world{"owners": {owners: down}, "accounts": {accounts: down}} {
		h := handler(t, w)
		if _, err := h.Handle(t.Context(), &cursor.Session{}, []cursor.Message{message(1)}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s down: %v", name, err)
		}
		w.owners, w.accounts = nil, nil
		if steps, err := h.Handle(t.Context(), &cursor.Session{}, []cursor.Message{message(1)}); err != nil || len(steps[0].Outputs) != 1 {
			t.Errorf("%s up again: %v, %v", name, steps, err)
		}
	}
}

func TestMessageThatIsHandledAgainIsCountedOnce(t *testing.T) {
	w := &world{quotas: owner.Quotas{EventsPerDay: 2}, accounts: fault.New(fault.Unavailable, "read", "bucket", nil)}
	h := handler(t, w)
	msgs := []cursor.Message{message(1), message(2)}
	for range 5 {
		if _, err := h.Handle(t.Context(), &cursor.Session{}, msgs); err == nil {
			t.Fatal("handled")
		}
	}
	w.accounts = nil
	steps, err := h.Handle(t.Context(), &cursor.Session{}, msgs)
	if err != nil || len(steps[0].Outputs) != 1 || len(steps[1].Outputs) != 1 {
		t.Errorf("%v, %v", steps, err)
	}
}

// What one partition's cursor can take in, without the broker.
func BenchmarkHandle(b *testing.B) {
	h := handler(b, &world{})
	msgs := make([]cursor.Message, 500)
	for i := range msgs {
		msgs[i] = message(uint64(i + 1))
		msgs[i].Data = []byte(strings.Replace(string(msgs[i].Data), "{\"Invoice", "{\"Invoice.Number\":\"2026-0001\",\"Account.DisplayName\":\"Northwind\",\"Invoice", 1))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Handle(b.Context(), &cursor.Session{}, msgs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*500/b.Elapsed().Seconds(), "events/s")
}
