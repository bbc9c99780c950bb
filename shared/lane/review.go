package lane

import "time"

// review looks again, while jobs wait, at those that came before their lane was
// known to be slow: all places for jobs may be theirs, so that no new one comes
// by which it would be noticed. It is called with the lock held.
func (l *Lanes[J]) review() {
	few := l.waiting < l.limits.Waiting
	if l.reviewing != nil || l.stopped || l.waiting == 0 || few && l.limits.Longest == 0 {
		return
	}
	l.reviewing = time.AfterFunc(max(l.limits.Patience/2, time.Millisecond), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reviewing = nil
		if l.stopped {
			return
		}
		now := l.limits.Now()
		for _, ln := range l.lanes {
			l.relieve(ln, now)
		}
		l.review()
	})
}

// relieve sheds the jobs of a lane that would wait too long, the newest first.
func (l *Lanes[J]) relieve(ln *lane[J], now time.Time) {
	for {
		wait, slow := l.slow(ln, now, l.patience())
		if !slow {
			return
		}
		job := ln.waiting.popLast()
		l.queue(ln, -1)
		l.spawn(func() { l.handler.Shed(job, wait) })
	}
}
