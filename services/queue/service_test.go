package queue_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/bucket"
	config "github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/services/queue"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func ordered(q *config.Queue) { q.Order = config.Ordered }

func TestAReaderGetsTheBodyOfAWebhookAndAcknowledgesIt(t *testing.T) {
	r := newRig(t, ordered)
	r.publish(1, 3)
	a, b := r.start(), r.start()
	w := a.do(ask{path: "pull", body: `{"max": 1}`})
	const event = `"deliveries":1,"event":{"type":"invoice.posted","timestamp":"1970-01-01T00:00:01Z","id":"e1","owner":"acme","account":"A-1","data":{"Invoice.Total":"12.50"}}}]}`
	if w.Code != http.StatusOK || !strings.HasSuffix(strings.TrimSpace(w.Body.String()), event) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var first struct{ Messages []message }
	r.want(w, http.StatusOK, &first)
	if got := ids(b.pull("")); got != "" {
		t.Fatalf("%s while the first is out", got)
	}
	if got := b.settle("extend", `,"by":"1h"`, first.Messages...); got != "extended" {
		t.Fatal(got)
	}
	if got := b.settle("ack", "", append(first.Messages, message{Receipt: "nonsense"})...); got != "acknowledged unknown" {
		t.Fatal(got)
	}
	next := b.pull(`{"wait": "20s"}`)
	if got := ids(next); got != "e2 e3" {
		t.Fatal(got)
	}
	if got := a.settle("release", "", next...); got != "released released" {
		t.Fatal(got)
	}
	again := a.pull(`{"max": 100, "wait": "20s"}`)
	if got := ids(again); got != "e2 e3" || again[0].Deliveries != 2 {
		t.Fatalf("%+v", again)
	}
	if got := a.settle("ack", "", next...); got != "expired expired" {
		t.Error(got)
	}
}

func TestWhoMayReadAQueueIsLetInAndNobodyElseLearnsOfIt(t *testing.T) {
	r := newRig(t)
	r.queue("mine")
	in := r.start()
	for _, path := range []string{"pull", "ack", "release", "extend", "status"} {
		method, body := "POST", `{"receipts":["x"],"by":"1s"}`
		switch path {
		case "pull":
			body = ""
		case "status":
			method, body = "GET", ""
		case "ack", "release":
			body = `{"receipts":["x"]}`
		}
		for name, c := range map[string]struct {
			key, owner, queue string
			status            int
		}{
			"operator":        {key: r.keys[apikey.Operator], status: 200},
			"admin":           {key: r.keys[apikey.Admin], status: 200},
			"editor":          {key: r.keys[apikey.Editor], status: 200},
			"viewer":          {key: r.keys[apikey.Viewer], status: map[bool]int{true: 200, false: 403}[path == "status"]},
			"publisher":       {key: r.keys[apikey.Publisher], status: 403},
			"subscriber":      {status: 200},
			"another queue":   {queue: "mine", status: 404},
			"no queue":        {queue: "none", status: 404},
			"no queue either": {key: r.keys[apikey.Admin], queue: "none", status: 404},
			"no id":           {key: r.keys[apikey.Admin], queue: "a.b", status: 404},
			"a foreign key":   {key: r.foreign, status: 404},
			"another owner":   {owner: "other", status: 404},
			"no such owner":   {owner: "nobody", key: r.keys[apikey.Operator], status: 404},
			"no key":          {key: "none", status: 401},
		} {
			w := in.do(ask{method: method, path: path, body: body, key: c.key, owner: c.owner, queue: c.queue})
			if w.Code != c.status {
				t.Errorf("%s by %s: %d %s, want %d", path, name, w.Code, w.Body, c.status)
			}
			if kind := w.Header().Get("Content-Type"); (w.Code == 200) != (kind == "application/json") {
				t.Errorf("%s by %s: %s", path, name, kind)
			}
		}
	}
}

func TestWhatCannotBeReadOrBreaksARuleIsRefused(t *testing.T) {
	in := newRig(t).start()
	many := `{"receipts":["` + strings.Repeat(`x","`, 1000) + `x"]}`
	for _, c := range []struct {
		method, path, body, media string
		status                    int
		says                      string
	}{
		{"POST", "pull", `{`, "", 400, "json.form"},
		{"POST", "pull", `{"max":1}{}`, "", 400, "json.form"},
		{"POST", "pull", "{\"wait\":\"\xff\"}", "", 400, "text.utf8"},
		{"POST", "pull", strings.Repeat("[", 1000), "", 400, ""},
		{"POST", "pull", `[]`, "", 422, "document.kind"},
		{"POST", "pull", `{"max":0}`, "", 422, `"/max"`},
		{"POST", "pull", `{"max":101}`, "", 422, `"/max"`},
		{"POST", "pull", `{"max":1.5}`, "", 422, `"/max"`},
		{"POST", "pull", `{"max":99999999999999999999}`, "", 422, `"/max"`},
		{"POST", "pull", `{"max":"1"}`, "", 422, `"/max"`},
		{"POST", "pull", `{"wait":20}`, "", 422, `"/wait"`},
		{"POST", "pull", `{"wait":"31s"}`, "", 422, "duration.range"},
		{"POST", "pull", `{"wait":"-1s"}`, "", 422, "duration.range"},
		{"POST", "pull", `{"wait":"soon"}`, "", 422, "duration.form"},
		{"POST", "pull", `{"Max":1}`, "", 422, "member.unknown"},
		{"POST", "pull", `{}`, "text/plain", 415, "media"},
		{"POST", "pull", strings.Repeat(" ", 64<<10+1), "", 413, "64 KiB"},
		{"POST", "pull?max=1", `{}`, "", 400, "parameters"},
		{"GET", "pull", "", "", 405, "method"},
		{"DELETE", "status", "", "", 405, "method"},
		{"POST", "ack", ``, "", 415, "media"},
		{"POST", "ack", `{}`, "", 422, "/receipts"},
		{"POST", "ack", `{"receipts":[]}`, "", 422, "/receipts"},
		{"POST", "ack", many, "", 422, "/receipts"},
		{"POST", "ack", `{"receipts":[1]}`, "", 422, "/receipts/0"},
		{"POST", "ack", `{"receipts":["x"],"delay":"1s"}`, "", 422, "/delay"},
		{"POST", "extend", `{"receipts":["x"]}`, "", 422, "/by"},
		{"POST", "extend", `{"receipts":["x"],"by":"13h"}`, "", 422, "/by"},
		{"POST", "release", `{"receipts":["x"],"by":"1h"}`, "", 422, "/by"},
		{"POST", "nothing", ``, "", 404, "not_found"},
		{"POST", "ack/", `{}`, "", 404, "not_found"},
	} {
		w := in.do(ask{method: c.method, path: c.path, body: c.body, media: c.media})
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.40s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
}

func TestReadersOfTwoInstancesGetEveryEventOnceInOrderOverARestartOfTheBroker(t *testing.T) {
	const n = 300
	r := newRig(t, ordered)
	a, b := r.start(), r.start()
	r.publish(1, n)
	var mu sync.Mutex
	var got []string
	var reading sync.WaitGroup
	enough := make(chan struct{})
	restart := sync.OnceFunc(func() { close(enough) })
	for _, in := range []*instance{a, b} {
		reading.Go(func() {
			for {
				var answer struct{ Messages []message }
				w := in.do(ask{path: "pull", body: `{"max": 20, "wait": "100ms"}`})
				if w.Code == http.StatusServiceUnavailable {
					continue // while the broker is away
				}
				r.want(w, http.StatusOK, &answer)
				mu.Lock()
				for _, m := range answer.Messages {
					got = append(got, m.Event.ID)
				}
				if len(got) > n/3 {
					restart()
				}
				done := len(got) >= n
				mu.Unlock()
				if len(answer.Messages) == 0 {
					if done {
						return
					}
					continue
				}
				for _, m := range answer.Messages {
					for in.do(ask{path: "ack", body: `{"receipts":["` + m.Receipt + `"]}`}).Code != http.StatusOK {
						continue // until the broker is back
					}
				}
			}
		})
	}
	<-enough
	r.server.Restart(t)
	reading.Wait()
	for i := range n {
		if want := fmt.Sprint("e", i+1); i >= len(got) || got[i] != want {
			t.Fatalf("event %d of %d is %v, want %s", i, len(got), got[min(i, len(got)-1)], want)
		}
	}
}

func TestWhoGoesAwayWhileWaitingTakesNothingAlong(t *testing.T) {
	r := newRig(t)
	in := r.start()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		in.do(ask{path: "pull", body: `{"wait": "30s"}`, context: ctx})
		close(ended)
	}()
	cancel()
	<-ended
	r.publish(1, 1)
	if got := ids(in.pull(`{"wait": "20s"}`)); got != "e1" {
		t.Errorf("the next one gets %q", got)
	}
}

func TestAQueueThatWasJustMadeIsReadAndOneThatIsDeletedIsNot(t *testing.T) {
	r := newRig(t)
	in := r.start()
	r.queue("new")
	if w := in.do(ask{method: "GET", queue: "new", path: "status", key: r.keys[apikey.Admin]}); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r.put(topology.Queues, "acme.new", nil)
	for late := time.Now().Add(patience); in.do(ask{method: "GET", queue: "new", path: "status", key: r.keys[apikey.Admin]}).Code != http.StatusNotFound; {
		if time.Now().After(late) {
			t.Fatal("it is still there")
		}
	}
}

func TestWhatIsKeptOfADeletedQueueIsRemoved(t *testing.T) {
	r := newRig(t)
	r.publish(1, 1)
	in := r.start(func(c *queue.Config) { c.SweepEvery = time.Second })
	states := bucket.Open(r.js, topology.QueueState)
	there := func(key string) bool {
		e, err := states.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return e.Exists()
	}
	if in.pull(""); !there("acme.erp.1") {
		t.Fatal("nothing is kept of reading")
	}
	for _, key := range []string{"acme.erp.0", "acme.gone.1", "nobody.erp.1"} {
		if _, err := states.Put(t.Context(), key, []byte{1, 0, 0, 0, 0}, 0); err != nil {
			t.Fatal(err)
		}
	}
	for late := time.Now().Add(patience); there("acme.erp.0") || there("acme.gone.1") || there("nobody.erp.1"); {
		if time.Now().After(late) {
			t.Fatal("it is still kept")
		}
	}
	if !there("acme.erp.1") {
		t.Error("what is kept of a queue that is there was removed")
	}
}

func TestNeitherKeysNorReceiptsNorValuesAreLogged(t *testing.T) {
	r := newRig(t)
	r.publish(1, 3)
	in := r.start()
	got := in.pull(`{"max": 2}`)
	in.settle("ack", "", got[0])
	in.settle("extend", `,"by":"1m"`, got...)
	in.do(ask{path: "ack", body: `{"receipts":["` + got[1].Receipt + `"],"by":"x"}`})
	in.js.Conn().Close()
	for _, path := range []string{"pull", "ack"} {
		in.do(ask{path: path, body: `{"receipts":["` + got[1].Receipt + `"]}`})
	}
	in.do(ask{path: "pull"})
	in.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, canary := range []string{r.keys[apikey.Subscriber], got[0].Receipt, got[1].Receipt, "12.50"} {
		if strings.Contains(r.log.String(), canary) {
			t.Errorf("the log has %q: %s", canary, r.log.String())
		}
	}
}

func TestWhoWaitsAtTheServicesOwnAddressIsAnsweredWhenItEnds(t *testing.T) {
	r := newRig(t)
	in := r.start(func(c *queue.Config) { c.HTTPAddr, c.Waiting = "127.0.0.1:0", 1 })
	r.mu.Lock()
	_, rest, _ := strings.Cut(r.log.String(), `"address":"`)
	address, _, _ := strings.Cut(rest, `"`)
	r.mu.Unlock()
	answered := make(chan string, 1)
	go func() {
		for { // until the place is free for it
			if status, body := r.post("http://"+address, `{"wait":"30s"}`); status != http.StatusTooManyRequests {
				answered <- body
				return
			}
		}
	}()
	// One more is refused once it waits.
	for late := time.Now().Add(patience); in.do(ask{path: "pull"}).Code != http.StatusTooManyRequests; {
		if time.Now().After(late) {
			t.Fatal("it does not wait")
		}
	}
	in.stop()
	if got := <-answered; got != "{\"messages\":[]}\n" {
		t.Errorf("answered with %s", got)
	}
	http.DefaultClient.CloseIdleConnections()
	if w := in.do(ask{path: "pull"}); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("behind the end: %d %s", w.Code, w.Body)
	}
}

func TestAnOwnerIsToldOfWhatRetentionTookFromAQueue(t *testing.T) {
	r := newRig(t)
	r.publish(1, 3)
	events, err := r.js.Stream(t.Context(), topology.Events)
	if err == nil {
		err = events.Purge(t.Context(), jetstream.WithPurgeSequence(3))
	}
	if err != nil {
		t.Fatal(err)
	}
	in := r.start()
	if got := ids(in.pull(`{"wait": "20s"}`)); got != "e3" {
		t.Fatal(got)
	}
	if w := in.do(ask{method: "GET", path: "status"}); !strings.Contains(w.Body.String(), `"gap":{"after":0,"first":3,`) {
		t.Error(w.Body)
	}
	in.stop() // what is told is told by then
	for stream, subj := range map[string]string{topology.Gaps: subject.GapOfQueue("acme", "erp"), topology.Inbox: "inbox.*.billhook.acme.queue.overtaken"} {
		s, err := r.js.Stream(t.Context(), stream)
		if err == nil {
			_, err = s.GetLastMsgForSubject(t.Context(), subj)
		}
		if err != nil {
			t.Errorf("%s: %v", stream, err)
		}
	}
}
