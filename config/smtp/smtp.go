// Package smtp is the owner's mail servers: any number of settings, one of
// which is the default. It refuses to connect to them.
package smtp

import (
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// TLS says how a connection is encrypted.
type TLS string

// The TLS modes.
//
//	mandatory      STARTTLS, or no mail is sent
//	opportunistic  STARTTLS where the server offers it
//	implicit       TLS from the first byte
//	none           never
const (
	Mandatory     TLS = "mandatory"
	Opportunistic TLS = "opportunistic"
	Implicit      TLS = "implicit"
	None          TLS = "none"
)

// TLSModes lists every [TLS].
func TLSModes() []TLS { return []TLS{Mandatory, Opportunistic, Implicit, None} }

// DefaultPort is the port of settings that name none.
const DefaultPort = 25

// Spec is what an owner writes and reads of SMTP settings.
type Spec struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Host string `json:"host"`
	// Port is [DefaultPort] when not given.
	Port        int    `json:"port,omitempty"`
	FromName    string `json:"from_name,omitempty"`
	FromAddress string `json:"from_address"`
	// ReplyTo is where answers go; empty means the from address.
	ReplyTo string `json:"reply_to,omitempty"`
	// EnvelopeSender is where servers send what they could not deliver; empty
	// means the from address.
	EnvelopeSender string `json:"envelope_sender,omitempty"`
	Username       string `json:"username,omitempty"`
	// Auth is how to log in; empty means the strongest [Mechanism] that the
	// server offers and that takes a password.
	Auth Mechanism `json:"auth,omitempty"`
	// TLS is [Mandatory] when not given.
	TLS TLS `json:"tls,omitempty"`
	// Limits are what the server is not asked to take more of.
	Limits Limits `json:"limits,omitzero"`
	// DKIM says how letters are signed; nil leaves them unsigned.
	DKIM *DKIM `json:"dkim,omitempty"`
}

// Document is a [Spec] as it is saved: with the secrets, which no reading
// gives back, and the wish to be the default.
type Document struct {
	Spec
	// Password replaces the stored one; nil keeps it, an empty text removes it.
	Password *secret.Text `json:"password,omitempty"`
	// DKIMKey is the private key of [Spec.DKIM], as [ParseKey] reads it. It
	// is kept, replaced and removed as the password is.
	DKIMKey *secret.Text `json:"dkim_key,omitempty"`
	// Default true makes these settings the owner's default. False leaves the
	// default where it is: there is always one.
	Default bool `json:"default,omitempty"`
}

// Settings is one stored set.
type Settings struct {
	Spec
	// Password is sealed for [Place]; empty when there is none.
	Password secret.Sealed `json:"sealed_password,omitempty"`
	// DKIMKey is sealed for [DKIMPlace]; empty when there is none.
	DKIMKey secret.Sealed `json:"sealed_dkim_key,omitempty"`
	// Revision counts the changes of these settings, from 1.
	Revision int `json:"revision"`
}

// Book is every set of an owner and which of them is the default. It is stored
// as one value, so that "exactly one default" is one compare-and-set.
type Book struct {
	// Default is the id of one of Sets; empty only when there are none.
	Default string     `json:"default"`
	Sets    []Settings `json:"sets"`
}

// Find returns the settings of an id.
func (b *Book) Find(id string) (*Settings, bool) {
	for i := range b.Sets {
		if b.Sets[i].ID == id {
			return &b.Sets[i], true
		}
	}
	return nil, false
}

// Choose returns the settings of an id, the default ones when id is empty.
func (b *Book) Choose(id string) (*Settings, bool) {
	if id == "" {
		id = b.Default
	}
	return b.Find(id)
}

// Place is where the password of an owner's settings is sealed for.
func Place(owner, id string) secret.Place {
	return secret.Place{Bucket: topology.SMTP, Key: owner, Field: id + ".password"}
}

// DKIMPlace is where the DKIM key of an owner's settings is sealed for.
func DKIMPlace(owner, id string) secret.Place {
	return secret.Place{Bucket: topology.SMTP, Key: owner, Field: id + ".dkim_key"}
}

// EachSealed calls do with everything that is sealed in the owner's book and
// where it is sealed for, and keeps what do returns.
func (b *Book) EachSealed(owner string, do func(secret.Place, secret.Sealed) secret.Sealed) {
	for i := range b.Sets {
		s := &b.Sets[i]
		if s.Password != "" {
			s.Password = do(Place(owner, s.ID), s.Password)
		}
		if s.DKIMKey != "" {
			s.DKIMKey = do(DKIMPlace(owner, s.ID), s.DKIMKey)
		}
	}
}
