package cohere

import (
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/tidwall/gjson"
)

// TestSums holds the classes to the tokens that the provider states, and what of
// them is not waived to what it says it bills.
func TestSums(t *testing.T) {
	for usage, want := range map[string]struct{ in, out, billedIn, billedOut int64 }{
		`{"tokens":{"input_tokens":507,"output_tokens":10},"billed_units":{"input_tokens":12,"output_tokens":7},"cached_tokens":448}`: {507, 10, 12, 7},
		`{"tokens":{"input_tokens":507,"output_tokens":10},"billed_units":{"input_tokens":60,"output_tokens":10},"cached_tokens":16}`: {507, 10, 60, 10},
		`{"tokens":{"input_tokens":50,"output_tokens":10},"cached_tokens":448}`:                                                       {50, 10, 50, 10},
		`{"tokens":{"input_tokens":5,"output_tokens":1},"billed_units":{"input_tokens":9,"output_tokens":2}}`:                         {5, 1, 5, 1},
		`{"billed_units":{"input_tokens":9,"output_tokens":2}}`:                                                                       {9, 2, 9, 2},
		`{"tokens":{"input_tokens":0,"output_tokens":0},"billed_units":{"search_units":2}}`:                                           {0, 0, 0, 0},
		`{"total_tokens":43}`: {43, 0, 43, 0},
	} {
		u := counts(gjson.Parse(usage), tokenizer.Reported)
		in, out := u.Totals()
		if in != want.in || out != want.out {
			t.Errorf("%s: %d and %d tokens, want %d and %d", usage, in, out, want.in, want.out)
		}
		in -= u.Waived(tokenizer.Input) + u.Waived(tokenizer.CacheRead)
		out -= u.Waived(tokenizer.Output)
		if in != want.billedIn || out != want.billedOut {
			t.Errorf("%s: %d and %d are billed, want %d and %d", usage, in, out, want.billedIn, want.billedOut)
		}
	}
}
