package directory_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

func buckets() []string {
	return []string{topology.Owners, topology.ContactTypes, topology.SMTP, topology.Emails, topology.Endpoints, topology.Subscriptions, topology.Queues}
}

func start(t *testing.T) (*natstest.Server, jetstream.JetStream) {
	t.Helper()
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return srv, js
}

func watch(t *testing.T, js jetstream.JetStream) *directory.Directory {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.Watch(ctx, directory.Settings{JetStream: js, Buckets: buckets(), Catalogue: catalogue, Logger: zerolog.New(zerolog.NewTestWriter(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// write puts a value whatever is there, nil deletes it.
func write(t *testing.T, b *bucket.Bucket, key string, value any) uint64 {
	t.Helper()
	e, err := b.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if value == nil {
		revision, err := b.Delete(t.Context(), key, e.Revision)
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	revision, err := b.Put(t.Context(), key, data, e.Revision)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// until waits for a condition that a change of the directory brings about.
func until(t *testing.T, d *directory.Directory, what string, met func() bool) {
	t.Helper()
	changes, end := d.Changes()
	defer end()
	deadline := time.After(2 * time.Minute)
	for !met() {
		select {
		case <-changes:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func sub(id string) *subscription.Subscription {
	return &subscription.Subscription{
		Spec: subscription.Spec{ID: id}, Revision: 1,
		Versions: []subscription.Version{{Revision: 1, FromSeq: 7}},
	}
}

func TestWatchReturnsWithEveryValue(t *testing.T) {
	_, js := start(t)
	write(t, bucket.Open(js, topology.Owners), "acme", owner.Owner{ID: "acme", Name: "Acme"})
	write(t, bucket.Open(js, topology.Subscriptions), "acme.gone", sub("gone"))
	write(t, bucket.Open(js, topology.Subscriptions), "acme.gone", nil)
	last := write(t, bucket.Open(js, topology.Subscriptions), "acme.s", sub("s"))
	d := watch(t, js)
	s := d.Owner("acme")
	if s.Owner == nil || s.Owner.Name != "Acme" {
		t.Errorf("owner = %+v", s.Owner)
	}
	if len(s.Subscriptions) != 1 || s.Subscriptions["s"].Stored != last {
		t.Errorf("subscriptions = %+v", s.Subscriptions)
	}
	if v, ok := s.Subscriptions["s"].VersionAt(8); !ok || v.Spec.ID != "s" {
		t.Errorf("version = %+v", v)
	}
	if d.Revision() != last || s.Revision != last {
		t.Errorf("revisions %d and %d, want %d", d.Revision(), s.Revision, last)
	}
	if d.Owner("nobody") == nil || d.Owner("nobody").Owner != nil {
		t.Error("an unknown owner has no empty snapshot")
	}
}

func TestASnapshotNeverChangesAndOthersStay(t *testing.T) {
	_, js := start(t)
	write(t, bucket.Open(js, topology.Subscriptions), "acme.a", sub("a"))
	write(t, bucket.Open(js, topology.Subscriptions), "other.a", sub("a"))
	d := watch(t, js)
	before, other := d.Owner("acme"), d.Owner("other")
	write(t, bucket.Open(js, topology.Subscriptions), "acme.b", sub("b"))
	until(t, d, "b appears", func() bool { return len(d.Owner("acme").Subscriptions) == 2 })
	write(t, bucket.Open(js, topology.Subscriptions), "acme.a", nil)
	until(t, d, "a goes", func() bool { return d.Owner("acme").Subscriptions["a"] == nil })
	if len(before.Subscriptions) != 1 || before.Subscriptions["a"] == nil {
		t.Errorf("the old snapshot changed: %v", before.Subscriptions)
	}
	if d.Owner("other") != other {
		t.Error("another owner's snapshot was replaced")
	}
}

func TestAValueThatCannotBeReadLeavesTheFormer(t *testing.T) {
	_, js := start(t)
	write(t, bucket.Open(js, topology.Owners), "acme", owner.Owner{ID: "acme", Name: "Acme"})
	d := watch(t, js)
	write(t, bucket.Open(js, topology.Owners), "acme", "no object")
	write(t, bucket.Open(js, topology.Owners), "b", owner.Owner{ID: "b"})
	until(t, d, "b appears", func() bool { return d.Owner("b").Owner != nil })
	if o := d.Owner("acme").Owner; o == nil || o.Name != "Acme" {
		t.Errorf("owner = %+v", o)
	}
}

func TestTheDirectoryCatchesUpAfterABrokerRestart(t *testing.T) {
	srv, js := start(t)
	write(t, bucket.Open(js, topology.Owners), "acme", owner.Owner{ID: "acme", Name: "before"})
	d := watch(t, js)
	srv.Restart(t)
	if d.Owner("acme").Owner.Name != "before" {
		t.Error("the snapshot went with the broker")
	}
	began := time.Now()
	writer := srv.JetStream(t)
	write(t, bucket.Open(writer, topology.Owners), "acme", owner.Owner{ID: "acme", Name: "after"})
	until(t, d, "the change arrives", func() bool { return d.Owner("acme").Owner.Name == "after" })
	t.Logf("caught up after %s", time.Since(began))
}

func TestWatchEndsWithItsContextWhenABucketIsMissing(t *testing.T) {
	js := natstest.Start(t).JetStream(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := directory.Watch(ctx, directory.Settings{JetStream: js, Buckets: buckets(), Logger: zerolog.Nop()}); err == nil {
		t.Fatal("no error")
	}
}

func TestATemplateThatCameByAnotherWayIsFoundBroken(t *testing.T) {
	_, js := start(t)
	mailing := func(id, emailID string) *subscription.Subscription {
		s := sub(id)
		s.Spec.Events, s.Spec.Channel = []string{"invoice.posted"}, delivery.Email
		s.Spec.Email = &subscription.Email{CannedEmail: emailID}
		return s
	}
	post := sub("hook")
	post.Spec.Events, post.Spec.Channel = []string{"invoice.posted"}, delivery.Webhook
	post.Spec.Webhook = &subscription.Webhook{Endpoint: "e", Path: "/{{Contact.Email}}"}
	write(t, bucket.Open(js, topology.Emails), "acme.killer", email.Canned{Spec: email.Spec{ID: "killer", Subject: "x", Text: "{{#if t}}{{if t}}{{/if}}"}})
	write(t, bucket.Open(js, topology.Emails), "acme.stranger", email.Canned{Spec: email.Spec{ID: "stranger", Subject: "{{BillRun.Name}}", Text: "x"}})
	write(t, bucket.Open(js, topology.Emails), "acme.good", email.Canned{Spec: email.Spec{ID: "good", Subject: "{{Invoice.Number}}", Text: "x"}})
	for _, s := range []*subscription.Subscription{mailing("k", "killer"), mailing("s", "stranger"), mailing("g", "good"), post} {
		write(t, bucket.Open(js, topology.Subscriptions), "acme."+s.ID, s)
	}
	for token, id := range map[string]string{"Invoice.Total": "ledger", "BillRun.Name": "odd"} {
		write(t, bucket.Open(js, topology.Queues), "acme."+id, queue.Queue{Spec: queue.Spec{
			ID: id, Events: []string{"invoice.posted"}, Filter: filter.Spec{token: {{Op: filter.Exists, Present: true}}},
		}})
	}
	d := watch(t, js)
	for _, row := range []struct {
		bucket, id string
		broken     bool
	}{
		{topology.Emails, "killer", true},
		{topology.Emails, "stranger", false}, // by itself it is a fine email
		{topology.Emails, "good", false},
		{topology.Subscriptions, "k", true},
		{topology.Subscriptions, "s", true},
		{topology.Subscriptions, "g", false},
		{topology.Subscriptions, "hook", true},
		{topology.Queues, "ledger", false},
		{topology.Queues, "odd", true},
	} {
		for range 2 {
			if p := d.Owner("acme").Broken(row.bucket, row.id); (len(p) > 0) != row.broken {
				t.Errorf("%s %s: %v", row.bucket, row.id, p)
			}
		}
	}
	write(t, bucket.Open(js, topology.Emails), "acme.killer", email.Canned{Spec: email.Spec{ID: "killer", Subject: "x", Text: "mended"}})
	until(t, d, "the email is mended", func() bool { return d.Owner("acme").Emails["killer"].Text == "mended" })
	if p := d.Owner("acme").Broken(topology.Subscriptions, "k"); len(p) > 0 {
		t.Errorf("mended, and still broken: %v", p)
	}
}
