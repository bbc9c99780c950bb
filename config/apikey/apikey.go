// Package apikey is the credential of a program: its text, its hash and its
// role. It refuses to keep the text.
package apikey

import (
	"crypto/subtle"
	"slices"
	"strconv"
	"time"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// Role says what a key may do; package access says it in full.
type Role string

// The roles.
//
//	operator    everything of every owner
//	admin       everything of its owner, keys included; the owner itself, with its quotas, is the operator's
//	editor      every resource, but no keys
//	viewer      reading
//	publisher   publishing events, nothing else
//	subscriber  its own endpoints and queues
const (
	Operator   Role = "operator"
	Admin      Role = "admin"
	Editor     Role = "editor"
	Viewer     Role = "viewer"
	Publisher  Role = "publisher"
	Subscriber Role = "subscriber"
)

// Roles lists every [Role], those that may do most first.
func Roles() []Role { return append([]Role{Operator}, ofOwners()...) }

// ofOwners are the roles that an owner's keys may have.
func ofOwners() []Role { return []Role{Admin, Editor, Viewer, Publisher, Subscriber} }

// MaxBound is the greatest number of endpoints of a subscriber's key, and of
// queues.
const MaxBound = 100

// Key is a stored API key.
type Key struct {
	// Owner is empty for an operator's key.
	Owner string `json:"owner,omitempty"`
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Role  Role   `json:"role"`
	// Endpoints and Queues are those of a subscriber.
	Endpoints []string `json:"endpoints,omitempty"`
	Queues    []string `json:"queues,omitempty"`
	// Hash is the SHA-256 of the key's text. The text has 256 random bits, so
	// a plain hash is enough.
	Hash      []byte    `json:"hash,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is zero for a key that does not expire.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// RevokedAt is zero while the key is valid.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// Valid reports whether the key is neither revoked nor expired.
func (k *Key) Valid(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Matches reports, in constant time, whether text is the key's, and whether the
// key is valid.
func (k *Key) Matches(text secret.Text, now time.Time) bool {
	same := subtle.ConstantTimeCompare(k.Hash, Hash(text)) == 1
	return same && k.Valid(now)
}

// Place is the key's key in its bucket.
func (k *Key) Place() string { return place(k.Owner, k.ID) }

// Shown is the key as it is shown: without its hash.
func (k *Key) Shown() Key {
	shown := *k
	shown.Hash = nil
	return shown
}

// Check returns the rules that k breaks.
func (k *Key) Check() fault.Problems {
	var r field.Report
	r.ID("/id", k.ID)
	r.Line("/name", k.Name, field.MaxName)
	switch {
	case k.Owner == "" && k.Role != Operator:
		r.Add("/role", "role.operator", "a key of no owner is an operator's: its role must be operator")
	case k.Owner != "" && !slices.Contains(ofOwners(), k.Role):
		r.Add("/role", "role.unknown", fault.OneOf(ofOwners()...))
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(k.CreatedAt) {
		r.Add("/expires_at", "moment.past", "must lie ahead")
	}
	k.checkBound(&r)
	return r.Problems()
}

// checkBound judges what a subscriber's key is bound to: something, and no other
// role's key to anything.
func (k *Key) checkBound(r *field.Report) {
	if k.Role == Subscriber && len(k.Endpoints)+len(k.Queues) == 0 {
		r.Add("/endpoints", "field.required", "a key of role subscriber names its endpoints, or its queues")
	}
	k.checkList(r, "endpoints", k.Endpoints)
	k.checkList(r, "queues", k.Queues)
}

// checkList judges what a key names of a kind.
func (k *Key) checkList(r *field.Report, kind string, ids []string) {
	pointer := "/" + kind
	switch {
	case k.Role != Subscriber && len(ids) > 0:
		r.Add(pointer, kind+".role", "only a key of role subscriber is bound to "+kind)
	case len(ids) > MaxBound:
		r.Add(pointer, "list.length", "at most "+strconv.Itoa(MaxBound)+" "+kind)
		return
	}
	for i, named := range ids {
		r.ID(field.At(pointer, i), named)
		if slices.Contains(ids[:i], named) {
			r.Add(field.At(pointer, i), "list.repeated", "is named twice")
		}
	}
}
