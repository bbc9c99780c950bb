// Package permit lets HTTP requests for an owner in: who calls, whether the key
// acts for the owner, whether its role may, and whether there is such an owner, in
// this order, so that nobody learns more than the key allows. It refuses to serve
// them, and to know what of an owner a key is bound to; see access.Own.
package permit

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
)

// Owners knows the owners.
type Owners interface {
	// Owner returns an owner; the error is of kind NotFound when there is none.
	Owner(ctx context.Context, id string) (owner.Owner, error)
}

// Office lets requests in.
type Office struct {
	Callers *caller.Desk
	Owners  Owners
	Logger  zerolog.Logger
}

// Admit returns who makes a request for the owner that its address names, and that
// owner, if the key may do that. An owner that it does not act for is answered like
// one that does not exist, so that nobody learns which owners there are.
func (o *Office) Admit(r *http.Request, verb access.Verb, on access.Resource) (caller.Caller, owner.Owner, *problem.Problem) {
	name := r.PathValue("owner")
	who, err := o.Callers.Identify(r)
	if err != nil {
		return who, owner.Owner{}, o.unidentified(r, err)
	}
	if !access.ActsFor(&who.Key, name) {
		return who, owner.Owner{}, unknownOwner()
	}
	if !access.Allowed(who.Key.Role, verb, on) {
		return who, owner.Owner{}, problem.New(http.StatusForbidden, problem.Denied, "a key of role "+string(who.Key.Role)+" may not "+string(verb)+" "+string(on))
	}
	found, err := o.Owners.Owner(r.Context(), name)
	switch {
	case err == nil:
		return who, found, nil
	case fault.KindOf(err) == fault.NotFound:
		return who, owner.Owner{}, unknownOwner()
	default:
		return who, owner.Owner{}, o.cannot(r, err)
	}
}

func (o *Office) unidentified(r *http.Request, err error) *problem.Problem {
	var by *caller.Refusal
	if errors.As(err, &by) {
		return by.Problem()
	}
	return o.cannot(r, err)
}

func unknownOwner() *problem.Problem {
	return problem.New(http.StatusNotFound, problem.NotFound, "this key has no such owner")
}

// cannot logs why a request cannot be judged now.
func (o *Office) cannot(r *http.Request, err error) *problem.Problem {
	if r.Context().Err() == nil {
		o.Logger.Error().Err(err).Str("owner", r.PathValue("owner")).Msg("could not judge by which right a request is made")
	}
	return problem.Passing("the key cannot be checked at the moment", time.Second)
}
