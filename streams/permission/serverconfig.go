package permission

import (
	"fmt"
	"strings"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// The accounts of the server. Publishers are outsiders and have one of their
// own: a server checks where a client publishes, but not where it wants the
// answer sent, and the acknowledgement of a stream goes there with the
// server's own power. In the account of the streams a publisher could so
// overwrite any key and any owner's settings; across an account's border the
// answer comes back to it and to nobody else.
const (
	Account    = "BILLHOOK"
	Publishers = "PUBLISHERS"
)

// DocumentsAPI is the prefix of the JetStream API that platforms reach, for
// their documents and for nothing else. Under its own name the API is that of
// their account, which has no streams.
const DocumentsAPI = "$DOCUMENTS.API"

// Reached is a subject of the account of the streams that reaches the account of
// publishers, and its name there.
type Reached struct{ Subject, As string }

// ForPublishers lists what reaches the account of publishers, whose users may
// each publish to a part of it: where events go, and what an object store takes.
// Of the JetStream API it is what says how a stream is, gives the newest message
// of the subjects of object stores, and removes messages.
func ForPublishers() []Reached {
	out := []Reached{{subject.AllPlatform, subject.AllPlatform}, {topology.AllDocuments, topology.AllDocuments}}
	for _, tokens := range [][]string{{"STREAM.INFO", "*"}, {"STREAM.PURGE", "*"}, {"DIRECT.GET", "*", topology.AllDocuments}} {
		out = append(out, Reached{api(tokens...), documentsAPI(tokens...)})
	}
	return out
}

func documentsAPI(tokens ...string) string { return DocumentsAPI + "." + strings.Join(tokens, ".") }

// ServerConfig returns a configuration file for a nats-server that runs the
// services apart: JetStream that survives a power cut, and one user per
// service with the permissions of the table. Passwords come from the
// environment of the server, NATS_<SERVICE>_PASSWORD. Publishers are the
// owners whose platform gets a user; theirs is NATS_PUBLISHER_<OWNER>_PASSWORD.
// They must have passed [CheckPublishers].
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

accounts {
`)
	fmt.Fprintf(&b, "  %s: {\n    jetstream: enabled\n    exports: [\n", Account)
	for _, r := range ForPublishers() {
		fmt.Fprintf(&b, "      { service: %q, accounts: [%s] }\n", r.Subject, Publishers)
	}
	b.WriteString("    ]\n    users: [\n")
	writeUser(&b, Operator, All())
	for _, s := range Services() {
		writeUser(&b, s, Of(s))
	}
	fmt.Fprintf(&b, "    ]\n  }\n  # Apart, so that no publisher can have an answer sent into the account above.\n"+
		"  %s: {\n    imports: [\n", Publishers)
	for _, r := range ForPublishers() {
		fmt.Fprintf(&b, "      { service: { account: %s, subject: %q }, to: %q }\n", Account, r.Subject, r.As)
	}
	b.WriteString("    ]\n    users: [\n")
	for _, owner := range publishers {
		writeUser(&b, PublisherUser(owner), Publisher(owner))
	}
	b.WriteString("    ]\n  }\n}\n")
	return b.String()
}

// CheckPublishers refuses owners that are no identifiers, and those whose
// passwords would stand in the same variable: one could log in as the other.
func CheckPublishers(owners []string) fault.Problems {
	var out fault.Problems
	holder := map[string]string{}
	for _, o := range owners {
		variable := PasswordVariable(PublisherUser(o))
		switch other, taken := holder[variable]; {
		case !id.Valid(o):
			out = append(out, fault.Problem{Pointer: "--publisher", Rule: "id.form", Detail: "must be " + id.Rule})
		case taken:
			out = append(out, fault.Problem{
				Pointer: "--publisher", Rule: "publisher.password",
				Detail: other + " and " + o + " would have their passwords in the same variable, " + variable,
			})
		}
		holder[variable] = o
	}
	return out
}

func writeUser(b *strings.Builder, user string, set Set) {
	fmt.Fprintf(b, "      {\n        user: %q\n        password: $%s\n        permissions: {\n", user, PasswordVariable(user))
	writeList(b, "publish", set.Publish)
	writeList(b, "subscribe", set.Subscribe)
	b.WriteString("        }\n      }\n")
}

func writeList(b *strings.Builder, name string, subjects []string) {
	fmt.Fprintf(b, "          %s: [\n", name)
	for _, s := range subjects {
		fmt.Fprintf(b, "            %q\n", s)
	}
	b.WriteString("          ]\n")
}

// PasswordVariable returns the environment variable that holds the password of
// a user, such as NATS_WEBHOOK_SENDER_PASSWORD.
func PasswordVariable(user string) string {
	return "NATS_" + strings.ToUpper(strings.ReplaceAll(user, "-", "_")) + "_PASSWORD"
}
