package ledger

import (
	"cmp"
	"math"
	"slices"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Interactions is one group of the answer to a Query about interactions: what
// people were served, and all that it took.
//
// Calls of one team with the same name of an interaction are one interaction. It
// belongs to the time, the owner and whatever else is asked for of its last call,
// and succeeds as that call did, unless someone judged that call or the
// interaction: then as the later of the two verdicts says. Calls, tokens and money
// are those of all its calls, failed attempts and retries too, whenever they were.
// Records that name no interaction are in none.
type Interactions struct {
	Keys          []string // values in the order of Query.By, of the last calls
	Interactions  int64
	Successful    int64 // of Interactions
	Calls         int64 // records
	Unpriced      int64 // calls with at least one line without a price
	Input, Output int64 // tokens
	Charged       money.Amount
}

// SortInteractions puts the dearest first, and equals in the order of their keys.
func SortInteractions(all []Interactions) {
	slices.SortFunc(all, func(a, b Interactions) int {
		return cmp.Or(b.Charged.Cmp(a.Charged), slices.Compare(a.Keys, b.Keys))
	})
}

// AddTokens sums a quantity into i where it is of tokens. Sums stop at the end of
// int64.
func (i *Interactions) AddTokens(c tokenizer.Class, quantity int64) {
	switch {
	case c.IsInput():
		i.Input = addTokens(i.Input, quantity)
	case c.IsOutput():
		i.Output = addTokens(i.Output, quantity)
	}
}

// addTokens adds counts, which are never below zero.
func addTokens(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
