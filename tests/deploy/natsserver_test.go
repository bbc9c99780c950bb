package deploy_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/topology"
)

func everybody() []string { return append(permission.Services(), permission.Operator) }

// passwordOf is another one for each user, of digits: in the quotes that
// compose.yaml puts around them such must work too.
func passwordOf(user string) string { return fmt.Sprintf("1%d", len(user)*7919) + "0" }

// options reads the shipped configuration as a server does.
func options(t *testing.T) *server.Options {
	t.Helper()
	for _, u := range everybody() {
		t.Setenv(permission.PasswordVariable(u), `"`+passwordOf(u)+`"`)
	}
	opts, err := server.ProcessConfigFile(filepath.Join(root, "deploy/nats-server.conf"))
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

func TestTheServersUsersAreThoseOfTheTable(t *testing.T) {
	opts := options(t)
	var names []string
	for _, u := range opts.Users {
		names = append(names, u.Username)
		want := permission.Of(u.Username)
		if u.Username == permission.Operator {
			want = permission.All()
		}
		p := u.Permissions
		got := permission.Set{Publish: p.Publish.Allow, Subscribe: p.Subscribe.Allow}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("permissions of %s (-table +server):\n%s", u.Username, d)
		}
		if len(p.Publish.Deny)+len(p.Subscribe.Deny) > 0 || p.Response != nil {
			t.Errorf("%s has permissions of another kind: %+v", u.Username, p)
		}
		if u.Password != passwordOf(u.Username) {
			t.Errorf("the password of %s is not the one in %s", u.Username, permission.PasswordVariable(u.Username))
		}
		if u.Account == nil || u.Account.Name != permission.Account {
			t.Errorf("%s is in account %v", u.Username, u.Account)
		}
	}
	want := everybody()
	slices.Sort(names)
	slices.Sort(want)
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("users:\n%s", d)
	}
	if !opts.JetStream || !opts.SyncAlways || opts.StoreDir != "/var/lib/nats" || opts.MaxPayload != 8<<20 {
		t.Errorf("JetStream %v, sync always %v, store %q, payload %d", opts.JetStream, opts.SyncAlways, opts.StoreDir, opts.MaxPayload)
	}
}

func TestTheServerStartsWithTheConfigurationAndKeepsToIt(t *testing.T) {
	opts := options(t)
	opts.Host, opts.Port, opts.StoreDir, opts.NoLog, opts.NoSigs = "127.0.0.1", server.RANDOM_PORT, t.TempDir(), true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server is not ready")
	}
	if nc, err := nats.Connect(s.ClientURL()); err == nil {
		nc.Close()
		t.Error("somebody without credentials got in")
	}
	operator, _ := login(t, s, permission.Operator)
	js, err := jetstream.New(operator)
	if err != nil {
		t.Fatal(err)
	}
	if err := topology.Ensure(t.Context(), js, topology.Defaults()); err != nil {
		t.Fatalf("the operator cannot make the streams: %v", err)
	}
	for _, user := range permission.Services() {
		nc, denied := login(t, s, user)
		for _, subject := range []string{"$JS.API.STREAM.DELETE." + topology.Events, "$JS.API.STREAM.UPDATE." + topology.Events} {
			if err := nc.Publish(subject, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			select {
			case <-denied:
			case <-time.After(time.Minute):
				t.Errorf("%s was not denied what only the operator may do", user)
			}
		}
	}
}

// login connects as a user and tells when something is denied to it.
func login(t *testing.T, s *server.Server, user string) (*nats.Conn, <-chan struct{}) {
	t.Helper()
	denied := make(chan struct{}, 10)
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(user, passwordOf(user)), nats.CustomInboxPrefix(permission.InboxPrefix(user)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				denied <- struct{}{}
			}
		}))
	if err != nil {
		t.Fatalf("%s: %v", user, err)
	}
	t.Cleanup(nc.Close)
	if _, err := nats.Connect(s.ClientURL(), nats.UserInfo(user, strings.Repeat("1", 9))); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("%s got in with a wrong password: %v", user, err)
	}
	return nc, denied
}
