// Package suppression is the list of addresses that have unsubscribed from an
// owner's emails. It refuses to judge emails: those that are owed to their
// readers go to whoever is on the list too.
package suppression

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
)

// By says who put an address on the list.
type By string

// The ways onto the list.
const (
	// Reader: by the link in an email.
	Reader By = "reader"
	// Operator: by the command line or an API key.
	Operator By = "operator"
)

// Entry is one address on the list.
type Entry struct {
	// Address is in the form that [Normal] gives.
	Address string    `json:"address"`
	By      By        `json:"by"`
	Since   time.Time `json:"since"`
}

// Normal returns the one form of an address: in small letters, its domain in
// ASCII. Letters before the @ may differ by size, but no server that anybody
// uses tells them apart, and whoever unsubscribes means the mailbox. The error
// is of kind Invalid.
func Normal(addr string) (string, error) {
	if err := address.Check(addr); err != nil {
		return "", fault.New(fault.Invalid, "read address", addr, err)
	}
	local, domain, _ := strings.Cut(addr, "@")
	ascii, err := address.ASCIIDomain(domain)
	if err != nil {
		return "", fault.New(fault.Invalid, "read address", addr, err)
	}
	return strings.ToLower(local + "@" + ascii), nil
}

// key is where a normal address stands in the bucket: an address has characters
// that keys have not.
func key(owner, normal string) string {
	sum := sha256.Sum256([]byte(normal))
	return setup.Key(owner, hex.EncodeToString(sum[:]))
}
