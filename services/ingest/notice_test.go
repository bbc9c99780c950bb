package ingest_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// telling runs a desk as another service does, until the test ends.
func (r *rig) telling() *notice.Desk {
	r.t.Helper()
	d := notice.New(notice.Settings{
		JS: r.server.JetStream(r.t), Log: zerolog.Nop(), Now: time.Now,
		Name: func(notice.Kind, string, string) string { return "" },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = d.Run(ctx) })
	r.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return d
}

func TestNoticesOfEveryKindAreAcceptedFromInsideAndRefusedFromPlatforms(t *testing.T) {
	r := newRig(t)
	in := r.start(options{})
	kinds := notice.Kinds()
	for i, k := range kinds {
		id := fmt.Sprintf("forged-%d", i)
		r.publish(subject.Platform("acme", string(k)), []byte(fmt.Sprintf(`{"id":%q,"time":"2026-01-02T03:04:05Z"}`, id)), nil)
		body := fmt.Sprintf(`{"id":%q,"type":%q,"time":"2026-01-02T03:04:05Z"}`, id, k)
		if w := r.post(in, "/v1/owners/acme/events", body, nil); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s over HTTP: status %d %s", k, w.Code, w.Body)
		}
	}
	for i, v := range r.rejected(len(kinds)) {
		if v.Reason != "reserved_type" {
			t.Errorf("refusal %d: %s", i, v.Reason)
		}
	}
	desk := r.telling()
	for _, k := range kinds[:len(kinds)-1] { // the refusals above raised the last
		desk.Raise(notice.Notice{Kind: k, Owner: "acme", Thing: "x-1", Reason: "timeout", Count: 3, Cause: "invoice.posted"})
	}
	got := map[string]*event.Event{}
	for _, e := range r.events(len(kinds)) {
		got[e.Type] = e
	}
	for _, k := range kinds {
		e := got[string(k)]
		if e == nil || e.Owner != "acme" || e.Data.Text("Operation.Kind") != string(k) {
			t.Errorf("%s: %+v", k, e)
		}
	}
	if n := r.count(topology.Rejected); n != len(kinds) {
		t.Errorf("%d refused, want the %d of the platform", n, len(kinds))
	}
}

func TestRefusedEventsAreToldOnceWithTheirNumber(t *testing.T) {
	r := newRig(t)
	r.window = 2 * time.Second
	r.start(options{})
	const n = 20
	for i := range n {
		r.publish(subject.Platform("acme", "invoice.postd"), []byte(plain(fmt.Sprint("e", i))), nil)
	}
	var told []*event.Event
	r.eventually("all refusals told", func() bool {
		sum := 0
		told = nil
		for _, e := range r.events(r.count(topology.Events)) {
			told = append(told, e)
			count, err := strconv.Atoi(e.Data.Text("Operation.Count"))
			if err != nil {
				t.Fatal(err)
			}
			sum += count
		}
		return sum == n
	})
	windows := map[int64]int{}
	for _, e := range told {
		if e.Type != "event.rejected" || e.Data.Text("Operation.Reason") != "unknown_type" || e.Account != "" {
			t.Errorf("told %+v", e)
		}
		windows[e.Time.UnixNano()/int64(r.window)]++
	}
	if len(told) > len(windows)+1 { // what waited for a window is told with its last moment
		t.Errorf("%d notices for refusals within %d windows", len(told), len(windows))
	}
}

func TestARefusedNoticeAndAnUnknownOwnerRaiseNothing(t *testing.T) {
	r := newRig(t)
	r.start(options{})
	r.publish(subject.Internal("acme", "delivery.parked"), []byte(`{"id":"n1","time":"2026-01-02T03:04:05Z","data":{"Operation.Sum":1}}`), nil)
	r.publish(posted("nobody"), []byte(plain("e1")), nil)
	r.publish(subject.Internal("nobody", "delivery.parked"), []byte(`{"id":"n2","time":"2026-01-02T03:04:05Z"}`), nil)
	if got := r.rejected(3); len(got) != 3 {
		t.Fatal(got)
	}
	// What is raised after them is told after them.
	r.publish(subject.Platform("acme", "invoice.postd"), []byte(plain("e2")), nil)
	if e := r.events(1)[0]; e.Owner != "acme" || e.Data.Text("Operation.Count") != "1" || e.Data.Text("Operation.Reason") != "unknown_type" {
		t.Errorf("told %+v", e)
	}
}

func TestWhatSeveralInstancesTellOfOneHappeningIsOneEvent(t *testing.T) {
	r := newRig(t)
	r.start(options{})
	told := notice.Notice{Kind: notice.EndpointDisabled, Owner: "acme", Thing: "receiver", Reason: "gone", Happening: "state 7"}
	for range 3 {
		r.telling().Raise(told)
	}
	told.Happening = "state 8"
	desk := r.telling()
	r.eventually("three published", func() bool { return r.count(topology.Inbox) == 3 })
	desk.Raise(told)
	r.events(2)
	r.stored(4)
	if n := r.count(topology.Events); n != 2 {
		t.Errorf("%d events of two happenings", n)
	}
}
