// Package unsubscribe is how readers leave (RFC 8058): the link that an email
// carries, which names them to nobody but us, and what answers it. It refuses
// to say which emails may be left; that is their owner's.
package unsubscribe

import (
	"errors"
	"net/url"
	"strings"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// Path is where [Desk] wants to be mounted; what follows is a token.
const Path = "/unsubscribe/"

// Links makes and reads links. It may be used by many goroutines.
type Links struct {
	sealer *secret.Sealer
	base   string
}

// NewLinks returns links below a public address that passed [CheckBase].
func NewLinks(s *secret.Sealer, base string) *Links {
	return &Links{sealer: s, base: strings.TrimSuffix(base, "/")}
}

// Reader is whom a link is for, of which owner's emails.
type Reader struct{ Owner, Address string }

// ErrNoBase says that the operator has not said where links lead.
var ErrNoBase = errors.New("the email may be unsubscribed from, but UNSUBSCRIBE_URL is not set: the links would lead nowhere")

// For returns the link of a reader; one made another time is another text. The
// error is [ErrNoBase] where there is no address to lead to.
func (l *Links) For(r Reader) (string, error) {
	if l.base == "" {
		return "", fault.New(fault.Unavailable, "make unsubscribe link", "", ErrNoBase)
	}
	sealed, err := l.sealer.Seal(place(), secret.NewText(r.Owner+" "+r.Address))
	if err != nil {
		return "", err
	}
	return l.base + "/" + toToken.Replace(string(sealed)), nil
}

// maxToken is the greatest length in bytes of what is worth opening.
const maxToken = 1024

// Open returns whom a token is for, and false for one that we never made, or
// whose key is gone.
func (l *Links) Open(token string) (Reader, bool) {
	if len(token) > maxToken || strings.ContainsAny(token, ":+/") {
		return Reader{}, false // one link has one form
	}
	text, err := l.sealer.Open(place(), secret.Sealed(fromToken.Replace(token)))
	if err != nil {
		return Reader{}, false
	}
	owner, addr, ok := strings.Cut(text.Reveal(), " ")
	return Reader{Owner: owner, Address: addr}, ok
}

// place binds the seal to links: nothing else that is sealed opens as one.
func place() secret.Place {
	return secret.Place{Bucket: topology.Suppressions, Key: "link", Field: "reader"}
}

// A sealed text has three characters that a URL would change.
var (
	toToken   = strings.NewReplacer(":", "~", "+", "-", "/", "_")
	fromToken = strings.NewReplacer("~", ":", "-", "+", "_", "/")
)

// maxBase keeps the header of a link below the longest line of a mail.
const maxBase = 200

// CheckBase reports whether links may lead to an address: RFC 8058 wants https.
func CheckBase(base string) bool {
	u, err := url.Parse(base)
	return err == nil && len(base) <= maxBase && u.Scheme == "https" && u.Hostname() != "" && u.User == nil &&
		u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && u.String() == base && !strings.ContainsAny(base, "<>#")
}
