// Package inlet takes events in over HTTP. It answers only once the events are
// stored in INBOX, so an answer of 202 means that nothing short of losing the
// store loses them. It refuses to judge: that is the work of admission, and
// the same for every way in.
package inlet

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/quota"
	"github.com/billhook/billhook/shared/secret"
)

// Path is where events are posted, as a pattern of [http.ServeMux].
const Path = "/v1/owners/{owner}/events"

// The limits of a request.
const (
	// MaxEvents is the greatest number of events in one request.
	MaxEvents = 1000
	// MaxBody is the greatest size of a request's body, in bytes.
	MaxBody = 8 << 20
	// maxLarge is how many requests larger than one event are held in memory
	// at once; the others wait.
	maxLarge = 16
)

// Keys tells whose key a text is.
type Keys interface {
	// Authenticate returns the key of that text. The error is of kind Denied
	// when the owner has no such key.
	Authenticate(ctx context.Context, owner string, text secret.Text) (apikey.Key, error)
}

// Owners reads owners.
type Owners interface {
	// Owner returns an owner; an error of kind NotFound when there is none.
	Owner(ctx context.Context, id string) (owner.Owner, error)
}

// Publisher stores admitted events.
type Publisher interface {
	// Publish stores the events of an owner in their order. After an error
	// some of the first may be stored: publishing all of them again is right,
	// since their ids are the same.
	Publish(ctx context.Context, owner string, events []admission.Entry) error
}

// Deps are what an inlet is given.
type Deps struct {
	Keys      Keys
	Owners    Owners
	Admission *admission.Admission
	Publisher Publisher
	Logger    zerolog.Logger
	Now       func() time.Time
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
}

// Inlet answers requests that publish events.
type Inlet struct {
	deps   Deps
	limits *quota.Limits
	wrong  *guesses
	large  chan struct{}
	mux    *http.ServeMux
}

// New returns an inlet.
func New(deps Deps) *Inlet {
	in := &Inlet{
		deps: deps, limits: quota.New(), wrong: newGuesses(),
		large: make(chan struct{}, maxLarge), mux: http.NewServeMux(),
	}
	in.mux.HandleFunc("POST "+Path, in.post)
	in.mux.HandleFunc(Path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", http.MethodPost)
		problem{Status: http.StatusMethodNotAllowed, Detail: "events are published with POST"}.write(w)
	})
	in.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem{Status: http.StatusNotFound, Detail: "there is nothing here"}.write(w)
	})
	return in
}

// ServeHTTP implements [http.Handler].
func (in *Inlet) ServeHTTP(w http.ResponseWriter, r *http.Request) { in.mux.ServeHTTP(w, r) }

func (in *Inlet) post(w http.ResponseWriter, r *http.Request) {
	o, p := in.authorise(r)
	if p == nil {
		p = in.take(w, r, o)
	}
	if p != nil {
		p.write(w)
	}
}

// take reads, judges and stores the events of an authorised request and
// answers it, or returns the problem to answer with.
func (in *Inlet) take(w http.ResponseWriter, r *http.Request, o owner.Owner) *problem {
	req, p := in.read(w, r)
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
func (in *Inlet) spend(o owner.Owner, events []admission.Entry) *problem {
	cost := quota.Cost{Events: len(events)}
	for _, e := range events {
		cost.Bytes += len(e.Body)
	}
	v := in.limits.Take(o, in.deps.Now(), cost)
	if v.Exceeded == "" {
		return nil
	}
	return &problem{
		Status: http.StatusTooManyRequests, RetryAfter: v.After,
		Detail: "the owner's quota " + v.Exceeded + " is used up",
	}
}
