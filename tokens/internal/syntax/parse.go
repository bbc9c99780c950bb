package syntax

import (
	"fmt"
	"strings"

	"github.com/mailgun/raymond/v2/ast"
	"github.com/mailgun/raymond/v2/parser"
)

// Parse reads a template. It never panics, and its time and stack are bounded
// by the limits.
func Parse(src string) (Tree, *Problem) {
	if p := admit(src); p != nil {
		return nil, p
	}
	clean, p := scan(src)
	if p != nil {
		return nil, p
	}
	program, p := parse(clean)
	if p != nil {
		return nil, p
	}
	return convert(program)
}

// parse runs the parser of raymond. A problem of it that the scanner has not
// found first is a defect of the scanner; it is refused all the same.
func parse(src string) (program *ast.Program, p *Problem) {
	defer func() {
		if r := recover(); r != nil {
			program, p = nil, &Problem{0, "template.syntax", fmt.Sprintf("cannot be parsed: %v", r)}
		}
	}()
	program, err := parser.Parse(src)
	if err != nil {
		return nil, &Problem{0, "template.syntax", "cannot be parsed: " + strings.ReplaceAll(err.Error(), "\n", " ")}
	}
	return program, nil
}
