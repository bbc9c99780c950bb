package plan_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/config/plan"
)

func TestWhatIsNotKnownIsNamedWithItsAccountOrWithoutOne(t *testing.T) {
	o := open(t)
	for want, q := range map[string]plan.Query{
		"no invoice.delivery of invoice I-9 of account A-1 is remembered: it was not delivered, it belongs to another account or to none,":           {Account: "A-1", Invoice: "I-9"},
		"no invoice.delivery of invoice I-9 without an account is remembered: it was not delivered, it belongs to an account, which is to be named,": {Invoice: "I-9"},
		"no usage of service S-9 of account A-1 is known since it is watched: there was none, it belongs to another account or to none,":             {Account: "A-1", Service: "S-9"},
		"no usage of service S-9 without an account is known since it is watched: there was none, it belongs to an account, which is to be named,":   {Service: "S-9"},
	} {
		q.Owner = "acme"
		lines, err := o.Explain(t.Context(), q)
		if got := strings.Join(lines, "\n"); err != nil || !strings.Contains(got, want) || strings.Contains(got, `""`) {
			t.Errorf("%+v: %s, %v", q, got, err)
		}
	}
}
