// Package company knows whether somebody else came lately, of any number of
// those who come. It remembers two of them, which is enough for that, and
// refuses to count.
package company

import "time"

// Company is who came last. The zero Company is nobody. It belongs to one
// goroutine, or is guarded by its owner.
type Company struct{ newest, other visit }

type visit struct {
	who string
	at  time.Time
}

// Saw notes that somebody came. Nobody, "", does not count.
func (c *Company) Saw(who string, at time.Time) {
	if who == "" {
		return
	}
	if c.newest.who != who {
		c.other = c.newest
	}
	c.newest = visit{who, at}
}

// Besides reports whether somebody else than who came after a moment.
func (c *Company) Besides(who string, after time.Time) bool {
	for _, v := range []visit{c.newest, c.other} {
		if v.who != "" && v.who != who && v.at.After(after) {
			return true
		}
	}
	return false
}
