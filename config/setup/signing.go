package setup

import (
	"slices"
	"strconv"
	"time"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// RotateSecret gives an endpoint new signing secrets, of which the change holds
// what is to be shown once. Those before go on for the overlap, or until their
// own end where that is sooner: requests are signed with each of them
// meanwhile.
func (s *Setup) RotateSecret(owner, id string, overlap time.Duration, env Env) (Change, error) {
	former, ok := s.Endpoints[id]
	if !ok {
		return Change{}, notFound("rotate signing secret", id)
	}
	var r field.Report
	if overlap < 0 || overlap > endpoint.MaxOverlap {
		r.Add("/overlap", "overlap.range", "must be from 0s to "+backoff.Format(endpoint.MaxOverlap))
		return Change{}, r.Problems()
	}
	next := *former
	next.Revision++
	next.Secrets = overlapping(former, env.Moment.At, overlap)
	if count(next.Secrets, symmetric) >= endpoint.MaxSecrets {
		r.Add("", "secrets.length", "has as many signing secrets as it may have at a time; wait until one has ended, or rotate without an overlap")
		return Change{}, r.Problems()
	}
	w := write{bucket: topology.Endpoints, owner: owner, id: id, before: former.Spec, after: next.Spec}
	if err := sign(&next, &w, env); err != nil {
		return Change{}, err
	}
	if next.Asymmetric {
		if err := signAsymmetric(&next, &w, env); err != nil {
			return Change{}, err
		}
	}
	w.stored = next
	return s.change(w)
}

// overlapping returns the live secrets with their ends brought forward.
func overlapping(former *endpoint.Endpoint, now time.Time, overlap time.Duration) []endpoint.Secret {
	if overlap == 0 {
		return nil
	}
	out := former.Live(now)
	for i := range out {
		if end := now.Add(overlap); out[i].Until.IsZero() || out[i].Until.After(end) {
			out[i].Until = end
		}
	}
	return out
}

func symmetric(s endpoint.Secret) bool { return s.Public == "" }

func asymmetric(s endpoint.Secret) bool { return s.Public != "" }

func count(list []endpoint.Secret, is func(endpoint.Secret) bool) int {
	n := 0
	for _, s := range list {
		if is(s) {
			n++
		}
	}
	return n
}

// provide gives an endpoint the secrets that it lacks, and takes those away
// that it does not sign with any more.
func provide(next *endpoint.Endpoint, w *write, env Env) error {
	if count(next.Secrets, symmetric) == 0 {
		if err := sign(next, w, env); err != nil {
			return err
		}
	}
	has := count(next.Secrets, asymmetric) > 0
	switch {
	case next.Asymmetric && !has:
		return signAsymmetric(next, w, env)
	case !next.Asymmetric && has:
		next.Secrets = slices.DeleteFunc(slices.Clone(next.Secrets), asymmetric)
	}
	return nil
}

// sign puts a new signing secret before the others.
func sign(next *endpoint.Endpoint, w *write, env Env) error {
	issued, err := endpoint.NewSigningSecret(env.Rand)
	if err != nil {
		return err
	}
	// Revisions grow, so they name secrets that never met.
	w.issued = issued
	return seal(next, w, sealing{env.Sealer, issued, endpoint.Secret{ID: strconv.Itoa(next.Revision)}})
}

// signAsymmetric puts a new key pair before the other secrets.
func signAsymmetric(next *endpoint.Endpoint, w *write, env Env) error {
	private, public, err := endpoint.NewKeyPair(env.Rand)
	if err != nil {
		return err
	}
	w.publicKey = public
	return seal(next, w, sealing{env.Sealer, private, endpoint.Secret{ID: strconv.Itoa(next.Revision) + "a", Public: public}})
}

// sealing is a secret to be sealed.
type sealing struct {
	sealer *secret.Sealer
	plain  secret.Text
	as     endpoint.Secret
}

func seal(next *endpoint.Endpoint, w *write, s sealing) error {
	var err error
	if s.as.Sealed, err = s.sealer.Seal(endpoint.Place(w.owner, next.ID, s.as.ID), s.plain); err != nil {
		return err
	}
	next.Secrets = append([]endpoint.Secret{s.as}, next.Secrets...)
	if pointer := "/signing_secret"; !slices.Contains(w.secrets, pointer) {
		w.secrets = append(w.secrets, pointer)
	}
	return nil
}
