package terms

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/names"
)

// Match says which calls a row is for: all that is given must hold. In a
// pattern * stands for any characters. Models are compared without regard to
// case and in every form of their name: as answered, without what stands before
// a slash, and without the date of a snapshot.
type Match struct {
	Provider  []string // patterns, one of which must fit; none: any
	Model     []string
	Operation []string
	Owner     []Attribute // at most MaxOwner
}

// Attribute is a condition on one attribute of who pays. A call that has no
// value of it does not fit, whatever the pattern.
type Attribute struct {
	Name   string
	Values []string // patterns, one of which must fit
}

// pattern is one text to compare with. The zero pattern fits everything.
type pattern struct {
	text  string // empty: anything
	score int    // how specific it is: exactly, or the literal characters of a glob
	// Of a glob: what stands before its first star and after its last, and, where
	// they are two, from the one to the other.
	head, tail, middle string
}

// exactly is a score above that of every glob.
const exactly = math.MaxInt32

func compile(text string) pattern {
	stars := strings.Count(text, "*")
	switch {
	case stars == len(text):
		return pattern{}
	case stars == 0:
		return pattern{text: text, score: exactly}
	}
	first, last := strings.IndexByte(text, '*'), strings.LastIndexByte(text, '*')
	p := pattern{text: text, score: len(text) - stars, head: text[:first], tail: text[last+1:]}
	if first < last {
		p.middle = text[first : last+1]
	}
	return p
}

func (p *pattern) any() bool { return p.text == "" }

func (p *pattern) fits(s string) bool { return p.any() || patternFits(p, s) }

// patternFits reports whether p, which is not any, covers all of s. Most globs
// are told by their ends.
func patternFits[T string | []byte](p *pattern, s T) bool {
	if p.score == exactly {
		return p.text == string(s)
	}
	end := len(s) - len(p.tail)
	if end < len(p.head) || string(s[:len(p.head)]) != p.head || string(s[end:]) != p.tail {
		return false
	}
	return p.middle == "" || names.Fits(p.middle, s[len(p.head):end])
}

// owner is one attribute with one pattern.
type owner struct {
	name string
	pattern
}

// covers reports whether a record fits a match, by the model as answered.
func (m *Match) covers(rec *policy.Record) bool {
	if !oneFits(m.Provider, rec.Provider) || !oneFits(m.Operation, rec.Operation) || !m.model(rec.Model) {
		return false
	}
	for i := range m.Owner {
		a := &m.Owner[i]
		if v := rec.Owner.Value(a.Name); v == "" || !oneFits(a.Values, v) {
			return false
		}
	}
	return true
}

func oneFits(patterns []string, s string) bool {
	return len(patterns) == 0 || names.OneFits(patterns, s)
}

func (m *Match) model(name string) bool {
	return len(m.Model) == 0 || names.ModelFits(m.Model, name)
}

// clean returns m with names in lower case, owners by name and no pattern twice,
// so that equal matches are equal.
func (m *Match) clean() Match {
	owner := make([]Attribute, len(m.Owner))
	for i, a := range m.Owner {
		owner[i] = Attribute{a.Name, sorted(a.Values, false)}
	}
	slices.SortFunc(owner, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return Match{Provider: sorted(m.Provider, true), Model: sorted(m.Model, true), Operation: sorted(m.Operation, true), Owner: owner}
}

func sorted(patterns []string, fold bool) []string {
	s := slices.Clone(patterns)
	for i := range s {
		if fold {
			s[i] = strings.ToLower(s[i])
		}
	}
	slices.Sort(s)
	return slices.Compact(s)
}

// key is a text that only equal clean matches share.
func (m *Match) key() string { return fmt.Sprintf("%q", *m) }

// match checks m and returns it clean.
func (b *builder) match(id string, m *Match) Match {
	for _, part := range []struct {
		key      string
		patterns []string
	}{{"provider", m.Provider}, {"model", m.Model}, {"operation", m.Operation}} {
		b.patterns(id, "match."+part.key, part.patterns)
	}
	if len(m.Owner) > MaxOwner {
		b.wrong(id, "match", fmt.Sprintf("names %d attributes", len(m.Owner)), fmt.Sprintf("at most %d are possible", MaxOwner))
	}
	given := make(map[string]bool)
	for _, a := range m.Owner {
		key := "match." + a.Name
		if given[a.Name] {
			b.wrong(id, key, "is given twice", "")
		}
		given[a.Name] = true
		if len(a.Values) == 0 {
			b.wrong(id, key, "has no values", "")
		}
		b.patterns(id, key, a.Values)
	}
	return m.clean()
}

func (b *builder) patterns(id, key string, patterns []string) {
	if len(patterns) > MaxPatterns {
		b.wrong(id, key, fmt.Sprintf("has %d patterns", len(patterns)), fmt.Sprintf("at most %d are possible", MaxPatterns))
	}
	for _, p := range patterns {
		if p == "" || len(p) > maxName {
			b.wrong(id, key, fmt.Sprintf("a pattern has %d bytes", len(p)), fmt.Sprintf("write 1 to %d", maxName))
		}
	}
}
