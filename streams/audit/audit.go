// Package audit keeps and reads who changed what: one entry in AUDIT for each
// change of a configuration and for each deed beyond that. Entries are only
// ever added; the stream refuses that any is removed. The package refuses to
// take contents: an entry has hashes of documents, never a value of one.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Kind says by what right somebody acts.
type Kind string

// The kinds.
const (
	// Key is an API key.
	Key Kind = "key"
	// CommandLine is a NATS user that may configure, the operator's.
	CommandLine Kind = "command-line"
	// Process is Billhook itself.
	Process Kind = "process"
)

// Actor is who acts.
type Actor struct {
	Kind Kind `json:"kind"`
	// ID is that of the API key, or the NATS user.
	ID string `json:"id,omitempty"`
	// Role is that of the key at that time.
	Role string `json:"role,omitempty"`
	// Name is what the key is called. On the command line it is the user of the
	// machine, as the machine says: nothing proves it.
	Name string `json:"name,omitempty"`
	// From is the address of the caller, or the name of the machine.
	From string `json:"from,omitempty"`
	// Request is the id of the request.
	Request string `json:"request,omitempty"`
}

// Entry is what is kept of one act.
type Entry struct {
	// Seq is its place in AUDIT, once it is stored.
	Seq uint64    `json:"seq"`
	At  time.Time `json:"at"`
	// Owner is whose thing it is. What belongs to no owner has
	// id.Installation.
	Owner    string `json:"owner"`
	Actor    Actor  `json:"actor"`
	Verb     string `json:"verb"`
	Resource string `json:"resource"`
	ID       string `json:"id,omitempty"`
	// Detail says more of a deed, such as how many it was about.
	Detail string `json:"detail,omitempty"`
	// Before and After are keyed hashes of the document without its secrets;
	// empty where there was, or is, none.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Secrets are the pointers of secrets that changed.
	Secrets []string `json:"secrets,omitempty"`
}

// Last returns the sequence of the newest entry among an owner's changes, 0
// when there is none. It fails with [fault.Unavailable] where changes cannot be
// kept.
func Last(ctx context.Context, js jetstream.JetStream, owner string) (uint64, error) {
	m, err := leader.Last(ctx, js, topology.Audit, subject.AuditChanges(owner))
	if err != nil {
		return 0, fail("find last entry of", owner, err)
	}
	return m.Seq, nil
}

// Change keeps a change of a configuration, as the next of the owner's behind
// the sequence that [Last] gave when it was decided. It may be called again for
// the same change, by anybody: the entry is stored once.
func Change(ctx context.Context, js jetstream.JetStream, e *Entry, after uint64) error {
	m, err := message(subject.AuditChanges(e.Owner), e)
	if err != nil {
		return err
	}
	for {
		_, err := js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(after))
		if !api.Overtaken(err) {
			return unkept(e, err)
		}
		// An entry behind that sequence can be no other than this: whoever
		// decides a later one has this one stored first.
		last, err := Last(ctx, js, e.Owner)
		if err != nil || last > after {
			return err
		}
		after = last // what it followed has come to its age since
	}
}

// Deed keeps an act that is no change of a configuration. It is to be called
// before the act.
func Deed(ctx context.Context, js jetstream.JetStream, e *Entry) error {
	m, err := message(subject.AuditDeeds(e.Owner), e)
	if err != nil {
		return err
	}
	_, err = js.PublishMsg(ctx, m)
	return unkept(e, err)
}

func message(to string, e *Entry) (*nats.Msg, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fault.New(fault.Internal, "encode entry of", e.Owner, err)
	}
	return &nats.Msg{Subject: to, Data: data}, nil
}

// unkept is the failure to store an entry; nil for none.
func unkept(e *Entry, err error) error {
	if err == nil {
		return nil
	}
	return fail("keep entry of", e.Owner, err)
}

func fail(op, owner string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Unavailable, op, owner+" in "+topology.Audit, err)
}
