package money

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// pico is an amount in pico-USD, computed the slow and certain way.
func pico(a Amount) *big.Int {
	p := new(big.Int).Mul(big.NewInt(a.Micro), big.NewInt(picoPerMicro))
	return p.Add(p, big.NewInt(a.Pico))
}

// clamp is what an exact sum in pico-USD becomes at the bounds.
func clamp(p *big.Int) *big.Int {
	bound := pico(Most())
	if p.CmpAbs(bound) <= 0 {
		return p
	}
	if p.Sign() < 0 {
		return new(big.Int).Neg(bound)
	}
	return bound
}

// spread draws integers of every size, with the ends well represented.
func spread(r *rand.Rand) int64 {
	ends := []int64{0, 1, -1, 999_999, 1_000_000, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1}
	if n := r.IntN(4 * len(ends)); n < len(ends) {
		return ends[n]
	}
	return int64(r.Uint64()) >> r.IntN(63)
}

func anyAmount(r *rand.Rand) Amount { return FromParts(spread(r), spread(r)) }

func wellFormed(t *testing.T, a Amount) {
	t.Helper()
	if a.Pico < 0 || a.Pico >= picoPerMicro || a.Cmp(Most()) > 0 || a.Cmp(Most().Neg()) < 0 {
		t.Fatalf("%d micro %d pico is not a well-formed amount", a.Micro, a.Pico)
	}
}

func TestTimesIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		rate, units := Rate(spread(r)), spread(r)
		got := rate.Times(units)
		wellFormed(t, got)
		want := clamp(new(big.Int).Mul(big.NewInt(int64(rate)), big.NewInt(units)))
		if pico(got).Cmp(want) != 0 {
			t.Fatalf("Rate(%d).Times(%d) = %v, want %v pico-USD", rate, units, got, want)
		}
	}
}

func TestArithmeticIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		a, b := anyAmount(r), anyAmount(r)
		for _, c := range []struct {
			name string
			got  Amount
			want *big.Int
		}{
			{"Add", a.Add(b), clamp(new(big.Int).Add(pico(a), pico(b)))},
			{"Sub", a.Sub(b), clamp(new(big.Int).Sub(pico(a), pico(b)))},
			{"Neg", a.Neg(), new(big.Int).Neg(pico(a))},
		} {
			wellFormed(t, c.got)
			if pico(c.got).Cmp(c.want) != 0 {
				t.Fatalf("%s(%v, %v) = %v, want %v pico-USD", c.name, a, b, c.got, c.want)
			}
		}
		if got, want := a.Cmp(b), pico(a).Cmp(pico(b)); got != want {
			t.Fatalf("%v.Cmp(%v) = %d, want %d", a, b, got, want)
		}
		if got, want := a.IsZero(), pico(a).Sign() == 0; got != want {
			t.Fatalf("%v.IsZero() = %v", a, got)
		}
	}
}

func TestFromPartsNormalises(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		micro, p := spread(r), spread(r)
		got := FromParts(micro, p)
		wellFormed(t, got)
		want := new(big.Int).Mul(big.NewInt(micro), big.NewInt(picoPerMicro))
		want = clamp(want.Add(want, big.NewInt(p)))
		if pico(got).Cmp(want) != 0 {
			t.Fatalf("FromParts(%d, %d) = %v, want %v pico-USD", micro, p, got, want)
		}
	}
}

// Beyond a billion dollars a sum is still exact, and in any grouping.
func TestGreatSumsAreExactInAnyGrouping(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var forward, micros, picos int64
	var sum, right Amount
	want := new(big.Int)
	lines := make([]Amount, 50_000)
	for i := range lines {
		lines[i] = Rate(r.Int64N(int64(MaxRate))).Times(r.Int64N(200_000) - 1_000)
		sum = sum.Add(lines[i])
		want.Add(want, pico(lines[i]))
		micros += lines[i].Micro
		picos += lines[i].Pico
		forward++
	}
	for _, l := range slices.Backward(lines) {
		right = l.Add(right)
	}
	billion, err := ParseAmount("1000000000")
	if err != nil {
		t.Fatal(err)
	}
	if sum.Cmp(billion) < 0 {
		t.Fatalf("the sum %v is too small to show anything", sum)
	}
	if pico(sum).Cmp(want) != 0 || right != sum || FromParts(micros, picos) != sum {
		t.Errorf("sums of %d lines differ: %v, %v, %v, want %v pico-USD", forward, sum, right, FromParts(micros, picos), want)
	}
}

func TestNanoRoundsOnceHalfAway(t *testing.T) {
	for _, c := range []struct {
		amount Amount
		want   Nano
	}{
		{Amount{}, 0},
		{Amount{Pico: 499}, 0},
		{Amount{Pico: 500}, 1},
		{Amount{Pico: 999_499}, 999},
		{Amount{Pico: 999_500}, 1000},
		{Amount{Micro: 2, Pico: 1_500}, 2002},
		{Amount{Pico: 499}.Neg(), 0},
		{Amount{Pico: 500}.Neg(), -1},
		{Amount{Micro: 2, Pico: 1_500}.Neg(), -2002},
		{Amount{Micro: 5e15}, 5e18},
		{Most(), math.MaxInt64},
		{Most().Neg(), -math.MaxInt64},
	} {
		if got := c.amount.Nano(); got != c.want {
			t.Errorf("(%v).Nano() = %d, want %d", c.amount, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(9, 10))
	for range 100_000 {
		a := anyAmount(r)
		if a.Nano() != -a.Neg().Nano() {
			t.Fatalf("%v and its correction do not cancel: %d, %d", a, a.Nano(), a.Neg().Nano())
		}
		n := Nano(spread(r))
		if back := n.Amount().Nano(); back != n && n.Amount().Cmp(Amount{Micro: math.MaxInt64 / nanoPerMicro}) < 0 &&
			n.Amount().Cmp(Amount{Micro: -(math.MaxInt64 / nanoPerMicro)}) > 0 {
			t.Fatalf("Nano(%d).Amount().Nano() = %d", n, back)
		}
	}
}

func TestCents(t *testing.T) {
	for _, c := range []struct {
		name    string
		amounts []string
		want    []int64
	}{
		{"nothing", nil, []int64{}},
		{"three thirds", []string{"0.333333333333", "0.333333333333", "0.333333333334"}, []int64{33, 33, 34}},
		{"equal remainders: the earlier", []string{"0.005", "0.005"}, []int64{1, 0}},
		{"a half is a cent", []string{"0.005"}, []int64{1}},
		{"a half given back is a cent", []string{"-0.005"}, []int64{-1}},
		{"no money shows none", []string{"0", "0.009", "0"}, []int64{0, 1, 0}},
		{"dust", []string{"0.000000000001"}, []int64{0}},
		{"a refund among bills", []string{"10.004", "-3.006", "2.003"}, []int64{1001, -301, 200}},
	} {
		amounts := make([]Amount, len(c.amounts))
		for i, s := range c.amounts {
			a, err := ParseAmount(s)
			if err != nil {
				t.Fatal(err)
			}
			amounts[i] = a
		}
		if got := Cents(amounts); !slices.Equal(got, c.want) {
			t.Errorf("%s: Cents(%v) = %v, want %v", c.name, c.amounts, got, c.want)
		}
	}
}

func TestCentsAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	cent := big.NewInt(picoPerCent)
	for range 20_000 {
		amounts := make([]Amount, r.IntN(12))
		total := new(big.Int)
		for i := range amounts {
			amounts[i] = FromParts(spread(r)>>12, spread(r))
			total.Add(total, pico(amounts[i]))
		}
		var sum int64
		for i, c := range Cents(amounts) {
			sum += c
			off := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(c), cent), pico(amounts[i]))
			if off.CmpAbs(cent) >= 0 {
				t.Fatalf("%v is shown as %d cents", amounts[i], c)
			}
		}
		twice := new(big.Int).Abs(new(big.Int).Lsh(total, 1))
		want := twice.Add(twice, cent).Quo(twice, new(big.Int).Lsh(cent, 1)).Int64()
		if total.Sign() < 0 {
			want = -want
		}
		if sum != want {
			t.Fatalf("Cents(%v) add up to %d, want %d", amounts, sum, want)
		}
	}
}

func TestFloat64IsClose(t *testing.T) {
	a, err := ParseAmount("1234.5")
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Float64(); got != 1234.5 {
		t.Errorf("Float64() = %v, want 1234.5", got)
	}
	if got := a.Neg().Float64(); got != -1234.5 {
		t.Errorf("Float64() = %v, want -1234.5", got)
	}
}

func BenchmarkTimesAdd(b *testing.B) {
	var sum Amount
	for i := range b.N {
		sum = sum.Add(Rate(2_500_000).Times(int64(i)))
	}
	if sum.Micro < 0 {
		b.Fatal("wrapped")
	}
}
