// Package caller tells who makes an HTTP request: by which API key, and from
// which address. It slows down who guesses. It refuses to say what a caller may
// do; that is in package access.
package caller

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/shared/web"
)

// maxKey is the greatest length of a presented key, in bytes; longer ones are
// not worth hashing.
const maxKey = 256

// Keys tells whose key a text is.
type Keys interface {
	// Authenticate returns the key of that text. The error is of kind Denied
	// when there is none, or it is not valid.
	Authenticate(ctx context.Context, text secret.Text) (apikey.Key, error)
}

// Settings is what a desk works with.
type Settings struct {
	Keys Keys
	Now  func() time.Time
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
}

// Desk asks callers for their keys. It may be used by many goroutines. Servers
// of one process share one, so that an address has its guesses only once.
type Desk struct {
	settings Settings
	wrong    *web.Tries
}

// New returns a desk.
func New(s Settings) *Desk { return &Desk{settings: s, wrong: web.NewTries()} }

// Caller is who makes a request.
type Caller struct {
	Key apikey.Key
	// From is the caller's address.
	From string
}

// Identify tells who makes a request. The error is a [*Refusal] where it says
// so itself, or that of [Keys].
func (d *Desk) Identify(r *http.Request) (Caller, error) {
	address, now := d.remote(r), d.settings.Now()
	from := guesser(address)
	if wait := d.wrong.Wait(from, now); wait > 0 {
		return Caller{}, &Refusal{
			Status: http.StatusTooManyRequests, RetryAfter: wait, Detail: "too many wrong keys from this address",
		}
	}
	text, ok := bearer(r)
	if !ok {
		return Caller{}, unauthorised("an API key is needed, as Authorization: Bearer bhk_…")
	}
	key, err := d.settings.Keys.Authenticate(r.Context(), text)
	switch {
	case err == nil:
		return Caller{Key: key, From: address.String()}, nil
	case fault.KindOf(err) == fault.Denied:
		d.wrong.Add(from, now)
		return Caller{}, unauthorised("the API key is not valid")
	default:
		return Caller{}, err
	}
}

// bearer returns the key that a request presents.
func bearer(r *http.Request) (secret.Text, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return secret.Text{}, false
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" || len(key) > maxKey {
		return secret.Text{}, false
	}
	return secret.NewText(key), true
}

// Refusal is an answer to whoever cannot be told.
type Refusal struct {
	// Status is that of HTTP: 401 without a valid key, 429 for who guesses.
	Status int
	Detail string
	// RetryAfter is when another try may be made; 0 where that is not the
	// matter.
	RetryAfter time.Duration
}

// Error implements error.
func (r *Refusal) Error() string { return "identify caller: " + r.Detail }

// Problem returns the refusal as it is answered.
func (r *Refusal) Problem() *problem.Problem {
	p := problem.New(r.Status, problem.Key, r.Detail)
	p.RetryAfter = r.RetryAfter
	return p
}

func unauthorised(detail string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Detail: detail}
}
