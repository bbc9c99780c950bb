package store_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
)

const (
	processes = 4
	writers   = 16 // per process
	rounds    = 6
)

// crowd runs 64 writers in 4 processes. A refusal is part of the game; any
// other failure is not.
func crowd(t *testing.T, b *bench, write func(ctx context.Context, s *store.Store, n int) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var accepted, refusedN atomic.Int64
	var wg sync.WaitGroup
	for p := range processes {
		s := b.another(t)
		for w := range writers {
			wg.Go(func() {
				for range rounds {
					switch err := write(ctx, s, p*writers+w); fault.KindOf(err) {
					case fault.Invalid, fault.Conflict, fault.NotFound:
						refusedN.Add(1)
					default:
						if err != nil {
							t.Error(err)
							return
						}
						accepted.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	t.Logf("%d accepted, %d refused", accepted.Load(), refusedN.Load())
	if accepted.Load() < 20 || refusedN.Load() == 0 {
		t.Error("the crowd did not meet: the test shows nothing")
	}
}

func TestConcurrentWritersNeverBreakAReference(t *testing.T) {
	b, s := start(t)
	must(t)(s.PutSMTP(t.Context(), "acme", mail("m0")))
	types(t, s, "billing")
	crowd(t, b, func(ctx context.Context, s *store.Store, _ int) error {
		return reference(ctx, s)
	})
	st, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	checkReferences(t, st)
}

// reference makes or deletes something that others may use.
func reference(ctx context.Context, s *store.Store) error {
	var err error
	e, h := name("e", rand.N(2)), name("h", rand.N(2))
	switch rand.N(9) {
	case 0:
		c := canned(e)
		c.SMTP = name("m", rand.N(2))
		_, err = s.PutEmail(ctx, "acme", c)
	case 1:
		_, err = s.DeleteEmail(ctx, "acme", e)
	case 2:
		_, err = s.PutSubscription(ctx, "acme", emailing(name("s", rand.N(3)), e))
	case 3:
		_, err = s.DeleteSubscription(ctx, "acme", name("s", rand.N(3)))
	case 4:
		_, err = s.PutEndpoint(ctx, "acme", hook(h))
	case 5:
		_, err = s.DeleteEndpoint(ctx, "acme", h)
	case 6:
		_, err = s.PutSubscription(ctx, "acme", webhook(name("s", rand.N(3)), h))
	case 7:
		_, err = s.PutSMTP(ctx, "acme", mail("m1"))
		if err == nil && rand.N(2) == 0 {
			_, err = s.DeleteSMTP(ctx, "acme", "m1")
		}
	default:
		c := canned(e)
		c.Active = new(rand.N(2) == 0)
		_, err = s.PutEmail(ctx, "acme", c)
	}
	return err
}

func checkReferences(t *testing.T, st *setup.Setup) {
	for _, sub := range st.Subscriptions {
		switch {
		case sub.Deleted:
		case sub.Webhook != nil && st.Endpoints[sub.Webhook.Endpoint] == nil:
			t.Errorf("subscription %s uses endpoint %s, which is gone", sub.ID, sub.Webhook.Endpoint)
		case sub.Email != nil && st.Emails[sub.Email.CannedEmail] == nil:
			t.Errorf("subscription %s uses canned email %s, which is gone", sub.ID, sub.Email.CannedEmail)
		case sub.Email != nil && !st.Emails[sub.Email.CannedEmail].Enabled():
			t.Errorf("subscription %s uses canned email %s, which is inactive", sub.ID, sub.Email.CannedEmail)
		}
	}
	for _, e := range st.Emails {
		if _, ok := st.SMTP.Choose(e.SMTP); !ok {
			t.Errorf("canned email %s uses SMTP settings %q, which are gone", e.ID, e.SMTP)
		}
	}
}

func TestConcurrentWritersLeaveOneContactPerTypeAndNoneOfADeletedType(t *testing.T) {
	b, s := start(t)
	types(t, s, "t0", "t1")
	crowd(t, b, func(ctx context.Context, s *store.Store, n int) error {
		var err error
		switch rand.N(4) {
		case 0:
			_, err = s.DeleteContactType(ctx, "acme", name("t", rand.N(2)))
		case 1:
			_, err = s.PutContactType(ctx, "acme", account.ContactType{ID: name("t", rand.N(2)), Name: "T", Base: account.Other})
		case 2:
			_, err = s.DeleteAccount(ctx, "acme", name("a", rand.N(3)))
		default:
			a := account.Account{ID: name("a", rand.N(3)), Name: "A"}
			for i := range 2 {
				a.Contacts = append(a.Contacts, account.Contact{ID: name("c", i), Type: name("t", rand.N(2)), FirstName: name("w", n)})
			}
			_, err = s.PutAccount(ctx, "acme", a)
		}
		return err
	})
	st, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		a, err := s.Account(t.Context(), "acme", name("a", i))
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if p := a.Check(st.ContactTypes); len(p) > 0 {
			t.Errorf("account %s: %v", a.ID, p)
		}
	}
}

func TestConcurrentContactsOfOneTypeAreTakenOnce(t *testing.T) {
	b, s := start(t)
	accepted := make(chan string, processes*writers)
	types(t, s, "billing")
	must(t)(s.PutAccount(t.Context(), "acme", account.Account{ID: "a", Name: "A"}))
	var wg sync.WaitGroup
	for n := range processes * writers {
		if n%writers == 0 {
			s = b.another(t)
		}
		of := s // its own process
		wg.Go(func() {
			id := name("c", n)
			_, err := of.PutContact(t.Context(), "acme", account.ContactDocument{Account: "a", Contact: account.Contact{ID: id, Type: "billing"}})
			switch fault.KindOf(err) {
			case fault.Invalid:
			default:
				if err != nil {
					t.Error(err)
				}
				accepted <- id
			}
		})
	}
	wg.Wait()
	close(accepted)
	var taken []string
	for id := range accepted {
		taken = append(taken, id)
	}
	a, err := s.Account(t.Context(), "acme", "a")
	if err != nil {
		t.Fatal(err)
	}
	if len(taken) != 1 || len(a.Contacts) != 1 || a.Contacts[0].ID != taken[0] {
		t.Errorf("%v were told that they are the contact; it is %v", taken, a.Contacts)
	}
}

func TestAMergeOfConcurrentWritersLosesNone(t *testing.T) {
	b, s := start(t)
	var wg sync.WaitGroup
	for p := range processes {
		s := b.another(t)
		for w := range writers {
			wg.Go(func() {
				for fault.KindOf(putType(t.Context(), s, p*writers+w)) == fault.Conflict {
				}
			})
		}
	}
	wg.Wait()
	st, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for n := range processes * writers {
		if !slices.ContainsFunc(st.ContactTypes.Types, func(c account.ContactType) bool { return c.ID == name("t", n) }) {
			t.Errorf("contact type %d was lost", n)
		}
	}
}

func putType(ctx context.Context, s *store.Store, n int) error {
	_, err := s.PutContactType(ctx, "acme", account.ContactType{ID: name("t", n), Name: "T", Base: account.Other})
	return err
}
