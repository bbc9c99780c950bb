package tokens

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/billhook/billhook/shared/fault"
)

// compiled is the schema of a type, with formats asserted.
func compiled(t *testing.T, c *Catalogue, eventType string) *jsonschema.Schema {
	t.Helper()
	b, err := c.Schema(eventType)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("event", doc); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("event")
	if err != nil {
		t.Fatalf("%s: %v", eventType, err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, doc string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestTheExampleOfEveryEventObeysItsSchema(t *testing.T) {
	c := loaded(t)
	for _, e := range c.Events() {
		b, err := json.Marshal(c.Example(e.Type).Data)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(t, compiled(t, c, e.Type), string(b)); err != nil {
			t.Errorf("%s: %v", e.Type, err)
		}
	}
	if c.Example("no.such.event") != nil {
		t.Error("an unknown event has an example")
	}
}

func TestASchemaHoldsWhatTheEventCarriesAndNothingElse(t *testing.T) {
	c := loaded(t)
	for _, e := range c.Events() {
		var s schema
		b, err := c.Schema(e.Type)
		if err != nil || json.Unmarshal(b, &s) != nil {
			t.Fatal(e.Type, err)
		}
		var want []string
		for _, token := range c.Tokens() {
			if e.Offers(token) && token.Group != "Core" && token.Group != "Contact" {
				want = append(want, token.Name)
			}
		}
		if got := slices.Sorted(maps.Keys(s.Properties)); !slices.Equal(got, slices.Sorted(slices.Values(want))) || *s.Additional {
			t.Errorf("%s: properties %v, want %v", e.Type, got, want)
		}
	}
	if _, err := c.Schema("no.such.event"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown event: %v", err)
	}
}

func TestASchemaRefusesWrongForms(t *testing.T) {
	c := loaded(t)
	s := compiled(t, c, DeliveryDatePlus)
	for _, row := range []struct {
		doc  string
		want bool
	}{
		{`{}`, true},
		{`{"Account.Name": null, "Invoice.Total": null, "Schedule.Days": null, "Schedule.Late": null}`, true},
		{`{"Account.Name": 5}`, false},
		{`{"Account.Name": "` + strings.Repeat("é", MaxText) + `"}`, true},
		{`{"Account.Name": "` + strings.Repeat("é", MaxText+1) + `"}`, false},
		{`{"Account.Nam": "x"}`, false},
		{`{"account.name": "x"}`, false},
		{`{"Contact.Email": "a@example.com"}`, false},
		{`{"Owner Name": "x"}`, false},
		{`{"Operation.Kind": "x"}`, false},
		{`{"Account.PreviousStatus": "x"}`, false},
		{`{"Account.Bill Day": 15}`, true},
		{`{"Account.Bill Day": "15"}`, false},
		{`{"Account.Bill Day": 15.5}`, false},
		{`{"Account.Bill Day": 9223372036854775807}`, true},
		{`{"Account.Bill Day": 9223372036854775808}`, false},
		{`{"Invoice.Total": "1234.50"}`, true},
		{`{"Invoice.Total": "-0.000001"}`, true},
		{`{"Invoice.Total": 1234.50}`, false},
		{`{"Invoice.Total": "1,234.50"}`, false},
		{`{"Invoice.Total": "1e3"}`, false},
		{`{"Invoice.Total": "1234567890123456789"}`, false},
		{`{"Invoice.Total": "1.50\n"}`, false},
		{`{"Invoice.Currency": "EUR"}`, true},
		{`{"Invoice.Currency": "eur"}`, false},
		{`{"Invoice.Date": "2028-02-29"}`, true},
		{`{"Invoice.Date": "2026-02-29"}`, false},
		{`{"Invoice.Date": "26-02-01"}`, false},
		{`{"Invoice.DeliveryDate": "2026-11-23T14:05:00.123+01:00"}`, true},
		{`{"Invoice.DeliveryDate": "2026-02-30T14:05:00Z"}`, false},
		{`{"Invoice.DeliveryDate": "2026-11-23T14:05:00"}`, false},
		{`{"Invoice.DeliveryDate": "2026-11-23 14:05:00Z"}`, false},
		{`{"Invoice.DeliveryDate": "2016-12-31T23:59:60Z"}`, false},
		{`{"Schedule.Time": "08:00"}`, true},
		{`{"Schedule.Time": "08:00:59"}`, true},
		{`{"Schedule.Time": "24:00"}`, false},
		{`{"Schedule.Late": true}`, true},
		{`{"Schedule.Late": "true"}`, false},
		{`{"Schedule.TimeZone": "America/Argentina/Buenos_Aires"}`, true},
		{`{"Schedule.TimeZone": "../etc/passwd"}`, false},
		{`{"Account.Name": {"x": 1}}`, false},
		{`{"Account.Name": ["x"]}`, false},
		{`[]`, false},
	} {
		if err := valid(t, s, row.doc); (err == nil) != row.want {
			t.Errorf("%.80s: %v, want valid %v", row.doc, err, row.want)
		}
	}
	s = compiled(t, c, "usage.threshold_exceeded")
	for doc, want := range map[string]bool{
		`{"AccountServiceUsageBucket.Threshold": 90.5}`:     true,
		`{"AccountServiceUsageBucket.Threshold": "90"}`:     false,
		`{"AccountServiceUsageBucket.Threshold": -1}`:       false,
		`{"AccountServiceUsageBucket.UsageConsumed": 1e18}`: true,
		`{"AccountServiceUsageBucket.UsageConsumed": 1e19}`: false,
	} {
		if err := valid(t, s, doc); (err == nil) != want {
			t.Errorf("%s: %v, want valid %v", doc, err, want)
		}
	}
}

func TestOnlyZonesOfTheWorldAreValid(t *testing.T) {
	for name, want := range map[string]bool{"Europe/Paris": true, "UTC": true, "Local": false, "": false, "Mars": false} {
		if ValidZone(name) != want {
			t.Errorf("%q is not %v", name, want)
		}
	}
}
