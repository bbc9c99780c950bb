package cursor

import (
	"context"
	"time"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// pause is the wait before another try, doubled each time.
type pause struct{ next time.Duration }

func newPause() *pause { return &pause{firstPause} }

func (p *pause) reset() { p.next = firstPause }

// wait returns after the pause, at the end of ctx, or when wake receives,
// which it reports. A nil wake never does.
func (p *pause) wait(ctx context.Context, wake <-chan struct{}) (woken bool) {
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	p.next = min(2*p.next, lastPause)
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
		return true
	}
	return false
}
