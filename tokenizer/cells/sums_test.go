package cells_test

import (
	"fmt"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
)

func usageOf(model string, input, output int64) *tokenizer.Usage {
	u := &tokenizer.Usage{Model: model}
	u.Set(tokenizer.Input, input, tokenizer.Reported)
	u.Set(tokenizer.Output, output, tokenizer.Reported)
	return u
}

// TestSumsKeepBands: many short contexts do not make a long one, a long one makes
// no other so, and not a token is lost.
func TestSumsKeepBands(t *testing.T) {
	var bounds []int64
	for b := range cells.Bands {
		bounds = append(bounds, b)
	}
	var s cells.Sums
	want := map[int64]int64{} // by the longest of a band
	for _, b := range bounds {
		for _, n := range [...]int64{b - 1, b - 9, b} {
			if !s.Add(usageOf("m", n, 1)) {
				t.Fatal("no room")
			}
			for _, top := range bounds {
				if n <= top {
					want[top] += n
					break
				}
			}
		}
	}
	var outputs int64
	for i := range s.All() {
		u := &s.All()[i]
		in, out := u.Totals()
		if outputs += out; want[u.Context] != in {
			t.Errorf("%d tokens of contexts up to %d, want %d", in, u.Context, want[u.Context])
		}
	}
	if len(s.All()) != len(bounds) || outputs != 3*int64(len(bounds)) {
		t.Errorf("%d sums of %d bands, %d answers", len(s.All()), len(bounds), outputs)
	}
}

// TestSumsAreBounded: of more models than there is room for the rest is told, and
// those that have a place keep it.
func TestSumsAreBounded(t *testing.T) {
	var s cells.Sums
	full := -1
	for i := range 1000 {
		if !s.Add(usageOf(fmt.Sprint("model-", i), 5, 0)) && full < 0 {
			full = i
		}
	}
	if full < 64 || len(s.All()) != full {
		t.Fatalf("%d sums, %d before it was full", len(s.All()), full)
	}
	if !s.Add(usageOf("model-0", 7, 1)) {
		t.Error("no room for a model that has a place")
	}
	if n, _ := s.All()[0].Count(tokenizer.Input); n != 12 || s.All()[0].Context != 7 {
		t.Errorf("%d of context %d", n, s.All()[0].Context)
	}
}
