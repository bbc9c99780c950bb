package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"github.com/billhook/billhook/services/scheduler/internal/due"
)

const idPrefix = "pln_"

// noAccount stands in a key for an invoice without an account. It is no
// identifier, so it cannot be one's name.
const noAccount = "="

// ID returns the id of the plan for an invoice of an owner: the same for the
// same invoice and rule, so that an event read again finds the plan it made.
func ID(owner, invoice string, rule due.Rule) string {
	return idPrefix + digest(owner, invoice, strconv.Itoa(rule.Days), rule.At.String())
}

// Key returns the key in the bucket of plans. Account and invoice are in it so
// that all plans of either are found by a filter:
// <owner>.<account>.<digest of the invoice>.<plan>.
func (p *Plan) Key() string { return OfInvoice(p.Owner, p.Account, p.Invoice) + "." + p.ID }

// OfInvoice returns the prefix, without the last dot, of the keys of an
// invoice's plans.
func OfInvoice(owner, account, invoice string) string {
	return OfAccount(owner, account) + "." + digest(owner, invoice)
}

// OfAccount returns the prefix, without the last dot, of the keys of an
// account's plans.
func OfAccount(owner, account string) string {
	return owner + "." + cmp.Or(account, noAccount)
}

// digest makes a subject token out of texts that may hold anything.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return strings.ToLower(encoding.EncodeToString(h.Sum(nil)[:16]))
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)
