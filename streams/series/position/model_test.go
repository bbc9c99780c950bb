package position_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/series/position"
)

// model is what a position says, said naively: every matching event, by its
// sequence, with its lane and whether it is finished.
type model struct {
	lanes    []string // of sequence i+1; empty for an event that does not match
	finished []bool
	read     int // how many were read in order
}

func (m *model) heads() map[string]int {
	out := map[string]int{}
	for i := range m.read {
		if lane := m.lanes[i]; lane != "" && !m.finished[i] {
			if _, ok := out[lane]; !ok {
				out[lane] = i
			}
		}
	}
	return out
}

// next is the sequence of the first unfinished event of a lane that was read.
func (m *model) next(lane string) uint64 {
	if i, ok := m.heads()[lane]; ok {
		return uint64(i + 1)
	}
	return 0
}

func (m *model) agree(t *rapid.T, p *position.Position) {
	for name, l := range p.Lanes {
		if l.First > p.Watermark {
			t.Fatalf("lane %s is listed at %d, beyond the watermark %d", name, l.First, p.Watermark)
		}
	}
	for i, lane := range m.lanes {
		if lane != "" && p.Finished(lane, uint64(i+1)) != m.finished[i] {
			t.Fatalf("event %d of lane %s: finished %v, want %v; position %+v", i+1, lane, !m.finished[i], m.finished[i], *p)
		}
	}
}

// machine is a tracker beside the model.
type machine struct {
	model
	tracker *position.Tracker
}

func (m *machine) readOne(*rapid.T) {
	if m.read == len(m.lanes) {
		return
	}
	lane := m.lanes[m.read]
	m.read++
	if lane == "" {
		m.tracker.Read(uint64(m.read))
		return
	}
	if m.finished[m.read-1] {
		panic("read again what is finished") // the position said otherwise: see agree
	}
	m.tracker.Open(lane, uint64(m.read))
}

func (m *machine) head(t *rapid.T) (string, int, bool) {
	heads := m.heads()
	if len(heads) == 0 {
		return "", 0, false
	}
	var names []string
	for name := range heads {
		names = append(names, name)
	}
	slices.Sort(names)
	name := rapid.SampledFrom(names).Draw(t, "lane")
	return name, heads[name], true
}

func (m *machine) finish(t *rapid.T) {
	name, i, ok := m.head(t)
	if !ok {
		return
	}
	m.finished[i] = true
	m.tracker.Finish(name, uint64(i+1), m.next(name))
}

func (m *machine) block(t *rapid.T) {
	if name, i, ok := m.head(t); ok {
		m.tracker.List(name, position.Lane{First: uint64(i + 1), Attempts: 1, Kept: "dlv"})
	}
}

// restart goes on from the stored form, as another holder does. What lies
// beyond the watermark is read in order again; listed lanes are read from
// their own first sequence on.
func (m *machine) restart(t *rapid.T) {
	now := m.tracker.Position()
	b, err := now.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := position.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(now, again, cmp.Transformer("lanes", func(m map[string]position.Lane) string { return fmt.Sprint(m) })); diff != "" {
		t.Fatal(diff)
	}
	m.read = int(again.Watermark)
	m.tracker = position.Track(again)
}

func (m *machine) rewind(t *rapid.T) {
	from := rapid.Uint64Range(1, uint64(len(m.lanes))).Draw(t, "from")
	before := m.tracker.Position()
	if !m.tracker.Rewind(from) {
		return
	}
	for i, lane := range m.lanes {
		// A lane that lags behind an earlier sequence goes on from there.
		if l, listed := before.Lanes[lane]; uint64(i+1) >= from && (!listed || l.First >= from || uint64(i+1) >= l.First) {
			m.finished[i] = false
		}
	}
	m.read = int(m.tracker.Now().Watermark)
}

func TestAPositionSaysOfEveryEventWhetherItIsFinished(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "c", "d"}), 1, 60).Draw(t, "events")
		m := &machine{model: model{lanes: lanes, finished: make([]bool, len(lanes))}, tracker: position.Track(position.Position{})}
		t.Repeat(map[string]func(*rapid.T){
			"read": m.readOne, "read more": m.readOne, "finish": m.finish, "finish more": m.finish,
			"block": m.block, "restart": m.restart, "rewind": m.rewind,
			"": func(t *rapid.T) { m.agree(t, m.tracker.Now()) },
		})
	})
}

func TestOnlyLanesUnderWayAndBlockedOnesAreListed(t *testing.T) {
	const lanes, rounds, blocked = 1000, 20, 10
	tr := position.Track(position.Position{})
	seq := uint64(0)
	for range rounds {
		for i := range lanes {
			seq++
			name := fmt.Sprint(i)
			tr.Open(name, seq)
			if i >= blocked {
				tr.Finish(name, seq, 0)
			}
		}
	}
	if n := len(tr.Now().Lanes); n != blocked {
		t.Errorf("%d lanes are listed, %d are blocked", n, blocked)
	}
	if w := tr.Now().Watermark; w != seq {
		t.Errorf("watermark %d, read up to %d", w, seq)
	}
}

func TestAPositionThatCannotBeReadIsRefused(t *testing.T) {
	if p, err := position.Decode([]byte(`{"w":-1}`)); err == nil {
		t.Errorf("read as %+v", p)
	}
}
