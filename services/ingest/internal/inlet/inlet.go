// Package inlet takes events in over HTTP. It answers only once the events are
// stored in INBOX, so an answer of 202 means that nothing short of losing the
// store loses them. It refuses to judge: that is the work of admission, and
// the same for every way in.
package inlet

import (
	"context"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/permit"
	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/quota"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/shared/web"
)

// Path is where events are posted, as a pattern of [http.ServeMux].
const Path = "/v1/owners/{owner}/events"

// The limits of a request.
const (
	// MaxEvents is the greatest number of events in one request.
	MaxEvents = 1000
	// MaxBody is the greatest size of a request's body, in bytes.
	MaxBody = 8 << 20
)

// Publisher stores admitted events.
type Publisher interface {
	// Publish stores the events of an owner in their order. After an error
	// some of the first may be stored: publishing all of them again is right,
	// since their ids are the same.
	Publish(ctx context.Context, owner string, events []admission.Entry) error
}

// Deps are what an inlet is given.
type Deps struct {
	Callers   *caller.Desk
	Owners    permit.Owners
	Admission *admission.Admission
	Publisher Publisher
	Logger    zerolog.Logger
	Now       func() time.Time
}

// Inlet answers requests that publish events.
type Inlet struct {
	deps   Deps
	office permit.Office
	limits *quota.Limits
	large  *room
	routes web.Mux
}

// New returns an inlet.
func New(deps Deps) *Inlet {
	in := &Inlet{
		deps: deps, limits: quota.New(), large: newRoom(),
		office: permit.Office{Callers: deps.Callers, Owners: deps.Owners, Logger: deps.Logger},
	}
	in.routes.HandleFunc("POST "+Path, in.post)
	in.routes.HandleFunc(Path, func(w http.ResponseWriter, _ *http.Request) {
		p := problem.New(http.StatusMethodNotAllowed, problem.Method, "events are published with POST")
		p.Allow = http.MethodPost
		p.Write(w)
	})
	in.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { problem.Nothing().Write(w) })
	return in
}

// ServeHTTP implements [http.Handler].
func (in *Inlet) ServeHTTP(w http.ResponseWriter, r *http.Request) { in.routes.ServeHTTP(w, r) }

func (in *Inlet) post(w http.ResponseWriter, r *http.Request) {
	_, o, denied := in.office.Admit(r, access.Publish, access.Events)
	if denied != nil {
		denied.Write(w)
		return
	}
	if p := in.take(w, r, o); p != nil {
		p.write(w)
	}
}

// take reads, judges and stores the events of an authorised request and
// answers it, or returns the problem to answer with.
func (in *Inlet) take(w http.ResponseWriter, r *http.Request, o owner.Owner) *refused {
	req, p := in.read(w, r, o.ID)
	if p != nil {
		return p
	}
	defer req.release()
	results, admitted := in.judge(req, r)
	if len(admitted) == 0 {
		return refusal(req, results)
	}
	if p := in.spend(o, admitted); p != nil {
		return p
	}
	if err := in.deps.Publisher.Publish(r.Context(), o.ID, admitted); err != nil {
		if r.Context().Err() == nil {
			in.deps.Logger.Error().Err(err).Str("owner", o.ID).Int("events", len(admitted)).Msg("could not store published events")
		}
		return unavailable("the events could not be stored; publish all of them again with the same ids")
	}
	answer(w, req, results)
	return nil
}

// spend counts the events against the owner's quotas.
func (in *Inlet) spend(o owner.Owner, events []admission.Entry) *refused {
	cost := quota.Cost{Events: len(events)}
	for _, e := range events {
		cost.Bytes += len(e.Body)
	}
	v := in.limits.Take(o, in.deps.Now(), cost)
	if v.Exceeded == "" {
		return nil
	}
	p := refuse(http.StatusTooManyRequests, problem.Quota, "the owner's quota "+v.Exceeded+" is used up")
	p.RetryAfter = v.After
	return p
}
