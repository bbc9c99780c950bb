package inorder_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tests/harness"
)

// One world serves all of these: each has an owner of its own.
func TestWhatOwnersMayChooseAndOperatorsMayAskHolds(t *testing.T) {
	w := open(t, 1)
	s := &suite{world: w, whole: t, down: map[string]bool{}}
	w.hooks.Answers(s.answer)
	s.process = w.sender(0)
	for name, test := range map[string]func(*suite){
		"order holds while receivers fail":                       (*suite).failing,
		"a blocked account holds up no other":                    (*suite).blocked,
		"park gives the head up when its schedule is used up":    (*suite).parked,
		"pause stops at the head until it is resumed":            (*suite).paused,
		"an operator may pause, resume, skip and replay":         (*suite).controlled,
		"a pause outlives the process":                           (*suite).restarted,
		"a subscription starts now, at the beginning or at time": (*suite).started,
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			test(s)
		})
	}
}

// suite is a world with one sender and a receiver that refuses what is down.
type suite struct {
	*world
	// whole is the test that the processes live as long as.
	whole   *testing.T
	process *harness.Process
	// down are the events that are refused, or accounts of a path:
	// "/path A-1".
	down map[string]bool
	// moody is a path at which every event is refused at first.
	moody string
	tried map[string]bool
}

func (s *suite) answer(h harness.Hook) harness.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := h.Path == s.moody && !s.tried[h.ID]
	if first {
		s.tried[h.ID] = true
	}
	if first || s.down[h.Event] || s.down[h.Path+" "+h.Account] {
		return harness.Answer{Status: http.StatusInternalServerError}
	}
	return harness.Answer{}
}

// refuse has the receiver refuse, or accept again.
func (s *suite) refuse(what string, refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[what] = refused
}

// publishAll publishes an event for each account, and returns their ids.
func (s *suite) publishAll(owner string, accounts ...string) (ids []string) {
	s.t.Helper()
	for _, a := range accounts {
		ids = append(ids, s.publish(owner, a))
	}
	return ids
}

// at are the webhooks of a subscription that were accepted.
func at(got []harness.Hook, id string) (events []string) {
	for _, g := range got {
		if g.Path == "/"+id && g.Accepted {
			events = append(events, g.Event)
		}
	}
	return events
}

// comes waits until a subscription's accepted webhooks are these.
func (s *suite) comes(id string, events []string) {
	s.t.Helper()
	got := s.hooks.Until(s.t, fmt.Sprint(id, " to get ", events), func(got []harness.Hook) bool { return len(at(got, id)) >= len(events) })
	if came := at(got, id); !slices.Equal(came, events) {
		s.t.Fatalf("%s got %v, want %v", id, came, events)
	}
}

// refused waits until an event was refused so often.
func (s *suite) refused(event string, times int) {
	s.t.Helper()
	s.hooks.Until(s.t, event+" to be refused", func(got []harness.Hook) bool {
		n := 0
		for _, g := range got {
			if g.Event == event && !g.Accepted {
				n++
			}
		}
		return n >= times
	})
}

// stored is the moment at which an event was stored in EVENTS.
func (s *suite) stored(id string) (moment string) {
	s.t.Helper()
	s.read(topology.Events, subject.AllEvents, func(m jetstream.Msg) bool {
		ev, err := event.Decode(m.Data())
		if err != nil || ev.ID != id {
			return false
		}
		meta, err := m.Metadata()
		if err != nil {
			s.t.Fatal(err)
		}
		moment = meta.Timestamp.UTC().Format(time.RFC3339Nano)
		return true
	})
	return moment
}

// judge holds what came to subscriptions to the judges.
func (s *suite) judge(subs ...wanted) {
	s.t.Helper()
	e := &evidence{course: s.course(subs...)}
	want := 0
	for _, steps := range e.course {
		want += len(steps)
	}
	got := s.hooks.Until(s.t, "everything", func(got []harness.Hook) bool {
		n := 0
		for _, sub := range subs {
			n += len(at(got, sub.id))
		}
		return n >= want
	})
	e.came = s.arrivals(got, subs...)
	e.records = s.records(e.came, subs...)
	for name, judge := range judges() {
		if err := judge(e); err != nil {
			s.t.Errorf("%s: %v", name, err)
		}
	}
}

func (s *suite) failing() {
	line := wanted{owner: "failing", id: "failing-line", order: "ordered"}
	each := wanted{owner: "failing", id: "failing-each", order: "ordered_by_account"}
	s.want(line, each)
	s.mu.Lock()
	s.moody, s.tried = each.path(), map[string]bool{}
	s.mu.Unlock()
	var ids []string
	for i := range 16 {
		ids = append(ids, s.publish("failing", fmt.Sprint("A-", i%4)))
	}
	s.comes(line.id, ids)
	s.judge(line, each)
}

func (s *suite) blocked() {
	each := wanted{owner: "blocked", id: "blocked", order: "ordered_by_account"}
	s.want(each)
	s.refuse("/blocked A-2", true)
	var ids, others []string
	for i := range 60 {
		account := fmt.Sprint("A-", i%3)
		id := s.publish("blocked", account)
		if ids = append(ids, id); account != "A-2" {
			others = append(others, id)
		}
	}
	s.hooks.Until(s.t, "the others", func(got []harness.Hook) bool { return len(at(got, "blocked")) >= len(others) })
	s.refused(ids[2], 3)
	s.refuse("/blocked A-2", false)
	s.judge(each)
}

func (s *suite) parked() {
	s.want(wanted{owner: "parked", id: "parked", order: "ordered", more: "head: park\n"})
	bad := fmt.Sprint("evt_", s.published+2)
	s.refuse(bad, true)
	ids := s.publishAll("parked", "A-1", "A-1", "A-2")
	s.comes("parked", []string{ids[0], ids[2]})
	s.refused(bad, 3)
	if out := s.cli("", "deliveries", "--owner", "parked", "--result", "parked"); strings.Count(out, "dlv_") != 1 || !strings.Contains(out, bad) {
		s.t.Errorf("the log of parked deliveries:\n%s", out)
	}
}

func (s *suite) paused() {
	s.want(wanted{owner: "paused", id: "paused", order: "ordered", more: "head: pause\n"})
	bad := fmt.Sprint("evt_", s.published+2)
	s.refuse(bad, true)
	ids := s.publishAll("paused", "A-1", "A-1", "A-1")
	s.read(topology.Outcomes, subject.OrderedOutcomesOf(delivery.Webhook, "paused", "paused"), func(m jetstream.Msg) bool {
		at, err := position.Decode([]byte(m.Headers().Get(topology.HeaderPosition)))
		return err == nil && at.Halt != nil
	})
	if came := at(s.hooks.Got(), "paused"); len(came) != 1 {
		s.t.Fatalf("%v came past the head", came)
	}
	s.refuse(bad, false)
	s.cli("", "resume", "paused", "--owner", "paused")
	s.comes("paused", ids)
}

func (s *suite) controlled() {
	const owner = "asked"
	line := wanted{owner: owner, id: "asked", order: "ordered"}
	witness := wanted{owner: owner, id: "witness", order: "ordered"}
	s.want(line, witness)
	ids := s.publishAll(owner, "A-1", "A-1")
	s.comes(line.id, ids)
	s.comes(witness.id, ids)

	s.cli("", "pause", line.id, "--owner", owner)
	// The sender knows of it when it does what was asked of another later.
	s.cli("", "replay", witness.id, "--owner", owner, "--from", s.stored(ids[1]))
	seen := append(slices.Clone(ids), ids[1])
	s.comes(witness.id, seen)
	held := s.publishAll(owner, "A-1", "A-1", "A-1")
	s.comes(witness.id, append(seen, held...))
	if came := at(s.hooks.Got(), line.id); len(came) != 2 {
		s.t.Fatalf("%v came while it was paused", came)
	}

	s.refuse(held[0], true)
	s.cli("", "resume", line.id, "--owner", owner)
	s.refused(held[0], 2)
	s.cli("", "skip", line.id, "--owner", owner)
	want := append(slices.Clone(ids), held[1:]...)
	s.comes(line.id, want)
	s.refuse(held[0], false)

	sequence := ""
	for _, g := range s.hooks.Got() {
		if g.Event == ids[1] {
			sequence = fmt.Sprint(g.Sequence)
		}
	}
	s.cli("", "replay", line.id, "--owner", owner, "--from", sequence)
	want = append(append(want, ids[1]), held...)
	s.comes(line.id, want)

	s.cli("", "replay", line.id, "--owner", owner, "--from", s.stored(ids[0]))
	s.comes(line.id, append(append(want, ids...), held...))
}

func (s *suite) restarted() {
	const owner = "restarted"
	line := wanted{owner: owner, id: "restarted", order: "ordered"}
	s.want(line)
	ids := s.publishAll(owner, "A-1")
	s.comes(line.id, ids)
	s.cli("", "pause", line.id, "--owner", owner)
	s.process.Stop()
	ids = append(ids, s.publishAll(owner, "A-1", "A-1")...)
	part := s.t
	s.t = s.whole
	s.process = s.sender(0)
	s.t = part
	witness := wanted{owner: owner, id: "restarted-witness", order: "ordered", more: "start: beginning\n"}
	s.want(witness)
	s.comes(witness.id, ids)
	if came := at(s.hooks.Got(), line.id); len(came) != 1 {
		s.t.Fatalf("%v came while it was paused", came)
	}
	s.cli("", "resume", line.id, "--owner", owner)
	s.comes(line.id, ids)
}

func (s *suite) started() {
	const owner = "started"
	first := wanted{owner: owner, id: "first", order: "ordered"}
	s.want(first)
	ids := s.publishAll(owner, "A-1", "A-2")
	s.comes(first.id, ids)
	between := s.stored(ids[1])
	later := s.publishAll(owner, "A-1", "A-2")
	all := append(slices.Clone(ids), later...)
	s.comes(first.id, all)
	s.want(
		wanted{owner: owner, id: "from-now", order: "ordered"},
		wanted{owner: owner, id: "from-beginning", order: "ordered_by_account", more: "start: beginning\n"},
		wanted{owner: owner, id: "from-time", order: "ordered", more: "start: \"" + between + "\"\n"},
	)
	s.hooks.Until(s.t, "all of the accounts", func(got []harness.Hook) bool { return len(at(got, "from-beginning")) == len(all) })
	s.comes("from-time", all[1:])
	last := s.publishAll(owner, "A-1")
	s.comes("from-now", last)
	s.comes("from-time", append(slices.Clone(all[1:]), last...))
}
