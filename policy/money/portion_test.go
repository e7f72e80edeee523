package money

import (
	"math"
	"math/big"
	"testing"
)

func TestPortion(t *testing.T) {
	for _, c := range []struct {
		a           Amount
		part, whole int64
		want        Amount
	}{
		{Amount{Micro: 10}, 1, 3, Amount{Micro: 3, Pico: 333_333}},
		{Amount{Micro: -10}, 1, 3, Amount{Micro: -4, Pico: 666_667}},
		{Amount{Micro: 10, Pico: 5}, 0, 3, Amount{}},
		{Amount{Micro: 10, Pico: 5}, -1, 3, Amount{}},
		{Amount{Micro: 10, Pico: 5}, 3, 3, Amount{Micro: 10, Pico: 5}},
		{Amount{Micro: 10, Pico: 5}, 4, 0, Amount{Micro: 10, Pico: 5}},
		{Amount{Pico: 999_999}, 1, 2, Amount{Pico: 499_999}},
		{Amount{Micro: 1}, 1, 2, Amount{Pico: 500_000}},
		{Most(), math.MaxInt64 - 1, math.MaxInt64, Amount{Micro: math.MaxInt64 - 1}},
	} {
		if got := c.a.Portion(c.part, c.whole); got != c.want {
			t.Errorf("%v × %d/%d = %v, want %v", c.a, c.part, c.whole, got, c.want)
		}
	}
}

// FuzzPortion holds it to whole numbers of any size.
func FuzzPortion(f *testing.F) {
	f.Add(int64(10), int64(1), int64(1), int64(3))
	f.Add(int64(math.MaxInt64), int64(999_999), int64(math.MaxInt64-1), int64(math.MaxInt64))
	f.Add(int64(-5), int64(7), int64(2), int64(9))
	f.Fuzz(func(t *testing.T, micro, pico, part, whole int64) {
		a := FromParts(micro, pico)
		if whole < 1 || part < 0 || part > whole {
			t.Skip()
		}
		want := new(big.Int).Mul(wholePico(a), big.NewInt(part))
		want.Quo(want, big.NewInt(whole)) // toward zero
		if got := wholePico(a.Portion(part, whole)); got.Cmp(want) != 0 {
			t.Errorf("%v × %d/%d = %v pico, want %v", a, part, whole, got, want)
		}
	})
}

func wholePico(a Amount) *big.Int {
	p := new(big.Int).Mul(big.NewInt(a.Micro), big.NewInt(picoPerMicro))
	return p.Add(p, big.NewInt(a.Pico))
}
