package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/keys"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

// whole makes every stream, and gives acme and other one of everything that an
// owner may have. It returns the text of a key of acme.
func whole(t *testing.T) (*bench, *store.Store, secret.Text) {
	t.Helper()
	b, s := start(t)
	topologytest.Ensure(t, b.js)
	var key secret.Text
	for _, of := range []string{"other", "acme"} {
		must(t)(s.PutOwner(t.Context(), owner.Owner{ID: of, Name: of}))
		must(t)(s.PutContactType(t.Context(), of, account.ContactType{ID: "billing", Name: "Billing", Base: account.Billing}))
		must(t)(s.PutAccount(t.Context(), of, account.Account{ID: "A-1", Name: "Northwind"}))
		must(t)(s.PutSMTP(t.Context(), of, mail("main")))
		must(t)(s.PutEmail(t.Context(), of, canned("mail")))
		must(t)(s.PutEndpoint(t.Context(), of, hook("erp")))
		sub := webhook("line", "erp")
		sub.Order = subscription.Ordered
		must(t)(s.PutSubscription(t.Context(), of, sub))
		must(t)(s.PutSubscription(t.Context(), of, emailing("letter", "mail")))
		must(t)(s.PutQueue(t.Context(), of, line("ledger")))
		must(t)(s.Pause(t.Context(), control.Place{Owner: of, Subscription: "line"}))
		var err error
		if _, key, err = s.CreateKey(t.Context(), of, apikey.Key{Role: apikey.Admin}); err != nil {
			t.Fatal(err)
		}
		b.writeAsServices(t, of)
	}
	return b, s, key
}

// writeAsServices writes what services keep of an owner.
func (b *bench) writeAsServices(t *testing.T, of string) {
	t.Helper()
	series := subject.Series{Channel: delivery.Webhook, Slot: 3, Owner: of, Subscription: "line"}
	for name, key := range map[string]string{
		topology.Invoices: of + ".A-1.i", topology.EndpointState: of + ".erp", topology.Suppressions: of + ".h",
		topology.Answers: of + ".h", topology.Series: series.Key(),
	} {
		e, err := bucket.Open(b.js, name).Get(t.Context(), key)
		if err == nil && !e.Exists() {
			_, err = bucket.Open(b.js, name).Put(t.Context(), key, []byte("{}"), e.Revision)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.js.Publish(t.Context(), subject.HeadKept(delivery.Webhook, of, "line", "dlv_1"), []byte("bytes")); err != nil {
		t.Fatal(err)
	}
}

// has lists where there is something of an owner: the streams of buckets, and
// RETRIES.
func (b *bench) has(t *testing.T, of string) []string {
	t.Helper()
	var out []string
	names := []string{topology.Retries}
	for _, c := range topology.Buckets(topology.Defaults()) {
		if c.Name != topology.BucketStream(topology.Ledgers) { // it says that the owner is closed
			names = append(names, c.Name)
		}
	}
	for _, name := range names {
		s, err := b.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := s.Info(t.Context(), jetstream.WithSubjectFilter(">"))
		if err != nil {
			t.Fatal(err)
		}
		for at := range info.State.Subjects {
			if !slices.Contains(strings.Split(at, "."), of) {
				continue
			}
			m, err := s.GetLastMsgForSubject(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if m.Header.Get("KV-Operation") == "" {
				out = append(out, at)
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestAnOwnerThatHasSomethingIsDeletedOnlyWithAllOfIt(t *testing.T) {
	b, s, _ := whole(t)
	before, others := b.has(t, "acme"), b.has(t, "other")
	if len(before) != 17 {
		t.Fatalf("not one of everything: %d %v", len(before), before)
	}
	held, err := s.DeleteOwner(t.Context(), "acme", false)
	refused(t, err, fault.Conflict, "/endpoints", "owner.in_use")
	refused(t, err, fault.Conflict, "/queues", "owner.in_use")
	refused(t, err, fault.Conflict, "/api-keys", "owner.in_use")
	if got := b.has(t, "acme"); !slices.Equal(got, before) || held.Endpoints != 1 {
		t.Errorf("%+v, left %v", held, got)
	}
	want := store.Holdings{Accounts: 1, ContactTypes: 1, SMTPSettings: 1, CannedEmails: 1, Endpoints: 1, Subscriptions: 2, Queues: 1, APIKeys: 1, Remembered: 1}
	if held, err = s.DeleteOwner(t.Context(), "acme", true); err != nil || held != want {
		t.Errorf("%+v %v", held, err)
	}
	if got := b.has(t, "acme"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	if got := b.has(t, "other"); !slices.Equal(got, others) {
		t.Errorf("of another owner is left %v, was %v", got, others)
	}
	_, err = s.DeleteOwner(t.Context(), "acme", true)
	refused(t, err, fault.NotFound)
	_, err = s.DeleteOwner(t.Context(), "nobody", true)
	refused(t, err, fault.NotFound)
	all := kept(t, b, "acme")
	if last := all[len(all)-1]; last.Verb != "delete" || last.Resource != "owners" || last.Before == "" || !strings.Contains(last.Detail, "subscriptions: 2") {
		t.Errorf("on record: %+v", last)
	}
}

func TestAnOwnerThatHasNothingIsDeletedWithoutMore(t *testing.T) {
	b, s, _ := whole(t)
	must(t)(s.PutOwner(t.Context(), owner.Owner{ID: "empty", Name: "Empty"}))
	must(t)(s.PutEndpoint(t.Context(), "empty", hook("erp")))
	must(t)(s.DeleteEndpoint(t.Context(), "empty", "erp"))
	if _, err := s.On(store.Condition{Revision: 9999}).DeleteOwner(t.Context(), "empty", false); !errors.Is(err, store.ErrRevision) {
		t.Error(err)
	}
	if held, err := s.DeleteOwner(t.Context(), "empty", false); err != nil || held != (store.Holdings{}) {
		t.Errorf("%+v %v", held, err)
	}
	if got := b.has(t, "empty"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

// A deletion dies after each of its messages; the next one goes on, and between
// them nothing is accepted for the owner.
func TestADeletionThatDiesAnywhereIsFinishedByTheNext(t *testing.T) {
	b, s, _ := whole(t)
	for n := int64(0); ; n++ {
		id := fmt.Sprintf("acme%d", n)
		must(t)(s.PutOwner(t.Context(), owner.Owner{ID: id, Name: id}))
		must(t)(s.PutEndpoint(t.Context(), id, hook("erp")))
		must(t)(s.PutSubscription(t.Context(), id, webhook("line", "erp")))
		must(t)(s.PutAccount(t.Context(), id, account.Account{ID: "A-1", Name: "Northwind"}))
		d := b.deps
		left := new(atomic.Int64)
		left.Store(n)
		d.JetStream = failing{b.js, left}
		_, err := store.New(d).DeleteOwner(t.Context(), id, true)
		if err == nil && n > 3 {
			return // it lived
		}
		_, refusal := s.PutEndpoint(t.Context(), id, hook("late"))
		if closed := fault.KindOf(refusal) == fault.NotFound; closed != (n > 0) {
			t.Errorf("after %d messages: %v", n, refusal)
		}
		if _, refusal = s.PutOwner(t.Context(), owner.Owner{ID: id, Name: id}); errors.Is(refusal, store.ErrReserved) != (n > 0) {
			t.Errorf("after %d messages: %v", n, refusal)
		}
		if _, err := s.DeleteOwner(t.Context(), id, true); err != nil {
			t.Errorf("after %d messages: %v", n, err)
		}
		if left := b.has(t, id); len(left) > 0 {
			t.Errorf("after %d messages is left %v", n, left)
		}
	}
}

// Whatever is written at the same time, nothing is left of it.
func TestWhoWritesDuringADeletionLeavesNothing(t *testing.T) {
	b, s, _ := whole(t)
	var writers sync.WaitGroup
	began := make(chan struct{}, 100)
	for w := range 4 {
		other := b.another(t)
		writers.Go(func() {
			for n := 0; ; n++ {
				_, err := other.PutEndpoint(t.Context(), "acme", hook(fmt.Sprintf("e%d-%d", w, n)))
				began <- struct{}{}
				if fault.KindOf(err) == fault.NotFound {
					return
				}
				if err != nil && fault.KindOf(err) != fault.Conflict {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		writers.Wait()
		close(began)
	}()
	for range 12 {
		<-began
	}
	deleted := make(chan error, 1)
	go func() {
		for {
			_, err := s.DeleteOwner(t.Context(), "acme", true)
			if fault.KindOf(err) != fault.Conflict { // else they were first too often
				deleted <- err
				return
			}
		}
	}()
	for range began { // until every writer was refused
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if left := b.has(t, "acme"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestTheKeysOfADeletedOwnerAreRefused(t *testing.T) {
	b, s, key := whole(t)
	k, err := keys.Open(t.Context(), keys.Settings{JetStream: b.js, Now: time.Now, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Authenticate(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteOwner(t.Context(), "acme", true); err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	for {
		_, err := k.Authenticate(t.Context(), key)
		if fault.KindOf(err) == fault.Denied {
			break
		}
		if time.Since(since) > time.Minute {
			t.Fatalf("the key is still good: %v", err)
		}
	}
}

func TestTheIDIsFreeWhenNothingRemembersTheOwnerAndThenInheritsNothing(t *testing.T) {
	b, s, _ := whole(t)
	if _, err := s.DeleteOwner(t.Context(), "acme", true); err != nil {
		t.Fatal(err)
	}
	b.writeAsServices(t, "acme") // by one that heard of it late
	again := owner.Owner{ID: "acme", Name: "Acme II"}
	later := func(days int) *store.Store {
		d := b.deps
		d.Now = func() time.Time { return time.Now().Add(time.Duration(days) * 24 * time.Hour) }
		return store.New(d)
	}
	for _, days := range []int{0, 91, 729} {
		_, err := later(days).PutOwner(t.Context(), again)
		if refused(t, err, fault.Conflict); !errors.Is(err, store.ErrReserved) {
			t.Errorf("after %d days: %v", days, err)
		}
		if _, _, err := later(days).Draft(t.Context(), "acme"); !errors.Is(err, store.ErrReserved) {
			t.Errorf("a draft after %d days: %v", days, err)
		}
	}
	if _, err := s.PutEndpoint(t.Context(), "acme", hook("erp")); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	must(t)(later(731).PutOwner(t.Context(), again))
	if left := b.has(t, "acme"); len(left) != 1 { // itself
		t.Errorf("inherited: %v", left)
	}
	if held, err := s.Holdings(t.Context(), "acme"); err != nil || held != (store.Holdings{}) {
		t.Errorf("%+v %v", held, err)
	}
	must(t)(s.PutContactType(t.Context(), "acme", account.ContactType{ID: "billing", Name: "Billing", Base: account.Billing}))
	must(t)(s.DeleteContactType(t.Context(), "acme", "billing")) // which reads every account
}
