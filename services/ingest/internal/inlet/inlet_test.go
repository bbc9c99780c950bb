package inlet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/inlet"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/tokens"
)

// world stands for all that the inlet asks.
type world struct {
	now       time.Time
	quotas    owner.Quotas
	keysErr   error
	gone      bool
	storeErr  error
	published []string // "owner type body"
}

func (w *world) Authenticate(_ context.Context, text secret.Text) (apikey.Key, error) {
	if w.keysErr != nil {
		return apikey.Key{}, w.keysErr
	}
	switch role, ok := strings.CutPrefix(text.Reveal(), "bhk_"); {
	case text.Reveal() == "bho_":
		return apikey.Key{Role: apikey.Operator}, nil
	case ok:
		return apikey.Key{Owner: "acme", Role: apikey.Role(role)}, nil
	}
	return apikey.Key{}, fault.New(fault.Denied, "authenticate", "", nil)
}

// desk asks w for keys.
func (w *world) desk() *caller.Desk {
	return caller.New(caller.Settings{Keys: w, Now: func() time.Time { return w.now }})
}

func (w *world) Owner(_ context.Context, id string) (owner.Owner, error) {
	if w.gone {
		return owner.Owner{}, fault.New(fault.NotFound, "read owner", id, nil)
	}
	return owner.Owner{ID: id, Quotas: w.quotas}, nil
}

func (w *world) Get(_ context.Context, _, id string) (*account.Account, error) {
	return nil, fault.New(fault.NotFound, "read account", id, nil)
}

func (w *world) Publish(_ context.Context, name string, events []admission.Entry) error {
	if w.storeErr != nil {
		return w.storeErr
	}
	for _, e := range events {
		w.published = append(w.published, name+" "+e.Type+" "+string(e.Body))
	}
	return nil
}

func open(t *testing.T) (*inlet.Inlet, *world) {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{now: time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)}
	return inlet.New(inlet.Deps{
		Callers: w.desk(), Owners: w, Publisher: w, Admission: admission.New(rules.New(c), w),
		Logger: zerolog.Nop(), Now: func() time.Time { return w.now },
	}), w
}

// post sends a body; headers are pairs.
func post(h http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/owners/acme/events", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer bhk_publisher")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func eventJSON(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"invoice.posted","time":"2026-11-23T14:05:00Z","account":"A","data":{"Invoice.Total":"12.50"}}`, id)
}

// answer is every member that an answer may have.
type answer struct {
	ID       string         `json:"id"`
	Status   any            `json:"status"`
	Accepted int            `json:"accepted"`
	Refused  int            `json:"refused"`
	Detail   string         `json:"detail"`
	Title    string         `json:"title"`
	Code     string         `json:"code"`
	Errors   fault.Problems `json:"errors"`
	Results  []struct {
		Index    int            `json:"index"`
		ID       string         `json:"id"`
		Status   string         `json:"status"`
		Problems fault.Problems `json:"problems"`
	} `json:"results"`
}

func read(t *testing.T, w *httptest.ResponseRecorder, status int) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	if w.Code != status {
		t.Fatalf("answered %d %s, want %d", w.Code, w.Body, status)
	}
	if w.Code >= 400 {
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" || a.Title == "" || a.Code == "" || a.Status != float64(status) {
			t.Fatalf("no problem of RFC 9457: %s %s", got, w.Body)
		}
	}
	return a
}

func TestOneEventIsStoredInThePlainForm(t *testing.T) {
	stored := `acme invoice.posted {"id":"e1","time":"2026-11-23T14:05:00Z","account":"A","data":{"Invoice.Total":"12.50"}}`
	cloud := `{"specversion":"1.0","id":"e1","source":"s","type":"invoice.posted","subject":"A","time":"2026-11-23T14:05:00Z","data":{"Invoice.Total":"12.50"}}`
	for name, send := range map[string]func(http.Handler) *httptest.ResponseRecorder{
		"plain": func(h http.Handler) *httptest.ResponseRecorder { return post(h, eventJSON("e1")) },
		"with a set": func(h http.Handler) *httptest.ResponseRecorder {
			return post(h, eventJSON("e1"), "Content-Type", "application/json; charset=utf-8")
		},
		"structured": func(h http.Handler) *httptest.ResponseRecorder {
			return post(h, cloud, "Content-Type", "application/cloudevents+json")
		},
		"binary": func(h http.Handler) *httptest.ResponseRecorder {
			return post(h, `{"Invoice.Total":"12.50"}`, "ce-specversion", "1.0", "ce-id", "e1", "ce-source", "s", "ce-type", "invoice.posted",
				"ce-subject", "A", "ce-time", "2026-11-23T14:05:00Z")
		},
	} {
		in, w := open(t)
		if a := read(t, send(in), http.StatusAccepted); a.ID != "e1" || a.Status != "accepted" {
			t.Errorf("%s: %+v", name, a)
		}
		if diff := cmp.Diff([]string{stored}, w.published); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestBatchIsStoredInItsOrderWithoutWhatIsRefused(t *testing.T) {
	bad := `{"id":"b.d","type":"invoice.posted","time":"2026-11-23T14:05:00Z","account":"A"}`
	cloud := func(id string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"s","type":"invoice.posted","subject":"A","time":"2026-11-23T14:05:00Z"}`
	}
	for name, body := range map[string][2]string{
		"array":             {"application/json", " [" + eventJSON("e1") + "," + bad + "," + eventJSON("e2") + "]"},
		"lines":             {"application/x-ndjson", eventJSON("e1") + "\r\n\n" + bad + "\n" + eventJSON("e2")},
		"cloud batch":       {"application/cloudevents-batch+json", "[" + cloud("e1") + "," + cloud("b.d") + "," + cloud("e2") + "]"},
		"cloud in an array": {"application/json", "[" + cloud("e1") + "," + cloud("b.d") + "," + cloud("e2") + "]"},
	} {
		in, w := open(t)
		a := read(t, post(in, body[1], "Content-Type", body[0]), http.StatusAccepted)
		if a.Accepted != 2 || a.Refused != 1 || len(a.Results) != 3 || a.Results[1].Problems[0].Pointer != "/id" || a.Results[2].ID != "e2" || a.Results[2].Index != 2 {
			t.Errorf("%s: %+v", name, a)
		}
		if len(w.published) != 2 || !strings.Contains(w.published[0], `"e1"`) || !strings.Contains(w.published[1], `"e2"`) {
			t.Errorf("%s: stored %q", name, w.published)
		}
	}
}

func TestBatchOfWhichNothingIsAcceptedIsRefused(t *testing.T) {
	in, w := open(t)
	a := read(t, post(in, `[{"id":1},{]`), http.StatusBadRequest)
	if a.Errors == nil {
		t.Errorf("%+v", a)
	}
	a = read(t, post(in, `[{"id":"x"},{"a":1,"a":2},5]`), http.StatusUnprocessableEntity)
	if len(a.Results) != 3 || a.Results[1].Problems[0].Rule != "json.duplicate" || w.published != nil {
		t.Errorf("%+v, stored %q", a, w.published)
	}
	for _, empty := range []string{"[]", " [ ] "} {
		read(t, post(in, empty), http.StatusBadRequest)
	}
	read(t, post(in, "\n\n", "Content-Type", "application/x-ndjson"), http.StatusBadRequest)
}

func TestIdTwiceInOneRequestIsRefused(t *testing.T) {
	in, w := open(t)
	a := read(t, post(in, "["+eventJSON("e1")+","+eventJSON("e1")+"]"), http.StatusAccepted)
	if a.Accepted != 1 || a.Results[1].Problems[0].Rule != "id.repeated" || len(w.published) != 1 {
		t.Errorf("%+v", a)
	}
}

func TestRefusedEventNamesPlaceAndRule(t *testing.T) {
	in, _ := open(t)
	a := read(t, post(in, `{"id":"e1","type":"invoice.posted","time":"yesterday","account":"A","data":{"Invoice.Totel":"1"}}`), http.StatusUnprocessableEntity)
	if len(a.Errors) != 1 || a.Errors[0].Pointer != "/time" || a.Errors[0].Rule == "" || a.Errors[0].Detail == "" {
		t.Errorf("%+v", a.Errors)
	}
	a = read(t, post(in, `{"id":"e1","type":"invoice.delivery_date_plus","time":"2026-11-23T14:05:00Z","account":"A"}`), http.StatusUnprocessableEntity)
	if len(a.Errors) != 1 || a.Errors[0].Rule != admission.RuleReserved {
		t.Errorf("reserved type: %+v", a.Errors)
	}
}

func TestRequestsThatAreTooLarge(t *testing.T) {
	in, _ := open(t)
	large := strings.Replace(eventJSON("e1"), "12.50", strings.Repeat("1", event.MaxBytes), 1)
	a := read(t, post(in, large), http.StatusRequestEntityTooLarge)
	if len(a.Errors) != 1 || a.Errors[0].Rule != "event.size" {
		t.Errorf("%+v", a.Errors)
	}
	read(t, post(in, strings.Repeat(" ", inlet.MaxBody+1)), http.StatusRequestEntityTooLarge)
	read(t, post(in, "["+strings.Repeat("1,", inlet.MaxEvents)+"1]"), http.StatusRequestEntityTooLarge)
	r := httptest.NewRequest(http.MethodPost, "/v1/owners/acme/events", strings.NewReader(strings.Repeat(" ", inlet.MaxBody+1)))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer bhk_publisher")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	in.ServeHTTP(w, r)
	read(t, w, http.StatusRequestEntityTooLarge)
}

func TestBinaryEventThatOutgrowsItsLimitWithItsHeadersIsRefusedBeforeItIsAnswered(t *testing.T) {
	in, w := open(t)
	frame := `{"Account.Name":""}`
	var body strings.Builder
	body.WriteString(`{"Account.Name":"x"`)
	body.WriteString(strings.Repeat(" ", event.MaxBytes-len(frame)-1) + "}")
	read(t, post(in, body.String(), "ce-specversion", "1.0", "ce-id", "e1", "ce-source", "s", "ce-type", "account.updated",
		"ce-subject", "A", "ce-time", "2026-11-23T14:05:00Z"), http.StatusAccepted)
	if len(w.published[0]) > 200 {
		t.Errorf("space is stored: %d bytes", len(w.published[0]))
	}
}

func TestWhoMayPublish(t *testing.T) {
	for _, row := range []struct {
		name, path, authorization string
		status                    int
	}{
		{"publisher", "/v1/owners/acme/events", "Bearer bhk_publisher", 202},
		{"editor", "/v1/owners/acme/events", "bearer bhk_editor", 202},
		{"admin", "/v1/owners/acme/events", "Bearer  bhk_admin", 202},
		{"viewer", "/v1/owners/acme/events", "Bearer bhk_viewer", 403},
		{"subscriber", "/v1/owners/acme/events", "Bearer bhk_subscriber", 403},
		{"nobody", "/v1/owners/acme/events", "", 401},
		{"wrong key", "/v1/owners/acme/events", "Bearer nonsense", 401},
		{"other scheme", "/v1/owners/acme/events", "Basic bhk_publisher", 401},
		{"endless key", "/v1/owners/acme/events", "Bearer bhk_" + strings.Repeat("x", 1000), 401},
		{"operator", "/v1/owners/acme/events", "Bearer bho_", 202},
		{"operator, another owner", "/v1/owners/globex/events", "Bearer bho_", 202},
		{"foreign owner", "/v1/owners/globex/events", "Bearer bhk_publisher", 404},
		{"owner that can be none", "/v1/owners/a.b/events", "Bearer bhk_publisher", 404},
		{"operator, owner that can be none", "/v1/owners/a.b/events", "Bearer bho_", 404},
		{"elsewhere", "/v1/owners/acme/nothing", "Bearer bhk_publisher", 404},
	} {
		in, _ := open(t)
		r := httptest.NewRequest(http.MethodPost, row.path, strings.NewReader(eventJSON("e1")))
		r.Header.Set("Content-Type", "application/json")
		if row.authorization != "" {
			r.Header.Set("Authorization", row.authorization)
		}
		w := httptest.NewRecorder()
		in.ServeHTTP(w, r)
		if w.Code != row.status {
			t.Errorf("%s: answered %d, want %d", row.name, w.Code, row.status)
			continue
		}
		read(t, w, row.status)
		if (w.Header().Get("WWW-Authenticate") != "") != (row.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", row.name, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestKeyThatOutlivedItsOwnerPublishesNothing(t *testing.T) {
	in, w := open(t)
	w.gone = true
	read(t, post(in, eventJSON("e1")), http.StatusNotFound)
}

func TestOtherMethodsAndTypesAreNamed(t *testing.T) {
	in, _ := open(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		w := httptest.NewRecorder()
		in.ServeHTTP(w, httptest.NewRequest(method, "/v1/owners/acme/events", nil))
		read(t, w, http.StatusMethodNotAllowed)
		if w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: allows %q", method, w.Header().Get("Allow"))
		}
	}
	for _, headers := range [][]string{
		{"Content-Type", ""}, {"Content-Type", "text/plain"}, {"Content-Type", "application/x-www-form-urlencoded"},
		{"Content-Type", "application"}, {"Content-Encoding", "gzip"},
	} {
		w := post(in, eventJSON("e1"), headers...)
		read(t, w, http.StatusUnsupportedMediaType)
		if !strings.Contains(w.Header().Get("Accept"), "application/x-ndjson") {
			t.Errorf("%v: accepts %q", headers, w.Header().Get("Accept"))
		}
	}
}

func TestUsedUpQuotaSaysWhenToComeBack(t *testing.T) {
	in, w := open(t)
	w.quotas = owner.Quotas{EventsPerSecond: 2}
	read(t, post(in, eventJSON("e1")), http.StatusAccepted)
	read(t, post(in, "["+eventJSON("e2")+","+eventJSON("e3")+"]"), http.StatusAccepted)
	got := post(in, eventJSON("e4"))
	read(t, got, http.StatusTooManyRequests)
	if got.Header().Get("Retry-After") != "1" || len(w.published) != 3 {
		t.Errorf("Retry-After %q, stored %d", got.Header().Get("Retry-After"), len(w.published))
	}
	w.now = w.now.Add(time.Second)
	read(t, post(in, eventJSON("e4")), http.StatusAccepted)
}

func TestStoreOutOfReachIsAnsweredWithTryAgain(t *testing.T) {
	in, w := open(t)
	w.storeErr = fault.New(fault.Exhausted, "publish to", "INBOX", errors.New("maximum bytes exceeded"))
	got := post(in, eventJSON("e1"))
	read(t, got, http.StatusServiceUnavailable)
	if got.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.storeErr, w.keysErr = nil, fault.New(fault.Unavailable, "read key", "", errors.New("no responders"))
	read(t, post(in, eventJSON("e1")), http.StatusServiceUnavailable)
}

func TestGuessingIsAnsweredWithWait(t *testing.T) {
	in, _ := open(t)
	for range 10 {
		read(t, post(in, "", "Authorization", "Bearer guess"), http.StatusUnauthorized)
	}
	got := post(in, eventJSON("e1"))
	read(t, got, http.StatusTooManyRequests)
	if got.Header().Get("Retry-After") != "6" {
		t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
	}
}

func FuzzPost(f *testing.F) {
	f.Add("application/json", eventJSON("e1"))
	f.Add("application/json", "["+eventJSON("e1")+"]")
	f.Add("application/x-ndjson", eventJSON("e1")+"\n{")
	f.Add("application/cloudevents-batch+json", `[{"specversion":"1.0"}]`)
	c, err := tokens.Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, media, body string) {
		w := &world{now: time.Unix(1795442700, 0)}
		in := inlet.New(inlet.Deps{
			Callers: w.desk(), Owners: w, Publisher: w, Admission: admission.New(rules.New(c), w), Logger: zerolog.Nop(),
			Now: func() time.Time { return w.now },
		})
		got := post(in, body, "Content-Type", media)
		if !json.Valid(got.Body.Bytes()) || (got.Code == http.StatusAccepted) != (w.published != nil) {
			t.Fatalf("answered %d %q, stored %d", got.Code, got.Body, len(w.published))
		}
	})
}
