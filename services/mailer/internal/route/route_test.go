package route_test

import (
	"testing"
	"time"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/shared/delivery"
)

// snapshot is an owner with the default settings main, the settings other, and
// two subscriptions: s to an email by default, n to one that names other.
func snapshot() *directory.Snapshot {
	spec := func(canned string) *subscription.Spec {
		return &subscription.Spec{Channel: delivery.Email, Email: &subscription.Email{CannedEmail: canned}}
	}
	sub := func(canned string) *subscription.Subscription {
		return &subscription.Subscription{Revision: 2, Versions: []subscription.Version{
			{Revision: 1, FromSeq: 0, UntilSeq: 10, EndedAt: time.Unix(1, 0), Spec: spec(canned)},
			{Revision: 2, FromSeq: 20, Spec: spec(canned)},
		}}
	}
	return &directory.Snapshot{Setup: setup.Setup{
		Owner: &owner.Owner{Name: "Acme", TimeZone: "Europe/Berlin"},
		SMTP: smtp.Book{Default: "main", Sets: []smtp.Settings{
			{Spec: smtp.Spec{ID: "main"}}, {Spec: smtp.Spec{ID: "other"}},
		}},
		Emails: map[string]*email.Canned{
			"d": {Spec: email.Spec{ID: "d"}}, "n": {Spec: email.Spec{ID: "n", SMTP: "other"}}, "lost": {Spec: email.Spec{ID: "lost", SMTP: "gone"}},
		},
		Subscriptions: map[string]*subscription.Subscription{
			"d": sub("d"), "n": sub("n"), "lost": sub("lost"), "no": sub("no"),
		},
	}}
}

func TestADeliveryFindsItsWay(t *testing.T) {
	for _, c := range []struct {
		name   string
		ref    delivery.Reference
		frozen *route.Frozen
		smtp   string
		reason string
		result delivery.Result
		early  bool
	}{
		{name: "by the default settings", ref: delivery.Reference{Subscription: "d", Revision: 2, EventSeq: 21}, smtp: "main"},
		{name: "by the settings named", ref: delivery.Reference{Subscription: "n", Revision: 2, EventSeq: 21}, smtp: "other"},
		{name: "by an earlier version", ref: delivery.Reference{Subscription: "d", Revision: 1, EventSeq: 5}, smtp: "main"},
		{name: "frozen letters keep to their settings", ref: delivery.Reference{Subscription: "d", Revision: 2, EventSeq: 21},
			frozen: &route.Frozen{SMTP: "other", Email: "d"}, smtp: "other"},
		{name: "also when the subscription is no longer known", ref: delivery.Reference{Subscription: "?", Revision: 2, EventSeq: 21},
			frozen: &route.Frozen{SMTP: "other", Email: "d"}, smtp: "other"},
		{name: "frozen letters whose settings are gone go as the email says", ref: delivery.Reference{Subscription: "d", Revision: 2, EventSeq: 21},
			frozen: &route.Frozen{SMTP: "gone", Email: "n"}, smtp: "other"},
		{name: "behind the subscription's end", ref: delivery.Reference{Subscription: "d", Revision: 1, EventSeq: 15},
			reason: route.Ended, result: delivery.Skipped},
		{name: "behind the end, though frozen", ref: delivery.Reference{Subscription: "d", Revision: 1, EventSeq: 15},
			frozen: &route.Frozen{SMTP: "main"}, reason: route.Ended, result: delivery.Skipped},
		{name: "an unknown subscription", ref: delivery.Reference{Subscription: "?", Revision: 1, EventSeq: 5},
			reason: route.Unknown, result: delivery.Parked, early: true},
		{name: "a version of the future", ref: delivery.Reference{Subscription: "d", Revision: 3, EventSeq: 25},
			reason: route.Unknown, result: delivery.Parked, early: true},
		{name: "an unknown email", ref: delivery.Reference{Subscription: "no", Revision: 2, EventSeq: 21},
			reason: route.EmailUnknown, result: delivery.Parked, early: true},
		{name: "settings that do not exist", ref: delivery.Reference{Subscription: "lost", Revision: 2, EventSeq: 21},
			reason: route.NoSettings, result: delivery.Retrying, early: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, refusal := route.Find(snapshot(), &c.ref, c.frozen)
			switch {
			case c.reason == "" && (refusal != nil || got.Settings.ID != c.smtp || got.OwnerName != "Acme" || got.OwnerZone != "Europe/Berlin"):
				t.Errorf("route %+v, refusal %+v", got, refusal)
			case c.reason == "" && c.frozen == nil && (got.Canned == nil || got.Email == nil):
				t.Error("no canned email")
			case c.reason != "" && (refusal == nil || refusal.Reason != c.reason || refusal.Result != c.result || refusal.Early != c.early):
				t.Errorf("refusal %+v", refusal)
			}
		})
	}
}

func TestTheFrozenLettersOfADeletedOwnerGoNowhere(t *testing.T) {
	ref := delivery.Reference{Subscription: "d", Revision: 2, EventSeq: 21}
	_, refusal := route.Find(&directory.Snapshot{}, &ref, &route.Frozen{SMTP: "other", Email: "d"})
	if refusal == nil || refusal.Reason != route.Unknown || refusal.Result != delivery.Parked {
		t.Errorf("refusal %+v", refusal)
	}
}
