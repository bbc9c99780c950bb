package topology

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// bucketDuplicates is what the server and nats.go give buckets.
const bucketDuplicates = 2 * time.Minute

// Buckets returns the streams behind every bucket, formed as nats.go forms
// them. Every key begins with the owner, except those of leases and
// checkpoints, which are names of cursors.
func Buckets(s Settings) []jetstream.StreamConfig {
	files := []struct{ name, description string }{
		{Owners, "<owner>"},
		{Accounts, "<owner>.<account>: with its contacts"},
		{ContactTypes, "<owner>: all of the owner's"},
		{SMTP, "<owner>: all settings and which is the default"},
		{Emails, "<owner>.<email>"},
		{Endpoints, "<owner>.<endpoint>"},
		{Subscriptions, "<owner>.<subscription>: with its versions"},
		{APIKeys, "<owner>.<key>: hashes only"},
		{Plans, "<owner>.<account>.<invoice>.<plan>: of the scheduler"},
		{Checkpoints, "<cursor>: position, epoch and state"},
		{Ledgers, "<owner>: the configuration write in progress"},
	}
	out := make([]jetstream.StreamConfig, 0, len(files)+1)
	for _, f := range files {
		out = append(out, bucket(s, f.name, f.description))
	}
	return append(out, leases(s))
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
