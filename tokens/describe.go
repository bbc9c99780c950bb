package tokens

import (
	"maps"
	"slices"
)

// Helper describes a helper for people.
type Helper struct {
	Name string
	// Block helpers decide between two parts of a template; the others give
	// a value.
	Block   bool
	Options []string
	Example string
	Meaning string
}

// Helpers describes all helpers that a template may call, by name.
func Helpers() []Helper {
	var out []Helper
	for _, name := range slices.Sorted(maps.Keys(helpers)) {
		h := helpers[name]
		out = append(out, Helper{name, h.block, slices.Clone(h.options), h.example, h.meaning})
	}
	return out
}
