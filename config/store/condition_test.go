package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
)

func TestAChangeIsMadeOnWhatWasReadOnly(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	made := must(t)(s.On(store.Condition{Absent: true}).PutEndpoint(ctx, "acme", hook("h")))
	found, err := s.FindEndpoint(ctx, "acme", "h")
	if err != nil || found.Revision != made.Revision || found.Revision == 0 {
		t.Fatalf("found at %d, %v; made at %d", found.Revision, err, made.Revision)
	}
	if diff := cmp.Diff(made.After, any(found.Document), cmp.Comparer(func(a, b endpoint.Header) bool { return a.Name == b.Name })); diff != "" {
		t.Error(diff)
	}
	_, err = s.On(store.Condition{Absent: true}).PutEndpoint(ctx, "acme", hook("h"))
	if refused(t, err, fault.Conflict); !errors.Is(err, store.ErrExists) {
		t.Errorf("err = %v", err)
	}
	same := must(t)(s.On(store.Condition{Revision: found.Revision}).PutEndpoint(ctx, "acme", hook("h")))
	if same.Action != setup.Unchanged || same.Revision != found.Revision {
		t.Errorf("%s at %d", same.Action, same.Revision)
	}
	next := hook("h")
	next.Name = "other"
	changed := must(t)(s.On(store.Condition{Revision: found.Revision}).PutEndpoint(ctx, "acme", next))
	if changed.Revision <= found.Revision {
		t.Errorf("revision %d after %d", changed.Revision, found.Revision)
	}
	stale := s.On(store.Condition{Revision: found.Revision})
	_, put := stale.PutEndpoint(ctx, "acme", hook("h"))
	_, gone := stale.DeleteEndpoint(ctx, "acme", "h")
	for _, err := range []error{put, gone} {
		if refused(t, err, fault.Conflict); !errors.Is(err, store.ErrRevision) {
			t.Errorf("err = %v", err)
		}
	}
	must(t)(s.On(store.Condition{Revision: changed.Revision}).DeleteEndpoint(ctx, "acme", "h"))
	must(t)(s.On(store.Condition{Absent: true}).PutEndpoint(ctx, "acme", hook("h")))
}

func TestEveryResourceIsFoundAtItsRevision(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	types(t, s, "bills")
	must(t)(s.PutSMTP(ctx, "acme", mail("m")))
	must(t)(s.PutEmail(ctx, "acme", canned("e")))
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	sub := must(t)(s.PutSubscription(ctx, "acme", webhook("s", "h")))
	made := must(t)(s.PutQueue(ctx, "acme", line("q")))
	must(t)(s.PutAccount(ctx, "acme", account.Account{ID: "a", Name: "A"}))
	contact := must(t)(s.PutContact(ctx, "acme", account.ContactDocument{Account: "a", Contact: account.Contact{ID: "c", Type: "bills"}}))

	found, err := s.FindSubscription(ctx, "acme", "s")
	if err != nil || found.Revision != sub.Revision || found.Document.ID != "s" {
		t.Errorf("%+v, %v", found, err)
	}
	if q, err := s.FindQueue(ctx, "acme", "q"); err != nil || q.Revision != made.Revision || q.Document.ID != "q" {
		t.Errorf("%+v, %v", q, err)
	}
	at := store.ContactPlace{Owner: "acme", Account: "a", Contact: "c"}
	c, err := s.FindContact(ctx, at)
	if err != nil || c.Revision != contact.Revision || c.Document.ID != "c" {
		t.Errorf("%+v, %v", c, err)
	}
	for name, find := range map[string]func(id string) error{
		"owner":        func(id string) error { _, err := s.FindOwner(ctx, id); return err },
		"contact type": func(id string) error { _, err := s.FindContactType(ctx, "acme", id); return err },
		"smtp":         func(id string) error { _, err := s.FindSMTP(ctx, "acme", id); return err },
		"email":        func(id string) error { _, err := s.FindEmail(ctx, "acme", id); return err },
		"endpoint":     func(id string) error { _, err := s.FindEndpoint(ctx, "acme", id); return err },
		"subscription": func(id string) error { _, err := s.FindSubscription(ctx, "acme", id); return err },
		"queue":        func(id string) error { _, err := s.FindQueue(ctx, "acme", id); return err },
		"account":      func(id string) error { _, err := s.FindAccount(ctx, "acme", id); return err },
		"contact": func(id string) error {
			_, err := s.FindContact(ctx, store.ContactPlace{Owner: "acme", Account: "a", Contact: id})
			return err
		},
	} {
		if err := find("nothing"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.FindEndpoint(ctx, "acme", "*"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a wildcard: %v", err)
	}

	must(t)(s.DeleteContact(ctx, at))
	if _, err := s.DeleteContact(ctx, at); fault.KindOf(err) != fault.NotFound {
		t.Errorf("deleted twice: %v", err)
	}
	a, err := s.FindAccount(ctx, "acme", "a")
	if err != nil || len(a.Document.Contacts) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	must(t)(s.DeleteSubscription(ctx, "acme", "s"))
	if _, err := s.FindSubscription(ctx, "acme", "s"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a deleted subscription: %v", err)
	}
}
