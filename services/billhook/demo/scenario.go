// Package demo is a small owner with everything configured and a day's worth
// of events: what the demo shows and what the acceptance suite expects. Every
// event must arrive as a verified webhook and, where subscribed, as an email
// through the right mail server.
package demo

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
)

// Names that the configuration of the demo uses.
const (
	Owner         = "acme"
	WebhookHost   = "hooks.acme-telecom.com"
	WebhookBase   = "/billing"
	BillingRelay  = "billing-relay"
	ServiceRelay  = "service-relay"
	MailDomain    = ".acme-telecom.com"
	Scheduled     = "invoice.delivery_date_plus"
	AfterChange   = "credit.processed"
	zoneName      = "Asia/Kolkata"
	placeForTime  = "@TIME@"
	deliveryToken = "Invoice.DeliveryDate"
)

//go:embed seed.yaml
var seed string

//go:embed events.json
var events []byte

// ChangeDefault is the document that makes the service relay the default. It
// is applied before the last event, whose mail must show it.
const ChangeDefault = `kind: smtp-settings
owner: acme
id: service
name: Service relay
host: service-relay.acme-telecom.com
port: 587
from_name: Acme Service
from_address: service@acme-telecom.com
username: service-relay
tls: mandatory
default: true
`

// Event is an event as the platform publishes it.
type Event struct {
	Type    string       `json:"type"`
	ID      string       `json:"id"`
	Time    time.Time    `json:"time"`
	Account string       `json:"account,omitempty"`
	Data    event.Values `json:"data"`
}

// Body returns the plain JSON form that is published over NATS, where the type
// is in the subject.
func (e Event) Body() ([]byte, error) {
	return json.Marshal(struct {
		ID      string       `json:"id"`
		Time    time.Time    `json:"time"`
		Account string       `json:"account,omitempty"`
		Data    event.Values `json:"data"`
	}{e.ID, e.Time, e.Account, e.Data})
}

// Arrival names what reached a receiver. Via is the mail server it came
// through; empty for webhooks.
type Arrival struct {
	Channel delivery.Channel
	Type    string
	Via     string
}

// Scenario is the demo at one moment.
type Scenario struct {
	// Seed is the configuration, as documents of "billhook apply".
	Seed string
	// Events are the 14 that a platform sends. The one named AfterChange goes
	// last, after ChangeDefault.
	Events []Event
	// Expected is everything that must arrive.
	Expected []Arrival
}

// New returns the scenario for an instant. The scheduled event falls due lead
// after it, at any time of day and year: the invoice was delivered a day of 24
// hours before that, in a zone that has no clock changes.
func New(now time.Time, lead time.Duration) (Scenario, error) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return Scenario{}, fmt.Errorf("make scenario: %w", err)
	}
	due := now.Add(lead).Truncate(time.Second).In(zone)
	s := Scenario{Seed: strings.ReplaceAll(seed, placeForTime, due.Format(time.TimeOnly))}
	if err := json.Unmarshal(events, &s.Events); err != nil {
		return Scenario{}, fmt.Errorf("make scenario: %w", err)
	}
	for i := range s.Events {
		e := &s.Events[i]
		e.ID, e.Time = "demo_"+strings.ReplaceAll(e.Type, ".", "_"), now.UTC()
		if e.Type == "invoice.delivery" {
			e.Data[deliveryToken] = event.Str(due.AddDate(0, 0, -1).Format(time.RFC3339))
		}
		s.expectWebhook(e.Type)
	}
	s.expectWebhook(Scheduled)
	s.Expected = append(s.Expected,
		Arrival{delivery.Email, "invoice.posted", BillingRelay},
		Arrival{delivery.Email, Scheduled, BillingRelay},
		Arrival{delivery.Email, "account.status_change", BillingRelay},
		Arrival{delivery.Email, AfterChange, ServiceRelay},
	)
	return s, nil
}

func (s *Scenario) expectWebhook(eventType string) {
	s.Expected = append(s.Expected, Arrival{Channel: delivery.Webhook, Type: eventType})
}
