package permission

import (
	"fmt"
	"strings"
)

// ServerConfig returns a configuration file for a nats-server that runs the
// services apart: JetStream that survives a power cut, and one user per
// service with the permissions of the table. Passwords come from the
// environment of the server, NATS_<SERVICE>_PASSWORD. Publishers are the
// owners whose platform gets a user; theirs is NATS_PUBLISHER_<OWNER>_PASSWORD.
func ServerConfig(publishers ...string) string {
	var b strings.Builder
	b.WriteString(`# Generated from the permission table by "billhook nats-config"; do not edit.
# Every password is read from the server's environment.

listen: "0.0.0.0:4222"
max_payload: 8MB

jetstream {
  store_dir: "/var/lib/nats"
  # An acknowledgement means: on disk.
  sync_interval: always
}

authorization {
  users: [
`)
	writeUser(&b, Operator, All())
	for _, s := range Services() {
		writeUser(&b, s, Of(s))
	}
	for _, owner := range publishers {
		writeUser(&b, PublisherUser(owner), Publisher(owner))
	}
	b.WriteString("  ]\n}\n")
	return b.String()
}

func writeUser(b *strings.Builder, user string, set Set) {
	fmt.Fprintf(b, "    {\n      user: %q\n      password: $%s\n      permissions: {\n", user, PasswordVariable(user))
	writeList(b, "publish", set.Publish)
	writeList(b, "subscribe", set.Subscribe)
	b.WriteString("      }\n    }\n")
}

func writeList(b *strings.Builder, name string, subjects []string) {
	fmt.Fprintf(b, "        %s: [\n", name)
	for _, s := range subjects {
		fmt.Fprintf(b, "          %q\n", s)
	}
	b.WriteString("        ]\n")
}

// PasswordVariable returns the environment variable that holds the password of
// a user, such as NATS_WEBHOOK_SENDER_PASSWORD.
func PasswordVariable(user string) string {
	return "NATS_" + strings.ToUpper(strings.ReplaceAll(user, "-", "_")) + "_PASSWORD"
}
