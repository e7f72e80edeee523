package money_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/farebox/farebox/policy/money"
)

func TestFractionText(t *testing.T) {
	for text, want := range map[string]struct {
		rate money.Rate
		per  int64
	}{
		"2.5":            {2_500_000, 1},
		"50000/3600":     {50_000_000_000, 3600},
		"98320000/3600":  {98_320_000_000_000, 3600},
		"0.000001/2":     {1, 2},
		"1000000":        {money.MaxRate, 1},
		"60000000/60":    {60 * money.MaxRate, 60},
		"123456.789/900": {123_456_789_000, 900},
	} {
		rate, per, err := money.ParseFraction(text)
		if err != nil || rate != want.rate || per != want.per {
			t.Errorf("ParseFraction(%q) = %d, %d, %v, want %v", text, rate, per, err, want)
		}
		if got := money.FormatFraction(rate, per); got != text {
			t.Errorf("FormatFraction(%q) = %q", text, got)
		}
	}
	for _, text := range []string{"", "/", "1/", "/2", "1/1", "1/0", "1/-2", "1/+2", "1/1000001", "1/2/3", "60000000.000001/60", "1.0000001/2", "1e3/2", "-1/2"} {
		if r, per, err := money.ParseFraction(text); err == nil {
			t.Errorf("ParseFraction(%q) = %v, %d, want an error", text, r, per)
		}
	}
}

// TimesPer is held against rational arithmetic: the nearest pico-USD, a half
// away from zero, and Most where that is beyond it.
func TestTimesPerIsTheNearest(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	most := pico(money.Most())
	for range 50_000 {
		rate := money.Rate(random.Int64N(1 << (1 + random.IntN(62))))
		units := random.Int64N(1<<(1+random.IntN(62))) - random.Int64N(1<<(1+random.IntN(62)))
		per := 1 + random.Int64N(money.MaxPer)
		product := new(big.Int).Mul(big.NewInt(int64(rate)), big.NewInt(units))
		want, rest := new(big.Int).QuoRem(product, big.NewInt(per), new(big.Int))
		if rest.Abs(rest).Lsh(rest, 1).Cmp(big.NewInt(per)) >= 0 {
			want.Add(want, big.NewInt(int64(product.Sign())))
		}
		if want.CmpAbs(most) > 0 {
			want.Mul(most, big.NewInt(int64(product.Sign())))
		}
		if got := pico(rate.TimesPer(units, per)); got.Cmp(want) != 0 {
			t.Fatalf("Rate(%d).TimesPer(%d, %d) = %v, want %v", rate, units, per, got, want)
		}
	}
	if got := money.Rate(math.MaxInt64).TimesPer(math.MaxInt64, 2); got != money.Most() {
		t.Errorf("the largest product is %v", got)
	}
	if got := money.Rate(3).TimesPer(1, 2); got != (money.Amount{Pico: 2}) {
		t.Errorf("a half is rounded to %v", got)
	}
	if got := money.Rate(3).Over(2); got != 2 {
		t.Errorf("3/2 is shown as %d", got)
	}
}

func pico(a money.Amount) *big.Int {
	p := new(big.Int).Mul(big.NewInt(a.Micro), big.NewInt(1_000_000))
	return p.Add(p, big.NewInt(a.Pico))
}
