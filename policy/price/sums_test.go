package price

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Sums of lines are exact far beyond a billion dollars: held against integers
// without bounds, line by line.
func TestSumsAreExactBeyondABillion(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 13))
	var rows []*Row
	for r := range builtin(t).All() {
		rows = append(rows, r)
	}
	var sum money.Amount
	want := new(big.Int) // pico-USD
	for range 200_000 {
		r := rows[random.IntN(len(rows))]
		class := tokenizer.Class(random.IntN(int(tokenizer.Classes)))
		n := random.Int64N(10_000_000_000)
		got, as, ok := r.Cost(class, n)
		if !ok || r.Free {
			continue
		}
		rate, per, _ := r.own(as)
		exact := new(big.Int).Mul(big.NewInt(int64(rate)), big.NewInt(n))
		exact.Add(exact, big.NewInt(per/2)).Quo(exact, big.NewInt(per))
		if p := pico(got); p.Cmp(exact) != 0 {
			t.Fatalf("%s: %d of %v cost %v, want %v pico-USD", r.ID, n, class, got, exact)
		}
		sum = sum.Add(got)
		want.Add(want, exact)
	}
	if got := pico(sum); got.Cmp(want) != 0 {
		t.Errorf("the sum is %v, want %v pico-USD", sum, want)
	}
	if billion := (money.Amount{Micro: 1e15}); sum.Cmp(billion) < 0 {
		t.Errorf("the sum, %v, does not reach a billion dollars", sum)
	}
}

func pico(a money.Amount) *big.Int {
	p := new(big.Int).Mul(big.NewInt(a.Micro), big.NewInt(1_000_000))
	return p.Add(p, big.NewInt(a.Pico))
}
