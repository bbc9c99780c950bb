package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// Holdings is how much an owner has.
type Holdings struct {
	Accounts      int `json:"accounts"`
	ContactTypes  int `json:"contact_types"`
	SMTPSettings  int `json:"smtp_settings"`
	CannedEmails  int `json:"canned_emails"`
	Endpoints     int `json:"endpoints"`
	Subscriptions int `json:"subscriptions"`
	Queues        int `json:"queues"`
	// APIKeys are those that are not revoked.
	APIKeys int `json:"api_keys"`
	// Remembered are the invoices and services that the scheduler remembers, with
	// what is planned for them.
	Remembered int `json:"remembered"`
}

// Count is how many an owner has of a kind.
type Count struct {
	Of    access.Resource
	Count int
}

// Counts lists what an owner has configured, without what there is none of.
func (h *Holdings) Counts() []Count {
	all := []Count{
		{access.Accounts, h.Accounts}, {access.ContactTypes, h.ContactTypes}, {access.SMTPSettings, h.SMTPSettings},
		{access.CannedEmails, h.CannedEmails}, {access.Endpoints, h.Endpoints}, {access.Subscriptions, h.Subscriptions},
		{access.Queues, h.Queues}, {access.APIKeys, h.APIKeys},
	}
	return slices.DeleteFunc(all, func(c Count) bool { return c.Count == 0 })
}

// String lists the counts: "endpoints: 2, api-keys: 1"; "nothing" for none.
func (h *Holdings) String() string {
	var parts []string
	for _, c := range h.Counts() {
		parts = append(parts, fmt.Sprintf("%s: %d", c.Of, c.Count))
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing")
}

// refusal is why an owner is not deleted that has something; nil where it has
// nothing.
func (h *Holdings) refusal(owner string) error {
	var problems fault.Problems
	for _, c := range h.Counts() {
		problems = append(problems, fault.Problem{
			Pointer: fault.Pointer(string(c.Of)), Rule: "owner.in_use", Detail: fmt.Sprintf("the owner has %d", c.Count),
		})
	}
	if problems == nil {
		return nil
	}
	return fault.New(fault.Conflict, "delete owner", owner, problems)
}

// Holdings counts what an owner has. It fails with [fault.NotFound].
func (s *Store) Holdings(ctx context.Context, owner string) (Holdings, error) {
	if err := checkIDs(job{owner: owner, id: owner}); err != nil {
		return Holdings{}, err
	}
	view, st, err := s.whole(ctx, owner)
	if err == nil && st.Owner == nil {
		err = fault.New(fault.NotFound, "find owner", owner, nil)
	}
	if err != nil {
		return Holdings{}, err
	}
	return s.count(ctx, view, counting{owner, st})
}

// counting is whose things are counted, as far as they are at hand.
type counting struct {
	owner string
	setup *setup.Setup
}

func (s *Store) count(ctx context.Context, view *ledger.View, of counting) (Holdings, error) {
	h := Holdings{
		ContactTypes: len(of.setup.ContactTypes.Types), SMTPSettings: len(of.setup.SMTP.Sets),
		CannedEmails: len(of.setup.Emails), Endpoints: len(of.setup.Endpoints), Queues: len(of.setup.Queues),
	}
	for _, sub := range of.setup.Subscriptions {
		if !sub.Deleted {
			h.Subscriptions++
		}
	}
	keys, err := listKeys(ctx, view)
	if err != nil {
		return h, err
	}
	for i := range keys {
		if keys[i].RevokedAt.IsZero() {
			h.APIKeys++
		}
	}
	for name, n := range map[string]*int{topology.Accounts: &h.Accounts, topology.Invoices: &h.Remembered} {
		err := s.each(ctx, name, of.owner, func(bucket.Entry) error {
			*n++
			return nil
		})
		if err != nil {
			return h, err
		}
	}
	return h, nil
}

// each visits the keys of an owner in a bucket, without their values.
func (s *Store) each(ctx context.Context, name, owner string, visit func(bucket.Entry) error) error {
	keys := bucket.Keys{Patterns: []string{owner, owner + ".>"}, Bare: true}
	return bucket.Open(s.deps.JetStream, name).Each(ctx, keys, visit)
}
