// Package jsonscan finds a few values in one JSON text, at the price of one pass.
//
// Into a Scanner come the bytes of a text in arbitrary pieces, and a Plan of the
// paths that matter; out go the raw values at those paths, or the raw content of
// strings as it passes. A Walker does as much for a text that lies whole in
// memory. The state of a Scanner is a few hundred bytes whatever the size of the
// text, each byte is stepped over once, and nothing is allocated once the capture
// buffer has grown. The package knows no provider and no token, and is no
// validator: what is not looked into is only checked for closed strings and
// balanced brackets.
//
// A Plan is immutable and may be shared. A Scanner or Walker belongs to one
// goroutine.
package jsonscan

import (
	"fmt"
	"strings"
)

// Limits of a Plan.
const (
	maxDepth   = 12 // segments of a path
	maxKey     = 40 // bytes of a key in a path
	maxCapture = 1 << 20
)

// Watch names a value to find. Its number in the list given to Compile is what
// the Sink is told.
type Watch struct {
	// Path is keys joined by dots, "*" for each element of an array, as in
	// "choices.*.delta.content". Keys are printable ASCII without '.', '"', '\'.
	Path string
	// Keep is how many bytes of the raw value to capture, at most 1 MiB. Zero
	// delivers the content of a string as it passes, and no other value.
	Keep int
}

// Plan is a compiled list of watches.
type Plan struct{ nodes []node }

// node is one place in the tree of paths; index 0 is the root.
type node struct {
	keys  []edge
	each  int16 // node of array elements; none: not watched
	watch int16 // number of the Watch that ends here, or none
	keep  int   // its Keep
}

type edge struct {
	key string
	to  int16
}

const none = -1

// Compile builds a Plan. It refuses two watches of one path, a captured path
// with another below it, and paths or captures beyond the limits.
func Compile(watches ...Watch) (*Plan, error) {
	p := &Plan{nodes: []node{{each: none, watch: none}}}
	for i, w := range watches {
		if err := p.add(i, w); err != nil {
			return nil, fmt.Errorf("compile watch %q: %w", w.Path, err)
		}
	}
	for _, n := range p.nodes {
		if n.keep > 0 && (len(n.keys) > 0 || n.each != none) {
			return nil, fmt.Errorf("compile watch %q: another path lies below a captured one", watches[n.watch].Path)
		}
	}
	return p, nil
}

// MustCompile is Compile for paths written in a program; it panics on an error.
func MustCompile(watches ...Watch) *Plan {
	p, err := Compile(watches...)
	if err != nil {
		panic(err)
	}
	return p
}

func (p *Plan) add(number int, w Watch) error {
	segs := strings.Split(w.Path, ".")
	if len(segs) > maxDepth {
		return fmt.Errorf("deeper than %d", maxDepth)
	}
	if w.Keep < 0 || w.Keep > maxCapture {
		return fmt.Errorf("keep is not within 0 and %d", maxCapture)
	}
	at := int16(0)
	for _, seg := range segs {
		if !validKey(seg) {
			return fmt.Errorf("key %q is empty, too long or not plain", seg)
		}
		at = p.step(at, seg)
	}
	n := &p.nodes[at]
	if n.watch != none {
		return fmt.Errorf("watched twice")
	}
	n.watch, n.keep = int16(number), w.Keep
	return nil
}

// step returns the node below at for seg, made if need be.
func (p *Plan) step(at int16, seg string) int16 {
	if seg == "*" {
		if p.nodes[at].each == none {
			p.nodes[at].each = p.grow()
		}
		return p.nodes[at].each
	}
	if to := p.nodes[at].child([]byte(seg)); to != none {
		return to
	}
	to := p.grow()
	p.nodes[at].keys = append(p.nodes[at].keys, edge{seg, to})
	return to
}

func (p *Plan) grow() int16 {
	p.nodes = append(p.nodes, node{each: none, watch: none})
	return int16(len(p.nodes) - 1)
}

func (n *node) child(key []byte) int16 {
	for i := range n.keys {
		if e := &n.keys[i]; string(key) == e.key {
			return e.to
		}
	}
	return none
}

func validKey(k string) bool {
	if k == "" || len(k) > maxKey {
		return false
	}
	for _, c := range []byte(k) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
