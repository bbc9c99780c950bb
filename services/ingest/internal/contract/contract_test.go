package contract_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/contract"
	"github.com/billhook/billhook/services/ingest/internal/contract/contracttest"
	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/tokens"
)

var update = flag.Bool("update", false, "write the files instead of comparing them")

func load(t *testing.T) *tokens.Catalogue {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// docs is the folder of the files, seen from here.
const docs = "../../../../docs/"

func TestTheFilesSayWhatIngestJudgesBy(t *testing.T) {
	document, err := contract.AsyncAPI(load(t))
	if err != nil {
		t.Fatal(err)
	}
	page, err := contract.Page(load(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"asyncapi.json": string(document), "nats.md": page} {
		if *update {
			if err := os.WriteFile(docs+name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(docs + name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s drifted, run go test ./services/ingest/internal/contract -update\n%s", name, d)
		}
	}
}

func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	d := contracttest.Read(t)
	seen := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			if to, isRef := v["$ref"].(string); isRef {
				seen++
				if path, local := strings.CutPrefix(to, "#/"); !local || d.At(strings.Split(path, "/")...) == nil {
					t.Errorf("%s leads nowhere", to)
				}
			}
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(d.Root)
	if seen < 1000 {
		t.Errorf("only %d references", seen)
	}
}

func TestEveryEventHasAChannelAndAnOperation(t *testing.T) {
	d, c := contracttest.Read(t), load(t)
	judge := rules.New(c)
	for _, e := range c.Events() {
		known, _ := judge.Type(e.Type)
		address, operation := "platform.{owner}."+e.Type, "receive."+e.Type
		if known.Reserved {
			address, operation = "events.{partition}.{owner}."+e.Type, "send."+e.Type
		}
		if got := d.At("channels", e.Type, "address"); got != address {
			t.Errorf("%s is at %v, want %s", e.Type, got, address)
		}
		if d.At("operations", operation) == nil {
			t.Errorf("there is no operation %s", operation)
		}
	}
}

func TestEveryExampleObeysItsSchema(t *testing.T) {
	d := contracttest.Read(t)
	for name, m := range d.Messages(t) {
		if len(m.Examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, e := range m.Examples {
			if err := d.Check(t, name, "payload", e.Payload); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if e.Headers == nil {
				continue
			}
			if err := d.Check(t, name, "headers", e.Headers); err != nil {
				t.Errorf("%s: headers: %v", name, err)
			}
		}
	}
}

// published is an example in one of the forms that platforms publish.
type published struct {
	name, eventType, form string
	contracttest.Example
}

func (p published) clone() published {
	p.Headers, p.Payload = maps.Clone(p.Headers), maps.Clone(p.Payload)
	if data, inside := p.Payload["data"].(map[string]any); inside {
		p.Payload["data"] = maps.Clone(data)
	}
	return p
}

// data is where the values of tokens are.
func (p published) data() map[string]any {
	if p.form == "binary" {
		return p.Payload
	}
	return p.Payload["data"].(map[string]any)
}

// set sets an attribute, or removes it where the value is nil.
func (p published) set(name string, value any) {
	in := p.Payload
	if p.form == "binary" {
		in, name = p.Headers, "ce-"+name
	}
	if in[name] = value; value == nil {
		delete(in, name)
	}
}

// account is what the account is called in the form.
func (p published) account() string {
	if p.form == "plain" {
		return "account"
	}
	return "subject"
}

// obeys reports whether the document takes the message.
func (p published) obeys(t *testing.T, d *contracttest.Document) bool {
	return d.Check(t, p.name, "payload", p.Payload) == nil && (p.Headers == nil || d.Check(t, p.name, "headers", p.Headers) == nil)
}

// admitted returns why ingest refuses the message, nil where it takes it.
func (p published) refused(t *testing.T, a *admission.Admission) *admission.Refusal {
	t.Helper()
	body, err := json.Marshal(p.Payload)
	if err != nil {
		t.Fatal(err)
	}
	headers := map[string][]string{}
	for name, value := range p.Headers {
		headers[name] = []string{value.(string)}
	}
	_, refusal := a.Check(admission.Message{
		Input: envelope.Input{Body: body, Header: headers, Type: p.eventType}, At: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
	})
	return refusal
}

// examples are those that platforms could publish.
func examples(t *testing.T, d *contracttest.Document) []published {
	t.Helper()
	var out []published
	for name, m := range d.Messages(t) {
		for _, e := range m.Examples {
			for _, form := range []string{"plain", "structured", "binary"} {
				if eventType, is := strings.CutSuffix(name, "."+form); is {
					out = append(out, published{name: name, eventType: eventType, form: form, Example: e})
				}
			}
		}
	}
	return out
}

func TestIngestTakesEveryExampleAndRefusesWhatTheDocumentDoes(t *testing.T) {
	d, c := contracttest.Read(t), load(t)
	a := admission.New(rules.New(c), nil)
	all := examples(t, d)
	if want := 3 * 50; len(all) < want {
		t.Fatalf("%d examples, want at least %d", len(all), want)
	}
	for _, p := range all {
		if why := p.refused(t, a); why != nil {
			t.Errorf("%s: the example is refused: %v", p.name, why.Problems)
		}
		for what, breakIt := range map[string]func(published){
			"no id":            func(p published) { p.set("id", nil) },
			"id with a dot":    func(p published) { p.set("id", "a.b") },
			"no time":          func(p published) { p.set("time", nil) },
			"time with a gap":  func(p published) { p.set("time", "2026-11-23 14:05:00Z") },
			"another type":     func(p published) { p.set("type", "no.such") },
			"account wildcard": func(p published) { p.set(p.account(), ">") },
			"unknown token":    func(p published) { p.data()["Invoice.Totl"] = "12.50" },
			"a list as data":   func(p published) { p.data()["Account.Name"] = []any{} },
			"binary data":      func(p published) { p.Payload["data_base64"] = "e30=" },
		} {
			broken := p.clone()
			breakIt(broken)
			if broken.obeys(t, d) || broken.refused(t, a) == nil {
				t.Errorf("%s, %s: the document takes it: %v; ingest takes it: %v", p.name, what, broken.obeys(t, d), broken.refused(t, a) == nil)
			}
		}
		// An account is required where the event is about one, and only there.
		without := p.clone()
		without.set(p.account(), nil)
		if obeys, why := without.obeys(t, d), without.refused(t, a); obeys != (why == nil) {
			t.Errorf("%s without an account: the document takes it: %v; ingest: %v", p.name, obeys, why)
		}
	}
}
