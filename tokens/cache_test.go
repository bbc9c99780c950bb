package tokens

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

func TestACacheRemembersTemplatesPerUse(t *testing.T) {
	cache := NewCache(loaded(t))
	first, err := cache.Parse("{{Account.Name}}", on(delivery.Email))
	second, err2 := cache.Parse("{{Account.Name}}", on(delivery.Email))
	other, err3 := cache.Parse("{{Account.Name}}", htmlUse())
	if err != nil || err2 != nil || err3 != nil || first != second || first == other {
		t.Errorf("%p %p %p, %v %v %v", first, second, other, err, err2, err3)
	}
}

func TestACacheRemembersRefusals(t *testing.T) {
	cache := NewCache(loaded(t))
	_, err := cache.Parse("{{A}}", on(delivery.Email))
	_, err2 := cache.Parse("{{A}}", on(delivery.Email))
	first, second := fault.ProblemsOf(err), fault.ProblemsOf(err2)
	if len(first) != 1 || len(second) != 1 || &first[0] != &second[0] {
		t.Errorf("%v, %v", err, err2)
	}
}

func TestACacheIsBounded(t *testing.T) {
	cache := NewCache(loaded(t))
	cache.maxCount, cache.maxBytes = 50, 1000
	for i := range 70 {
		fill(cache, fmt.Sprintf("{{A%d}}", i))
	}
	if n := cache.recent.Len(); n != 50 || len(cache.entries) != n {
		t.Errorf("%d templates, %d entries", n, len(cache.entries))
	}
	for i := range 20 {
		fill(cache, strings.Repeat("x", 100)+fmt.Sprint(i))
	}
	fill(cache, strings.Repeat("x", MaxTemplate+1))
	held := 0
	for key := range cache.entries {
		held += len(key.src)
	}
	if held > 1000 || held != cache.bytes || held == 0 {
		t.Errorf("%d bytes held, %d counted", held, cache.bytes)
	}
}

// fill parses a template, whatever becomes of it.
func fill(cache *Cache, src string) { _, _ = cache.Parse(src, on(delivery.Email)) }

// Every refusal by the parser beneath would leave a goroutine behind for ever.
func TestRefusalsLeakNoGoroutine(t *testing.T) {
	c := loaded(t)
	for range 20 {
		for _, src := range hazards {
			for _, output := range outputs() {
				_ = c.Check(src, Use{Channel: delivery.Email, Output: output})
			}
		}
	}
	goleak.VerifyNone(t)
}

func TestTemplatesAreSharedByManyGoroutines(t *testing.T) {
	c := loaded(t)
	cache, v := NewCache(c), sample(t, c, "invoice.delivery", nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				tpl, err := cache.Parse(letter, htmlUse())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := tpl.Render(v); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// letter is a canned email as operators write them.
const letter = `<!doctype html>
<html><head><title>{{Invoice.Number}}</title><style>td { padding: 4px } .due { color: #a00 }</style></head>
<body>
<p>Dear {{default Contact.FirstName "customer"}},</p>
{{#if Invoice.BalanceDue}}
<p class="due">{{currency Invoice.BalanceDue Invoice.Currency}} is due on {{date Invoice.DueDate "long"}}.</p>
{{else if (equal Invoice.Status "paid")}}
<p>Thank you for your payment.</p>
{{else}}
<p>Nothing is due.</p>
{{/if}}
<table>
<tr><td>Account</td><td>{{Account.Name}} ({{Account.Id}})</td></tr>
<tr><td>Period</td><td>{{date Invoice.PeriodStart}} to {{date Invoice.PeriodEnd}}</td></tr>
<tr><td>Total</td><td>{{currency Invoice.Total Invoice.Currency}}</td></tr>
<tr><td>Delivered</td><td>{{date Invoice.DeliveryDate "long"}} {{date Invoice.DeliveryDate "time" zone=Account.TimeZone}}</td></tr>
</table>
<p><a href="https://billing.example.com/invoices/{{Invoice.Id}}?account={{Account.Id}}">See the invoice</a></p>
<p>{{[Owner Name]}}, {{[Current Date]}}</p>
</body></html>
`

func BenchmarkParse(b *testing.B) {
	c := loaded(b)
	for b.Loop() {
		if _, err := c.Parse(letter, htmlUse()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderCached(b *testing.B) {
	c := loaded(b)
	cache, v := NewCache(c), sample(b, c, "invoice.delivery", nil)
	for b.Loop() {
		tpl, err := cache.Parse(letter, htmlUse())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tpl.Render(v); err != nil {
			b.Fatal(err)
		}
	}
}

// The most that the limits allow must take less than 100 ms.
func BenchmarkRenderGreatest(b *testing.B) {
	c := loaded(b)
	tpl := parsed(b, c, strings.Repeat("{{date Invoice.DeliveryDate 'long' zone=Account.TimeZone}}", 1000), htmlUse())
	v := sample(b, c, "invoice.delivery", event.Values{"Invoice.DeliveryDate": event.Str(strings.Repeat("&", 200))})
	for b.Loop() {
		if _, err := tpl.Render(v); err != nil {
			b.Fatal(err)
		}
	}
}
