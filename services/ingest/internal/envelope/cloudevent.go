package envelope

import (
	"mime"
	"strings"

	"github.com/billhook/billhook/services/ingest/internal/strictjson"
)

const cloudMembers = "specversion, id, source, type, subject, time, datacontenttype, dataschema, data"

// structured reads a CloudEvents 1.0 event in the JSON format. The account is
// its subject. Extension attributes are legal in CloudEvents and mean nothing
// here: they are passed over.
func structured(n strictjson.Node, r *report) attributes {
	a := cloudAttributes("/")
	version, source := text{at: "/specversion"}, text{at: "/source"}
	contentType, schema := text{at: "/datacontenttype"}, text{at: "/dataschema"}
	for _, m := range n.Members {
		switch m.Name {
		case "specversion":
			version.set(m.Value, r)
		case "source":
			source.set(m.Value, r)
		case "id":
			a.id.set(m.Value, r)
		case "type":
			a.typ.set(m.Value, r)
		case "subject":
			a.account.set(m.Value, r)
		case "time":
			a.time.set(m.Value, r)
		case "datacontenttype":
			contentType.set(m.Value, r)
		case "dataschema":
			schema.set(m.Value, r)
		case "data":
			a.data = m.Value
		default:
			extension(m, r)
		}
	}
	checkVersion(version, r)
	checkSource(source, r)
	checkDataType(contentType, r)
	return a
}

func cloudAttributes(prefix string) attributes {
	return attributes{
		id: text{at: prefix + "id"}, typ: text{at: prefix + "type"},
		account: text{at: prefix + "subject"}, time: text{at: prefix + "time"},
	}
}

// extension checks a member that is none of the attributes of the
// specification.
func extension(m strictjson.Member, r *report) {
	switch {
	case m.Name == "data_base64":
		r.add(m.Name, RuleBinaryData, "binary data is not taken; send data as an object")
	case m.Name == "account":
		r.add(m.Name, RuleMember, "the account of a CloudEvent is its subject")
	case m.Name == "owner":
		r.add(m.Name, RuleMember, "the owner is taken from the credential and is no attribute of an event")
	case !attributeName(m.Name):
		r.unknown(m.Name, cloudMembers)
	case m.Value.Kind == strictjson.Object || m.Value.Kind == strictjson.Array:
		r.add(m.Name, RuleKind, "an extension attribute is a string, a number or a boolean, but this is "+m.Value.Kind.String())
	}
}

// attributeName reports whether CloudEvents allows the name for an attribute.
func attributeName(s string) bool {
	for i := range len(s) {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

func checkVersion(v text, r *report) {
	if v.required(r) && v.value != "1.0" {
		r.at(v.at, RuleVersion, "the version of CloudEvents must be 1.0")
	}
}

func checkSource(s text, r *report) {
	if s.required(r) && s.value == "" {
		r.at(s.at, RuleMissing, "the source is empty")
	}
}

func checkDataType(t text, r *report) {
	if t.given && !jsonMedia(t.value) {
		r.at(t.at, RuleDataType, "data must be "+JSON)
	}
}

// jsonMedia reports whether a content type is JSON, by name or by suffix.
func jsonMedia(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == JSON || strings.HasSuffix(media, "+json"))
}
