// Package route finds out, in an owner's configuration, by which canned email
// and through which SMTP settings a delivery goes. It is pure and refuses to
// wait for configuration that is on its way.
package route

import (
	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/topology"
)

// The reasons why a delivery has no route. Their text is the reason class of
// the outcome.
const (
	// Ended: the event lies behind the subscription's end, or in a time when
	// it was inactive.
	Ended = "subscription_ended"
	// Unknown: the subscription, or the version that matched, is not known.
	Unknown = "subscription_unknown"
	// EmailUnknown: the canned email does not exist.
	EmailUnknown = "email_unknown"
	// Broken: a template of the canned email breaks a rule.
	Broken = "template_broken"
	// NoSettings: the owner has no SMTP settings, or not those named.
	NoSettings = "smtp_settings"
)

// Refusal says why there is no route and what follows: Skipped, Parked, or
// Retrying for what the owner can repair.
type Refusal struct {
	Reason string
	Result delivery.Result
	// Detail is for people.
	Detail string
	// Early is true where the configuration may be on its way: the matcher
	// heard of it before us.
	Early bool
}

// Route is how a delivery goes. What it points to is shared and never changed.
type Route struct {
	Settings *smtp.Settings
	// Canned and Email are nil for letters that are frozen already.
	Canned *email.Canned
	Email  *subscription.Email
	// Types are the owner's contact types.
	Types account.ContactTypes
	// OwnerName is the tenant's name for people, OwnerZone its time zone's.
	OwnerName, OwnerZone string
}

// Frozen is what letters that are rendered already go by.
type Frozen struct {
	// SMTP is the id of the settings that they were rendered for, Email that
	// of the canned email.
	SMTP, Email string
}

// Find returns the route of a delivery, or why there is none. frozen is nil
// for one that is yet to be rendered.
func Find(snap *directory.Snapshot, ref *delivery.Reference, frozen *Frozen) (*Route, *Refusal) {
	r := &Route{Types: snap.ContactTypes}
	if snap.Owner != nil {
		r.OwnerName, r.OwnerZone = snap.Owner.Name, snap.Owner.TimeZone
	}
	sub, ok := snap.Subscriptions[ref.Subscription]
	if ok && sub.Ended(ref.EventSeq) {
		return nil, &Refusal{Reason: Ended, Result: delivery.Skipped}
	}
	if frozen != nil && snap.Owner == nil {
		// Its owner was deleted: settings that lack would be waited for.
		return nil, &Refusal{Reason: Unknown, Result: delivery.Parked, Early: true}
	}
	if frozen != nil {
		return settings(snap, r, *frozen)
	}
	if !ok || ref.Revision > sub.Revision {
		return nil, &Refusal{Reason: Unknown, Result: delivery.Parked, Early: true}
	}
	v, ok := sub.Numbered(ref.Revision)
	if !ok || v.Spec.Email == nil {
		return nil, &Refusal{Reason: Unknown, Result: delivery.Parked}
	}
	r.Email = v.Spec.Email
	if r.Canned, ok = snap.Emails[r.Email.CannedEmail]; !ok {
		return nil, &Refusal{Reason: EmailUnknown, Result: delivery.Parked, Detail: r.Email.CannedEmail, Early: true}
	}
	if p := snap.Broken(topology.Emails, r.Canned.ID); len(p) > 0 {
		return nil, &Refusal{Reason: Broken, Result: delivery.Parked, Detail: p.Error()}
	}
	return settings(snap, r, Frozen{SMTP: r.Canned.SMTP})
}

// settings chooses the SMTP settings. Frozen letters keep to those they were
// rendered for, whose sender they have, while these exist. Without frozen ones
// it is what the canned email names, or the default of this moment.
func settings(snap *directory.Snapshot, r *Route, by Frozen) (*Route, *Refusal) {
	var ok bool
	if r.Settings, ok = snap.SMTP.Choose(by.SMTP); ok {
		return r, nil
	}
	if canned := snap.Emails[by.Email]; canned != nil {
		if r.Settings, ok = snap.SMTP.Choose(canned.SMTP); ok {
			return r, nil
		}
	}
	return nil, &Refusal{Reason: NoSettings, Result: delivery.Retrying, Detail: by.SMTP, Early: true}
}
