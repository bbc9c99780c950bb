package unsubscribe

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/shared/web"
)

// List is the list of who has unsubscribed.
type List interface {
	Add(ctx context.Context, owner string, e suppression.Entry) (added bool, err error)
}

// Parts are what a desk works with.
type Parts struct {
	Links *Links
	List  List
	// Name is the name of an owner for people; empty where it is not known.
	Name func(owner string) string
	Log  zerolog.Logger
	Now  func() time.Time
}

// Desk answers the links. It wants no login: the token is all that it takes.
type Desk struct {
	parts Parts
	tries *web.Tries
	mux   *http.ServeMux
}

// NewDesk returns a desk.
func NewDesk(p Parts) *Desk {
	d := &Desk{parts: p, tries: web.NewTries(), mux: http.NewServeMux()}
	// Scanners follow every link of a mail: looking changes nothing.
	d.mux.HandleFunc("GET "+Path+"{token}", d.look)
	d.mux.HandleFunc("POST "+Path+"{token}", d.leave)
	return d
}

// ServeHTTP implements [http.Handler].
func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

func (d *Desk) look(w http.ResponseWriter, r *http.Request) {
	reader, ok := d.parts.Links.Open(r.PathValue("token"))
	if !ok {
		show(w, http.StatusNotFound, page{State: unknown})
		return
	}
	show(w, http.StatusOK, page{State: asked, Owner: d.name(reader.Owner)})
}

// What a request to leave has in its body, by RFC 8058, section 3.2.
const (
	field   = "List-Unsubscribe"
	value   = "One-Click"
	maxBody = 4 << 10
)

// leave puts the reader on the list. The answer is the same however often it is
// asked for.
func (d *Desk) leave(w http.ResponseWriter, r *http.Request) {
	reader, ok := d.parts.Links.Open(r.PathValue("token"))
	if !ok {
		show(w, http.StatusNotFound, page{State: unknown})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.PostFormValue(field) != value {
		show(w, http.StatusBadRequest, page{State: asked, Owner: d.name(reader.Owner)})
		return
	}
	// A wrong token costs us nothing that is worth a limit. A true one is its
	// reader's, who can slow down nobody else.
	key, now := reader.Owner+" "+reader.Address, d.parts.Now()
	if wait := d.tries.Wait(key, now); wait > 0 {
		later(w, http.StatusTooManyRequests, wait)
		return
	}
	d.tries.Add(key, now)
	added, err := d.parts.List.Add(r.Context(), reader.Owner, suppression.Entry{
		Address: reader.Address, By: suppression.Reader, Since: now.UTC(),
	})
	if err != nil {
		if r.Context().Err() == nil {
			d.parts.Log.Error().Err(err).Str("owner", reader.Owner).Msg("could not unsubscribe a reader")
		}
		later(w, http.StatusServiceUnavailable, time.Second)
		return
	}
	if added {
		d.parts.Log.Info().Str("owner", reader.Owner).Msg("a reader unsubscribed")
	}
	show(w, http.StatusOK, page{State: left, Owner: d.name(reader.Owner)})
}

func (d *Desk) name(owner string) string {
	if name := d.parts.Name(owner); name != "" {
		return name
	}
	return owner
}

// later answers that the same request may pass after a while.
func later(w http.ResponseWriter, status int, after time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	show(w, status, page{State: busy})
}
