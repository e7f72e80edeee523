package budget

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestSumsStayInRange(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	numbers := []int64{0, 1, -1, 5e17, -5e17, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1}
	for range 200 {
		numbers = append(numbers, int64(random.Uint64())>>random.IntN(63))
	}
	clamp := func(b *big.Int) int64 {
		switch {
		case b.IsInt64():
			return b.Int64()
		case b.Sign() < 0:
			return math.MinInt64
		}
		return math.MaxInt64
	}
	for _, a := range numbers {
		for _, b := range numbers {
			x, y := big.NewInt(a), big.NewInt(b)
			if got, want := plus(a, b), clamp(new(big.Int).Add(x, y)); got != want {
				t.Errorf("plus(%d, %d) = %d, want %d", a, b, got, want)
			}
			if got, want := minus(a, b), clamp(new(big.Int).Sub(x, y)); got != want {
				t.Errorf("minus(%d, %d) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestShare(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		a, b, c := random.Int64()>>random.IntN(63), random.Int64()>>random.IntN(63), random.Int64()>>random.IntN(62)+1
		low, rest := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(a), big.NewInt(b)), big.NewInt(c), new(big.Int))
		high := new(big.Int).Set(low)
		if rest.Sign() > 0 {
			high.Add(high, big.NewInt(1))
		}
		for up, want := range map[bool]*big.Int{false: low, true: high} {
			number := int64(math.MaxInt64)
			if want.IsInt64() {
				number = want.Int64()
			}
			if got := share(a, b, c, up); got != number {
				t.Fatalf("share(%d, %d, %d, %v) = %d, want %d", a, b, c, up, got, number)
			}
		}
	}
}

func TestOver(t *testing.T) {
	for _, test := range []struct {
		before, after, limit int64
		percent              int
		want                 bool
	}{
		{0, 50, 100, 50, true}, {0, 49, 100, 50, false}, {50, 60, 100, 50, false}, {49, 50, 99, 50, true}, {0, 49, 99, 50, false},
		{0, 5e17, 5e17, 100, true}, {5e17 - 1, 5e17, 5e17, 100, true}, {0, 5e17 - 1, 5e17, 100, false}, {60, 40, 100, 50, false},
	} {
		if got := over(test.before, test.after, test.limit, test.percent); got != test.want {
			t.Errorf("over(%d, %d, %d, %d) = %v", test.before, test.after, test.limit, test.percent, got)
		}
	}
}
