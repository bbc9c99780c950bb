package manifest

import (
	"fmt"
	"strings"

	"github.com/billhook/billhook/shared/fault"
)

// Refusal is every broken rule of a file. Nothing of the file was saved. It is
// an error of kind [fault.Invalid].
type Refusal []Refused

// Refused is what is wrong with one document.
type Refused struct {
	// Number counts the documents of the file, from 1; 0 is the file itself.
	Number int
	Kind   Kind
	ID     string
	// Problems have pointers into the document.
	Problems fault.Problems
	// Lines are the lines of the file, one for each of Problems; 0 where
	// unknown.
	Lines []int
}

// Error lists the problems, one per line, each with its place in the file.
func (r Refusal) Error() string {
	var lines []string
	for _, d := range r {
		for i, p := range d.Problems {
			lines = append(lines, d.line(i)+fault.Problems{p}.Error())
		}
	}
	return strings.Join(lines, "\n")
}

func (d *Refused) line(i int) string {
	where := ""
	if d.Lines[i] > 0 {
		where = fmt.Sprintf("line %d: ", d.Lines[i])
	}
	if d.Number > 0 {
		where += fmt.Sprintf("document %d ", d.Number)
	}
	if name := strings.TrimSpace(string(d.Kind) + " " + d.ID); name != "" {
		where += "(" + name + ") "
	}
	return where
}

// Unwrap gives all problems, so that [fault.KindOf] and [fault.ProblemsOf]
// know the refusal.
func (r Refusal) Unwrap() error {
	var all fault.Problems
	for _, d := range r {
		all = append(all, d.Problems...)
	}
	return all.Or()
}

// at gives problems their document and lines.
func at(d *Document, problems fault.Problems) Refused {
	r := Refused{Number: d.Number, Kind: d.Kind, ID: d.ID, Problems: problems, Lines: make([]int, len(problems))}
	for i, p := range problems {
		switch {
		case d.value == nil:
			r.Lines[i] = p.Line // the file itself does not parse
		default:
			r.Lines[i] = d.Line(p.Pointer)
		}
	}
	return r
}
