package directory

import (
	"sync"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// verdicts remembers what is wrong with templates. They were checked when they
// were saved, but what stands in a bucket may have been saved by a program with
// other rules, or put there past the rules, and a template may kill a process.
type verdicts struct {
	catalogue *tokens.Catalogue
	logger    zerolog.Logger
	known     sync.Map // ref to fault.Problems
}

type ref struct{ bucket, id string }

// anew returns verdicts for a snapshot in which templates changed.
func (v *verdicts) anew() *verdicts {
	return &verdicts{catalogue: v.catalogue, logger: v.logger}
}

// Broken returns what is wrong with the templates of a canned email (bucket
// emails), of a subscription with its canned email (bucket subscriptions), or with
// the filter of a queue (bucket queues).
// What is broken must not be rendered: its deliveries are parked. The first
// question is answered by checking, and a bad answer is logged; without a
// catalogue nothing is found.
func (s *Snapshot) Broken(bucket, id string) fault.Problems {
	if s.verdicts == nil || s.verdicts.catalogue == nil {
		return nil
	}
	if p, ok := s.verdicts.known.Load(ref{bucket, id}); ok {
		return p.(fault.Problems)
	}
	p := s.judge(s.verdicts.catalogue, bucket, id)
	if _, again := s.verdicts.known.LoadOrStore(ref{bucket, id}, p); !again && len(p) > 0 {
		s.verdicts.logger.Error().Err(p).Str("bucket", bucket).Str("id", id).Msg("template not fit to be rendered")
	}
	return p
}

func (s *Snapshot) judge(c *tokens.Catalogue, bucket, id string) fault.Problems {
	switch bucket {
	case topology.Emails:
		if e, ok := s.Emails[id]; ok {
			return setup.CheckCanned(c, e)
		}
	case topology.Subscriptions:
		if sub, ok := s.Subscriptions[id]; ok {
			return s.judgeSubscription(c, sub)
		}
	case topology.Queues:
		if q, ok := s.Queues[id]; ok {
			return setup.CheckQueue(c, &q.Spec)
		}
	}
	return nil
}

// judgeSubscription looks at every version, since each may still be delivered.
// The canned email is judged for the newest only: it may have been edited since
// the others ended, and then is not theirs to answer for.
func (s *Snapshot) judgeSubscription(c *tokens.Catalogue, sub *subscription.Subscription) fault.Problems {
	problems := setup.CheckSubscription(c, &sub.Spec)
	for i := range sub.Versions {
		if !sub.Versions[i].Open() {
			problems = append(problems, setup.CheckSubscription(c, sub.Versions[i].Spec)...)
		}
	}
	if sub.Email == nil {
		return problems
	}
	if e, ok := s.Emails[sub.Email.CannedEmail]; ok {
		problems = append(problems, setup.CheckEmail(c, &e.Spec, sub.Events).At("/email/canned_email")...)
	}
	return problems
}
