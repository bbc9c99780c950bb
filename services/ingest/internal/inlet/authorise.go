package inlet

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// maxKey is the greatest length of a presented key, in bytes; longer ones are
// not worth hashing.
const maxKey = 256

// authorise returns the owner whose events the request may publish: the owner
// of the key, which must be the one that the address names. A key of another
// owner is answered like one that does not exist, so that nobody learns which
// owners there are.
func (in *Inlet) authorise(r *http.Request) (owner.Owner, *problem) {
	name, now := r.PathValue("owner"), in.deps.Now()
	from := in.remote(r)
	if wait := in.wrong.wait(from, now); wait > 0 {
		return owner.Owner{}, &problem{
			Status: http.StatusTooManyRequests, RetryAfter: wait, Detail: "too many wrong keys from this address",
		}
	}
	key, ok := bearer(r)
	if !ok {
		return owner.Owner{}, unauthorised("an API key is needed, as Authorization: Bearer bhk_…")
	}
	k, err := in.deps.Keys.Authenticate(r.Context(), name, key)
	switch {
	case err == nil:
	case fault.KindOf(err) == fault.Denied:
		in.wrong.add(from, now)
		return owner.Owner{}, unauthorised("the API key is not valid for this owner")
	default:
		return owner.Owner{}, in.cannot(r, err)
	}
	if !slices.Contains([]apikey.Role{apikey.Publisher, apikey.Editor, apikey.Admin}, k.Role) {
		return owner.Owner{}, &problem{Status: http.StatusForbidden, Detail: "a key of role " + string(k.Role) + " may not publish events"}
	}
	o, err := in.deps.Owners.Owner(r.Context(), k.Owner)
	switch {
	case err == nil:
		return o, nil
	case fault.KindOf(err) == fault.NotFound:
		return owner.Owner{}, &problem{Status: http.StatusNotFound, Detail: "the owner of this key does not exist any more"}
	default:
		return owner.Owner{}, in.cannot(r, err)
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

// cannot logs why a request cannot be judged now.
func (in *Inlet) cannot(r *http.Request, err error) *problem {
	if r.Context().Err() == nil {
		in.deps.Logger.Error().Err(err).Str("owner", r.PathValue("owner")).Msg("could not authorise a publisher")
	}
	return unavailable("the key cannot be checked at the moment")
}

func unauthorised(detail string) *problem {
	return &problem{Status: http.StatusUnauthorized, Detail: detail}
}

func unavailable(detail string) *problem {
	return &problem{Status: http.StatusServiceUnavailable, RetryAfter: time.Second, Detail: detail}
}
