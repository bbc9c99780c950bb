// Package permission is the one table of what each service may say and hear
// on NATS. Production configuration, the all-in-one and the tests take their
// users from it; the conformance suite tries what it does not grant.
package permission

import (
	"slices"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/notice"
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
	Console       = "console"
	Queue         = "queue"
	// Operator is the command line's: it makes the streams and configures.
	Operator = "operator"
)

// Services lists the users that services run as, in the order of an event's
// way.
func Services() []string {
	return []string{Ingest, Matcher, WebhookSender, Mailer, Scheduler, Console, Queue}
}

// InboxPrefix returns the prefix of a user's reply subjects. Every user has
// its own, so that nobody can listen to another's answers.
func InboxPrefix(user string) string { return "_INBOX_" + user }

// ToolReplies matches the replies to who sets no prefix, as the nats command
// does. The operator alone may listen there, so every service may answer: the
// server's own way to allow replies, allow_responses, has it remember each
// message that a reader is given.
const ToolReplies = "_INBOX.>"

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
// events of its one owner, to put its documents, and to hear the
// acknowledgements.
func Publisher(owner string) Set {
	documents := topology.DocumentStream(owner)
	return Set{
		// An object store is written by its own subjects; who replaces a
		// document removes what it consisted of.
		Publish: []string{
			subject.PlatformOf(owner), topology.DocumentSubjects(owner),
			documentsAPI("STREAM.INFO", documents), documentsAPI("STREAM.PURGE", documents),
			documentsAPI("DIRECT.GET", documents, topology.DocumentSubjects(owner)),
		},
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
	hears   []string // subjects outside of streams that it listens to
	watches []string // buckets it reads
	keeps   []string // buckets it reads and writes
}

// The types of the events that the scheduler fires.
const (
	scheduled = "invoice.delivery_date_plus"
	overdue   = "invoice.overdue"
	dormant   = "sim.dormant"
)

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
		WebhookSender: inOrder(sender(delivery.Webhook, topology.Endpoints), delivery.Webhook).probed(delivery.Webhook).withBacklog().tells(
			notice.EndpointDisabled, notice.EndpointThrottled, notice.EndpointRecovered, notice.SubscriptionPaused, notice.DeliveryParked),
		Mailer: documents(inOrder(
			sender(delivery.Email, topology.Accounts, topology.ContactTypes, topology.SMTP, topology.Emails), delivery.Email)).probed(delivery.Email).suppresses().tells(
			notice.SMTPSettingsPaused, notice.SubscriptionPaused, notice.DeliveryParked),
		Scheduler: {
			reads:  []string{topology.Events, topology.Schedules},
			pulls:  []string{topology.Schedules},
			purges: []string{topology.Schedules},
			writes: []string{
				subject.AllSchedules, subject.InternalOf(scheduled), subject.InternalOf(overdue), subject.InternalOf(dormant), subject.AllGaps,
			},
			watches: []string{topology.Owners, topology.Subscriptions, topology.Accounts},
			keeps:   []string{topology.Leases, topology.Checkpoints, topology.Invoices},
		},
		Console: grant{
			// Outcomes and what was given up are read for deliveries, the others to
			// find a moment or to count a backlog; pages of all of them are read directly.
			reads:   []string{topology.Events, topology.Outcomes, topology.Deliveries, topology.Parked},
			direct:  []string{topology.Events, topology.Outcomes, topology.Parked},
			watches: []string{topology.Series},
			keeps: []string{
				topology.Owners, topology.Accounts, topology.ContactTypes, topology.SMTP, topology.Emails, topology.Endpoints,
				topology.Subscriptions, topology.Queues, topology.APIKeys, topology.Controls, topology.Ledgers, topology.EndpointState, topology.Answers,
				// Plans are cancelled and fired where they lie; whoever fires one sets its timer.
				topology.Invoices,
			},
			// An owner is made with its object store, whatever the owner's name.
			writes: []string{api("STREAM.INFO", "*"), api("STREAM.CREATE", "*"), subject.AllSchedules},
			// What an owner may have much of is removed at once when it is deleted.
			purges: []string{
				topology.BucketStream(topology.Accounts), topology.BucketStream(topology.Invoices), topology.BucketStream(topology.Suppressions),
				topology.BucketStream(topology.Answers), topology.BucketStream(topology.Series), topology.Retries,
			},
		}.resends(delivery.Webhook, delivery.Email).audits().suppresses().lists(topology.Suppressions).
			probes(delivery.Webhook, delivery.Email),
		Queue: grant{
			reads:   []string{topology.Events},
			direct:  []string{topology.Events},
			writes:  []string{subject.GapsOfQueues},
			watches: []string{topology.Owners, topology.Queues, topology.APIKeys},
			keeps:   []string{topology.QueueState},
		}.tells(notice.QueueOvertaken),
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

// inOrder adds to the grant of a sender what package series does.
func inOrder(g grant, ch delivery.Channel) grant {
	g.reads = append(g.reads, topology.Events, topology.Retries)
	g.leader = append(g.leader, topology.Outcomes, topology.Retries)
	g.watches = append(g.watches, topology.Series, topology.Controls)
	g.keeps = append(g.keeps, topology.Leases)
	g.writes = append(g.writes,
		subject.HeadsKeptIn(ch), subject.GapsOfSeries(ch), topology.BucketKey(topology.Series, subject.SeriesOf(ch)))
	return g
}

// withBacklog adds to the grant of a sender what package backlog and the states
// of endpoints take.
func (g grant) withBacklog() grant {
	g.leader = append(g.leader, topology.Deliveries)
	g.keeps = append(g.keeps, topology.EndpointState)
	return g
}

// probed adds to the grant of a sender what package probe does.
func (g grant) probed(ch delivery.Channel) grant {
	g.hears = append(g.hears, subject.ProbeAsk(ch))
	g.writes = append(g.writes, subject.ProbeAnswers(ch))
	return g
}

// probes adds to a grant what asking the senders of channels takes. What one of
// those who ask is answered, another of them might listen to.
func (g grant) probes(channels ...delivery.Channel) grant {
	for _, ch := range channels {
		g.writes = append(g.writes, subject.ProbeAsk(ch))
		g.hears = append(g.hears, subject.ProbeAnswers(ch))
	}
	return g
}

// suppresses adds to a grant what package suppression does with one address: to
// ask for it, to put it on the list and to take it off.
func (g grant) suppresses() grant {
	g.leader = append(g.leader, topology.BucketStream(topology.Suppressions))
	g.writes = append(g.writes, topology.BucketKey(topology.Suppressions, ">"))
	return g
}

// lists adds to a grant the reading of a bucket page by page.
func (g grant) lists(bucket string) grant {
	g.direct = append(g.direct, topology.BucketStream(bucket))
	return g
}

// tells adds to a grant the operational events that the service raises.
func (g grant) tells(kinds ...notice.Kind) grant {
	for _, k := range kinds {
		g.writes = append(g.writes, subject.InternalOf(string(k)))
	}
	return g
}

// resends adds to a grant what package resend does: a resend is put where the
// delivery's retry is, and what is kept of it is read there.
func (g grant) resends(channels ...delivery.Channel) grant {
	for _, ch := range channels {
		g.writes = append(g.writes, subject.RetriesSet(ch), api("DIRECT.GET", topology.Retries, subject.RetriesSet(ch)))
	}
	return g
}

// audits adds to a grant what keeping and reading who changed what takes. It
// takes nothing away: nobody can.
func (g grant) audits() grant {
	g.reads = append(g.reads, topology.Audit)
	g.writes = append(g.writes, subject.AllAudit)
	return g
}

// documents adds to a grant the reading of object stores, whoever's they are:
// what a request reads is in its subject, and only object stores have such
// subjects. Of other streams it tells what they are called and how full.
func documents(g grant) grant {
	g.writes = append(g.writes,
		api("STREAM.INFO", "*"), api("DIRECT.GET", "*", topology.AllDocuments),
		api("CONSUMER.CREATE", "*", "*", topology.AllDocuments))
	return g
}

// set turns a grant into subjects of the JetStream API.
func (g grant) set(user string) Set {
	s := Set{Subscribe: slices.Concat([]string{InboxPrefix(user) + ".>", subject.Health(user)}, subject.Discovery(user), g.hears)}
	add := func(subjects ...string) { s.Publish = append(s.Publish, subjects...) }
	// The number of partitions is in the metadata of EVENTS.
	add(api("INFO"), api("STREAM.INFO", topology.Events))
	// It answers who asks for the fleet.
	add(ToolReplies)
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
