package scan_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/scan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns a stream S that holds, of every three messages, two of a.x and
// one of a.y, and in front of them one of a.z.
func start(t *testing.T, messages int) jetstream.JetStream {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"a.*"}}); err != nil {
		t.Fatal(err)
	}
	publish := func(subject string) {
		if _, err := js.PublishAsync(subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	publish("a.z")
	for i := range messages {
		publish("a." + []string{"x", "x", "y"}[i%3])
	}
	<-js.PublishAsyncComplete()
	return js
}

func read(t *testing.T, js jetstream.JetStream, s scan.Stretch) (seqs []uint64) {
	t.Helper()
	s.Stream = "S"
	err := scan.Read(t.Context(), js, s, func(m *cursor.Message) error {
		seqs = append(seqs, m.Seq)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seqs
}

func TestAStretchIsReadFromItsBeginningToItsEnd(t *testing.T) {
	js := start(t, 9) // x 2 3 5 6 8 9, y 4 7 10
	for _, c := range []struct {
		rule    string
		stretch scan.Stretch
		want    []uint64
	}{
		{"all that is stored", scan.Stretch{Filters: []string{"a.y"}}, []uint64{4, 7, 10}},
		{"after is not in it, until is", scan.Stretch{Filters: []string{"a.y"}, After: 4, Until: 10}, []uint64{7, 10}},
		{"an end between two messages", scan.Stretch{Filters: []string{"a.y"}, Until: 8}, []uint64{4, 7}},
		{"an end behind the last message", scan.Stretch{Filters: []string{"a.z"}, Until: 9}, []uint64{1}},
		{"several filters in order", scan.Stretch{Filters: []string{"a.z", "a.y"}, Until: 4}, []uint64{1, 4}},
		{"nothing behind the beginning", scan.Stretch{Filters: []string{"a.z"}, After: 1}, nil},
		{"nothing at all", scan.Stretch{Filters: []string{"a.w"}}, nil},
		{"from before the first", scan.Stretch{Filters: []string{"a.y"}, Since: time.Now().Add(-time.Hour)}, []uint64{4, 7, 10}},
		{"from behind the last", scan.Stretch{Filters: []string{"a.y"}, Since: time.Now().Add(time.Hour)}, nil},
	} {
		if diff := cmp.Diff(c.want, read(t, js, c.stretch)); diff != "" {
			t.Errorf("%s: %s", c.rule, diff)
		}
	}
}

func TestALongStretchIsReadInManyBatches(t *testing.T) {
	js := start(t, 3000)
	seqs := read(t, js, scan.Stretch{Filters: []string{"a.x", "a.y"}})
	if len(seqs) != 3000 || seqs[0] != 2 || seqs[2999] != 3001 {
		t.Errorf("%d messages, from %d to %d", len(seqs), seqs[0], seqs[len(seqs)-1])
	}
}

func TestReadingFailsWithTheVisit(t *testing.T) {
	js := start(t, 30)
	boom, seen := errors.New("boom"), 0
	err := scan.Read(t.Context(), js, scan.Stretch{Stream: "S", Filters: []string{"a.x"}}, func(m *cursor.Message) error {
		if seen++; seen == 3 {
			return boom
		}
		return nil
	})
	if !errors.Is(err, boom) || seen != 3 {
		t.Errorf("after %s visits: %v", strconv.Itoa(seen), err)
	}
}

// What a purge or a time to live takes away at the end while a stretch is read is not
// waited for.
func TestAnEndThatIsRemovedMeanwhileIsNotWaitedFor(t *testing.T) {
	js := start(t, 3000)
	seen := 0
	err := scan.Read(t.Context(), js, scan.Stretch{Stream: "S", Filters: []string{"a.>"}}, func(*cursor.Message) error {
		if seen++; seen > 1 {
			return nil
		}
		s, err := js.Stream(t.Context(), "S")
		if err != nil {
			return err
		}
		return s.DeleteMsg(t.Context(), 3001)
	})
	if err != nil || seen != 3000 {
		t.Errorf("%d messages, %v", seen, err)
	}
}

// Messages on their way are lost with the connection, and the reader could not tell.
func TestReadingFailsWhenTheConnectionBreaks(t *testing.T) {
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if _, err := js.PublishAsync("a", nil); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	seen := 0
	err := scan.Read(t.Context(), js, scan.Stretch{Stream: "S", Filters: []string{"a"}}, func(*cursor.Message) error {
		if seen++; seen == 1 {
			return js.Conn().ForceReconnect()
		}
		return nil
	})
	if err == nil && seen != 3000 {
		t.Errorf("%d of 3000 messages, and no error", seen)
	}
	if err != nil && fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
}

// In a bucket a key moves behind the end when it is written: it would be neither
// where it was nor in what is read.
func TestWhatMovesBehindTheEndBeforeItIsVisitedIsVisitedThere(t *testing.T) {
	const subjects, moved = 3000, 2500 // far behind what is asked for ahead
	js := natstest.Start(t).JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"a.*"}, MaxMsgsPerSubject: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range subjects {
		if _, err := js.PublishAsync(fmt.Sprint("a.", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	visited := map[string]int{}
	err := scan.Read(t.Context(), js, scan.Stretch{Stream: "S", Filters: []string{"a.>"}, Moving: true}, func(m *cursor.Message) error {
		// It moves once more while what it moved to is on its way.
		if visited[m.Subject]++; len(visited) == 1 || m.Subject == fmt.Sprint("a.", subjects-1) {
			_, err := js.Publish(t.Context(), fmt.Sprint("a.", moved), nil)
			return err
		}
		return nil
	})
	if err != nil || len(visited) != subjects || visited[fmt.Sprint("a.", moved)] == 0 {
		t.Errorf("%d of %d subjects, the moved one %d times: %v", len(visited), subjects, visited[fmt.Sprint("a.", moved)], err)
	}
}
