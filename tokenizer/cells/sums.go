package cells

import "github.com/farebox/farebox/tokenizer"

// bands are the lengths of input, in tokens, beyond which some models have another
// price. Prices of one's own that change at another length see the sums of a band
// as one call of its longest.
var bands = [...]int64{32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 1 << 19}

// Bands calls yield for each length at which the price of a context may change,
// the shortest first.
func Bands(yield func(int64) bool) {
	for _, b := range bands {
		if !yield(b) {
			return
		}
	}
}

// maxSums bounds what a Sums holds: a usage for each model, and for each band of
// context in which it was called.
const maxSums = 256

// Sums adds up the usage of many calls, by model. What a call costs may depend on
// the length of its input: long ones are put together apart from short ones, and
// each sum says how long the longest of it was.
type Sums struct {
	all []tokenizer.Usage // the first one added first
}

// Add adds a call; false: there are too many models.
func (s *Sums) Add(u *tokenizer.Usage) bool {
	input, _ := u.Totals()
	to := s.sum(u.Model, band(input))
	if to == nil {
		return false
	}
	to.Context = max(to.Context, input, 1)
	for class, n := range u.All {
		have, _ := to.Count(class)
		to.Set(class, have+n, u.Source(class))
		to.Waive(class, to.Waived(class)+u.Waived(class))
	}
	return true
}

// All is what was added so far. It is the caller's from then on.
func (s *Sums) All() []tokenizer.Usage { return s.all }

func (s *Sums) sum(model string, of int) *tokenizer.Usage {
	for i := range s.all {
		if u := &s.all[i]; u.Model == model && band(u.Context) == of {
			return u
		}
	}
	if len(s.all) == maxSums {
		return nil
	}
	s.all = append(s.all, tokenizer.Usage{Model: model})
	return &s.all[len(s.all)-1]
}

func band(input int64) (n int) {
	for _, b := range bands {
		if input > b {
			n++
		}
	}
	return n
}
