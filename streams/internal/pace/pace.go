// Package pace says how fast a backlog may be worked off beside others who need
// the same broker, processors and receivers: a few at a time, evenly, and no
// slower than what waits can bear. It refuses to read a clock and to wait.
package pace

import "time"

const (
	// PerProcessor is how many messages a second of one backlog leave the others
	// what they need, for each processor of the machine: measured on two, where
	// all services, the broker, and those who publish and receive share them.
	PerProcessor = 100
	// Shortest is how long there is no turn behind the beginning of one that had
	// less than it might have: a message that goes alone costs three times as much
	// as one of a few.
	Shortest = 10 * time.Millisecond
	// Longest bounds a rest: a turn may have waited for something that was down.
	Longest = 500 * time.Millisecond

	// share is how many times as long as a turn took there is rest.
	share = 2
	// margin is how much faster than more come a backlog is worked off.
	margin = 1.25
	// burst is the time of which what is due comes at once, at most: what a lane
	// had no turn for longer is not made up for at the others' expense. It is
	// longer than a few lanes take that have turns by turns.
	burst = 200 * time.Millisecond
)

// Backlog is what waits, and how it may be worked off.
type Backlog struct {
	Messages int
	// Least is how many a second are due at least, and Rate at which more come.
	Least, Rate float64
	// Left is how long the messages may still wait.
	Left time.Duration
}

// Due is how many messages are due in a turn, at least one of any: those of the
// time since the turn before, at the pace at which the last of them has its turn
// when nothing is left of the time that they may wait, and which is above the
// rate at which more come. All are due once nothing is left. Spare is the time
// that was too short for another one; it is of the next turn too.
func (b Backlog) Due(since time.Duration) (n int, spare time.Duration) {
	if b.Left <= 0 {
		return b.Messages, 0
	}
	pace := max(b.Least, margin*b.Rate, float64(b.Messages)/b.Left.Seconds())
	since = min(since, burst)
	n = max(1, int(pace*since.Seconds()))
	return min(b.Messages, n), max(0, since-time.Duration(float64(n)/pace*float64(time.Second)))
}

// Rest is how long there is no other turn behind one that took so long. Full is
// one that had as much as it might have: nothing is gained by waiting for more.
func Rest(took time.Duration, full bool) time.Duration {
	rest := min(share*took, Longest)
	if full {
		return rest
	}
	return max(rest, Shortest-took)
}
