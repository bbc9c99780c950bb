package view

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/fault"
)

// Applied is what became of a manifest.
type Applied struct {
	Items []AppliedItem `json:"items"`
}

// AppliedItem is what became of one document.
type AppliedItem struct {
	manifest.Item
	Issued *api.Issued `json:"issued,omitempty"`
}

const exampleManifest = `kind: endpoint
owner: acme
id: erp
name: ERP
url: https://hooks.example.com/billing
`

func manifests(_ Deps) []api.Route {
	example, _ := json.Marshal(exampleManifest) // a text
	return []api.Route{{
		Method: http.MethodPost, Path: ofOwner + "/apply", ID: "apply", Summary: "Apply a manifest: all of it, or nothing where it breaks a rule",
		Tag: "apply", Verb: access.Change, On: access.Subscriptions,
		Query: []api.Param{{Name: "dry_run", About: "true judges everything and saves nothing", Kind: api.Flag}},
		Body:  &api.Body{Media: []string{api.YAML}, Example: example},
		Answer: api.Answer{
			Status: http.StatusOK, Type: reflect.TypeFor[Applied](),
			Example: json.RawMessage(`{"items": [{"document": 1, "kind": "endpoint", "owner": "acme", "id": "erp", "action": "created", "issued": {"secret": "whsec_c2hvd24gdGhpcyBvbmNlIGFuZCBuZXZlciBhZ2Fpbg=="}}]}`),
		},
		Serve: apply,
	}}
}

// apply saves what the key may save: each document is judged as if it came to
// its own address.
func apply(ctx context.Context, r *api.Request) (*api.Reply, error) {
	docs, err := manifest.Parse(r.Body, manifest.Files{})
	if err != nil {
		return nil, told(err)
	}
	var foreign fault.Problems
	for _, d := range docs {
		if !access.Allowed(r.Caller.Key.Role, access.Change, resourceOf(d.Kind)) {
			return nil, fault.New(fault.Denied, "apply", string(d.Kind), nil)
		}
		if d.Owner != r.Owner {
			foreign = append(foreign, fault.Problem{Pointer: place(d.Number) + "/owner", Rule: "address.other", Detail: "the address says " + r.Owner})
		}
	}
	if len(foreign) > 0 {
		return nil, foreign
	}
	items, err := manifest.Apply(ctx, r.Store, r.Body, manifest.Options{DryRun: r.Flag("dry_run")})
	if err != nil {
		return nil, told(err)
	}
	out := Applied{Items: []AppliedItem{}}
	for _, item := range items {
		shown := AppliedItem{Item: item}
		if !item.Issued.Empty() {
			shown.Issued = &api.Issued{Secret: item.Issued.Reveal()}
		}
		out.Items = append(out.Items, shown)
	}
	return &api.Reply{Body: out}, nil
}

// told gives each problem of a refused manifest the place of its document.
func told(err error) error {
	var refusal manifest.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	var out fault.Problems
	for _, d := range refusal {
		for i, p := range d.Problems {
			if d.Number > 0 {
				p.Pointer = place(d.Number) + p.Pointer
			}
			if p.Line == 0 {
				p.Line = d.Lines[i]
			}
			out = append(out, p)
		}
	}
	return out
}

func place(number int) string { return "/" + strconv.Itoa(number-1) }

// resourceOf names the resource of a kind of document.
func resourceOf(k manifest.Kind) access.Resource {
	switch k {
	case manifest.Owner:
		return access.Owners
	case manifest.ContactType:
		return access.ContactTypes
	case manifest.Account:
		return access.Accounts
	case manifest.Contact:
		return access.Contacts
	case manifest.SMTPSettings:
		return access.SMTPSettings
	case manifest.CannedEmail:
		return access.CannedEmails
	case manifest.Endpoint:
		return access.Endpoints
	case manifest.Subscription:
		return access.Subscriptions
	case manifest.Queue:
		return access.Queues
	}
	return "" // and nobody may change that
}
