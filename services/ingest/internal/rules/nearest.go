package rules

import (
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/spelling"
)

const (
	// suggestions is how many near names are told.
	suggestions = 3
	// longest is the length above which a name is not compared: the work
	// grows with the square.
	longest = 64
)

// nearest returns a clause that names what a wrong name was meant to be, "" when
// nothing is near. A name that differs by case only is nearest of all.
func nearest(name string, known []string) string {
	if len(name) > longest {
		return ""
	}
	type near struct {
		name     string
		distance int
	}
	var found []near
	lower := strings.ToLower(name)
	for _, k := range known {
		if d := spelling.Distance(lower, strings.ToLower(k)); d <= max(2, len(k)/3) {
			found = append(found, near{k, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.distance - b.distance })
	if len(found) == 0 {
		return ""
	}
	names := make([]string, 0, suggestions)
	for _, n := range found[:min(len(found), suggestions)] {
		names = append(names, n.name)
	}
	return "; near: " + strings.Join(names, ", ")
}
