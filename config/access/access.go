// Package access is the one table of what the role of an API key may do with
// which resource. It is pure: whose key it is, package keys tells. It refuses
// to allow what it does not know.
package access

import (
	"slices"
	"strings"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
)

// Verb is what is done with a resource.
type Verb string

// The verbs.
const (
	Read   Verb = "read"
	Create Verb = "create"
	Change Verb = "change"
	Delete Verb = "delete"
	// Control is what is asked of a thing beyond its document: pause, resume,
	// skip, replay, resend, test, enable, disable, cancel, fire, a new signing
	// secret.
	Control Verb = "control"
	Publish Verb = "publish"
	// Take is to be handed the events of a queue, which then are nobody else's,
	// and to acknowledge them, give them back, or keep them for longer.
	Take Verb = "take"
)

// Verbs lists every [Verb].
func Verbs() []Verb { return []Verb{Read, Create, Change, Delete, Control, Publish, Take} }

// Resource is a kind of thing, in the word that addresses have for it.
type Resource string

// The resources.
const (
	Owners        Resource = "owners"
	Accounts      Resource = "accounts"
	Contacts      Resource = "contacts"
	ContactTypes  Resource = "contact-types"
	SMTPSettings  Resource = "smtp-settings"
	CannedEmails  Resource = "canned-emails"
	Suppressions  Resource = "suppressions"
	Endpoints     Resource = "endpoints"
	Subscriptions Resource = "subscriptions"
	Queues        Resource = "queues"
	Events        Resource = "events"
	Deliveries    Resource = "deliveries"
	Parked        Resource = "parked"
	Schedules     Resource = "schedules"
	APIKeys       Resource = "api-keys"
	Audit         Resource = "audit"
	Catalogue     Resource = "catalogue"
	// SealingKeys are what secrets are sealed with: the command line's alone.
	SealingKeys Resource = "sealing-keys"
)

// Resources lists every [Resource].
func Resources() []Resource {
	return []Resource{
		Owners, Accounts, Contacts, ContactTypes, SMTPSettings, CannedEmails, Suppressions, Endpoints, Subscriptions,
		Queues, Events, Deliveries, Parked, Schedules, APIKeys, Audit, Catalogue, SealingKeys,
	}
}

// Check refuses a resource that there is not, at the pointer.
func (r Resource) Check(pointer string) fault.Problems {
	if slices.Contains(Resources(), r) {
		return nil
	}
	return fault.Problems{{Pointer: pointer, Rule: "resource.unknown", Detail: fault.OneOf(Resources()...)}}
}

// row holds the rights of the roles in one resource, a letter for each verb:
// read, create, change (u), delete, control (x), publish, take.
type row struct{ operator, admin, editor, viewer, publisher, subscriber string }

// rights is the table. A subscriber has its rights in its own endpoints, in what
// was sent to them, and in its own queues; see [Own].
func rights(on Resource) row {
	switch on {
	//                 operator admin    editor   viewer  publ. subscriber
	case Owners: // with quotas, which bound the admin too
		return row{"rcud   ", "r     ", "r     ", "r     ", "   ", "    "}
	case Accounts, Contacts, ContactTypes:
		return row{"rcud   ", "rcud  ", "rcud  ", "r     ", "   ", "    "}
	case SMTPSettings, CannedEmails, Subscriptions:
		return row{"rcudx  ", "rcudx ", "rcudx ", "r     ", "   ", "    "}
	case Suppressions: // an address is on the list or is not: nothing of it changes
		return row{"rc d   ", "rc d  ", "rc d  ", "r     ", "   ", "    "}
	case Endpoints:
		return row{"rcudx  ", "rcudx ", "rcudx ", "r     ", "   ", "r ux"}
	case Queues: // a viewer who took an event would take it away from its reader
		return row{"rcud  t", "rcud t", "rcud t", "r     ", "   ", "r  t"}
	case Events:
		return row{"r     p", "r    p", "r    p", "r     ", "  p", "    "}
	case Deliveries, Parked:
		return row{"r   x  ", "r   x ", "r   x ", "r     ", "   ", "r  x"}
	case Schedules:
		return row{"r   x  ", "r   x ", "r   x ", "r     ", "   ", "    "}
	case APIKeys:
		return row{"rc d   ", "rc d  ", "      ", "      ", "   ", "    "}
	case Audit:
		return row{"r      ", "r     ", "      ", "      ", "   ", "    "}
	case Catalogue:
		return row{"r      ", "r     ", "r     ", "r     ", "r  ", "r   "}
	case SealingKeys:
	}
	return row{}
}

// of returns the letters of a role.
func (r row) of(role apikey.Role) string {
	switch role {
	case apikey.Operator:
		return r.operator
	case apikey.Admin:
		return r.admin
	case apikey.Editor:
		return r.editor
	case apikey.Viewer:
		return r.viewer
	case apikey.Publisher:
		return r.publisher
	case apikey.Subscriber:
		return r.subscriber
	}
	return ""
}

func letter(v Verb) string {
	switch v {
	case Read:
		return "r"
	case Create:
		return "c"
	case Change:
		return "u"
	case Delete:
		return "d"
	case Control:
		return "x"
	case Publish:
		return "p"
	case Take:
		return "t"
	}
	return "?"
}

// Allowed reports whether a key of the role may do that with resources of the
// owner it acts for. A subscriber may only with what is its [Own].
func Allowed(role apikey.Role, verb Verb, on Resource) bool {
	return strings.Contains(rights(on).of(role), letter(verb))
}

// ActsFor reports whether a key may act for an owner at all: for its own, or as
// an operator's for any. To everybody else the owner does not exist.
func ActsFor(k *apikey.Key, owner string) bool {
	if k.Role == apikey.Operator {
		return k.Owner == "" && id.Valid(owner)
	}
	return k.Owner != "" && k.Owner == owner
}

// Own reports whether a thing of a kind is within a key's reach: for a subscriber
// only if the key is bound to it, for everybody else always.
func Own(k *apikey.Key, kind Resource, thing string) bool {
	return k.Role != apikey.Subscriber || Bound(k, kind, thing)
}

// OwnTarget reports whether what was sent to a target is within a key's reach:
// to an endpoint, or by SMTP settings, which may be called as an endpoint is.
func OwnTarget(k *apikey.Key, ch delivery.Channel, target string) bool {
	kind := SMTPSettings
	if ch == delivery.Webhook {
		kind = Endpoints
	}
	return Own(k, kind, target)
}

// Bound reports whether a key names a thing of a kind.
func Bound(k *apikey.Key, kind Resource, thing string) bool {
	switch kind {
	case Endpoints:
		return slices.Contains(k.Endpoints, thing)
	case Queues:
		return slices.Contains(k.Queues, thing)
	default:
		return false
	}
}
