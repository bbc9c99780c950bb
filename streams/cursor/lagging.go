package cursor

import (
	"context"
	"math"
	"slices"
	"time"
)

// Messages of one key give way to the others once much of it has gathered or a
// flood of it comes: the main reading passes them, and a reading of the key
// alone, a lane, handles them in turn with the main one, a part of a batch at a
// time. Setting a key aside and taking it back are changes of the session's
// places like any other, told by the next output and the next checkpoint, each
// of which holds all places of one moment. So no crash can part them: either the
// key lags from where the main reading was, or nothing was passed.

const (
	// maxLanes bounds the keys that lag at a time.
	maxLanes = 8
	// laneShare is into how many parts the greatest batch is divided for a
	// lane: the main reading waits for no more.
	laneShare = 4
	// crowdShare is into how many it is for what is much of one key.
	crowdShare = 16
	// laneRoom is how many of its batches a lane reads ahead.
	laneRoom = 2
	// companyLasts is how long another key counts as one that might come.
	companyLasts = time.Hour
	// usualOver is the time over which it is known how much comes of a key all the
	// time.
	usualOver = 10 * time.Minute
	// more is how much more than that comes of it in a second now and then.
	more = 1.25
)

// laneBatch is the greatest number of messages of a lane handled at once.
func (s *Session) laneBatch() int { return max(1, s.c.cfg.BatchMax/laneShare) }

// much is how many messages of one key in a batch are many.
func (s *Session) much() int { return max(2, s.c.cfg.BatchMax/crowdShare) }

// keyed are messages with their keys, "" for one that never lags.
type keyed struct {
	msgs []Message
	keys []string
}

// keyed finds the keys of messages, and notes how much of each comes.
func (s *Session) keyed(msgs []Message) keyed {
	k := keyed{msgs, make([]string, len(msgs))}
	if s.c.cfg.Lanes == nil {
		return k
	}
	for i, m := range msgs {
		key := s.c.cfg.Lanes.Key(m.Subject)
		if !nameable(key) {
			continue
		}
		if k.keys[i] = key; s.rates != nil {
			s.rates.Saw(key, m.Time)
		}
	}
	s.quiet = s.c.deps.Now()
	return k
}

// pass returns the messages whose key does not lag, and notes the others.
func (s *Session) pass(all keyed) keyed {
	if len(s.lanes) == 0 {
		return all
	}
	rest := keyed{make([]Message, 0, len(all.msgs)), make([]string, 0, len(all.msgs))}
	for i, m := range all.msgs {
		if l := s.laneOf(all.keys[i]); l != nil {
			l.skipped = max(l.skipped, m.Seq)
			l.noticed++
			continue
		}
		rest.msgs, rest.keys = append(rest.msgs, m), append(rest.keys, all.keys[i])
	}
	return rest
}

func (s *Session) laneOf(key string) *reading {
	for _, l := range s.lanes {
		if l.key == key {
			return l
		}
	}
	return nil
}

// crowding returns the key that has more than half of the messages, and many, or
// of which a flood comes, while others come too; "" for none.
func (s *Session) crowding(of keyed) string {
	lanes := s.c.cfg.Lanes
	if lanes == nil {
		return ""
	}
	now, counts := s.c.deps.Now(), map[string]int{}
	for _, key := range of.keys {
		if counts[key]++; counts[key] == 1 {
			lanes.Neighbours.saw(key, now)
		}
	}
	if len(s.lanes) == maxLanes || now.Before(s.asideFrom) {
		return ""
	}
	for key, n := range counts {
		gathered := 2*n > len(of.keys) && n >= s.much()
		if key != "" && (gathered || s.floods(key)) && lanes.Neighbours.besides(key, now.Add(-companyLasts)) {
			return key
		}
	}
	return ""
}

// floods reports whether so much of a key comes that it shall lag although
// nothing of it has gathered.
func (s *Session) floods(key string) bool {
	return s.rates != nil && s.rates.Flood(key, s.c.cfg.Lanes.Least)
}

// setAside has a key lag from where the main reading is. Where it cannot be read
// apart now it goes with the others, as before.
func (s *Session) setAside(ctx context.Context, key string, to signals) error {
	l := s.lane(key, place{Position: s.main.Position})
	if err := s.open(ctx, l, to); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.asideFrom = s.c.deps.Now().Add(s.c.cfg.Lanes.Linger)
		s.c.log.Warn().Err(err).Str("key", key).Msg("key not set aside; trying again")
		return nil
	}
	l.aside, l.noticed = l.Position, math.MaxInt32 // before the next tick nobody knows
	s.lanes, s.dirty = append(s.lanes, l), true
	s.c.log.Info().Str("key", key).Uint64("position", l.Position).Msg("key set aside: the others pass it")
	s.c.fault(FaultAside)
	return nil
}

// takeBack has the keys that have caught up go with the main reading again,
// unless a lane's batch of them came lately, or what they were set aside for is
// still in front of the main reading.
func (s *Session) takeBack() {
	s.fade()
	quiet := func(l *reading) bool {
		calm := float64(l.noticed) < s.calm(l.key)
		l.noticed = 0
		passed := s.main.Position > l.aside || !s.main.reader.Behind()
		return calm && passed && s.caughtUp(l) && l.Position == s.main.Position
	}
	for _, l := range slices.Clone(s.lanes) {
		if !quiet(l) {
			continue
		}
		l.end()
		s.lanes = slices.DeleteFunc(s.lanes, func(other *reading) bool { return other == l })
		s.dirty = true
		s.c.log.Info().Str("key", l.key).Uint64("position", l.Position).Msg("key has caught up")
		s.c.fault(FaultBack)
	}
}

// fade has the rates know that time has passed in which nothing came.
func (s *Session) fade() {
	if s.rates == nil {
		return
	}
	if now := s.c.deps.Now(); !s.main.reader.Behind() {
		s.rates.Quiet(now.Sub(s.quiet))
		s.quiet = now
	}
	s.rates.Forget()
}

// calm is how many messages of a key are no reason any more for it to lag, of
// those that come between two ticks of [Session.takeBack]: a lane's batch, or
// well below what a flood would be.
func (s *Session) calm(key string) float64 {
	few := float64(s.laneBatch())
	if s.rates == nil {
		return few
	}
	lanes := s.c.cfg.Lanes
	return max(few, more*max(lanes.Least, s.rates.Of(key))*lanes.Linger.Seconds())
}

// caughtUp reports whether nothing of a key is left that the main reading has
// passed. Then the key has come as far as the main reading.
func (s *Session) caughtUp(l *reading) bool {
	if l.Source != 0 || l.Position < l.skipped {
		return false
	}
	if l.Position < s.main.Position {
		l.place, s.dirty = place{Position: s.main.Position}, true
	}
	return true
}
