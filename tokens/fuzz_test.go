package tokens

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
)

// hazards are templates that kill, hang or mislead the library beneath, or
// break out of the place of a value.
var hazards = []string{
	"{{#if Account.Name}}{{if Account.Name}}{{/if}}", "{{#if Account.Name}}{{unless Account.Name}}{{/if}}",
	"{{#if Account.Name}}{{equal Account.Name Account.Name}}{{/if}}", "{{#if Account.Name}}{{with Account.Name}}{{/if}}",
	"{{#if Account.Name}}{{each Account.Name}}{{/if}}", "{{#each Account.Name}}{{#each .}}{{#each .}}x{{/each}}{{/each}}{{/each}}",
	"{{> self}}", "{{#> self}}{{/self}}", "{{{Account.Name}}}", "{{&Account.Name}}", "{{{{raw}}}}x{{{{/raw}}}}", "{{^}}", "{{^x}}{{/x}}",
	"{{.}}", "{{..}}", "{{../x}}", "{{this}}", "{{@.}}", "{{@root.x}}", "{{x.[-10]}}", "{{lookup Account.Name '\xff'}}", "{{lookup . 'x'}}",
	"{{Account.Bill Day}}", "{{Account.[Bill Day]}}", "{{[Account.Bill Day]}}", "{{Current Date and Time}}", "{{Account.Name.length}}",
	"{{log 'x'}}", "{{ifMatchesRegexStr '(a+)+$' Account.Name}}", "{{pluralize 1 2 3}}", "{{elsewhere}}", "{{#if x}}{{else}}{{else}}{{/if}}",
	"{{#if Account.Name}}{{else if Account.Id}}{{else}}{{/if}}", "{{~#if Account.Name~}} a {{~else~}} b {{~/if~}}", "\\{{x}}", "\\\\{{x}}",
	"{{!-- --}} {{! x }} {{!--~}}", "{{! " + strings.Repeat(" ", 200) + "x", strings.Repeat("{{#if x}}", 50), strings.Repeat("(", 50), "{{x ((((((y))))))}}",
	"{{date Invoice.Date 'long' zone='Europe/Paris'}}{{date Invoice.DeliveryDate 'rfc3339' zone=Account.TimeZone}}",
	"{{number Invoice.Total digits=2 grouping='.' point=','}}{{currency Invoice.Total Invoice.Currency}}",
	"{{default Account.DisplayName (default Account.Name 'x')}}{{#if (equal Account.[Bill Day] 15)}}y{{/if}}",
	"{\"a\": {{Invoice.Total}} }", "{\"a\":{{Invoice.Total}}}", "{{x 1e999}}", "{{x 0x1}}", "{{x \"a\\\"\"}}", "{{x“}}", "{{x\u00a0y}}", "{{", "}}", "{{}}", "{{ }}", "{{~}}",
	"/a/{{Account.Name}}/{{Account.Id}}", "a={{Account.Name}}",
}

func outputs() []Output { return []Output{Text, HTML, HeaderLine, URLPath, URLQuery, JSONValue} }

func FuzzCheck(f *testing.F) {
	c := loaded(f)
	for _, src := range append(hazards, documents...) {
		f.Add(src, "invoice.delivery", uint8(0))
		f.Add(src, "no.such.event", uint8(1))
	}
	f.Fuzz(func(t *testing.T, src, eventType string, output uint8) {
		use := Use{Events: []string{eventType}, Channel: delivery.Email, Output: Output(output % 6)}
		begin := time.Now()
		problems := c.Check(src, use)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("the check took %v", took)
		}
		lines := strings.Count(src, "\n") + 1
		for _, p := range problems {
			if p.Rule == "" || p.Detail == "" || p.Line < 1 || p.Line > lines || p.Column < 1 || p.Column > len(src)+1 {
				t.Errorf("problem %+v", p)
			}
		}
	})
}

func FuzzRender(f *testing.F) {
	c := loaded(f)
	for i, src := range append(hazards, documents...) {
		f.Add(src, attacks[i%len(attacks)])
	}
	f.Fuzz(func(t *testing.T, src, value string) {
		for _, output := range outputs() {
			tpl, err := c.Parse(src, Use{Channel: delivery.Email, Output: output})
			if err != nil {
				continue
			}
			renders(t, c, tpl, value)
			if output == HTML {
				holdsStill(t, c, tpl, value)
			}
		}
	})
}

// renderLimit is how long a rendering may take.
const renderLimit = 100 * time.Millisecond

// renders checks what holds for every rendering. A busy machine may hold up
// one of them; what is too slow by itself is so every time.
func renders(t *testing.T, c *Catalogue, tpl *Template, value string) {
	t.Helper()
	ev := c.Example("invoice.delivery")
	for name, v := range ev.Data {
		if v.Kind() == event.String {
			ev.Data[name] = event.Str(value)
		}
	}
	values := c.Values(ev, Frame{OwnerName: value, Now: time.Unix(1_770_000_000, 0)})
	var text string
	var err error
	took := renderLimit + 1
	for range 5 {
		begin := time.Now()
		text, err = tpl.Render(values)
		if took = min(took, time.Since(begin)); took <= renderLimit {
			break
		}
	}
	if took > renderLimit {
		t.Errorf("rendering took %v at best", took)
	}
	switch {
	case err != nil || len(text) > MaxOutput:
		if err == nil || text != "" {
			t.Errorf("%d bytes and %v", len(text), err)
		}
	case tpl.output == HeaderLine && strings.ContainsFunc(text, unicode.IsControl):
		t.Errorf("a header of more than one line: %q", text)
	case tpl.output == JSONValue && !json.Valid([]byte(text)):
		t.Errorf("no JSON: %s", text)
	case tpl.output == URLPath && climbs(text):
		t.Errorf("a path that climbs: %s", text)
	}
}
