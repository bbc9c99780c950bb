package tokens

import (
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/spelling"
)

// Nearest returns the candidate that a mistyped name most likely meant, "" when
// there are none. Among equals the first wins.
func Nearest(name string, candidates []string) string {
	if near := byDistance(name, candidates); len(near) > 0 {
		return near[0]
	}
	return ""
}

// byDistance returns the candidates, the nearest to name first.
func byDistance(name string, candidates []string) []string {
	name = strings.ToLower(name)
	type ranked struct {
		name     string
		distance int
	}
	ranks := make([]ranked, len(candidates))
	for i, c := range candidates {
		ranks[i] = ranked{c, apart(name, strings.ToLower(c))}
	}
	slices.SortStableFunc(ranks, func(a, b ranked) int { return a.distance - b.distance })
	out := make([]string, len(ranks))
	for i, r := range ranks {
		out[i] = r.name
	}
	return out
}

// apart weighs a difference behind the last dot three times: what a token says
// counts for more than the thing that it is said of.
func apart(a, b string) int {
	return spelling.Distance(a, b) + 2*spelling.Distance(a[strings.LastIndexByte(a, '.')+1:], b[strings.LastIndexByte(b, '.')+1:])
}
