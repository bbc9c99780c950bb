package oauth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/billhook/billhook/shared/secret"
)

const (
	// pause is how long a failure is the answer to everybody who asks, so that
	// a token server in trouble is not asked for every delivery.
	pause = time.Second
	// renewal is how long after a refused token was replaced another refusal is
	// the receiver's own: it refuses whatever comes.
	renewal = 10 * time.Second
)

// Source gives the tokens of one endpoint. It may be used by many goroutines.
type Source struct {
	client *Client
	grant  Grant

	mu sync.Mutex
	// token is in force until its end.
	token secret.Text
	until time.Time
	// failed is the last failure, which holds until retry.
	failed error
	retry  time.Time
	// renewed is when a refused token was last dropped.
	renewed time.Time
	// asking is closed when the request that is under way has ended; nil while
	// there is none.
	asking chan struct{}
}

// Token returns a token in force. Its errors say what is wrong in words for the
// endpoint's owner; they wrap [guard.ErrAddressNotAllowed] where that is it.
func (s *Source) Token(ctx context.Context) (secret.Text, error) {
	for {
		wait, token, err := s.look()
		switch {
		case wait != nil:
			select {
			case <-wait:
			case <-ctx.Done():
				return secret.Text{}, errLate
			}
		case err != nil || !token.Empty():
			return token, err
		default:
			return s.ask(ctx)
		}
	}
}

// Renew returns a token in the place of one that the receiver refused. It is
// the same where one was replaced only just.
func (s *Source) Renew(ctx context.Context, refused secret.Text) (secret.Text, error) {
	s.drop(refused)
	return s.Token(ctx)
}

func (s *Source) drop(refused secret.Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.client.now()
	if s.token.Equal(refused) && !now.Before(s.renewed.Add(renewal)) {
		s.token, s.renewed = secret.Text{}, now
	}
}

// look returns what there is: the token, the failure, or a request to wait for.
// With none of them the caller has to ask.
func (s *Source) look() (wait <-chan struct{}, token secret.Text, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.client.now()
	switch {
	case !s.token.Empty() && now.Before(s.until):
		return nil, s.token, nil
	case s.failed != nil && now.Before(s.retry):
		return nil, secret.Text{}, s.failed
	case s.asking != nil:
		return s.asking, secret.Text{}, nil
	default:
		s.asking = make(chan struct{})
		return nil, secret.Text{}, nil
	}
}

// ask makes the request for everybody who waits. Whoever stops while asking
// leaves it to the next.
func (s *Source) ask(ctx context.Context) (secret.Text, error) {
	token, left, err := s.client.fetch(apart{ctx}, s.grant) //nolint:contextcheck // it is the caller's, but for its values
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.asking)
	s.asking = nil
	now := s.client.now()
	switch {
	case err == nil:
		s.token, s.until, s.failed = token, now.Add(left), nil
	case !errors.Is(ctx.Err(), context.Canceled):
		s.failed, s.retry = err, now.Add(pause)
	}
	return token, err
}

// apart ends as its context does and has none of its values: who traces a
// request does not mean the one for its token.
type apart struct{ context.Context } //nolint:containedctx // it is a context itself

// Value implements [context.Context].
func (apart) Value(any) any { return nil }
