package handout_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/queue/handout"
)

// given returns a state of which the events 1 to n are out under ticket 7 for ten
// seconds.
func given(n uint64) *handout.State {
	s := &handout.State{}
	for seq := uint64(1); seq <= n; seq++ {
		s.Give(7, epoch.Add(10*time.Second), nil, []uint64{seq})
	}
	return s
}

func TestInOrderTheNextComesWhenAllBeforeIsDone(t *testing.T) {
	s := given(3)
	if again, fresh := s.Due(epoch, true, 5); again != nil || fresh != 0 {
		t.Errorf("%v and %d new ones while somebody has three", again, fresh)
	}
	s.Ack(handout.Receipt{Seq: 2, Ticket: 7})
	late := epoch.Add(time.Minute)
	if again, fresh := s.Due(late, true, 5); !cmp.Equal(seqs(again), []uint64{1, 3}) || fresh != 3 {
		t.Errorf("%v and %d new ones after the time", again, fresh)
	}
	if again, fresh := s.Due(late, true, 1); !cmp.Equal(seqs(again), []uint64{1}) || fresh != 0 {
		t.Errorf("%v and %d new ones where one is asked for", again, fresh)
	}
}

func TestOutOfOrderOthersAreHandedOutMeanwhile(t *testing.T) {
	s := given(3)
	s.Release(handout.Receipt{Seq: 2, Ticket: 7}, epoch)
	if again, fresh := s.Due(epoch, false, 5); !cmp.Equal(seqs(again), []uint64{2}) || fresh != 4 {
		t.Errorf("%v and %d new ones", again, fresh)
	}
}

func TestSoManyAreOutAtMost(t *testing.T) {
	s := given(handout.MaxOut - 1)
	if _, fresh := s.Due(epoch, false, 100); fresh != 1 {
		t.Errorf("%d new ones", fresh)
	}
	s = given(handout.MaxOut)
	if _, fresh := s.Due(epoch, false, 100); fresh != 0 {
		t.Errorf("%d new ones", fresh)
	}
	if b := s.Encode(); len(b) > 3*handout.MaxOut {
		t.Errorf("stored in %d bytes", len(b))
	}
	if _, err := handout.Decode(s.Encode()); err != nil {
		t.Error(err)
	}
}

func TestWhenTheNextIsFree(t *testing.T) {
	s := given(2)
	s.Extend(handout.Receipt{Seq: 1, Ticket: 7}, epoch, epoch.Add(time.Minute))
	if next := s.Next(epoch, false); !next.Equal(epoch.Add(10 * time.Second)) {
		t.Errorf("out of order at %s", next)
	}
	if next := s.Next(epoch, true); !next.Equal(epoch.Add(time.Minute)) {
		t.Errorf("in order at %s", next)
	}
	if held, again := s.Held(epoch.Add(20 * time.Second)); held != 1 || again != 1 {
		t.Errorf("%d held, %d to come again", held, again)
	}
	if next := s.Next(epoch.Add(time.Hour), true); !next.IsZero() {
		t.Errorf("at %s though all are free", next)
	}
}

func TestWhatRetentionTookIsNoted(t *testing.T) {
	s := given(2)
	s.Drop(1, epoch)
	if want := (handout.Gap{After: 0, First: 2, At: epoch}); s.Gap != want || len(s.Out) != 1 {
		t.Errorf("%+v", s)
	}
	s.Pass(8)
	if s.Pass(4); s.Head != 8 {
		t.Errorf("Head moved back to %d", s.Head)
	}
}

func TestTheStoredFormIsTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &handout.State{}
		for range rapid.IntRange(0, 20).Draw(t, "hand-outs") {
			until := epoch.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "until")) * time.Millisecond)
			s.Give(rapid.Uint64().Draw(t, "ticket"), until, nil, []uint64{s.Head + rapid.Uint64Range(1, 300).Draw(t, "step")})
		}
		if rapid.Bool().Draw(t, "gap") {
			s.Gap = handout.Gap{After: s.Head, First: s.Head + 5, At: epoch}
		}
		got, err := handout.Decode(s.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, got); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(new(handout.State).Encode())
	f.Add(given(3).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := handout.Decode(b)
		if err != nil {
			return
		}
		again, err := handout.Decode(s.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, again); d != "" {
			t.Fatal(d)
		}
	})
}

func TestWhatIsGoneFromTheLogIsForgotten(t *testing.T) {
	of := func(head uint64, seqs ...uint64) *handout.State {
		s := &handout.State{}
		for _, seq := range seqs {
			s.Give(1, epoch, nil, []uint64{seq})
		}
		s.Pass(head)
		return s
	}
	for _, c := range []struct {
		from, to *handout.State
		by       func(*handout.State)
	}{
		{of(9, 3, 5, 7), of(9, 5, 7), func(s *handout.State) { s.Lapse(5, epoch) }},
		{of(9, 3, 5, 7), of(9), func(s *handout.State) { s.Lapse(20, epoch) }},
		{of(9, 3, 5, 7), of(9, 3, 5, 7), func(s *handout.State) { s.Lapse(3, epoch) }},
		{of(9, 3, 5, 7), of(5, 3, 5), func(s *handout.State) { s.Rewind(5) }},
		{of(9, 3, 5, 7), of(0), func(s *handout.State) { s.Rewind(0) }},
		{of(9, 3, 5, 7), of(9, 3, 5, 7), func(s *handout.State) { s.Rewind(9) }},
	} {
		if c.by(c.from); c.from.Head != c.to.Head || !slices.Equal(c.from.Out, c.to.Out) {
			t.Errorf("%+v, want %+v", c.from, c.to)
		}
	}
}

func TestAClockThatWasFarAheadHoldsUpNothing(t *testing.T) {
	s := &handout.State{}
	s.Give(1, epoch.Add(365*24*time.Hour), nil, []uint64{1})
	s.Give(2, epoch.Add(handout.MaxHold), nil, []uint64{2})
	if again, _ := s.Due(epoch, false, 10); len(again) != 1 || again[0].Seq != 1 {
		t.Errorf("%+v", again)
	}
	if got := s.Next(epoch, true); !got.Equal(epoch.Add(handout.MaxHold)) {
		t.Errorf("the next is free at %s", got)
	}
}
