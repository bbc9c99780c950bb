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
	// upTo is the last message that was counted; refused are the verdicts of
	// those among the newest that did not pass.
	upTo    uint64
	refused map[uint64]quota.Verdict
	dirty   bool
}

func newMeter() *meter {
	return &meter{limits: quota.New(), refused: map[uint64]quota.Verdict{}}
}

func (m *meter) restore(stored json.RawMessage) error {
	*m = *newMeter()
	return m.limits.Restore(stored)
}

// begin forgets the verdicts before the message at which a batch begins.
func (m *meter) begin(seq uint64) {
	for old := range m.refused {
		if old < seq {
			delete(m.refused, old)
		}
	}
}

func (m *meter) take(o owner.Owner, seq uint64, at time.Time, c quota.Cost) quota.Verdict {
	if o.Quotas == (owner.Quotas{}) {
		return quota.Verdict{}
	}
	if seq <= m.upTo {
		return m.refused[seq]
	}
	v := m.limits.Take(o, at, c)
	m.upTo, m.dirty = seq, true
	if v.Exceeded != "" {
		m.refused[seq] = v
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
