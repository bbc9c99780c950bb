// Package identity opens SMTP settings for sending: the server to reach with
// its password, and the key that letters are signed with. It refuses to
// connect.
package identity

import (
	"strconv"
	"sync"

	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	post "github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/secret"
)

// Identity is a set of SMTP settings with its secrets opened.
type Identity struct {
	Server post.Server
	// Signer is nil where letters are not signed.
	Signer *letter.Signer
	// Recipients is the greatest number of recipients of one message, 0 for no
	// limit.
	Recipients int
}

// Book opens settings and keeps those opened last. It may be used by many
// goroutines.
type Book struct {
	sealer *secret.Sealer

	mu   sync.Mutex
	kept map[string]*Identity
}

// most is how many identities are kept. A key is parsed in about a
// millisecond, so forgetting all of them now and then costs little.
const most = 1000

// NewBook returns an empty book.
func NewBook(s *secret.Sealer) *Book { return &Book{sealer: s, kept: map[string]*Identity{}} }

// Open returns the identity of an owner's settings. The error is that of a
// secret that cannot be opened, which is the operator's to repair.
func (b *Book) Open(owner string, set *smtp.Settings) (*Identity, error) {
	key := Key(owner, set)
	b.mu.Lock()
	known := b.kept[key]
	b.mu.Unlock()
	if known != nil {
		return known, nil
	}
	opened, err := b.open(owner, set)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) >= most {
		clear(b.kept)
	}
	b.kept[key] = opened
	return opened, nil
}

func (b *Book) open(owner string, set *smtp.Settings) (*Identity, error) {
	out := &Identity{
		Server: post.Server{
			Key: Key(owner, set), Host: set.Host, Port: set.Port, Username: set.Username,
			TLS: string(set.TLS), Auth: string(set.Auth),
			Connections: set.Limits.Connections, PerSecond: set.Limits.MessagesPerSecond, Size: set.Limits.Size,
		},
		Recipients: set.Limits.Recipients,
	}
	var err error
	if set.Password != "" {
		if out.Server.Password, err = b.sealer.Open(smtp.Place(owner, set.ID), set.Password); err != nil {
			return nil, err
		}
	}
	if set.DKIM == nil || set.DKIMKey == "" {
		return out, nil
	}
	text, err := b.sealer.Open(smtp.DKIMPlace(owner, set.ID), set.DKIMKey)
	if err != nil {
		return nil, err
	}
	key, err := smtp.ParseKey(text)
	if err != nil {
		return nil, err
	}
	out.Signer = letter.NewSigner(set.DKIM.Domain, set.DKIM.Selector, key)
	return out, nil
}

// Key names settings in their present state: a change is another key.
func Key(owner string, set *smtp.Settings) string {
	return owner + "." + set.ID + "." + strconv.Itoa(set.Revision)
}
