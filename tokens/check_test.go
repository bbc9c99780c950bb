package tokens

import (
	"fmt"
	"strings"
	"testing"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
)

func on(channel delivery.Channel, events ...string) Use { return Use{Events: events, Channel: channel} }

// The five rules that the product was asked for by name.

func TestAServiceNameIsRefusedOnACompletedBillRun(t *testing.T) {
	refused(t, on(delivery.Webhook, "bill_run.completed"), "\nDear {{AccountService.Name}}", fault.Problem{
		Rule: "token.event", Line: 2, Column: 8,
		Detail: `"AccountService.Name" is not available in bill_run.completed|(it is in service.state_transition,|` +
			`the nearest legal token is {{BillRun.Name}}|legal are|BillRun.ErrorCount|[Current Time]`,
	})
}

func TestTheEndOfABillRunIsRefusedAtItsStart(t *testing.T) {
	refused(t, on(delivery.Email, "bill_run.started"), "{{date BillRun.EndTime}}", fault.Problem{
		Rule: "token.event", Line: 1, Column: 8,
		Detail: "not available in bill_run.started|(it is in bill_run.completed, bill_run.updated, bill_run.deleted)|nearest legal token is {{BillRun.|legal are",
	})
}

func TestThePreviousStatusIsRefusedOnACancellation(t *testing.T) {
	refused(t, on(delivery.Email, "account.cancellation"), "Zoë: {{#if Account.PreviousStatus}}x{{/if}}", fault.Problem{
		Rule: "token.event", Line: 1, Column: 12, Detail: "not available in account.cancellation|{{Account.CurrentStatus}}|legal are",
	})
}

func TestBothStatesAreAcceptedOnAStateTransition(t *testing.T) {
	for _, channel := range []delivery.Channel{delivery.Email, delivery.Webhook} {
		p := loaded(t).Check("{{AccountService.PreviousStatus}} to {{AccountService.CurrentStatus}}", on(channel, "service.state_transition"))
		if len(p) > 0 {
			t.Error(p)
		}
	}
}

func TestContactTokensAreRefusedInWebhooks(t *testing.T) {
	refused(t, on(delivery.Webhook, "account.cancellation"), "{{Contact.FirstName}}", fault.Problem{
		Rule: "token.channel", Line: 1, Column: 3, Detail: `"Contact.FirstName" is for email only|nearest legal token|legal are`,
	})
	if p := loaded(t).Check("{{Contact.FirstName}}", on(delivery.Email, "account.cancellation")); len(p) > 0 {
		t.Error(p)
	}
}

// refused checks that a template has exactly one problem; the parts of the
// wanted detail, split at |, must all be in it.
func refused(t *testing.T, use Use, src string, want fault.Problem) {
	t.Helper()
	p := loaded(t).Check(src, use)
	if len(p) != 1 {
		t.Fatalf("%q: %d problems: %v", src, len(p), p)
	}
	if p[0].Rule != want.Rule || p[0].Line != want.Line || p[0].Column != want.Column {
		t.Errorf("%q: %s at %d:%d, want %s at %d:%d (%s)", src, p[0].Rule, p[0].Line, p[0].Column, want.Rule, want.Line, want.Column, p[0].Detail)
	}
	for part := range strings.SplitSeq(want.Detail, "|") {
		if !strings.Contains(p[0].Detail, part) {
			t.Errorf("%q: no %q in %q", src, part, p[0].Detail)
		}
	}
}

func TestATokenMustBeAvailableInEveryEventOfATemplate(t *testing.T) {
	c := loaded(t)
	both := on(delivery.Webhook, "bill_run.completed", "bill_run.started")
	refused(t, both, "{{BillRun.EndTime}}", fault.Problem{Rule: "token.event", Line: 1, Column: 3, Detail: "not available in bill_run.started (it"})
	if p := c.Check("{{BillRun.EndTime}}", on(delivery.Webhook)); len(p) > 0 {
		t.Errorf("without events: %v", p)
	}
	refused(t, on(""), "{{Contact.FirstName}}", fault.Problem{Rule: "token.channel", Line: 1, Column: 3, Detail: "email only"})
	refused(t, on(delivery.Email, "bill_run.finished"), "x", fault.Problem{Rule: "event.unknown", Line: 1, Column: 1, Detail: `"bill_run.finished"`})
}

func TestMistakesInExpressionsAreRefusedWithTheirCure(t *testing.T) {
	use := on(delivery.Email, "invoice.posted", "invoice.delivery")
	for _, row := range []struct {
		src, rule string
		column    int
		detail    string
	}{
		{"{{Account.Bill Day}}", "token.spelling", 1, "write {{Account.[Bill Day]}}"},
		{"{{Current Date and Time}}", "token.spelling", 1, "write {{[Current Date and Time]}}"},
		{"{{Invoice.Totl}}", "token.unknown", 3, "nearest legal token is {{Invoice.Total}}"},
		{"{{invoice.total}}", "token.unknown", 3, "nearest legal token is {{Invoice.Total}}"},
		{"{{Invoice}}", "token.unknown", 3, "legal are"},
		{"{{Account.Name.length}}", "token.unknown", 3, "nearest legal token is {{Account.Name}}"},
		{"{{x.[-10]}}", "token.unknown", 3, "legal are"},
		{"{{lookup Account.Name 'x'}}", "helper.unknown", 1, `no helper "lookup"`},
		{"{{log 'x'}}", "helper.unknown", 1, "legal are currency, date, default, number"},
		{"{{Invoice.Total 2}}", "helper.unknown", 1, `no helper "Invoice.Total"`},
		{"{{default Account.Name (lookup Account.Id 'x')}}", "helper.unknown", 24, "no helper"},
		{"{{if Account.Name}}", "helper.inline", 1, "{{#if"},
		{"{{#if Account.Name}}{{if Account.Name}}{{/if}}", "helper.inline", 21, "only as a block"},
		{"{{#if Account.Name}}{{unless Account.Name}}{{/if}}", "helper.inline", 21, "only as a block"},
		{"{{#if Account.Name}}{{equal Account.Name 'x'}}{{/if}}", "helper.inline", 21, "only as a block"},
		{"{{#if Account.Name}}{{with Account.Name}}{{/if}}", "helper.unknown", 21, "no helper"},
		{"{{#if Account.Name}}{{each Account.Name}}{{/if}}", "helper.unknown", 21, "no helper"},
		{"{{default (equal Account.Name 'x') 'y'}}", "helper.inline", 11, "only as a block"},
		{"{{#each Account.Name}}{{/each}}", "helper.block", 1, "single value"},
		{"{{#with Account.Name}}{{/with}}", "helper.block", 1, "single value"},
		{"{{#Account.Name}}{{/Account.Name}}", "helper.block", 1, "{{#if Account.Name}}"},
		{"{{#date Invoice.Date}}{{/date}}", "helper.block", 1, "{{#if}}"},
		{"{{#ifGt Invoice.Total 1}}{{/ifGt}}", "helper.block", 1, "{{#if}}"},
		{"{{#if}}{{/if}}", "helper.arguments", 1, "one argument, not 0"},
		{"{{#if Account.Name Account.Id}}{{/if}}", "helper.arguments", 1, "one argument, not 2"},
		{"{{#if Account.Name includeZero=true}}{{/if}}", "helper.option", 20, "legal: none"},
		{"{{#if 'x'}}{{/if}}", "helper.condition", 7, "needs a token"},
		{"{{#if (equal 'x' 'y')}}{{/if}}", "helper.condition", 7, "needs a token"},
		{"{{#if (equal Account.Name)}}{{/if}}", "helper.arguments", 7, "2 arguments, not 1"},
		{"{{#equal Account.Name}}{{/equal}}", "helper.arguments", 1, "2 arguments, not 1"},
		{"{{date}}", "helper.arguments", 3, "needs arguments"},
		{"{{date Account.Name}}", "helper.type", 8, "not string"},
		{"{{date 'x'}}", "helper.type", 8, "not a literal"},
		{"{{date Invoice.Date '2006'}}", "helper.layout", 21, "iso, short, medium, long, time, rfc3339"},
		{"{{date Invoice.Date Account.Name}}", "helper.layout", 21, "in quotes"},
		{"{{date Invoice.Date 'time'}}", "helper.layout", 21, "no time of day"},
		{"{{date [Current Time] 'long'}}", "helper.layout", 23, "only the layout time"},
		{"{{date Invoice.Date zone='Mars'}}", "helper.zone", 26, "no IANA time zone"},
		{"{{date Invoice.Date zone=Account.Name}}", "helper.type", 26, "timezone"},
		{"{{date Invoice.Date format='x'}}", "helper.option", 21, "legal: zone"},
		{"{{date Invoice.Date zone='UTC' zone='UTC'}}", "helper.option", 32, "stands twice"},
		{"{{number Account.Name}}", "helper.type", 10, "not string"},
		{"{{number Invoice.Total digits=7}}", "helper.option", 31, `must be one of`},
		{"{{number Invoice.Total digits=Account.Name}}", "helper.option", 31, `must be one of`},
		{"{{number Invoice.Total grouping='.'}}", "helper.option", 1, "must differ"},
		{"{{currency Invoice.Total}}", "helper.arguments", 1, "2 arguments, not 1"},
		{"{{currency Invoice.Total 'EURO'}}", "helper.currency", 26, "ISO 4217"},
		{"{{currency Invoice.Total Account.Name}}", "helper.type", 26, "not string"},
		{"{{default 'x' Account.Name}}", "helper.type", 11, "not a literal"},
	} {
		t.Run(row.src, func(t *testing.T) {
			refused(t, use, row.src, fault.Problem{Rule: row.rule, Line: 1, Column: row.column, Detail: row.detail})
		})
	}
}

func TestEveryProblemIsReportedUpToABound(t *testing.T) {
	c, use := loaded(t), on(delivery.Email, "invoice.posted")
	p := c.Check("{{A}}\n{{Account.Name}}\n {{B}}", use)
	if len(p) != 2 || p[0].Line != 1 || p[1].Line != 3 || p[1].Column != 4 {
		t.Errorf("problems %v", p)
	}
	p = c.Check(strings.Repeat("{{A}}", 100), use)
	if len(p) != MaxProblems || !strings.Contains(p[MaxProblems-1].Detail, "and 80 more") {
		t.Errorf("%d problems, the last %v", len(p), p[len(p)-1])
	}
}

func TestASubjectIsOneLineAndAPathHoldsNoBlocks(t *testing.T) {
	use := on(delivery.Email, "invoice.posted")
	use.Output = HeaderLine
	refused(t, use, "Invoice\n{{Invoice.Number}}", fault.Problem{Rule: "header.line", Line: 1, Column: 8})
	for _, control := range []string{"\r", "\t", "\u0080", "\u0085", "\u2028"} {
		refused(t, use, "a"+control+"{{Invoice.Number}}", fault.Problem{Rule: "header.line", Line: 1, Column: 2})
	}
	use.Output = URLPath
	refused(t, use, "/a{{#if Invoice.Number}}b{{/if}}", fault.Problem{Rule: "path.block", Line: 1, Column: 3})
}

func TestSpellingsOfTokensWithSpacesAreAccepted(t *testing.T) {
	c := loaded(t)
	for _, token := range c.Tokens() {
		for _, src := range []string{"{{" + Spelling(token.Name) + "}}", "{{[" + token.Name + "]}}"} {
			tpl, err := c.Parse(src, on(delivery.Email))
			if err != nil || fmt.Sprint(tpl.Tokens()) != "["+token.Name+"]" {
				t.Errorf("%s: %v", src, err)
			}
		}
	}
}

func TestTheNearestNameIsTheOneMeant(t *testing.T) {
	names := []string{"BillRun.Name", "BillRun.EndTime", "BillRun.StartTime"}
	for typed, want := range map[string]string{"billrun.endtime": "BillRun.EndTime", "BillRunName": "BillRun.Name", "BillRun.Starttme": "BillRun.StartTime"} {
		if got := Nearest(typed, names); got != want {
			t.Errorf("%s: %s, want %s", typed, got, want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Errorf("nearest of none is %q", got)
	}
}
