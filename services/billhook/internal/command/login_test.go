package command_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// keyOf makes an API key and returns its text.
func (a *app) keyOf(t *testing.T, owner, role string) (id, text string) {
	t.Helper()
	out := strings.Fields(a.must(t, "", "keys", "create", "--owner", owner, "--role", role))
	return out[1], out[len(out)-1]
}

func owners(t *testing.T, a *app, names ...string) {
	t.Helper()
	for _, n := range names {
		a.must(t, "kind: owner\nid: "+n+"\nname: "+n+"\n", "apply", "-f", "-")
	}
}

func TestOnlyTheRightCredentialsGetIn(t *testing.T) {
	a := start(t)
	owners(t, a, "acme", "other")
	_, publisher := a.keyOf(t, "acme", "publisher")
	_, viewer := a.keyOf(t, "acme", "viewer")
	all := strings.Fields(a.must(t, "", "keys", "create", "--operator"))
	everybodys := all[len(all)-1]
	password, err := os.ReadFile(filepath.Join(a.data, "operator.password"))
	if err != nil {
		t.Fatal(err)
	}
	operator := strings.TrimSpace(string(password))
	for _, c := range []struct {
		name, user, password string
		in                   bool
	}{
		{"nobody", "", "", false},
		{"the operator", permission.Operator, operator, true},
		{"the operator with another password", permission.Operator, operator[1:], false},
		{"the operator without a password", permission.Operator, "", false},
		{"a service's user, which the all-in-one does not have", permission.Ingest, operator, false},
		{"a publisher with its key", permission.PublisherUser("acme"), publisher, true},
		{"a publisher with another owner's key", permission.PublisherUser("other"), publisher, false},
		{"a publisher with the operator's password", permission.PublisherUser("acme"), operator, false},
		{"a publisher with a key that may only read", permission.PublisherUser("acme"), viewer, false},
		{"a publisher with an operator's key", permission.PublisherUser("other"), everybodys, true},
		{"a publisher of every owner with an operator's key", permission.PublisherUser("*"), everybodys, false},
		{"a publisher of no owner with an operator's key", permission.PublisherUser(""), everybodys, false},
		{"the operator with an operator's API key", permission.Operator, everybodys, false},
		{"a publisher of no owner", permission.PublisherUser(""), publisher, false},
		{"a publisher of every owner", permission.PublisherUser("*"), publisher, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := a.login(t, c.user, c.password)
			if c.in && err != nil {
				t.Error(err)
			}
			if !c.in && !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("logged in: %v", err)
			}
		})
	}
	if _, err := nats.Connect(a.nats, nats.Token(operator)); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a guessed token got in: %v", err)
	}
}

func TestAPublisherPublishesForItsOwnerOnly(t *testing.T) {
	a := start(t)
	owners(t, a, "acme", "other")
	_, key := a.keyOf(t, "acme", "publisher")
	nc, err := a.login(t, permission.PublisherUser("acme"), key)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"id":"e1","time":"2026-11-23T09:30:00Z","data":{}}`)
	if _, err := js.Publish(t.Context(), subject.Platform("acme", "bill_run.started"), body); err != nil {
		t.Errorf("its own event was refused: %v", err)
	}
	for name, to := range map[string]string{
		"another owner's":     subject.Platform("other", "bill_run.started"),
		"Billhook's own":      subject.Internal("acme", "bill_run.started"),
		"a bucket's":          topology.BucketKey(topology.Owners, "acme"),
		"the JetStream API's": "$JS.API.STREAM.DELETE." + topology.Events,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if _, err := js.Publish(ctx, to, body); err == nil {
			t.Errorf("published on %s subject", name)
		}
		cancel()
	}
}

func TestARevokedKeyIsShownOutAndNotLetInAgain(t *testing.T) {
	a := start(t)
	owners(t, a, "acme")
	id, key := a.keyOf(t, "acme", "publisher")
	_, other := a.keyOf(t, "acme", "publisher")
	revoked, err := a.login(t, permission.PublisherUser("acme"), key)
	if err != nil {
		t.Fatal(err)
	}
	stays, err := a.login(t, permission.PublisherUser("acme"), other)
	if err != nil {
		t.Fatal(err)
	}
	closed := revoked.StatusChanged(nats.CLOSED)
	a.must(t, "", "keys", "revoke", "--owner", "acme", id)
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Error("a connection lives on after its key was revoked")
	}
	if _, err := a.login(t, permission.PublisherUser("acme"), key); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a revoked key got in: %v", err)
	}
	if err := stays.FlushTimeout(time.Minute); err != nil {
		t.Errorf("another key's connection was ended: %v", err)
	}
}
