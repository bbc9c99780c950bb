// Package pace says how fast a backlog may be worked off beside others who need
// the same broker, processors and receivers: a few at a time, evenly, and no
// slower than what waits can bear. It refuses to read a clock and to wait.
package pace

import "time"

const (
	// PerProcessor is how many messages a second of a backlog leave the others
	// what they need, for each processor of the machine: measured on two, where
	// all services, the broker, and those who publish and receive share them.
	PerProcessor = 100
	// Shortest is how long there is no turn behind the beginning of another: a
	// message that goes alone costs three times as much as one of a few.
	Shortest = 10 * time.Millisecond
	// Longest bounds a rest: a turn may have waited for something that was down.
	Longest = 500 * time.Millisecond

	// share is how many times as long as a turn took there is rest.
	share = 2
	// margin is how much faster than more come a backlog is worked off.
	margin = 1.25
	// burst is the time of which what is due comes at once, at most: what a lane
	// had no turn for longer is not made up for at the others' expense.
	burst = 50 * time.Millisecond
)

// Due is how many of a backlog are due in a turn, at least one of any: those of
// the time since the turn before, at the pace at which the last of them has its
// turn when nothing is left of the time that they may wait, and which is least a
// second at least and above the rate at which more come. All are due once nothing
// is left. Spare is the time that was too short for another one; it is of the
// next turn too.
func Due(backlog int, least, rate float64, left, since time.Duration) (n int, spare time.Duration) {
	if left <= 0 {
		return backlog, 0
	}
	pace := max(least, margin*rate, float64(backlog)/left.Seconds())
	since = min(since, burst)
	n = max(1, int(pace*since.Seconds()))
	return min(backlog, n), max(0, since-time.Duration(float64(n)/pace*float64(time.Second)))
}

// Rest is how long there is no other turn behind one that took so long.
func Rest(took time.Duration) time.Duration {
	return max(Shortest-took, min(share*took, Longest))
}
