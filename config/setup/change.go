package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/tokens"
)

// Env is what changes are judged and made with.
type Env struct {
	Catalogue *tokens.Catalogue
	// Mail is the operator's policy for mail servers.
	Mail   *guard.Policy
	Sealer *secret.Sealer
	Rand   io.Reader
	// Moment is when the change is made, for subscriptions.
	Moment subscription.Moment
}

// Action says what a change does.
type Action string

// The actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Deleted   Action = "deleted"
)

// Change is a judged change: what is to be written, and what it means.
type Change struct {
	Action Action
	// Bucket and Key are written with Value, deleted where that is nil, and
	// left alone when Action is [Unchanged].
	Bucket, Key string
	Value       []byte
	// Before and After are the documents as an owner reads them, without
	// secrets; nil where there is none.
	Before, After any
	// Secrets are the pointers of secrets that change.
	Secrets []string
	// Issued is a secret made by the change, to be shown this once.
	Issued secret.Text
	// PublicKey is the public part of a key pair made by the change, or given
	// with it: for DKIM the TXT record to be published.
	PublicKey string
	// Revision is that of the key once the change is made; 0 before.
	Revision uint64
}

// write is a change under construction.
type write struct {
	bucket, owner, id string
	// stored is what the key shall hold; nil deletes it.
	stored        any
	before, after any
	secrets       []string
	issued        secret.Text
	publicKey     string
}

// change encodes what is to be written and takes it into the Setup, so that
// the next change is judged on it.
func (s *Setup) change(w write) (Change, error) {
	c := Change{
		Action: Updated, Bucket: w.bucket, Key: Key(w.owner, w.id),
		Before: w.before, After: w.after, Secrets: w.secrets, Issued: w.issued, PublicKey: w.publicKey,
	}
	switch {
	case w.before == nil:
		c.Action = Created
	case w.after == nil:
		c.Action = Deleted
	case len(w.secrets) == 0 && same(w.before, w.after):
		c.Action = Unchanged
		return c, nil
	}
	if w.stored == nil {
		return c, s.Put(w.bucket, w.id, nil)
	}
	value, err := json.Marshal(w.stored)
	if err != nil {
		return Change{}, fault.New(fault.Internal, "encode "+w.bucket, c.Key, err)
	}
	if len(value) > ledger.MaxValue {
		return Change{}, fault.Problems{{
			Rule: "document.size", Detail: fmt.Sprintf("needs %d bytes with all that is stored beside it; at most %d are allowed", len(value), ledger.MaxValue),
		}}
	}
	c.Value = value
	return c, s.Put(w.bucket, w.id, value)
}

// same compares documents by what an owner reads.
func same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
