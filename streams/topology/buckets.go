package topology

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// bucketDuplicates is what the server and nats.go give buckets.
const bucketDuplicates = 2 * time.Minute

// Buckets returns the streams behind every bucket, formed as nats.go forms
// them. Every key begins with the owner, except those of leases and
// checkpoints, which are names of cursors, and of series, which begin with who
// holds them.
func Buckets(s Settings) []jetstream.StreamConfig {
	files := []struct{ name, description string }{
		{Owners, "<owner>"},
		{Accounts, "<owner>.<account>: with its contacts"},
		{ContactTypes, "<owner>: all of the owner's"},
		{SMTP, "<owner>: all settings and which is the default"},
		{Emails, "<owner>.<email>"},
		{Endpoints, "<owner>.<endpoint>"},
		{Subscriptions, "<owner>.<subscription>: with its versions"},
		{Queues, "<owner>.<queue>: with where it begins"},
		{APIKeys, "<owner>.<key>: hashes only"},
		{Invoices, "<owner>.<account>.<invoice>: delivered, with what the scheduler plans for it"},
		{Checkpoints, "<cursor>: position, epoch and state"},
		{Ledgers, "<owner>: the configuration write in progress"},
		{Series, "<channel>.<slot>.<owner>.<subscription>: lazy copies of positions"},
		{Controls, "<owner>.<subscription>: what operators ask of an ordered subscription"},
		{EndpointState, "<owner>.<endpoint>: breaker and backlog"},
		{QueueState, "<owner>.<queue>.<incarnation>: who has which event of a queue"},
		{Suppressions, "<owner>.<hash of an address>: who has unsubscribed"},
	}
	out := make([]jetstream.StreamConfig, 0, len(files)+2)
	for _, f := range files {
		out = append(out, bucket(s, f.name, f.description))
	}
	return append(out, answers(s), leases(s))
}

// answers keeps, for as long as a request may be repeated, how it was answered.
func answers(s Settings) jetstream.StreamConfig {
	c := bucket(s, Answers, "<owner>.<hash>: how a request was answered that must not be repeated, sealed")
	c.MaxAge = day
	return c
}

// bucket returns a bucket in files that keeps the newest value of each key.
func bucket(s Settings, name, description string) jetstream.StreamConfig {
	c := stream(s, BucketStream(name), BucketKey(name, ">"))
	c.Description = description
	c.MaxMsgsPerSubject, c.Discard, c.Duplicates = 1, jetstream.DiscardNew, bucketDuplicates
	c.AllowRollup, c.DenyDelete, c.AllowDirect = true, true, true
	return c
}

// leases says who holds what. It lies in memory: a lost lease is safe, since
// the epoch lives in the checkpoint, and renewals cost no disk. Keys have
// TTLs of their own. There is no marker for a key that expired: with one, a
// free lease would have a last sequence.
func leases(s Settings) jetstream.StreamConfig {
	c := bucket(s, Leases, "<cursor>: who holds it")
	c.Storage = jetstream.MemoryStorage
	c.AllowMsgTTL = true
	return c
}
