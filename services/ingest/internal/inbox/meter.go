package inbox

import (
	"encoding/json"
	"time"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest/internal/quota"
)

// meter counts the messages of a partition against their owners' quotas, each
// once although a message may be handled again while something else is down.
// Quotas are counted in the time of the stream, so a backlog is judged as it
// would have been without delay. The counts are stored with the checkpoint, so
// a crash may forget those of the last second: the quota is then exceeded by as
// much, and an event that was refused for it may, judged again, be accepted.
type meter struct {
	limits *quota.Limits
	// batch numbers the batches, tries of the same one too.
	batch  uint64
	owners map[string]*counted
	dirty  bool
}

// counted is how far an owner's messages were counted. Those of another owner
// may be further or less far.
type counted struct {
	batch uint64
	// upTo is the last message that was counted; refused are the verdicts of
	// those among the newest that did not pass.
	upTo    uint64
	refused map[uint64]quota.Verdict
}

func newMeter() *meter {
	return &meter{limits: quota.New(), owners: map[string]*counted{}}
}

func (m *meter) restore(stored json.RawMessage) error {
	*m = *newMeter()
	return m.limits.Restore(stored)
}

// begin begins a batch: the verdicts before an owner's first message in it are
// of no more use.
func (m *meter) begin() { m.batch++ }

// of returns what was counted of an owner, as far as seq is concerned.
func (m *meter) of(owner string, seq uint64) *counted {
	c := m.owners[owner]
	if c == nil {
		c = &counted{refused: map[uint64]quota.Verdict{}}
		m.owners[owner] = c
	}
	if c.batch != m.batch {
		c.batch = m.batch
		for old := range c.refused {
			if old < seq {
				delete(c.refused, old)
			}
		}
	}
	return c
}

func (m *meter) take(o owner.Owner, seq uint64, at time.Time, c quota.Cost) quota.Verdict {
	if o.Quotas == (owner.Quotas{}) {
		return quota.Verdict{}
	}
	so := m.of(o.ID, seq)
	if seq <= so.upTo {
		return so.refused[seq]
	}
	v := m.limits.Take(o, at, c)
	so.upTo, m.dirty = seq, true
	if v.Exceeded != "" {
		so.refused[seq] = v
	}
	return v
}

// used returns the counts to be stored, nil when they did not change.
func (m *meter) used() (json.RawMessage, error) {
	if !m.dirty {
		return nil, nil
	}
	m.dirty = false
	return m.limits.Used()
}
