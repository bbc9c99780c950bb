package syntax

import (
	"strconv"
	"strings"

	"github.com/mailgun/raymond/v2/ast"
)

// convert turns the parser's tree into ours. Whatever it does not know is
// refused, so what is checked later is exactly what is rendered.
func convert(program *ast.Program) (Tree, *Problem) {
	var tree Tree
	if program == nil {
		return nil, nil // an else that is not there
	}
	for _, n := range program.Body {
		node, p := convertNode(n)
		if p != nil {
			return nil, p
		}
		if node != nil {
			tree = append(tree, node)
		}
	}
	return tree, nil
}

func convertNode(n ast.Node) (Node, *Problem) {
	switch n := n.(type) {
	case *ast.ContentStatement:
		// Only white space is gone from the beginning of a value.
		return &Text{Value: n.Value, Pos: n.Loc.Pos + max(0, strings.Index(n.Original, n.Value))}, nil
	case *ast.CommentStatement:
		return nil, nil
	case *ast.MustacheStatement:
		if n.Unescaped {
			return nil, unknown(n)
		}
		value, p := convertExpression(n.Expression, n.Loc.Pos)
		return &Output{Value: value, Pos: n.Loc.Pos}, p
	case *ast.BlockStatement:
		return convertBlock(n)
	}
	return nil, unknown(n)
}

func convertBlock(b *ast.BlockStatement) (Node, *Problem) {
	if b.Program == nil || len(b.Program.BlockParams) > 0 {
		return nil, unknown(b)
	}
	call, p := convertCall(b.Expression)
	if p != nil {
		return nil, p
	}
	then, p := convert(b.Program)
	if p != nil {
		return nil, p
	}
	other, p := convert(b.Inverse)
	return &Block{Call: call, Then: then, Else: other, Pos: b.Loc.Pos}, p
}

// convertExpression returns a token when a name stands alone, else a call.
func convertExpression(e *ast.Expression, pos int) (Operand, *Problem) {
	if len(e.Params) > 0 || e.Hash != nil {
		call, p := convertCall(e)
		if call != nil {
			call.Pos = pos
		}
		return call, p
	}
	return convertOperand(e.Path)
}

func convertCall(e *ast.Expression) (*Call, *Problem) {
	name, ok := pathName(e.Path)
	if !ok {
		return nil, unknown(e)
	}
	call := &Call{Helper: name, Pos: e.Loc.Pos}
	for _, param := range e.Params {
		arg, p := convertOperand(param)
		if p != nil {
			return nil, p
		}
		call.Args = append(call.Args, arg)
	}
	if e.Hash == nil {
		return call, nil
	}
	for _, pair := range e.Hash.Pairs {
		value, p := convertOperand(pair.Val)
		if p != nil {
			return nil, p
		}
		call.Options = append(call.Options, Option{Name: pair.Key, Value: value, Pos: pair.Loc.Pos})
	}
	return call, nil
}

func convertOperand(n ast.Node) (Operand, *Problem) {
	switch n := n.(type) {
	case *ast.SubExpression:
		return convertCall(n.Expression)
	case *ast.StringLiteral:
		return &Literal{Kind: Str, Text: n.Value, Pos: n.Loc.Pos - 1}, nil
	case *ast.NumberLiteral:
		return &Literal{Kind: Num, Text: n.Original, Pos: n.Loc.Pos}, nil
	case *ast.BooleanLiteral:
		return &Literal{Kind: Bool, Text: strconv.FormatBool(n.Value), Pos: n.Loc.Pos}, nil
	}
	if name, ok := pathName(n); ok {
		return &Token{Name: name, Pos: n.Location().Pos}, nil
	}
	return nil, unknown(n)
}

// pathName returns the name that a path spells. Parts keep their brackets in
// the parser's tree.
func pathName(n ast.Node) (string, bool) {
	path, ok := n.(*ast.PathExpression)
	if !ok || path.Data || path.Depth > 0 || path.Scoped || len(path.Parts) == 0 {
		return "", false
	}
	parts := make([]string, len(path.Parts))
	for i, part := range path.Parts {
		if strings.HasPrefix(part, "[") && strings.HasSuffix(part, "]") {
			part = part[1 : len(part)-1]
		}
		parts[i] = part
	}
	return strings.Join(parts, "."), true
}

func unknown(n ast.Node) *Problem {
	return &Problem{n.Location().Pos, "template.syntax", "this kind of tag is not supported"}
}
