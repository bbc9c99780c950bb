package outlet_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/permit"
	"github.com/billhook/billhook/services/queue/internal/outlet"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
)

// world stands for all that the outlet asks, and notes what it is asked.
type world struct {
	t    testing.TB
	most int
	wait time.Duration
	back int
	hand func() []queue.Message
	// revoked says that the key is not valid any more.
	revoked bool
}

func (w *world) Authenticate(context.Context, secret.Text) (apikey.Key, error) {
	if w.revoked {
		return apikey.Key{}, fault.New(fault.Denied, "authenticate", "", nil)
	}
	return apikey.Key{Owner: "acme", Role: apikey.Admin}, nil
}

func (*world) Owner(_ context.Context, id string) (owner.Owner, error) {
	return owner.Owner{ID: id}, nil
}

func (*world) Known(context.Context, queue.Address) (bool, error) { return true, nil }

func (w *world) Pull(_ context.Context, _ queue.Address, most int, wait time.Duration) ([]queue.Message, error) {
	if w.most, w.wait = most, wait; most < 1 || most > queue.MaxMessages || wait < 0 || wait > outlet.MaxWait {
		w.t.Errorf("asked for %d within %s", most, wait)
	}
	if w.hand == nil {
		return nil, nil
	}
	return w.hand(), nil
}

func (w *world) Settle(_ context.Context, _ queue.Address, deeds []queue.Deed) ([]handout.Result, error) {
	if len(deeds) < 1 || len(deeds) > outlet.MaxReceipts {
		w.t.Errorf("%d deeds", len(deeds))
	}
	out := make([]handout.Result, len(deeds))
	for i, d := range deeds {
		if out[i] = handout.Unknown; d.After < 0 || d.After > queue.MaxAfter {
			w.t.Errorf("after %s", d.After)
		}
		if d.Want == handout.Released {
			w.back++
		}
	}
	return out, nil
}

func (*world) Status(context.Context, queue.Address) (queue.Status, error) {
	return queue.Status{}, nil
}

func open(t testing.TB) (*outlet.Outlet, *world) {
	w := &world{t: t}
	return outlet.New(outlet.Deps{
		Office: permit.Office{Callers: caller.New(caller.Settings{Keys: w, Now: time.Now}), Owners: w, Logger: zerolog.Nop()},
		Known:  w, Desk: w, Logger: zerolog.Nop(),
	}), w
}

func post(ctx context.Context, o *outlet.Outlet, what, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/owners/acme/queues/erp/"+what, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

func TestWhatIsNotGivenHasItsDefault(t *testing.T) {
	o, w := open(t)
	for _, body := range []string{"", "{}", `{"max": null}`} {
		if got := post(t.Context(), o, "pull", body); got.Code != http.StatusOK || w.most != outlet.DefaultMax || w.wait != 0 {
			t.Errorf("%q: %d, %d within %s", body, got.Code, w.most, w.wait)
		}
	}
	if post(t.Context(), o, "pull", `{"max": 100, "wait": "30s"}`); w.most != 100 || w.wait != 30*time.Second {
		t.Errorf("%d within %s", w.most, w.wait)
	}
}

func TestWhatNobodyIsThereToTakeIsGivenBack(t *testing.T) {
	o, w := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.hand = func() []queue.Message {
		cancel() // who asked goes away while it is handed out
		return []queue.Message{{Receipt: "a", Seq: 1, Times: 1, Body: []byte("{}")}}
	}
	post(ctx, o, "pull", "")
	if w.back != 1 {
		t.Errorf("%d given back", w.back)
	}
}

func TestAKeyThatIsRevokedWhileItWaitsGetsNoEvents(t *testing.T) {
	o, w := open(t)
	w.hand = func() []queue.Message {
		w.revoked = true
		return []queue.Message{{Receipt: "a", Seq: 1, Times: 1, Body: []byte("{}")}}
	}
	if got := post(t.Context(), o, "pull", `{"wait": "30s"}`); got.Code != http.StatusUnauthorized || w.back != 1 {
		t.Errorf("%d %s, %d given back", got.Code, got.Body, w.back)
	}
}

func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		"", "{}", `{"max":1,"wait":"1s"}`, `{"receipts":["x"]}`, `{"receipts":["x"],"delay":"1m"}`, `{"receipts":["x"],"by":"12h"}`,
		`{"receipts":[]}`, `{"max":-1}`, `[`, `{"wait":"9999999h"}`, "{\"receipts\":[\"\xff\"]}", `{"by":"-1ns","receipts":[""]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o, w := open(t)
		w.t = t
		for _, what := range []string{"pull", "ack", "release", "extend"} {
			got := post(t.Context(), o, what, body)
			switch got.Code {
			case http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			case http.StatusUnsupportedMediaType:
				if body != "" {
					t.Errorf("%s %q: %d", what, body, got.Code)
				}
			default:
				t.Errorf("%s %q: %d %s", what, body, got.Code, got.Body)
			}
		}
	})
}
