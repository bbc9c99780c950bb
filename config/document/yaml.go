package document

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"github.com/billhook/billhook/shared/fault"
)

// ParseYAML reads a stream of YAML documents. Anchors, aliases, merge keys and
// tags are refused: a reader of the file must see what is applied, and an alias
// may blow up without bound. Empty documents are left out.
func ParseYAML(data []byte) (docs []*Value, problems fault.Problems) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // which editors put before UTF-8
	if p := checkText(data); p != nil {
		return nil, p
	}
	// The parser is foreign and sees foreign input; a panic of it is a refusal.
	defer func() {
		if recover() != nil {
			docs, problems = nil, problem("", "yaml.form", "is no valid YAML")
		}
	}()
	stream := lexer.Tokenize(string(data))
	if p := checkNesting(stream); p != nil {
		return nil, p
	}
	file, err := parser.Parse(stream, 0, parser.AllowDuplicateMapKey()) // build names them
	if err != nil {
		return nil, syntax(err, data)
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue
		}
		v, p := build(doc.Body, "", 0)
		if p != nil {
			return nil, p
		}
		docs = append(docs, &v)
	}
	return docs, nil
}

// syntax turns the parser's error into a problem without the source lines that
// its text would quote, because they may hold a secret.
func syntax(err error, data []byte) fault.Problems {
	p := problem("", "yaml.form", "is no valid YAML")
	var s *yaml.SyntaxError
	if errors.As(err, &s) && s.Token != nil && s.Token.Position != nil {
		p[0].Line, p[0].Column = s.Token.Position.Line, s.Token.Position.Column
	}
	if lines := bytes.Split(data, []byte("\n")); p[0].Line > 0 && p[0].Line <= len(lines) {
		if bytes.HasPrefix(bytes.TrimLeft(lines[p[0].Line-1], " "), []byte("\t")) {
			p[0].Detail += ": lines are indented by spaces, not by tabs"
		}
	}
	return p
}

func build(n ast.Node, pointer string, depth int) (Value, fault.Problems) {
	if depth > MaxDepth {
		return Value{}, tooDeep(pointer)
	}
	v := Value{line: lineOf(n)}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		v.kind, v.scalar = text, n.Value
	case *ast.LiteralNode:
		v.kind, v.scalar = text, n.Value.Value
	case *ast.BoolNode:
		v.kind, v.scalar = boolean, strconv.FormatBool(n.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		v.kind, v.scalar = number, n.GetToken().Value
		if !plainNumber.MatchString(v.scalar) {
			return v, unread(v.line, pointer, "numbers are written in plain decimal form; put quotes around it if it is text")
		}
	case *ast.SequenceNode:
		return v.withItems(n, pointer, depth)
	case *ast.MappingNode:
		return v.withMembers(n.Values, pointer, depth)
	case *ast.MappingValueNode:
		return v.withMembers([]*ast.MappingValueNode{n}, pointer, depth)
	default:
		return v, unread(v.line, pointer, "anchors, aliases, merge keys, tags and special numbers are not taken; write the value itself")
	}
	return v, nil
}

// plainNumber is the form of numbers in JSON.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func (v Value) withItems(n *ast.SequenceNode, pointer string, depth int) (Value, fault.Problems) {
	v.kind = list
	for i, item := range n.Values {
		child, p := build(item, pointer+"/"+strconv.Itoa(i), depth+1)
		if p != nil {
			return v, p
		}
		v.items = append(v.items, child)
	}
	return v, nil
}

func (v Value) withMembers(values []*ast.MappingValueNode, pointer string, depth int) (Value, fault.Problems) {
	v.kind = object
	for _, m := range values {
		name, ok := keyOf(m.Key)
		if !ok {
			return v, unread(lineOf(m), pointer, "member names are plain or quoted text")
		}
		at := pointer + fault.Pointer(name)
		if _, again := v.child(name); again {
			p := repeated(at)
			p[0].Line = lineOf(m)
			return v, p
		}
		child, p := build(m.Value, at, depth+1)
		if p != nil {
			return v, p
		}
		v.members = append(v.members, member{name, child})
	}
	return v, nil
}

func keyOf(n ast.MapKeyNode) (string, bool) {
	s, ok := n.(*ast.StringNode)
	if !ok || n.IsMergeKey() {
		return "", false
	}
	return s.Value, true
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingValueNode); ok {
		t = m.Key.GetToken()
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken()
	}
	if t == nil || t.Position == nil {
		return 0
	}
	return t.Position.Line
}

func unread(line int, pointer, detail string) fault.Problems {
	return fault.Problems{{Pointer: pointer, Rule: "yaml.form", Detail: detail, Line: line}}
}
