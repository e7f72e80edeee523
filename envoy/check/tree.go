package check

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is read.
const (
	maxFile  = 16 << 20
	maxDepth = 100
	maxNodes = 1 << 20 // with aliases written out
)

// node is one value of a file and where it stands. All methods take a nil node,
// which is what is absent.
type node struct {
	file         string
	line, column int
	text         string // of a scalar
	members      []member
	items        []*node
}

type member struct {
	key   string
	value *node
}

// at returns the value below n at a path of keys, written in either of the two
// ways that Envoy takes, snake_case or camelCase.
func (n *node) at(path ...string) *node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		var below *node
		for _, m := range n.members {
			if m.key == key || strings.Contains(key, "_") && m.key == camel(key) {
				below = m.value
				break
			}
		}
		n = below
	}
	return n
}

// or is n, or what stands around it when it is absent.
func (n *node) or(around *node) *node {
	if n == nil {
		return around
	}
	return n
}

func (n *node) word() string {
	if n == nil {
		return ""
	}
	return n.text
}

func (n *node) list() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

func (n *node) isTrue() bool { return n.word() == "true" }

// isType reports whether n is a protobuf value of a type, by the last part of its
// name, such as ext_proc.v3.ExternalProcessor.
func (n *node) isType(name string) bool {
	at := n.at("@type").word()
	return strings.HasSuffix(at, "."+name) || strings.HasSuffix(at, "/"+name)
}

// each calls visit for n and all below it.
func (n *node) each(visit func(*node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, m := range n.members {
		m.value.each(visit)
	}
	for _, i := range n.items {
		i.each(visit)
	}
}

func camel(snake string) string {
	var b strings.Builder
	up := false
	for _, c := range []byte(snake) {
		switch {
		case c == '_':
			up = true
			continue
		case up && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		up = false
		b.WriteByte(c)
	}
	return b.String()
}

// reader makes nodes of one file.
type reader struct {
	file    string
	anchors map[string]ast.Node
	nodes   int
}

// read returns the documents of a file.
func read(f File) ([]*node, error) {
	if len(f.Text) > maxFile {
		return nil, fmt.Errorf("read %s: longer than %d bytes", f.Name, maxFile)
	}
	// The library counts lines ending in CR LF twice.
	tokens := lexer.Tokenize(strings.ReplaceAll(string(f.Text), "\r\n", "\n"))
	if tooDeep(tokens) {
		return nil, fmt.Errorf("read %s: nested deeper than %d", f.Name, maxDepth)
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntax(f.Name, err)
	}
	r := &reader{file: f.Name, anchors: map[string]ast.Node{}}
	var docs []*node
	for _, d := range parsed.Docs {
		n, err := r.convert(d.Body, 0)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f.Name, err)
		}
		docs = append(docs, n)
	}
	return docs, nil
}

func syntax(file string, err error) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return fmt.Errorf("read %s: %w", file, err)
	}
	said, _, _ := strings.Cut(y.GetMessage(), "\n")
	if t := y.GetToken(); t != nil && t.Position != nil {
		return fmt.Errorf("read %s:%d:%d: not YAML: %s", file, t.Position.Line, t.Position.Column, said)
	}
	return fmt.Errorf("read %s: not YAML: %s", file, said)
}

// tooDeep finds nesting that would cost the parser a stack.
func tooDeep(tokens token.Tokens) bool {
	brackets, dashes := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		default:
			dashes = 0
		}
		if brackets+dashes > maxDepth || t.Position.IndentLevel > maxDepth {
			return true
		}
	}
	return false
}

var errTooMuch = errors.New("more values, or deeper, than a configuration has")

// convert makes a node of the parser's. Aliases are written out.
func (r *reader) convert(from ast.Node, depth int) (*node, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, errTooMuch
	}
	n := &node{file: r.file}
	switch f := from.(type) {
	case nil:
		return n, nil
	case *ast.AnchorNode:
		r.anchors[f.Name.String()] = f.Value
		return r.convert(f.Value, depth+1)
	case *ast.AliasNode:
		return r.convert(r.anchors[f.Value.String()], depth+1)
	case *ast.TagNode:
		return r.convert(f.Value, depth+1)
	case *ast.MappingNode:
		return n, r.mapping(n, f.Values, depth)
	case *ast.MappingValueNode:
		return n, r.mapping(n, []*ast.MappingValueNode{f}, depth)
	case *ast.SequenceNode:
		n.place(f)
		for _, v := range f.Values {
			item, err := r.convert(v, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		return n, nil
	case *ast.LiteralNode:
		n.text = f.Value.Value
	case *ast.StringNode:
		n.text = f.Value
	default:
		n.text = from.GetToken().Value
	}
	n.place(from)
	return n, nil
}

func (r *reader) mapping(n *node, values []*ast.MappingValueNode, depth int) error {
	for i, v := range values {
		if i == 0 {
			n.place(v.Key)
		}
		value, err := r.convert(v.Value, depth+1)
		switch {
		case err != nil:
			return err
		case v.Key.IsMergeKey():
			if r.nodes += len(value.members); r.nodes > maxNodes {
				return errTooMuch
			}
			n.members = append(n.members, value.members...)
			continue
		}
		if value.line == 0 { // empty: it stands where its key does
			value.place(v.Key)
		}
		n.members = append(n.members, member{key: keyOf(v.Key), value: value})
	}
	return nil
}

func keyOf(k ast.Node) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}

func (n *node) place(of ast.Node) {
	if t := of.GetToken(); t != nil && t.Position != nil {
		n.line, n.column = t.Position.Line, t.Position.Column
	}
}
