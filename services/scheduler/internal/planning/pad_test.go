package planning_test

import (
	"slices"

	"github.com/billhook/billhook/config/plan/timer"
)

// pad has the keys behind timers, in memory. Who uses it locks it.
type pad struct {
	keys  map[timer.Moment][]noted
	notes uint64
}

// noted is a key behind a timer, with its sequence.
type noted struct {
	seq uint64
	key string
}

func newPad() pad { return pad{keys: map[timer.Moment][]noted{}} }

func (p *pad) note(m timer.Moment, keys ...string) {
	for _, k := range keys {
		p.notes++
		p.keys[m] = append(p.keys[m], noted{p.notes, k})
	}
}

// clear forgets the keys of a moment up to a sequence.
func (p *pad) clear(m timer.Moment, upTo uint64) {
	left := slices.DeleteFunc(slices.Clone(p.keys[m]), func(k noted) bool { return k.seq <= upTo })
	if p.keys[m] = left; len(left) == 0 {
		delete(p.keys, m)
	}
}

// visitAll goes through keys and returns the sequence of the last.
func visitAll(keys []noted, visit func(string) error) (upTo uint64, err error) {
	for _, k := range keys {
		if err := visit(k.key); err != nil {
			return 0, err
		}
		upTo = k.seq
	}
	return upTo, nil
}
