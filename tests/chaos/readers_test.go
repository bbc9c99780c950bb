package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/billhook/billhook/services/billhook/demo"
)

const (
	// visibility is for how long readers have what they were handed out.
	visibility = time.Second
	// most is how many events one asks for at once.
	most = 100
	// doors is how many instances of the service queues are read at.
	doors = 2
)

// queues are read by every event that leads to a webhook or a mail.
var queues = fmt.Sprintf(`---
kind: queue
owner: acme
id: line
name: line
events: [account.updated, credit.processed]
order: ordered
visibility: %[1]s
---
kind: queue
owner: acme
id: crowd
name: crowd
events: [account.updated, credit.processed]
visibility: %[1]s
`, visibility)

// readers read two queues, one of them in order, at whichever instance is there.
// They acknowledge most of what they get, give some back, and let the time of some
// run out.
type readers struct {
	key  string
	http *http.Client
	wake func()
	work sync.WaitGroup
	stop context.CancelFunc

	mu sync.Mutex
	// now counts what was asked and answered: it is the order of that.
	now   int
	doors [doors]string // where an instance is; empty while it is dead
	read  map[string]*reading
}

// reading is what the readers of one queue saw.
type reading struct {
	inOrder bool
	answers []answer
	// asked and done are when an event was first acknowledged, and when that was
	// answered.
	asked, done map[string]int
	// back has the hand-outs that were given back.
	back map[handed]int
	// unanswered is how many events may have been handed out to pulls that got no
	// answer.
	unanswered int
	// left is what the queue says of itself in the end.
	left string
	bad  []string
}

// answer is what one pull got: asked and came by the count, since and at by the
// clock that the instances have, too.
type answer struct {
	asked, came int
	since, at   time.Time
	events      []handed
}

// handed is an event that was handed out for the times-th time.
type handed struct {
	id    string
	times int
}

func newReading(inOrder bool) *reading {
	return &reading{inOrder: inOrder, asked: map[string]int{}, done: map[string]int{}, back: map[handed]int{}}
}

func newReaders(wake func()) *readers {
	// Every request has a connection of its own: what is left of one to a dead
	// instance helps nobody.
	return &readers{
		wake: wake, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, stop: func() {},
		read: map[string]*reading{"line": newReading(true), "crowd": newReading(false)},
	}
}

// start has so many read each queue, until they are ended.
func (r *readers) start(n int) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	for id, of := range r.read {
		for i := range n {
			chance := rand.New(rand.NewPCG(uint64(i), uint64(len(id)))) //nolint:gosec // chance of a test
			one := reader{r, id, of, chance}
			r.work.Go(func() {
				for ctx.Err() == nil {
					one.pull(ctx)
					breathe(ctx)
				}
			})
		}
	}
}

// end ends the readers and waits for them.
func (r *readers) end() {
	r.stop()
	r.work.Wait()
}

// open says where the instance of a door is; empty: it has ended.
func (r *readers) open(door int, address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doors[door] = address
}

// tick counts something that was asked or answered. The mutex is held.
func (r *readers) tick() int {
	r.now++
	return r.now
}

// asking is what is posted to a queue at the instance of a door, and where the answer
// is put.
type asking struct {
	door       int
	path       string
	body, into any
}

// ask posts. It reports whether that may have been heard, and fails without an answer
// of 200.
func (r *readers) ask(ctx context.Context, a asking) (heard bool, err error) {
	r.mu.Lock()
	address := r.doors[a.door]
	r.mu.Unlock()
	if address == "" {
		return false, errors.New("nobody is there")
	}
	text, err := json.Marshal(a.body)
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v1/owners/"+demo.Owner+"/queues/"+a.path, bytes.NewReader(text))
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		var op *net.OpError
		return !errors.As(err, &op) || op.Op != "dial", err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", resp.StatusCode, got)
	}
	if err != nil {
		return true, err
	}
	return true, json.Unmarshal(got, a.into)
}

// pulled is the answer to a pull, and settled that to what is done with receipts.
type (
	pulled struct {
		Messages []struct {
			Receipt    string
			Deliveries int
			Event      struct{ ID string }
		}
	}
	settled struct {
		Results []struct{ Receipt, Status string }
	}
)

// reader is one of those of a queue.
type reader struct {
	*readers
	id     string
	of     *reading
	chance *rand.Rand
}

// pull pulls, and does something with what comes.
func (r *reader) pull(ctx context.Context) {
	a := answer{since: time.Now().Round(0)}
	r.mu.Lock()
	a.asked = r.tick()
	r.mu.Unlock()
	var got pulled
	n := 1 + r.chance.IntN(most)
	heard, err := r.ask(ctx, asking{r.chance.IntN(doors), r.id + "/pull", map[string]any{"max": n, "wait": "1s"}, &got})
	if err != nil {
		r.mu.Lock()
		if heard && ctx.Err() == nil {
			r.of.unanswered += n
		}
		r.mu.Unlock()
		return
	}
	if len(got.Messages) == 0 {
		return
	}
	receipts := make([]string, len(got.Messages))
	for i, m := range got.Messages {
		receipts[i] = m.Receipt
		a.events = append(a.events, handed{m.Event.ID, m.Deliveries})
	}
	r.mu.Lock()
	a.came, a.at = r.tick(), time.Now().Round(0)
	r.of.answers = append(r.of.answers, a)
	r.mu.Unlock()
	switch r.chance.IntN(64) {
	case 0: // it dies with what it has
	case 1, 2, 3, 4:
		some := r.chance.IntN(len(receipts))
		r.release(ctx, a.events[:some], receipts[:some])
		r.ack(ctx, a.events[some:], receipts[some:])
	default:
		r.ack(ctx, a.events, receipts)
	}
}

// release gives events back, which may come to somebody else as soon as it is asked.
func (r *reader) release(ctx context.Context, events []handed, receipts []string) {
	r.mu.Lock()
	for _, e := range events {
		r.of.back[e] = r.tick()
	}
	r.mu.Unlock()
	r.settle(ctx, r.id+"/release", receipts)
}

// ack acknowledges events.
func (r *reader) ack(ctx context.Context, events []handed, receipts []string) {
	of := r.of
	r.mu.Lock()
	asked := r.tick()
	r.mu.Unlock()
	results := r.settle(ctx, r.id+"/ack", receipts)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.tick()
	for i, status := range results {
		switch e := events[i]; status {
		case "acknowledged":
			if of.done[e.id] == 0 {
				of.asked[e.id], of.done[e.id] = asked, now
			}
			of.asked[e.id] = min(of.asked[e.id], asked)
		case "expired":
		default:
			of.bad = append(of.bad, fmt.Sprintf("%v: %s", e, status))
		}
	}
	r.wake()
}

// settle does something with receipts, again and again until it is answered.
func (r *readers) settle(ctx context.Context, path string, receipts []string) (became []string) {
	for door := 0; ctx.Err() == nil && len(receipts) > 0; door++ {
		var got settled
		if _, err := r.ask(ctx, asking{door % doors, path, map[string]any{"receipts": receipts}, &got}); err != nil {
			breathe(ctx)
			continue
		}
		for _, s := range got.Results {
			became = append(became, s.Status)
		}
		return became
	}
	return nil
}

// breathe leaves the machine to others for a while, as somebody who works does.
func breathe(ctx context.Context) {
	t := time.NewTimer(20 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// finished reports whether so many events are done with in each queue.
func (r *readers) finished(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range r.read {
		if len(of.done) < n {
			return false
		}
	}
	return true
}
