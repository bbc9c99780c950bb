package harness

import (
	"testing"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission/permissiontest"
)

// Broker starts a NATS server with the accounts and users of the generated
// production configuration: the operator, one user per service, and a publisher
// for each of the owners.
func Broker(t testing.TB, owners ...string) *natstest.Server {
	t.Helper()
	return natstest.Start(t, natstest.WithConfig(t, permissiontest.Config(owners...)))
}

// Env returns the environment by which a process connects as a user. What listens
// does so on a free port: several tests may run one.
func Env(s *natstest.Server, name string) []string {
	env := []string{"NATS_URL=" + s.URL, "NATS_USER=" + name, "NATS_PASSWORD=" + permissiontest.Password}
	for _, of := range []string{"CONSOLE", "INGEST", "QUEUE"} {
		env = append(env, of+"_HTTP_ADDR=127.0.0.1:0")
	}
	return env
}
