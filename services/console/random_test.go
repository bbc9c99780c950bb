package console_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/apikey"
)

// run counts what requests came to.
type run struct {
	rig   *rig
	spec  *specification
	rand  *rand.Rand
	seen  map[string]map[int]int
	all   int
	fine  int
	flaws int
}

// TestRandomRequestsKeepToTheDocument sends valid and invalid requests to every
// operation: none is answered with a failure of ours, none in a way that the
// document does not say, and every refusal that it says is seen. As a task of
// its own it makes 10,000 of them.
func TestRandomRequestsKeepToTheDocument(t *testing.T) {
	requests := 1200
	if n, err := strconv.Atoi(os.Getenv("BILLHOOK_CONSOLE_REQUESTS")); err == nil {
		requests = n
	}
	r := start(t)
	r.fill(t)
	r.senders(t)
	u := &run{rig: r, spec: r.specify(t), rand: rand.New(rand.NewPCG(1, 2)), seen: map[string]map[int]int{}}
	u.owner(t, "leaving")
	u.directed(t)
	for u.all < requests && u.flaws < 20 {
		o := &u.spec.operations[u.rand.IntN(len(u.spec.operations))]
		u.send(t, o, u.random(o))
		if u.all%20 == 0 {
			u.refill(t)
		}
	}
	u.judge(t)
}

// refill makes again what random requests deleted.
func (u *run) refill(t *testing.T) {
	t.Helper()
	for _, m := range made() {
		a := u.rig.do(t, ask{method: "POST", path: m.path, body: m.body})
		if a.status != http.StatusCreated && a.status != http.StatusConflict && a.status != http.StatusUnprocessableEntity {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	u.rig.do(t, ask{method: "PUT", path: suppressed})
}

func (u *run) send(t *testing.T, o *operation, a ask) answer {
	t.Helper()
	a.from = fmt.Sprintf("198.51.%d.%d:1", u.all/200%250, u.all%200+1)
	got := u.rig.send(t, a)
	u.all++
	if got.status < 300 {
		u.fine++
	}
	if u.seen[o.Name] == nil {
		u.seen[o.Name] = map[int]int{}
	}
	u.seen[o.Name][got.status]++
	why := u.spec.check(t, o, got)
	if got.status >= 500 {
		why = "a failure of ours"
	}
	if why != "" {
		u.flaws++
		t.Errorf("%s %s %s (%v): %d %s: %s", a.method, a.path, a.body, a.header, got.status, got.body, why)
	}
	return got
}

// judge wants, of every operation, a success and each refusal.
func (u *run) judge(t *testing.T) {
	t.Helper()
	for i := range u.spec.operations {
		o := &u.spec.operations[i]
		fine := 0
		for status, n := range u.seen[o.Name] {
			if status < 300 {
				fine += n
			}
		}
		// There is something to skip while a sender holds up a line only.
		if fine == 0 && o.Name != "skipSubscription" {
			t.Errorf("%s never succeeded: %v", o.Name, u.seen[o.Name])
		}
		for _, text := range o.statuses() {
			status, _ := strconv.Atoi(text)
			// Guessing has a test of its own, and so has a request that is under way.
			if status < 400 || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusConflict && o.takes("Idempotency-Key") {
				continue
			}
			if u.seen[o.Name][status] == 0 {
				t.Errorf("%s is documented with %d and never answered it: %v", o.Name, status, u.seen[o.Name])
			}
		}
	}
	if u.fine*100 < u.all*30 {
		t.Errorf("%d of %d requests succeeded", u.fine, u.all)
	}
	t.Logf("%d requests to %d operations, %d succeeded", u.all, len(u.spec.operations), u.fine)
}

func (o *operation) takes(header string) bool {
	return slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.Name == header && p.In == "header" })
}

// valid is a request that is of the right form.
func (u *run) valid(o *operation) ask {
	at := known()
	if strings.HasSuffix(o.path, "/skip") || strings.HasSuffix(o.path, "/replay") || strings.HasSuffix(o.path, "/pause") || strings.HasSuffix(o.path, "/resume") {
		at["subscription"] = "letter"
	}
	a := ask{method: o.method, path: o.address(at), key: u.rig.keys[apikey.Operator], header: map[string]string{}}
	switch o.Name {
	case "explainSchedules":
		a.path += "?invoice=I-1"
	case "deleteOwner": // chance may say that it is meant
		a.path = strings.Replace(a.path, "acme", "leaving", 1)
	}
	if o.Body == nil {
		return a
	}
	for media, content := range o.Body.Content {
		a.header["Content-Type"], a.body = media, text(content.Example)
		if media == "application/yaml" {
			_ = json.Unmarshal([]byte(a.body), &a.body)
		}
		break
	}
	switch {
	case o.method == http.MethodPut: // of what the address says
		var doc map[string]any
		_ = json.Unmarshal([]byte(a.body), &doc)
		delete(doc, "id")
		a.body = text(doc)
	case o.method == http.MethodPost && strings.Contains(a.body, `"id"`):
		var doc map[string]any
		_ = json.Unmarshal([]byte(a.body), &doc)
		doc["id"] = fmt.Sprintf("n%d", u.rand.Uint32())
		if o.Name == "createContact" {
			doc["type"] = "shipping"
		}
		a.body = text(doc)
	}
	return a
}

// with adds parameters to an address.
func with(path, query string) string {
	if strings.Contains(path, "?") {
		return path + "&" + query
	}
	return path + "?" + query
}

func text(v any) string {
	b, _ := json.Marshal(v) // it came from JSON
	return string(b)
}

// random is a request in which chance has its way.
func (u *run) random(o *operation) ask {
	a := u.valid(o)
	pick := func(list ...string) string { return list[u.rand.IntN(len(list))] }
	if u.rand.IntN(5) < 3 {
		return a
	}
	if u.rand.IntN(4) == 0 {
		a.path = strings.ReplaceAll(a.path, pick("acme", "erp", "hook", "mail", "A-1", "/1", "none"), pick("other", "x", "%2A", "a.b", "%00", "-", "/2", strings.Repeat("a", 70)))
	}
	if u.rand.IntN(3) == 0 {
		var query []string
		for _, p := range o.Parameters {
			if p.In == "query" && u.rand.IntN(2) == 0 {
				query = append(query, p.Name+"="+pick("1", "true", "erp", "-id", "name", "webhook", "2026-11-01T00:00:00Z", "", "0", "%ff", "eyJxIjoxfQ", "invoice.posted", "delivered"))
			}
		}
		a.path = with(a.path, strings.Join(query, "&"))
	}
	if u.rand.IntN(5) == 0 {
		a.header[pick("If-Match", "If-None-Match")] = pick(`"1"`, "*", `"x"`, `W/"1"`, "", `"18446744073709551616"`)
	}
	if u.rand.IntN(5) == 0 {
		a.header["Idempotency-Key"] = pick("a", "b", "c")
	}
	if a.body != "" && u.rand.IntN(2) == 0 {
		a.body = u.mutate(a.body)
	}
	a.key = pick(u.rig.keys[apikey.Admin], u.rig.keys[apikey.Operator], u.rig.keys[apikey.Editor], u.rig.keys[apikey.Viewer])
	return a
}

// mutate changes a part of a body: a member, or the text itself.
func (u *run) mutate(body string) string {
	var doc map[string]any
	if u.rand.IntN(4) == 0 || json.Unmarshal([]byte(body), &doc) != nil {
		at := u.rand.IntN(len(body))
		return body[:at] + string(rune(u.rand.IntN(0x250))) + body[min(len(body), at+u.rand.IntN(4)):]
	}
	values := []any{nil, "", "x", 1, -1, 1e30, true, []any{}, map[string]any{}, []any{map[string]any{"a": 1}}, strings.Repeat("é", 300), "\u0000", "{{#if}}", "https://127.0.0.1"}
	names := []string{"unknown"}
	for name := range doc {
		names = append(names, name)
	}
	slices.Sort(names)
	doc[names[u.rand.IntN(len(names))]] = values[u.rand.IntN(len(values))]
	return text(doc)
}
