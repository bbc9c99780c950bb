package harness

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
)

// password is every user's: what a user may do is what is tested, not whether
// its password is good.
const password = "only-for-tests"

// Broker starts a NATS server with the accounts and users of the generated
// production configuration: the operator, one user per service, and a publisher
// for each of the owners.
func Broker(t testing.TB, owners ...string) *natstest.Server {
	t.Helper()
	return natstest.Start(t, natstest.WithConfig(t, Accounts(owners...)))
}

// Accounts returns the accounts and users of [Broker] as configuration.
func Accounts(owners ...string) string {
	config := permission.ServerConfig(owners...)
	users := append(permission.Services(), permission.Operator)
	for _, o := range owners {
		users = append(users, permission.PublisherUser(o))
	}
	for _, u := range users {
		config = strings.ReplaceAll(config, "$"+permission.PasswordVariable(u)+"\n", password+"\n")
	}
	return config
}

// As returns the options that connect as a user of [Broker].
func As(name string) []nats.Option {
	return []nats.Option{nats.UserInfo(name, password), nats.CustomInboxPrefix(permission.InboxPrefix(name))}
}

// Env returns the environment by which a process connects as a user. What listens
// does so on a free port: several tests may run one.
func Env(s *natstest.Server, name string) []string {
	env := []string{"NATS_URL=" + s.URL, "NATS_USER=" + name, "NATS_PASSWORD=" + password}
	for _, of := range []string{"CONSOLE", "INGEST", "QUEUE"} {
		env = append(env, of+"_HTTP_ADDR=127.0.0.1:0")
	}
	return env
}
