package tokens

import (
	"strings"

	"github.com/billhook/billhook/shared/delivery"
)

// Type is the type of a token's value.
type Type string

// The types, with the form of their values. Money is decimal text, so that it
// never passes through a float.
const (
	String   Type = "string"
	Money    Type = "money"    // decimal text, "1234.50"; its currency is a token beside it
	Integer  Type = "integer"  // JSON number without fraction
	Decimal  Type = "decimal"  // JSON number
	Percent  Type = "percent"  // JSON number, 90 means 90 %
	Date     Type = "date"     // "2026-11-23"
	Time     Type = "time"     // local time of day, "14:05:00"
	DateTime Type = "datetime" // RFC 3339, "2026-11-23T14:05:00Z"
	Currency Type = "currency" // ISO 4217, "EUR"
	TimeZone Type = "timezone" // IANA name, "Europe/Paris"
	Boolean  Type = "boolean"
)

// The groups with a meaning of their own to the code.
const (
	// Core tokens are filled in by Billhook for every event.
	Core = "Core"
	// Contact tokens describe the contact written to; email only.
	Contact = "Contact"
)

// Token is one row of tokens.csv. Its slices are shared: read them only.
type Token struct {
	// Name is the token as written in templates and event data. It may hold
	// a space, such as "Account.Bill Day".
	Name        string
	Group       string
	Type        Type
	Description string
	// Email and Webhook say on which channels it may be used.
	Email, Webhook bool
	// OnlyFor are the event types that offer it; empty means every event
	// whose context offers the group.
	OnlyFor []string
	Example string
	// Source is observed, seed, inferred or ours.
	Source string
}

// On reports whether the token may be used on a channel. The empty channel
// asks for every channel.
func (t Token) On(channel delivery.Channel) bool {
	switch channel {
	case delivery.Email:
		return t.Email
	case delivery.Webhook:
		return t.Webhook
	default:
		return t.Email && t.Webhook
	}
}

// Carried reports whether the token's value travels in an event's data; the
// others are filled in when a delivery is rendered.
func (t Token) Carried() bool { return t.Group != Core && t.Group != Contact }

// Addresses reports whether the token's value is a mail address that a letter
// may go to. Contacts are written to as such, not by their tokens.
func (t Token) Addresses() bool {
	return t.Group != Contact && strings.HasSuffix(t.Name, ".Email")
}
