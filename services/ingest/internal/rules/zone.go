package rules

import (
	"regexp"
	"sync"

	"github.com/billhook/billhook/tokens"
)

// maxZone is the greatest length of a zone's name in the schema.
const maxZone = 64

var zone = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)

// zones remembers which time zones exist, because looking one up reads a file.
// Only existing ones are remembered: there is an end to them.
type zones struct{ known sync.Map }

func newZones() *zones { return &zones{} }

func (z *zones) exists(name string) bool {
	if len(name) > maxZone {
		return false
	}
	if _, ok := z.known.Load(name); ok {
		return true
	}
	if !zone.MatchString(name) || !tokens.ValidZone(name) {
		return false
	}
	z.known.Store(name, struct{}{})
	return true
}
