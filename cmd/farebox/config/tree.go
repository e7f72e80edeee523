package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// kind is what a node of the file is.
type kind uint8

const (
	empty   kind = iota // null, or nothing written
	text                // a string
	number              // written like a number; its text is as written
	truth               // true or false
	list                // of items
	mapping             // of members
)

var kindNames = [...]string{empty: "no value", text: "a text", number: "a number", truth: "true or false", list: "a list", mapping: "a section of keys"}

func (k kind) String() string { return kindNames[k] }

// node is one value of the file. Only this file knows the YAML library.
type node struct {
	place
	kind    kind
	text    string
	items   []*node
	members []member
}

// member is one key and its value.
type member struct {
	place
	key   string
	value *node
}

// decoder turns the text of one file into a Config and notes every mistake.
type decoder struct {
	file  string
	text  []byte
	errs  []*Error
	nodes map[string]*node // by key path, for mistakes found later
}

// maxDepth bounds nesting; the deepest key is at 6.
const maxDepth = 16

// parse returns the root of the file; nil: the file is empty or has mistakes.
func (d *decoder) parse() *node {
	if len(d.text) > MaxFile {
		d.add(place{}, "", &Error{Message: fmt.Sprintf("the file is longer than %d bytes", MaxFile)})
		return nil
	}
	if bytes.IndexByte(d.text, 0) >= 0 {
		d.add(place{}, "", &Error{Message: "the file has zero bytes, so it is no text"})
		return nil
	}
	// The library counts lines ending in CR LF twice, and takes a byte order mark
	// for a letter.
	d.text = bytes.ReplaceAll(bytes.TrimPrefix(d.text, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	body := d.document()
	if body == nil {
		return nil
	}
	root := d.convert(body, 0)
	if root == nil || root.kind == empty {
		return nil
	}
	if root.kind != mapping {
		d.add(root.place, "", &Error{Message: "the file holds " + root.kind.String(), Hint: "it must hold keys, such as `mode: observe`"})
	}
	return root
}

// document returns the one document of the file; nil: there is none, or there
// are mistakes.
func (d *decoder) document() (body ast.Node) {
	tokens := lexer.Tokenize(string(d.text))
	if at, ok := tooDeep(tokens); ok {
		d.add(at, "", &Error{Message: "nesting is too deep", Hint: fmt.Sprintf("at most %d levels are possible", maxDepth)})
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.addSyntax(err)
		return nil
	}
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil:
			continue
		case *ast.DirectiveNode:
			d.add(placeOf(doc.Body), "", &Error{Message: "directives are not taken", Hint: "remove the line"})
			return nil
		}
		if body != nil {
			d.add(placeOf(doc.Body), "", &Error{Message: "a second document begins here", Hint: "one file is one configuration"})
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		d.addStray()
	}
	return body
}

// tooDeep finds nesting that would cost the parser a stack: brackets, lines that are
// indented one below the other, and dashes or question marks one after the other on
// a line. The library's own levels of indentation never come back down by two.
func tooDeep(tokens token.Tokens) (place, bool) {
	brackets, dashes, line := 0, 0, 0
	var indents []int // columns of the lines that the line is in
	for _, t := range tokens {
		if t.Position.Line > line && brackets == 0 && t.Type != token.CommentType {
			line = t.Position.Line
			for len(indents) > 0 && indents[len(indents)-1] >= t.Position.Column {
				indents = indents[:len(indents)-1]
			}
			indents = append(indents, t.Position.Column)
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
			if brackets+dashes > maxDepth {
				return place{t.Position.Line, t.Position.Column}, true
			}
			continue
		}
		dashes = 0
		if brackets > maxDepth || len(indents) > maxDepth {
			return place{t.Position.Line, t.Position.Column}, true
		}
	}
	return place{}, false
}

// addStray notes what stands in a file without a value: the library passes over
// some marks in silence.
func (d *decoder) addStray() {
	line := 0
	for text := range strings.Lines(string(d.text)) {
		line++
		switch word, _, _ := strings.Cut(strings.TrimSpace(text), "#"); strings.TrimSpace(word) {
		case "", "---", "...":
		default:
			d.add(place{line, 1}, "", &Error{Message: "not YAML", Hint: "write keys, such as `mode: observe`"})
			return
		}
	}
}

// addSyntax notes what the parser could not read.
func (d *decoder) addSyntax(err error) {
	var y yaml.Error
	if !errors.As(err, &y) {
		d.add(place{}, "", &Error{Message: "not YAML: " + firstLine(err.Error())})
		return
	}
	e := &Error{Message: "not YAML: " + firstLine(y.GetMessage())}
	if strings.Contains(e.Message, "alias") {
		e.Hint = starHint
	}
	var at place
	if t := y.GetToken(); t != nil && t.Position != nil {
		at = place{t.Position.Line, t.Position.Column}
	}
	d.add(at, "", e)
}

const starHint = "a value that begins with * must be in quotes"

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func placeOf(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return placeOf(m.Values[0].Key)
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

// convert makes a node of the parser's. It returns nil after noting a mistake.
func (d *decoder) convert(from ast.Node, depth int) *node {
	n := &node{place: placeOf(from)}
	if depth > maxDepth {
		d.add(n.place, "", &Error{Message: "nesting is too deep", Hint: fmt.Sprintf("at most %d levels are possible", maxDepth)})
		return nil
	}
	switch f := from.(type) {
	case *ast.MappingNode:
		return d.convertMapping(n, f.Values, depth)
	case *ast.MappingValueNode:
		return d.convertMapping(n, []*ast.MappingValueNode{f}, depth)
	case *ast.SequenceNode:
		n.kind = list
		for _, v := range f.Values {
			if item := d.convert(v, depth+1); item != nil {
				n.items = append(n.items, item)
			}
		}
	case *ast.StringNode:
		n.kind, n.text = text, f.Value
	case *ast.LiteralNode:
		n.kind, n.text = text, f.Value.Value
	case *ast.IntegerNode:
		n.kind, n.text = number, f.Token.Value
	case *ast.FloatNode:
		n.kind, n.text = number, f.Token.Value
	case *ast.BoolNode:
		n.kind, n.text = truth, f.Token.Value
	case *ast.NullNode:
		n.kind = empty
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		d.add(n.place, "", &Error{Message: "anchors and aliases are not taken", Hint: starHint})
		return nil
	case *ast.TagNode:
		d.add(n.place, "", &Error{Message: "tags are not taken", Hint: "a value that begins with ! must be in quotes"})
		return nil
	default:
		d.add(n.place, "", &Error{Message: "not a value that a configuration can have"})
		return nil
	}
	return n
}

func (d *decoder) convertMapping(n *node, values []*ast.MappingValueNode, depth int) *node {
	n.kind = mapping
	seen := make(map[string]place, len(values))
	for _, v := range values {
		if v.Key.IsMergeKey() {
			d.add(placeOf(v.Key), "", &Error{Message: "merge keys are not taken", Hint: "write the keys out"})
			continue
		}
		key, ok := v.Key.(*ast.StringNode)
		if !ok {
			d.add(placeOf(v.Key), "", &Error{Message: "a key must be a plain word"})
			continue
		}
		m := member{place: placeOf(key), key: key.Value}
		if first, twice := seen[m.key]; twice {
			d.add(m.place, m.key, &Error{Message: fmt.Sprintf("key `%s` is given twice, first at %d:%d", clip(m.key), first.line, first.column)})
			continue
		}
		seen[m.key] = m.place
		if m.value = d.convert(v.Value, depth+1); m.value != nil {
			n.members = append(n.members, m)
		}
	}
	return n
}

// clip keeps a long word from filling an error.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
