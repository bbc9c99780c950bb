package harness

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
)

// password is every user's: what a user may do is what is tested, not whether
// its password is good.
const password = "only-for-tests"

// Broker starts a NATS server with the users of production: the operator, one
// user per service, and a publisher for each of the owners.
func Broker(t testing.TB, owners ...string) *natstest.Server {
	t.Helper()
	users := []*server.User{user(permission.Operator, permission.All())}
	for _, s := range permission.Services() {
		users = append(users, user(s, permission.Of(s)))
	}
	for _, o := range owners {
		users = append(users, user(permission.PublisherUser(o), permission.Publisher(o)))
	}
	return natstest.Start(t, natstest.WithUsers(users...), natstest.WithMaxPayload(8<<20))
}

func user(name string, set permission.Set) *server.User {
	return &server.User{Username: name, Password: password, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: set.Publish},
		Subscribe: &server.SubjectPermission{Allow: set.Subscribe},
	}}
}

// As returns the options that connect as a user of [Broker].
func As(name string) []nats.Option {
	return []nats.Option{nats.UserInfo(name, password), nats.CustomInboxPrefix(permission.InboxPrefix(name))}
}

// Env returns the environment by which a process connects as a user.
func Env(s *natstest.Server, name string) []string {
	return []string{"NATS_URL=" + s.URL, "NATS_USER=" + name, "NATS_PASSWORD=" + password}
}
