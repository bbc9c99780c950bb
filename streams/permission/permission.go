// Package permission is the one table of what each service may say and hear
// on NATS. Production configuration, the all-in-one and the tests take their
// users from it; the conformance suite tries what it does not grant.
package permission

import (
	"slices"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Set is what a NATS user may publish to and subscribe to; everything else is
// denied.
type Set struct {
	Publish   []string
	Subscribe []string
}

// Names of the services' NATS users.
const (
	Ingest        = "ingest"
	Matcher       = "matcher"
	WebhookSender = "webhook-sender"
	Mailer        = "mailer"
	Scheduler     = "scheduler"
	// Operator is the command line's: it makes the streams and configures.
	Operator = "operator"
)

// Services lists the users that services run as, in the order of an event's
// way.
func Services() []string {
	return []string{Ingest, Matcher, WebhookSender, Mailer, Scheduler}
}

// InboxPrefix returns the prefix of a user's reply subjects. Every user has
// its own, so that nobody can listen to another's answers.
func InboxPrefix(user string) string { return "_INBOX_" + user }

// Of returns the permissions of a service's user, the zero Set for an unknown
// one.
func Of(service string) Set {
	g, ok := table()[service]
	if !ok {
		return Set{}
	}
	return g.set(service)
}

// Publisher returns the permissions of a platform's user: to publish the
// events of its one owner, and to hear the acknowledgements.
func Publisher(owner string) Set {
	return Set{
		Publish:   []string{subject.PlatformOf(owner)},
		Subscribe: []string{InboxPrefix(PublisherUser(owner)) + ".>"},
	}
}

// PublisherUser returns the NATS user of an owner's platform.
func PublisherUser(owner string) string { return "publisher_" + owner }

// All returns the permissions of the operator: everything in the account.
func All() Set { return Set{Publish: []string{">"}, Subscribe: []string{">"}} }

// grant is what a service does, in the words of the design.
type grant struct {
	reads   []string // streams read in order, by consumers of its own
	pulls   []string // streams read through durable pull consumers
	leader  []string // streams whose last message it asks the leader for
	direct  []string // streams read by sequence
	purges  []string // streams it purges parts of
	writes  []string // subjects it publishes to
	watches []string // buckets it reads
	keeps   []string // buckets it reads and writes
}

// table holds the grant of every service.
func table() map[string]grant {
	return map[string]grant{
		Ingest: {
			reads:  []string{topology.Inbox},
			leader: []string{topology.Events},
			purges: []string{topology.Inbox},
			writes: []string{
				// What came over HTTP is judged already: it enters as Billhook's own.
				subject.AllInternal, subject.AllEvents, subject.AllRejected, subject.AllGaps,
			},
			watches: []string{topology.Owners, topology.Accounts, topology.APIKeys},
			keeps:   []string{topology.Leases, topology.Checkpoints},
		},
		Matcher: {
			reads:   []string{topology.Events, topology.Deliveries},
			leader:  []string{topology.Events, topology.Deliveries},
			writes:  []string{subject.AllDeliveries, subject.AllGaps},
			watches: []string{topology.Owners, topology.Subscriptions},
			keeps:   []string{topology.Leases, topology.Checkpoints},
		},
		WebhookSender: sender(delivery.Webhook, topology.Endpoints),
		Mailer: sender(delivery.Email,
			topology.Accounts, topology.SMTP, topology.Emails),
		Scheduler: {
			reads:   []string{topology.Events},
			pulls:   []string{topology.Schedules},
			purges:  []string{topology.Schedules},
			writes:  []string{subject.AllSchedules, subject.AllInternal, subject.AllGaps},
			watches: []string{topology.Owners, topology.Subscriptions, topology.Accounts},
			keeps:   []string{topology.Leases, topology.Checkpoints, topology.Plans},
		},
	}
}

// sender is the grant of the sender of a channel with the buckets that only
// this channel needs.
func sender(ch delivery.Channel, buckets ...string) grant {
	return grant{
		reads:  []string{topology.Outcomes},
		pulls:  []string{topology.Deliveries, topology.Retries},
		direct: []string{topology.Events},
		purges: []string{topology.Retries},
		writes: []string{
			subject.OutcomesIn(ch), subject.RetriesSet(ch), subject.ParkedIn(ch),
		},
		watches: append([]string{topology.Owners, topology.Subscriptions}, buckets...),
	}
}

// set turns a grant into subjects of the JetStream API.
func (g grant) set(user string) Set {
	s := Set{Subscribe: []string{InboxPrefix(user) + ".>"}}
	add := func(subjects ...string) { s.Publish = append(s.Publish, subjects...) }
	// The number of partitions is in the metadata of EVENTS.
	add(api("INFO"), api("STREAM.INFO", topology.Events))
	for _, stream := range g.reads {
		add(consumer(stream)...)
		// A cursor asks how far its idle filters may be passed over.
		add(api("STREAM.MSG.GET", stream))
	}
	for _, stream := range g.pulls {
		add(consumer(stream)...)
		add("$JS.ACK." + stream + ".>")
	}
	for _, stream := range g.leader {
		add(api("STREAM.INFO", stream), api("STREAM.MSG.GET", stream))
	}
	for _, stream := range g.direct {
		add(api("STREAM.INFO", stream), api("DIRECT.GET", stream))
	}
	for _, stream := range g.purges {
		add(api("STREAM.PURGE", stream))
	}
	for _, bucket := range slices.Concat(g.watches, g.keeps) {
		stream := "KV_" + bucket
		add(consumer(stream)...)
		add(api("DIRECT.GET", stream), api("DIRECT.GET", stream, ">"), api("STREAM.MSG.GET", stream))
	}
	for _, bucket := range g.keeps {
		add(kept(bucket, user)...)
	}
	if slices.Contains(g.keeps, topology.Leases) {
		// A single server forgets the leases when it restarts, and a lease
		// that is given back is taken at once by who hears of it.
		add(api("STREAM.CREATE", topology.BucketStream(topology.Leases)))
		s.Subscribe = append(s.Subscribe, kept(topology.Leases, user)...)
	}
	add(g.writes...)
	slices.Sort(s.Publish)
	s.Publish = slices.Compact(s.Publish)
	return s
}

// kept lists the keys of a bucket that a service writes: of leases and
// checkpoints, which carry the name of their service, its own.
func kept(bucket, user string) []string {
	if bucket == topology.Leases || bucket == topology.Checkpoints {
		return []string{topology.BucketKey(bucket, user), topology.BucketKey(bucket, user+".>")}
	}
	return []string{topology.BucketKey(bucket, ">")}
}

// consumer lists what making and using a consumer of a stream takes: creation,
// pull requests, flow control replies.
func consumer(stream string) []string {
	return []string{
		api("STREAM.INFO", stream),
		api("CONSUMER.CREATE", stream, ">"), api("CONSUMER.CREATE", stream),
		api("CONSUMER.INFO", stream, "*"),
		api("CONSUMER.DELETE", stream, "*"),
		api("CONSUMER.MSG.NEXT", stream, "*"),
		"$JS.FC." + stream + ".>",
	}
}

func api(tokens ...string) string {
	s := "$JS.API"
	for _, t := range tokens {
		s += "." + t
	}
	return s
}
