package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/page"
	"github.com/billhook/billhook/shared/problem"
)

// Request is a request that was let in.
type Request struct {
	Caller caller.Caller
	// Owner is the one in the path; empty where there is none.
	Owner string
	// Store saves in the name of the caller.
	Store *store.Store
	// Body is the whole body.
	Body []byte
	// Condition is what If-Match and If-None-Match ask.
	Condition store.Condition

	http  *http.Request
	query map[string]string
	// changed are the buckets in which the request changed something, up to
	// which revision.
	changed map[string]uint64
}

// note takes in a change that was made.
func (r *Request) note(c setup.Change) {
	if c.Bucket != "" {
		r.changed[c.Bucket] = max(r.changed[c.Bucket], c.Revision)
	}
}

// Path returns a part of the path by its name.
func (r *Request) Path(name string) string { return r.http.PathValue(name) }

// Query returns a parameter, empty where it is not given.
func (r *Request) Query(name string) string { return r.query[name] }

// Flag returns a parameter of kind [Flag], false where it is not given.
func (r *Request) Flag(name string) bool { return r.query[name] == "true" }

// Document reads the body as JSON.
func (r *Request) Document() (*document.Value, error) {
	v, problems := document.ParseJSON(r.Body)
	if problems != nil {
		return nil, problem.Refused(problems)
	}
	return v, nil
}

// Page returns which page is asked for.
func (r *Request) Page() page.Ask {
	a := page.Ask{Sort: r.Query("sort"), Cursor: r.Query("cursor"), Limit: page.DefaultLimit, Filters: r.query}
	if n, err := strconv.Atoi(r.Query("limit")); err == nil {
		a.Limit = min(n, page.MaxLimit)
	}
	a.Since, a.Until = r.moment("since"), r.moment("until")
	return a
}

// moment is one that was found to be of the right form.
func (r *Request) moment(name string) time.Time {
	at, _ := time.Parse(time.RFC3339, r.Query(name))
	return at
}

// Unchanged reports whether the client has this revision.
func (r *Request) Unchanged(revision uint64) bool {
	return r.http.Header.Get("If-None-Match") == etag(revision)
}

func etag(revision uint64) string { return `"` + strconv.FormatUint(revision, 10) + `"` }

// condition reads If-Match and If-None-Match.
func condition(h http.Header) (store.Condition, error) {
	var c store.Condition
	if values := h.Values("If-Match"); len(values) > 0 {
		text := strings.TrimSpace(strings.Join(values, ","))
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`), 10, 64)
		switch {
		case text == "*":
			c.Present = true
		case err != nil || text != etag(n) || n == 0:
			return c, problem.Parameter("If-Match", "etag.form", `must be the one ETag of an earlier answer, such as "42", or *`)
		default:
			c.Revision = n
		}
	}
	if text := h.Get("If-None-Match"); text != "" {
		if c.Absent = text == "*"; !c.Absent {
			return c, problem.Parameter("If-None-Match", "etag.form", "must be * where something is changed")
		}
	}
	return c, nil
}
