package lane

import "time"

const (
	// crowdedShare is into how many parts the patience is divided with a lane
	// that crowds others: what waits of it is in their way where the jobs come
	// from.
	crowdedShare = 20
	// companyLasts is how long another group counts as one that might come.
	companyLasts = time.Minute
)

// crowds reports whether a lane has crowded others for as long as the patience
// lasts. A burst that it gets through meanwhile is none. It is called with the
// lock held, for every job that comes.
func (l *Lanes[J]) crowds(ln *lane[J], now time.Time) bool {
	if !l.most(ln) || !l.company.Besides(ln.group, now.Add(-companyLasts)) {
		ln.crowding = time.Time{}
		return false
	}
	if ln.crowding.IsZero() {
		ln.crowding = now
	}
	return now.Sub(ln.crowding) >= l.limits.Patience
}

// most reports whether many wait, more than half of them of the group of ln, and
// a quarter of them its own: the many lanes of a great group are each as quick
// as they are.
func (l *Lanes[J]) most(ln *lane[J]) bool {
	return ln.group != "" && l.waiting >= l.limits.Waiting &&
		2*l.queued[ln.group] > l.waiting && 4*ln.waiting.len() >= l.waiting
}
