package series

import "fmt"

// kind says what an entry of a history is.
type kind uint8

const (
	sent     kind = iota // a request reached the receiver
	claimed              // a holder took over
	skipped              // the operator skipped a delivery
	parked               // a delivery was given up
	replayed             // the position went back to seq
)

// entry is something that happened, in the order in which it did.
type entry struct {
	kind         kind
	subscription string
	lane         string
	seq          uint64
	epoch        uint64 // of the holder
	accepted     bool   // by the receiver
}

// course is what should have come: the matching events of each lane.
type course struct {
	subscription string
	head         Head
	lanes        map[string][]uint64
}

// progress is how far a lane has come by a history.
type progress struct {
	next    int // index of the first event that is not finished
	most    int // greatest next ever
	repeats int
}

// judge goes through a history and names all that breaks a rule.
type judge struct {
	course
	lanes  map[string]*progress
	claims int
	epoch  uint64
	found  []string
}

func judged(c course, history []entry) []string {
	j := &judge{course: c, lanes: map[string]*progress{}}
	for lane := range c.lanes {
		j.lanes[lane] = &progress{}
	}
	for i, e := range history {
		j.see(i, e)
	}
	for lane, p := range j.lanes {
		if p.next < len(c.lanes[lane]) {
			j.blame("lane %q: %d was never finished", lane, c.lanes[lane][p.next])
		}
	}
	return j.found
}

func (j *judge) blame(format string, args ...any) {
	j.found = append(j.found, fmt.Sprintf(format, args...))
}

func (j *judge) see(i int, e entry) {
	switch e.kind {
	case claimed:
		j.claims++
		j.epoch = max(j.epoch, e.epoch)
		return
	case replayed:
		for lane, p := range j.lanes {
			for p.next > 0 && j.course.lanes[lane][p.next-1] >= e.seq {
				p.next--
			}
		}
		return
	}
	p, ok := j.lanes[e.lane]
	if !ok || e.subscription != j.subscription {
		j.blame("entry %d: %d went to subscription %q, lane %q", i, e.seq, e.subscription, e.lane)
		return
	}
	seqs := j.course.lanes[e.lane]
	at := -1
	for k, s := range seqs {
		if s == e.seq {
			at = k
		}
	}
	switch {
	case at < 0:
		j.blame("entry %d: %d is no event of lane %q", i, e.seq, e.lane)
	case e.kind == sent:
		j.send(i, e, p, at)
	case at > p.next:
		j.blame("entry %d: lane %q gave up %d before %d was finished", i, e.lane, e.seq, seqs[p.next])
	case e.kind == parked && j.head != Park:
		j.blame("entry %d: lane %q gave up %d under %s", i, e.lane, e.seq, j.head)
	case at == p.next:
		p.advance()
	}
}

// send judges a request: the holder's is for the lane's next event, or after a
// take-over for the one before it; a former holder's, which was under way, is
// for nothing that the lane has not come to.
func (j *judge) send(i int, e entry, p *progress, at int) {
	former := e.epoch < j.epoch
	switch {
	case at == p.next:
		if e.accepted {
			p.advance()
		}
		return
	case former && at < max(p.most, p.next):
	case at > p.next:
		j.blame("entry %d: lane %q sent %d before %d was finished", i, e.lane, e.seq, j.course.lanes[e.lane][p.next])
		return
	case !former && at < p.next-1:
		j.blame("entry %d: lane %q sent %d again after a newer one", i, e.lane, e.seq)
	}
	// One that the receiver refused this time is tried again: no duplicate yet.
	if !e.accepted {
		return
	}
	if p.repeats++; p.repeats > j.claims-1 {
		j.blame("entry %d: lane %q repeated %d; %d repeats after %d take-overs", i, e.lane, e.seq, p.repeats, j.claims-1)
	}
}

func (p *progress) advance() {
	p.next++
	p.most = max(p.most, p.next)
}
