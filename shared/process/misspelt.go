package process

import (
	"cmp"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/spelling"
)

// Misspelt is a variable that no setting has the name of, and the setting that
// it was probably meant to be.
type Misspelt struct{ Name, Setting string }

// longestName is the length above which a variable is not compared: the work
// grows with it.
const longestName = 64

// FindMisspelt returns the variables of an environment that are no setting of
// the targets, but are one letter away from one, or two where its name is long.
// More cannot be said: an environment holds many things, and names have no
// prefix in common.
func FindMisspelt(environ []string, targets ...any) []Misspelt {
	var known []string
	for _, s := range Table(targets...) {
		known = append(known, s.Name)
		if s.Secret {
			known = append(known, s.Name+"_FILE")
		}
	}
	var out []Misspelt
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if len(name) > longestName || slices.Contains(known, name) {
			continue
		}
		nearest := func(a, b string) int { return cmp.Compare(spelling.Distance(name, a), spelling.Distance(name, b)) }
		if s := slices.MinFunc(known, nearest); spelling.Distance(name, s) <= slips(s) {
			out = append(out, Misspelt{name, s})
		}
	}
	return out
}

// slips is how many letters of a setting's name may be wrong.
func slips(name string) int {
	if len(name) < 8 {
		return 1
	}
	return 2
}

// WarnMisspelt logs the variables that are probably meant to be settings of the
// targets. Other than a value that is refused they stop nothing.
func (p *Process) WarnMisspelt(environ []string, targets ...any) {
	for _, m := range FindMisspelt(environ, targets...) {
		p.Log.Warn().Str("variable", m.Name).Str("setting", m.Setting).Msg("the environment has a variable that is no setting; was the setting meant?")
	}
}
