package lane

// enlist puts a lane that has waiting jobs, and room for them, among those
// that take turns.
func (l *Lanes[J]) enlist(ln *lane[J]) {
	if !ln.ready && ln.waiting.len() > 0 && ln.running < ln.inFlight {
		ln.ready = true
		l.ready.push(ln)
	}
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

// next takes the next job in turn. A lane may hold as many slots as are still
// free for all others (but at least one): the more lanes hang, the less each
// of them holds, and some slots always stay free.
func (l *Lanes[J]) next() (*lane[J], J, bool) {
	for range l.ready.len() {
		ln := l.ready.pop()
		ln.ready = false
		if ln.waiting.len() == 0 || ln.running >= ln.inFlight {
			continue // enlisted again by the next offer or when a slot is freed
		}
		if ln.running >= max(1, l.limits.Running-l.running) {
			l.enlist(ln)
			continue
		}
		job := ln.waiting.pop()
		l.waiting--
		l.running++
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
		l.running--
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
		if ln.running == 0 && ln.waiting.len() == 0 {
			delete(l.lanes, ln.key)
			return
		}
		l.enlist(ln)
		l.start()
	}
	defer free()
	l.handler.Run(job, free)
}
