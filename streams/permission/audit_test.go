package permission

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

// TestWhoKeepsTheRecordCannotRemoveFromIt has a user with nothing but the grant
// keep and read entries, and then try to be rid of them.
func TestWhoKeepsTheRecordCannotRemoveFromIt(t *testing.T) {
	const keeper = "keeper"
	var users strings.Builder
	writeUser(&users, Operator, All())
	writeUser(&users, keeper, grant{}.audits().set(keeper))
	t.Setenv(PasswordVariable(Operator), Operator)
	t.Setenv(PasswordVariable(keeper), keeper)
	srv := natstest.Start(t, natstest.WithConfig(t, "accounts { A { jetstream: enabled, users: ["+users.String()+"] } }"))
	operator := srv.JetStream(t, nats.UserInfo(Operator, Operator))
	topologytest.Ensure(t, operator, topologytest.WithPartitions(1))
	denied := make(chan error, 16)
	js := srv.JetStream(t, nats.UserInfo(keeper, keeper), nats.CustomInboxPrefix(InboxPrefix(keeper)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	e := &audit.Entry{Owner: "acme", ID: "kept"}
	if err := errors.Join(audit.Change(t.Context(), js, e, 0), audit.Deed(t.Context(), js, e)); err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{"STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.DELETE", "STREAM.UPDATE"} {
		if err := js.Conn().Publish(api(request, topology.Audit), []byte(`{"seq":1}`)); err != nil {
			t.Fatal(err)
		}
		if err := <-denied; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", request, err)
		}
	}
	found, _, err := audit.List(t.Context(), js, audit.Query{Owner: "acme"})
	if err != nil || len(found) != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}
