package setup

import (
	"maps"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// invoiceToken is what names the document of an invoice.
const invoiceToken = "Invoice.Id"

// CheckEmail returns what is wrong with the templates of a canned email, with
// the tokens it goes to and with what it attaches, for each of the events.
func CheckEmail(c *tokens.Catalogue, spec *email.Spec, events []string) fault.Problems {
	var r field.Report
	r.Join("", checkTexts(c, spec.Own(), events))
	for _, tag := range slices.Sorted(maps.Keys(spec.Locales)) {
		r.Join("/locales"+fault.Pointer(tag), checkTexts(c, spec.Locales[tag], events))
	}
	recipients := spec.Tokens()
	for _, pointer := range slices.Sorted(maps.Keys(recipients)) {
		r.Join(pointer, checkRecipient(c, recipients[pointer], events))
	}
	for i, a := range spec.Attachments {
		if a == email.Invoice {
			r.Join(field.At("/attachments", i), checkInvoice(c, events))
		}
	}
	return r.Problems()
}

func checkTexts(c *tokens.Catalogue, t email.Texts, events []string) fault.Problems {
	var r field.Report
	for _, part := range []struct {
		pointer, source string
		output          tokens.Output
	}{
		{"/subject", t.Subject, tokens.HeaderLine},
		{"/html", t.HTML, tokens.HTML},
		{"/text", t.Text, tokens.Text},
	} {
		use := tokens.Use{Events: events, Channel: delivery.Email, Output: part.output}
		r.Join(part.pointer, c.Check(part.source, use))
	}
	return r.Problems()
}

// checkRecipient wants a token that holds an address in each of the events.
func checkRecipient(c *tokens.Catalogue, name string, events []string) fault.Problems {
	if t, ok := c.Token(name); ok && !t.Addresses() {
		return fault.Problems{{
			Rule: "recipient.token", Detail: name + " is no token that holds an address to write to; such tokens are " + addressTokens(c),
		}}
	}
	return checkToken(c, name, tokens.Use{Events: events, Channel: delivery.Email, Output: tokens.Text})
}

func addressTokens(c *tokens.Catalogue) string {
	var names []string
	for _, t := range c.Tokens() {
		if t.Addresses() {
			names = append(names, t.Name)
		}
	}
	return strings.Join(names, ", ")
}

// checkInvoice wants each of the events to be about an invoice.
func checkInvoice(c *tokens.Catalogue, events []string) fault.Problems {
	var r field.Report
	invoice, _ := c.Token(invoiceToken)
	for _, name := range events {
		if e, ok := c.Event(name); ok && !e.Offers(invoice) {
			r.Add("", "attachment.event", name+" is about no invoice whose document could be attached")
		}
	}
	return r.Problems()
}
