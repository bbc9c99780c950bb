// Package outlet answers those who read queues over HTTP: by which key they may,
// what they ask for, and how it is written. It refuses to decide who gets which
// event; see package queue of the module streams.
package outlet

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/permit"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/shared/web"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
)

// ofQueue is where a queue is.
const ofQueue = "/v1/owners/{owner}/queues/{queue}/"

// Known knows which queues there are.
type Known interface {
	Known(context.Context, queue.Address) (bool, error)
}

// Desk hands out events.
type Desk interface {
	Pull(ctx context.Context, at queue.Address, max int, wait time.Duration) ([]queue.Message, error)
	Settle(ctx context.Context, at queue.Address, deeds []queue.Deed) ([]handout.Result, error)
	Status(ctx context.Context, at queue.Address) (queue.Status, error)
}

// Deps are what an outlet is given.
type Deps struct {
	Office permit.Office
	Known  Known
	Desk   Desk
	Logger zerolog.Logger
}

// Outlet answers requests that read queues.
type Outlet struct {
	deps   Deps
	routes web.Mux
}

// route is one thing that can be asked of a queue.
type route struct {
	method, name string
	verb         access.Verb
	serve        func(*Outlet, http.ResponseWriter, *http.Request, queue.Address) error
}

func routes() []route {
	return []route{
		{http.MethodPost, "pull", access.Take, (*Outlet).pull},
		{http.MethodPost, "ack", access.Take, settling(handout.Acknowledged)},
		{http.MethodPost, "release", access.Take, settling(handout.Released)},
		{http.MethodPost, "extend", access.Take, settling(handout.Extended)},
		{http.MethodGet, "status", access.Read, (*Outlet).status},
	}
}

// Paths are where an outlet wants to be mounted, as patterns of [http.ServeMux].
func Paths() (paths []string) {
	for _, r := range routes() {
		paths = append(paths, ofQueue+r.name)
	}
	return paths
}

// New returns an outlet.
func New(d Deps) *Outlet {
	o := &Outlet{deps: d}
	for _, r := range routes() {
		o.routes.HandleFunc(r.method+" "+ofQueue+r.name, func(w http.ResponseWriter, req *http.Request) { o.answer(w, req, r) })
		o.routes.HandleFunc(ofQueue+r.name, func(w http.ResponseWriter, _ *http.Request) {
			p := problem.New(http.StatusMethodNotAllowed, problem.Method, "this address has another method")
			p.Allow = r.method
			p.Write(w)
		})
	}
	o.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { problem.Nothing().Write(w) })
	return o
}

// ServeHTTP implements [http.Handler].
func (o *Outlet) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.routes.ServeHTTP(w, r) }

func (o *Outlet) answer(w http.ResponseWriter, r *http.Request, to route) {
	at, denied := o.admit(r, to.verb)
	if denied != nil {
		denied.Write(w)
		return
	}
	err := to.serve(o, w, r, at)
	if err == nil {
		return
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil && !errors.Is(err, queue.ErrClosed) {
		o.deps.Logger.Error().Err(err).Str("owner", at.Owner).Str("queue", at.Queue).Str("asked", to.name).Msg("a reader of a queue was not answered")
	}
	p.Write(w)
}

// admit returns the queue of a request, if the key may do that with it. A queue
// that the key is not bound to is answered like one that does not exist.
func (o *Outlet) admit(r *http.Request, verb access.Verb) (queue.Address, *problem.Problem) {
	who, owner, denied := o.deps.Office.Admit(r, verb, access.Queues)
	if denied != nil {
		return queue.Address{}, denied
	}
	at := queue.Address{Owner: owner.ID, Queue: r.PathValue("queue")}
	if !access.Own(&who.Key, access.Queues, at.Queue) {
		return at, unknownQueue()
	}
	there, err := o.deps.Known.Known(r.Context(), at)
	switch {
	case err != nil:
		if r.Context().Err() == nil {
			o.deps.Logger.Error().Err(err).Str("owner", at.Owner).Str("queue", at.Queue).Msg("could not find out whether there is a queue")
		}
		return at, passing()
	case !there:
		return at, unknownQueue()
	}
	if r.URL.RawQuery != "" {
		return at, problem.New(http.StatusBadRequest, problem.Request, "this address takes no parameters")
	}
	return at, nil
}

func unknownQueue() *problem.Problem {
	return problem.New(http.StatusNotFound, problem.NotFound, "there is no such queue")
}

func passing() *problem.Problem {
	return problem.Passing("the queue cannot be read at the moment", time.Second)
}

// problemOf returns the problem that an error is told as.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, queue.ErrGone):
		return unknownQueue()
	case errors.Is(err, queue.ErrBusy):
		p = problem.New(http.StatusTooManyRequests, problem.Quota, "as many requests of the owner, or of this queue, wait for events as may at once")
		p.RetryAfter = time.Second
		return p
	case fault.KindOf(err) == fault.Unavailable, errors.Is(err, context.Canceled):
		return passing()
	default:
		return problem.New(http.StatusInternalServerError, problem.Internal, "something went wrong that nobody foresaw; the log has it")
	}
}
