package tokens

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens/internal/encode"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

// MaxProblems is the greatest number of problems that a check reports.
const MaxProblems = 20

// Check returns every broken rule of a template, at most [MaxProblems], and
// none when it may be rendered. Each names line and column; where a token is at
// fault, also the nearest legal token and what is legal. A mistake of form ends
// the check, since what follows it means nothing.
func (c *Catalogue) Check(src string, use Use) fault.Problems {
	_, problems := c.compile(src, use)
	return problems
}

// Parse checks a template and makes it ready for rendering. The error is the
// [fault.Problems] of [Catalogue.Check].
func (c *Catalogue) Parse(src string, use Use) (*Template, error) {
	t, problems := c.compile(src, use)
	if len(problems) > 0 {
		return nil, problems
	}
	return t, nil
}

// compile checks a template and turns it into pieces on the same way, so that
// nothing is rendered that was not checked.
func (c *Catalogue) compile(src string, use Use) (*Template, fault.Problems) {
	tree, p := syntax.Parse(src)
	if p != nil {
		return nil, fault.Problems{locate(src, *p)}
	}
	k := compiler{catalogue: c, use: use, used: map[string]bool{}}
	k.checkUse(src)
	k.place(tree)
	t := &Template{output: use.Output, pieces: k.tree(tree)}
	t.whole = whole(t.pieces)
	if len(k.problems) > 0 {
		return nil, located(src, k.problems)
	}
	t.tokens = sorted(k.used)
	return t, nil
}

// checkUse checks what concerns no single tag.
func (k *compiler) checkUse(src string) {
	for _, name := range k.use.Events {
		if _, ok := k.catalogue.Event(name); !ok {
			k.refuse(0, "event.unknown", "there is no event type "+quote(name))
		}
	}
	if k.use.Output == HeaderLine {
		if i := strings.IndexFunc(src, encode.Breaking); i >= 0 {
			k.refuse(i, "header.line", "must be one line without tabs and other control characters")
		}
	}
}

// located turns problems at bytes into problems at lines and columns.
func located(src string, problems []syntax.Problem) fault.Problems {
	var out fault.Problems
	for _, p := range problems {
		if len(out) == MaxProblems {
			out[MaxProblems-1].Detail += fmt.Sprintf(" (and %d more problems)", len(problems)-MaxProblems)
			break
		}
		out = append(out, locate(src, p))
	}
	return out
}

// locate counts lines and characters from 1.
func locate(src string, p syntax.Problem) fault.Problem {
	before := src[:min(p.Pos, len(src))]
	line := strings.LastIndexByte(before, '\n') + 1
	return fault.Problem{
		Rule: p.Rule, Detail: p.Detail,
		Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(before[line:]) + 1,
	}
}

// quote shows foreign text in a message.
func quote(s string) string { return fmt.Sprintf("%.64q", s) }
