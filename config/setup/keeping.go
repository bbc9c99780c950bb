package setup

import (
	"strings"
	"time"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/secret"
)

// keeping is a change of an endpoint in the eyes of the secrets that it keeps:
// each is the one that is given, else the former. One is wanted again when it
// would go somewhere else than it was given for: otherwise whoever may edit
// could have it sent to a server of his own.
type keeping struct {
	field.Report
	owner  string
	given  *endpoint.Document
	former *endpoint.Endpoint // nil for a new endpoint
	next   endpoint.Endpoint
	sealer *secret.Sealer
	// changed are the pointers of the secrets that change.
	changed []string
}

// keep keeps, replaces or drops each secret.
func (k *keeping) keep(at time.Time) error {
	if err := k.auth(); err != nil {
		return err
	}
	if err := k.clientKey(at); err != nil {
		return err
	}
	return k.headers()
}

// replace seals a secret where one is given, and notes whether it is another.
func (k *keeping) replace(kept *secret.Sealed, given *secret.Text, at sealedAt) error {
	changed, err := keepSecret(k.sealer, at.place, kept, given)
	if changed {
		k.changed = append(k.changed, at.pointer)
	}
	return err
}

// sealedAt is where a secret stands in the document and in the store.
type sealedAt struct {
	pointer string
	place   secret.Place
}

// auth sees to the secret of the endpoint's Auth.
func (k *keeping) auth() error {
	const pointer = "/auth_secret"
	given, next := k.given.AuthSecret, &k.next
	if next.Auth == nil {
		if given != nil {
			k.Add(pointer, "auth.none", "there is no auth that it could be the secret of")
		}
		if next.AuthSecret != "" {
			k.changed, next.AuthSecret = append(k.changed, pointer), ""
		}
		return nil
	}
	if given != nil {
		problems := endpoint.CheckAuthSecret(given.Reveal())
		if k.Join(pointer, problems); len(problems) > 0 {
			return nil
		}
	}
	if given == nil && next.AuthSecret != "" && next.Moved(&k.former.Spec) {
		k.Add(pointer, "auth_secret.again", "must be given again when url or auth change")
		return nil
	}
	err := k.replace(&next.AuthSecret, given, sealedAt{pointer, endpoint.AuthPlace(k.owner, next.ID)})
	if next.AuthSecret == "" {
		k.Add(pointer, "field.required", "auth needs its secret")
	}
	return err
}

// clientKey sees to the key of the client certificate. It is kept also when the
// URL changes: a handshake proves that one has the key and gives nothing of it
// away. A certificate is judged when it or its key is given, so that one that
// has expired since stands in the way of no other change.
func (k *keeping) clientKey(at time.Time) error {
	const pointer = "/client_key"
	given, next := k.given.ClientKey, &k.next
	if next.ClientCertificate == "" {
		if given != nil {
			k.Add(pointer, "client_key.none", "there is no client_certificate that it could be the key of")
		}
		next.ClientKey = ""
		return nil
	}
	key := given
	if key == nil && next.ClientKey == "" || key != nil && key.Empty() {
		k.Add(pointer, "field.required", "client_certificate needs its key")
		return nil
	}
	same := k.former != nil && k.former.ClientCertificate == next.ClientCertificate
	place := endpoint.KeyPlace(k.owner, next.ID)
	if key == nil {
		if same {
			return nil
		}
		opened, err := k.sealer.Open(place, next.ClientKey)
		if err != nil {
			return err
		}
		key = &opened
	}
	if err := k.replace(&next.ClientKey, given, sealedAt{pointer, place}); err != nil {
		return err
	}
	problems := next.CheckIdentity(*key, at)
	k.Join("", problems)
	return nil
}

// headers moves the values of secret headers out of the document.
func (k *keeping) headers() error {
	former := k.next.SecretHeaders
	k.next.SecretHeaders = map[string]secret.Sealed{}
	moved := k.former != nil && k.former.URL != k.next.URL
	for i := range k.next.Headers {
		h := &k.next.Headers[i]
		if !h.Secret {
			continue
		}
		pointer := field.At("/headers", i, "value")
		place := endpoint.HeaderPlace(k.owner, k.next.ID, h.Name)
		sealed := former[strings.ToLower(h.Name)]
		given := &h.Value
		switch {
		case !given.Empty():
		case sealed == "":
			k.Add(pointer, "field.required", "a secret header needs its value")
		case moved:
			k.Add(pointer, "header.again", "must be given again when url changes")
		default:
			given = nil
		}
		if err := k.replace(&sealed, given, sealedAt{pointer, place}); err != nil {
			return err
		}
		k.next.SecretHeaders[strings.ToLower(h.Name)] = sealed
		h.Value = secret.Text{}
	}
	return nil
}
