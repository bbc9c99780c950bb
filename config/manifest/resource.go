package manifest

import (
	"context"
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
)

// resource is a decoded document.
type resource interface {
	id() string
	// judge takes the resource into a draft.
	judge(owner string, d *draft) (setup.Change, error)
	save(ctx context.Context, owner string, s *store.Store) (setup.Change, error)
}

// secretive is a resource with a secret that may stand outside of the file.
type secretive interface {
	fetch(v *document.Value, files Files) fault.Problems
}

// newResource returns nil for an unknown kind.
func newResource(k Kind) resource {
	switch k {
	case Owner:
		return &ownerDoc{}
	case ContactType:
		return &contactType{}
	case Account:
		return &accountDoc{}
	case SMTPSettings:
		return &smtpSettings{}
	case CannedEmail:
		return &cannedEmail{}
	case Endpoint:
		return &endpointDoc{}
	case Subscription:
		return &subscriptionDoc{}
	default:
		return nil
	}
}

type ownerDoc struct{ owner.Owner }

func (r *ownerDoc) id() string { return r.ID }

func (r *ownerDoc) judge(_ string, d *draft) (setup.Change, error) { return d.setup.PutOwner(r.Owner) }

func (r *ownerDoc) save(ctx context.Context, _ string, s *store.Store) (setup.Change, error) {
	return s.PutOwner(ctx, r.Owner)
}

type contactType struct{ account.ContactType }

func (r *contactType) id() string { return r.ID }

func (r *contactType) judge(o string, d *draft) (setup.Change, error) {
	return d.setup.PutContactType(o, r.ContactType)
}

func (r *contactType) save(ctx context.Context, o string, s *store.Store) (setup.Change, error) {
	return s.PutContactType(ctx, o, r.ContactType)
}

type accountDoc struct{ account.Account }

func (r *accountDoc) id() string { return r.ID }

func (r *accountDoc) judge(o string, d *draft) (setup.Change, error) {
	former, err := d.account(r.ID)
	if err != nil {
		return setup.Change{}, err
	}
	return d.setup.PutAccount(o, former, r.Account)
}

func (r *accountDoc) save(ctx context.Context, o string, s *store.Store) (setup.Change, error) {
	return s.PutAccount(ctx, o, r.Account)
}

type smtpSettings struct{ smtp.Document }

func (r *smtpSettings) id() string { return r.ID }

func (r *smtpSettings) judge(o string, d *draft) (setup.Change, error) {
	return d.setup.PutSMTP(o, r.Document, d.env)
}

func (r *smtpSettings) save(ctx context.Context, o string, s *store.Store) (setup.Change, error) {
	return s.PutSMTP(ctx, o, r.Document)
}

// fetch takes the password from an environment variable or a file where the
// document says password_env or password_file.
func (r *smtpSettings) fetch(v *document.Value, files Files) fault.Problems {
	if name, ok := v.Take("password_env"); ok {
		if files.Env == nil {
			return fault.Problems{outside("/password_env")}
		}
		text, found := files.Env(name)
		if !found {
			return fault.Problems{{Pointer: "/password_env", Rule: "secret.missing", Detail: "the environment has no variable of this name"}}
		}
		v.Set("password", text)
	}
	if path, ok := v.Take("password_file"); ok {
		if files.File == nil {
			return fault.Problems{outside("/password_file")}
		}
		text, err := files.File(path)
		if err != nil {
			return fault.Problems{{Pointer: "/password_file", Rule: "secret.missing", Detail: "the file cannot be read"}}
		}
		v.Set("password", strings.TrimRight(string(text), "\r\n"))
	}
	return nil
}

// outside refuses a reference where the caller trusts no file to make one: who
// wrote it would get a secret of the reader's machine sent to a server of his
// choice.
func outside(pointer string) fault.Problem {
	return fault.Problem{Pointer: pointer, Rule: "secret.reference", Detail: "secrets outside of the file are not read here; the operator may allow it for files of his own"}
}

type cannedEmail struct{ email.Spec }

func (r *cannedEmail) id() string { return r.ID }

func (r *cannedEmail) judge(o string, d *draft) (setup.Change, error) {
	return d.setup.PutEmail(o, r.Spec, d.env)
}

func (r *cannedEmail) save(ctx context.Context, o string, s *store.Store) (setup.Change, error) {
	return s.PutEmail(ctx, o, r.Spec)
}

type endpointDoc struct{ endpoint.Spec }

func (r *endpointDoc) id() string { return r.ID }

func (r *endpointDoc) judge(o string, d *draft) (setup.Change, error) {
	return d.setup.PutEndpoint(o, r.Spec, d.env)
}

func (r *endpointDoc) save(ctx context.Context, o string, s *store.Store) (setup.Change, error) {
	return s.PutEndpoint(ctx, o, r.Spec)
}

type subscriptionDoc struct{ subscription.Spec }

func (r *subscriptionDoc) id() string { return r.ID }

func (r *subscriptionDoc) judge(o string, d *draft) (setup.Change, error) {
	return d.setup.PutSubscription(o, r.Spec, d.env)
}

func (r *subscriptionDoc) save(ctx context.Context, o string, s *store.Store) (setup.Change, error) {
	return s.PutSubscription(ctx, o, r.Spec)
}
