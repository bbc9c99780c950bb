package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
)

// retryAfter is when to come again after a failure that may pass.
const retryAfter = time.Second

// problemOf returns the problem that an error is told as: the kinds of
// shared/fault as HTTP statuses. What nobody foresaw is told without its text,
// which is for the log.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	var refusal *caller.Refusal
	if errors.As(err, &refusal) {
		return refusal.Problem()
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return explained(problem.New(http.StatusUnprocessableEntity, problem.Invalid, "the request breaks a rule"), err)
	case fault.NotFound:
		return problem.New(http.StatusNotFound, problem.NotFound, "there is no such thing")
	case fault.Conflict:
		return conflict(err)
	case fault.Denied:
		return problem.New(http.StatusForbidden, problem.Denied, "the key may not do this")
	case fault.Unavailable:
		return problem.Passing("the store does not answer at the moment", retryAfter)
	case fault.Exhausted:
		return problem.New(http.StatusUnprocessableEntity, problem.Exhausted, err.Error())
	default:
		return problem.New(http.StatusInternalServerError, problem.Internal, "something went wrong that nobody foresaw; the log has it")
	}
}

// explained says which rules are broken, or, where no rule is named, what the
// error says.
func explained(p *problem.Problem, err error) *problem.Problem {
	if p.Errors = fault.ProblemsOf(err); p.Errors == nil {
		p.Detail = err.Error()
	}
	return p
}

// conflict tells what was read before from what stands in the way.
func conflict(err error) *problem.Problem {
	switch {
	case errors.Is(err, store.ErrRevision):
		return problem.New(http.StatusPreconditionFailed, problem.Revision, "it was changed since it was read; read it again")
	case errors.Is(err, store.ErrExists):
		return problem.New(http.StatusConflict, problem.Exists, "there is one of this id already")
	case errors.Is(err, store.ErrReserved):
		return problem.New(http.StatusConflict, problem.Reserved, err.Error())
	}
	return explained(problem.New(http.StatusConflict, problem.Conflict, "it cannot be done as things stand"), err)
}
