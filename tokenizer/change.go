package tokenizer

import (
	"net/url"
	"strings"
)

// Change is what shall be different about a call when it goes to its provider.
// The zero Change changes nothing.
type Change struct {
	Model     string // another model to ask; empty: as asked
	MaxOutput int64  // the most tokens of each answer; 0: as asked. It is set or lowered, never raised
	Hint      string // a sentence for the model, behind what the system's text says; empty: none
	ToolCalls int64  // the most calls of hosted tools, of all together; 0: as asked. It is set or lowered, never raised

	Provider string // who hosts the model, where that is known: some differ in which member they take
}

// Part names what of a call can be changed; parts are added up.
type Part uint8

// The parts.
const (
	ModelPart Part = 1 << iota
	CapPart
	HintPart
	ToolsPart // that every hosted tool of the call is bounded, or that it has none
)

// Has reports whether all of some are there.
func (p Part) Has(some Part) bool { return p&some == some }

// Parts are the parts that c changes.
func (c *Change) Parts() (p Part) {
	if c.Model != "" {
		p |= ModelPart
	}
	if c.MaxOutput > 0 {
		p |= CapPart
	}
	if c.Hint != "" {
		p |= HintPart
	}
	if c.ToolCalls > 0 {
		p |= ToolsPart
	}
	return p
}

// Rewrite is how a changed call goes to its provider.
type Rewrite struct {
	Edits []Edit // of the body
	Path  string // in place of the path, without a query and percent-encoded; empty: it stays
	Done  Part   // what is as the Change wants it
}

// Changer is a Dialect that can change what a call asks, each part in the members
// or the place in the path that its provider reads.
type Changer interface {
	// Changes says what of such a call can be changed. path is as Match wants it.
	Changes(call Call, path string) Part
	// Change makes c of the call with that body. What its members do not allow, as
	// a text where a number belongs, is left for the provider to refuse, and is not
	// Done.
	Change(call Call, path string, body []byte, c Change) Rewrite
}

// JoinPath is a path with another name between two pieces of a decoded one,
// percent-encoded. Slashes in the name are encoded too.
func JoinPath(before, name, after string) string {
	return escapePath(before) + strings.ReplaceAll(url.PathEscape(name), ":", "%3A") + escapePath(after)
}

// escapePath encodes a decoded piece of a path; it leaves colons, which end the
// name of a model before its method.
func escapePath(piece string) string { return (&url.URL{Path: "/" + piece}).EscapedPath()[1:] }
