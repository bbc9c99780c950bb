// Package permissiontest is the generated production configuration of a NATS
// server for tests, with a password that they know. It refuses to start a server.
package permissiontest

import (
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/permission"
)

// Password is every user's: what a user may do is what is tested, not whether its
// password is good.
const Password = "only-for-tests"

// Config returns the accounts and users: the operator, one user per service, and
// a publisher for each of the owners.
func Config(owners ...string) string {
	config := permission.ServerConfig(owners...)
	users := append(permission.Services(), permission.Operator)
	for _, o := range owners {
		users = append(users, permission.PublisherUser(o))
	}
	for _, u := range users {
		config = strings.ReplaceAll(config, "$"+permission.PasswordVariable(u)+"\n", Password+"\n")
	}
	return config
}

// As returns the options that connect as a user.
func As(user string) []nats.Option {
	return []nats.Option{nats.UserInfo(user, Password), nats.CustomInboxPrefix(permission.InboxPrefix(user))}
}
