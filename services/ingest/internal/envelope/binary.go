package envelope

import (
	"mime"
	"net/url"
	"strings"

	"github.com/billhook/billhook/services/ingest/internal/strictjson"
	"github.com/billhook/billhook/shared/fault"
)

// prefix begins the headers of the binary mode, in the NATS and the HTTP
// binding alike.
const prefix = "ce-"

// headers is what a message's headers say.
type headers struct {
	// media is the content type without its parameters, "" when there is none.
	media string
	// attributes are the ce- headers by their name behind the prefix.
	attributes map[string]string
}

// readHeaders reads the headers that matter here and leaves all others alone.
// One that is given twice, in whatever case, is refused: two readers would
// take different ones.
func readHeaders(h map[string][]string) (headers, fault.Problems) {
	var out headers
	seen := 0
	for name, values := range h {
		name = strings.ToLower(name)
		attribute, cloud := strings.CutPrefix(name, prefix)
		if !cloud && name != "content-type" {
			continue
		}
		_, again := out.attributes[attribute]
		if !cloud {
			seen++
			again = seen > 1
		}
		if again || len(values) != 1 {
			return out, headerProblem(name, RuleRepeated, "the header is given more than once")
		}
		if cloud {
			if out.attributes == nil {
				out.attributes = map[string]string{}
			}
			out.attributes[attribute] = values[0]
			continue
		}
		media, _, err := mime.ParseMediaType(values[0])
		if err != nil {
			return out, headerProblem(name, RuleContentType, "the content type is malformed")
		}
		out.media = media
	}
	return out, nil
}

func headerProblem(name, rule, detail string) fault.Problems {
	return fault.Problems{{Pointer: fault.Pointer(name), Rule: rule, Detail: detail}}
}

// binary reads a CloudEvents 1.0 event in binary mode: the attributes are
// headers, the body is the data. Pointers of attributes name the header.
func binary(in Input, h headers) (Candidate, fault.Problems) {
	var r report
	a := cloudAttributes("/" + prefix)
	version, source := text{at: "/" + prefix + "specversion"}, text{at: "/" + prefix + "source"}
	for _, into := range []*text{&version, &source, &a.id, &a.typ, &a.account, &a.time} {
		if raw, there := h.attributes[strings.TrimPrefix(into.at, "/"+prefix)]; there {
			into.decode(raw, &r)
		}
	}
	checkVersion(version, &r)
	checkSource(source, &r)
	if h.media != "" && !jsonMedia(h.media) {
		r.add("content-type", RuleDataType, "data must be "+JSON)
	}
	if len(in.Body) > 0 {
		n, problems := strictjson.Parse(in.Body)
		a.data = n
		r.problems = append(r.problems, problems.At("/data")...)
	}
	c := a.candidate(in, &r)
	return c, r.problems
}

// decode takes the attribute from a header, whose values the bindings
// percent-encode.
func (t *text) decode(raw string, r *report) {
	value, err := url.PathUnescape(raw)
	if err != nil {
		t.bad = true
		r.at(t.at, RuleEncoding, "the header's percent-encoding is malformed")
		return
	}
	t.value, t.given = value, true
}
