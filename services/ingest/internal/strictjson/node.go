package strictjson

// Kind is the JSON kind of a node.
type Kind uint8

// The kinds of node.
const (
	Null Kind = iota
	String
	Number
	Bool
	Object
	Array
)

// String names the kind with its article, for a detail such as "is an array".
func (k Kind) String() string {
	return [...]string{"null", "a string", "a number", "a boolean", "an object", "an array"}[k]
}

// Node is one JSON value.
type Node struct {
	Kind Kind
	// Text is the decoded text of a string and the literal of a number or a
	// boolean; numbers are never turned into floats.
	Text string
	// Members are those of an object, in the order they were written; no name
	// occurs twice.
	Members []Member
	// Items are those of an array.
	Items []Node
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Node
}

// Member returns the named member of an object and whether it is there.
func (n Node) Member(name string) (Node, bool) {
	for _, m := range n.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Node{}, false
}
