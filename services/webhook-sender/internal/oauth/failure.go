package oauth

import (
	"errors"
	"strconv"

	"golang.org/x/oauth2"

	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/guard"
)

// failure is why there is no token, in words for the endpoint's owner. None of
// them comes from the token server, which knows the secret.
type failure string

func (f failure) Error() string { return string(f) }

const errLate failure = "the token server did not answer in time"

// errLarge says that an answer is over [post.MaxRead].
var errLarge = errors.New("answer too large")

// refused is a failure whose cause is for the operator's log.
type refused struct {
	failure
	cause error
}

func (r *refused) Unwrap() error { return r.cause }

// explain finds the words.
func explain(err error) error {
	var answer *oauth2.RetrieveError
	var answered *exchanged
	switch {
	case errors.As(err, &answer):
		return refusal(answer)
	case errors.Is(err, errLarge):
		return failure("the token server's answer has more than " + strconv.Itoa(post.MaxRead>>10) + " KiB")
	case errors.As(err, &answered):
		_, detail := post.Classify(err)
		f := failure("the token server: " + detail)
		if guard.Detail(err) != "" {
			return &refused{f, err}
		}
		return f
	default:
		return failure("the token server's answer holds no token that can be read")
	}
}

// refusal words an answer that gives no token.
func refusal(answer *oauth2.RetrieveError) error {
	text := "the token server answered " + strconv.Itoa(answer.Response.StatusCode)
	if answer.Response.StatusCode/100 == 3 {
		return failure(text + "; redirects are not followed")
	}
	switch answer.ErrorCode {
	// The codes of RFC 6749 section 5.2. Any other text may be the secret.
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		text += ", " + answer.ErrorCode
	}
	return failure(text)
}
