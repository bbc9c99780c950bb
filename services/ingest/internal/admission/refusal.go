package admission

import (
	"strings"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/fault"
)

// The reasons of a refusal: tokens of subjects of REJECTED.
const (
	UnknownOwner  = "unknown_owner"
	UnknownType   = "unknown_type"
	ReservedType  = "reserved_type"
	Malformed     = "malformed"
	QuotaExceeded = "quota_exceeded"
)

// Reason is a reason of a refusal with its meaning.
type Reason struct{ Name, Meaning string }

// Reasons returns every reason.
func Reasons() []Reason {
	return []Reason{
		{Malformed, "the event or its data breaks a rule of its form"},
		{UnknownType, "the catalogue has no such event type"},
		{ReservedType, "events of this type are published by Billhook itself only"},
		{UnknownOwner, "the subject names an owner that does not exist"},
		{QuotaExceeded, "the owner has used up a quota"},
	}
}

// The rules that admission itself checks, as they appear in problems.
const (
	RuleReserved = "type.reserved"
	RuleAccount  = "account.missing"
	RuleOwner    = "owner.unknown"
	RuleQuota    = "quota.exceeded"
)

// Bounds of what a refusal repeats of a foreign message, in bytes.
const (
	maxPointer  = 256
	maxDetail   = 512
	maxProblems = 20
)

// Refusal says why a message does not become an event.
type Refusal struct {
	Reason   string
	Problems fault.Problems
}

// refuse returns a refusal for problems, nil where there are none. What the
// problems repeat of the message is bounded: names in it may be as long as it.
func refuse(reason string, problems fault.Problems) *Refusal {
	if len(problems) == 0 {
		return nil
	}
	problems = problems[:min(len(problems), maxProblems)]
	out := make(fault.Problems, len(problems))
	for i, p := range problems {
		p.Pointer, p.Detail = clip(p.Pointer, maxPointer), clip(p.Detail, maxDetail)
		out[i] = p
	}
	return &Refusal{Reason: reason, Problems: out}
}

// clip shortens s to at most n bytes of whole characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) + more
}

// OwnerRefusal refuses a message of an owner that does not exist.
func OwnerRefusal() *Refusal {
	return refuse(UnknownOwner, fault.Problems{{
		Rule: RuleOwner, Detail: "the owner that the subject names does not exist",
	}})
}

// QuotaRefusal refuses a message because a quota is used up.
func QuotaRefusal(quota string) *Refusal {
	return refuse(QuotaExceeded, fault.Problems{{
		Rule: RuleQuota, Detail: "the owner's quota " + quota + " is used up",
	}})
}
