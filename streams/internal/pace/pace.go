// Package pace says how fast a backlog may be worked off beside others who need
// the same broker, processors and receivers: a few at a time, evenly, and no
// slower than what waits can bear. It refuses to read a clock and to wait.
package pace

import "time"

const (
	// Least is how many are due a second at least.
	Least = 1000
	// Shortest is how long there is no turn behind the beginning of another.
	Shortest = 2 * time.Millisecond
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
// turn when nothing is left of the time that they may wait, and which is above
// the rate at which more come. All are due once nothing is left. Spare is the
// time that was too short for another one; it is of the next turn too.
func Due(backlog int, rate float64, left, since time.Duration) (n int, spare time.Duration) {
	if left <= 0 {
		return backlog, 0
	}
	pace := max(Least, margin*rate, float64(backlog)/left.Seconds())
	since = min(since, burst)
	n = max(1, int(pace*since.Seconds()))
	return min(backlog, n), max(0, since-time.Duration(float64(n)/pace*float64(time.Second)))
}

// Rest is how long there is no other turn behind one that took so long.
func Rest(took time.Duration) time.Duration {
	return max(Shortest-took, min(share*took, Longest))
}
