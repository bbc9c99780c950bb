package envelope

import "github.com/billhook/billhook/shared/fault"

// The rules of an event's form, as they appear in problems; those of JSON are
// strictjson's.
const (
	RuleSize        = "event.size"
	RuleContentType = "content_type.unknown"
	RuleKind        = "value.kind"
	RuleMember      = "member.unknown"
	RuleCase        = "member.case"
	RuleMissing     = "member.missing"
	RuleRepeated    = "header.repeated"
	RuleEncoding    = "header.encoding"
	RuleID          = "id.malformed"
	RuleTime        = "time.malformed"
	RuleTimeRange   = "time.range"
	RuleType        = "type.mismatch"
	RuleVersion     = "cloudevents.version"
	RuleDataType    = "cloudevents.datacontenttype"
	RuleBinaryData  = "cloudevents.data_base64"
)

// maxProblems is the greatest number of problems reported of one event.
const maxProblems = 20

// report collects what is wrong with one event.
type report struct{ problems fault.Problems }

// add reports a problem of a member of the document.
func (r *report) add(member, rule, detail string) { r.at(fault.Pointer(member), rule, detail) }

// at reports a problem at a pointer.
func (r *report) at(pointer, rule, detail string) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, fault.Problem{Pointer: pointer, Rule: rule, Detail: detail})
	}
}
