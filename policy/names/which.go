package names

import (
	"fmt"
	"slices"
	"strings"
)

// The keys of a Which that are of the call itself. All others are attributes of
// its owner.
const (
	Model     = "model" // as it was asked
	Provider  = "provider"
	Operation = "operation"
)

// MaxPatterns bounds the patterns of one key.
const MaxPatterns = 256

// Of gives the value of a key: an attribute of a call's owner, or its model,
// provider or operation; empty: it has none.
type Of func(key string) string

// Which says which calls a rule is for: all keys must fit, of each one pattern.
// An empty one is for all calls. It is immutable.
type Which []key

type key struct {
	name     string
	patterns []string
}

// NewWhich compiles patterns by key. Those of models are put in lower case, as
// models' names are compared.
func NewWhich(match map[string][]string) (Which, error) {
	w := make(Which, 0, len(match))
	for name, patterns := range match {
		if len(patterns) == 0 || len(patterns) > MaxPatterns {
			return nil, fmt.Errorf("match %s: %d patterns, want 1 to %d", name, len(patterns), MaxPatterns)
		}
		k := key{name, slices.Clone(patterns)}
		if name == Model {
			k.patterns = LowerAll(patterns)
		}
		w = append(w, k)
	}
	slices.SortFunc(w, func(a, b key) int { return strings.Compare(a.name, b.name) })
	return w, nil
}

// LowerAll are patterns in lower case, as ModelFits takes them.
func LowerAll(patterns []string) []string {
	lower := make([]string, len(patterns))
	for i, p := range patterns {
		lower[i] = strings.ToLower(p)
	}
	return lower
}

// Fits reports whether a call is meant. What a call does not have fits no pattern
// of an attribute; a model that it does not name fits "*" alone.
func (w Which) Fits(of Of) bool {
	for i := range w {
		if k := &w[i]; !k.fits(of(k.name)) {
			return false
		}
	}
	return true
}

func (k *key) fits(value string) bool {
	switch k.name {
	case Model:
		return slices.Contains(k.patterns, "*") || ModelFits(k.patterns, value)
	case Provider, Operation:
		return OneFits(k.patterns, value)
	default:
		return value != "" && OneFits(k.patterns, value)
	}
}
