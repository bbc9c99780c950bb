package lane

import "time"

// enlist puts a lane that has waiting jobs, and room for them, among those
// that take turns, as soon as its rate allows.
func (l *Lanes[J]) enlist(ln *lane[J]) {
	if ln.ready || ln.waiting.len() == 0 || ln.running >= ln.inFlight {
		return
	}
	if wait := ln.limit.next(l.limits.Now); wait > 0 {
		l.wakeIn(ln, wait)
		return
	}
	ln.ready = true
	l.ready.push(ln)
}

// wakeIn looks at a lane again after a while.
func (l *Lanes[J]) wakeIn(ln *lane[J], wait time.Duration) {
	if ln.timer == nil && !l.stopped {
		ln.timer = time.AfterFunc(wait, func() { l.wake(ln) })
	}
}

func (l *Lanes[J]) wake(ln *lane[J]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln.timer = nil
	if l.stopped {
		return
	}
	l.enlist(ln)
	l.start()
	l.forget(ln)
}

// forget drops a lane without jobs, but keeps in mind what it used of its rate:
// jobs that come one by one would otherwise each find a lane that never ran.
func (l *Lanes[J]) forget(ln *lane[J]) {
	if !ln.idle() || l.lanes[ln.key] != ln {
		return
	}
	if wait := ln.limit.rested(l.limits.Now); wait > 0 {
		l.wakeIn(ln, wait)
		return
	}
	delete(l.lanes, ln.key)
}

// start gives free slots to lanes.
func (l *Lanes[J]) start() {
	for l.running < l.limits.Running {
		ln, job, ok := l.next()
		if !ok {
			return
		}
		l.spawn(func() { l.worker(ln, job) })
	}
}

// share is how many slots a group may hold for each that is still free.
const share = 7

// full reports whether a lane, or its group, holds all the slots that it may. A
// lane may hold as many as are still free for all others (but at least one):
// the more lanes hang, the less each of them holds. A group may hold several
// times as many, so that with many lanes it leaves some free as well.
func (l *Lanes[J]) full(ln *lane[J]) bool {
	free := l.limits.Running - l.running
	return ln.running >= max(1, free) || ln.group != "" && l.held[ln.group] >= share*free
}

// hold counts a slot of a group.
func (l *Lanes[J]) hold(group string, n int) {
	l.running += n
	if l.held[group] += n; l.held[group] == 0 {
		delete(l.held, group)
	}
}

// next takes the next job in turn.
func (l *Lanes[J]) next() (*lane[J], J, bool) {
	for range l.ready.len() {
		ln := l.ready.pop()
		ln.ready = false
		if ln.waiting.len() == 0 || ln.running >= ln.inFlight {
			continue // enlisted again by the next offer or when a slot is freed
		}
		if l.full(ln) || !ln.limit.take(l.limits.Now) {
			l.enlist(ln)
			continue
		}
		job := ln.waiting.pop()
		l.queue(ln, -1)
		l.hold(ln.group, 1)
		ln.running++
		l.enlist(ln)
		return ln, job, true
	}
	var none J
	return nil, none, false
}

// worker runs jobs while there are any: a goroutine that has grown its stack
// once is worth keeping.
func (l *Lanes[J]) worker(ln *lane[J], job J) {
	for ok := true; ok; {
		l.run(ln, job)
		l.mu.Lock()
		l.hold(ln.group, -1)
		ln, job, ok = l.next()
		l.mu.Unlock()
	}
}

func (l *Lanes[J]) run(ln *lane[J], job J) {
	start := l.limits.Now()
	freed := false
	free := func() {
		if freed {
			return
		}
		freed = true
		l.mu.Lock()
		defer l.mu.Unlock()
		now := l.limits.Now()
		ln.pace.finished(now, now.Sub(start))
		ln.running--
		l.enlist(ln)
		l.start()
		l.forget(ln)
	}
	defer free()
	l.handler.Run(job, free)
}
