package terms

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// pico is an amount in pico-USD, computed the slow and certain way.
func pico(a money.Amount) *big.Int {
	p := new(big.Int).Mul(big.NewInt(a.Micro), big.NewInt(1_000_000))
	return p.Add(p, big.NewInt(a.Pico))
}

// halfUp is a quotient rounded half away from zero.
func halfUp(num, den *big.Int) *big.Int {
	double := new(big.Int).Abs(num)
	double.Mul(double, big.NewInt(2)).Add(double, den)
	q := double.Quo(double, new(big.Int).Mul(den, big.NewInt(2)))
	if num.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

func TestPartIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		a := money.FromParts(int64(r.Uint64())>>r.IntN(63), r.Int64N(1_000_000))
		n, of := r.Int64N(1e12+1)>>r.IntN(40), (r.Int64N(4e12)+1)>>r.IntN(40)
		of = max(of, 1)
		if r.IntN(2) == 0 {
			of = []int64{1, int64(whole), int64(oneUSD)}[r.IntN(3)]
		}
		want := halfUp(new(big.Int).Mul(pico(a), big.NewInt(n)), big.NewInt(of))
		if most := pico(money.Most()); want.CmpAbs(most) > 0 {
			want = most
			if a.Micro < 0 {
				want = new(big.Int).Neg(most)
			}
		}
		if got := part(a, n, of); pico(got).Cmp(want) != 0 {
			t.Fatalf("%s × %d / %d = %s, want %v pico-USD", a, n, of, got, want)
		}
	}
}

func TestInUSDIsRoundedHalfUp(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 100_000 {
		rate, worth := money.Rate(r.Int64()>>r.IntN(63)), Worth(r.Int64N(int64(MaxWorth))>>r.IntN(30)+1)
		want := halfUp(new(big.Int).Mul(big.NewInt(int64(rate)), big.NewInt(int64(worth))), big.NewInt(int64(oneUSD)))
		if !want.IsInt64() {
			want = big.NewInt(math.MaxInt64)
		}
		if got := InUSD(rate, worth); big.NewInt(int64(got)).Cmp(want) != 0 {
			t.Fatalf("%d × %d is %d, want %v", rate, worth, got, want)
		}
	}
}

// TestLinesAreRoundedOnce holds every money of a line to its definition, and the
// sum of lines to their exact sum within half a pico-USD each.
func TestLinesAreRoundedOnce(t *testing.T) {
	hold := func(quantity uint32, listRate uint32, off uint32, cardPrice uint32, worth uint32) bool {
		percentage := Percent(int64(off) % int64(whole+1))
		usd := Worth(worth)%MaxWorth + 1
		terms, err := New(Options{
			Discounts: []Discount{{ID: "d", Off: percentage}},
			FX:        []FX{{ID: "f", Currency: "EUR", USD: usd}},
			Card:      []CardRow{{ID: "c", Unit: Unit{1_000_000, token}, Price: money.Amount{Micro: int64(cardPrice)}, Currency: "EUR"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		rec := &policy.Record{Admitted: noon, Completed: noon}
		exact, sum := new(big.Int), money.Amount{}
		for i := range int64(5) {
			l := &policy.Line{Model: "m", Class: tokenizer.Input, Quantity: int64(quantity) + i, State: policy.Priced}
			l.List = money.Rate(listRate).Times(l.Quantity)
			terms.Apply(l, rec)
			scaled := new(big.Int).Mul(pico(l.List), big.NewInt(int64(whole-percentage)))
			if pico(l.Contracted).Cmp(halfUp(scaled, big.NewInt(int64(whole)))) != 0 {
				return false
			}
			charged := new(big.Int).Mul(big.NewInt(int64(cardPrice)), big.NewInt(l.Quantity))
			charged.Mul(charged, big.NewInt(int64(usd)))
			if l.Quantity > 0 && pico(l.Charged).Cmp(halfUp(charged, big.NewInt(int64(oneUSD)))) != 0 {
				return false
			}
			exact.Add(exact, scaled)
			sum = sum.Add(l.Contracted)
		}
		// The sum of the lines is off by half a pico-USD a line at most.
		gap := new(big.Int).Sub(new(big.Int).Mul(pico(sum), big.NewInt(int64(whole))), exact)
		return gap.CmpAbs(big.NewInt(5*int64(whole)/2)) <= 0
	}
	if err := quick.Check(hold, &quick.Config{MaxCount: 20_000, Rand: nil}); err != nil {
		t.Error(err)
	}
}

func TestHalvesGoUp(t *testing.T) {
	terms := must[*Terms](t)(New(Options{Discounts: []Discount{{ID: "d", Off: percent(t, "50")}}}))
	for list, want := range map[int64]int64{1: 1, 2: 1, 3: 2, 999_999: 500_000} {
		l := &policy.Line{Quantity: 1, State: policy.Priced, List: money.Amount{Pico: list}}
		terms.Apply(l, &policy.Record{})
		if l.Contracted != (money.Amount{Pico: want}) {
			t.Errorf("half of %d pico-USD is %s, want %d", list, l.Contracted, want)
		}
	}
}

func TestExchangeRatesFollowTheMomentOfAdmission(t *testing.T) {
	terms := must[*Terms](t)(New(Options{
		FX: []FX{
			{ID: "july", Currency: "EUR", USD: must[Worth](t)(ParseWorth("1.1")), From: day(t, "2026-07-01")},
			{ID: "ever", Currency: "EUR", USD: must[Worth](t)(ParseWorth("1.0832"))},
			{ID: "pound", Currency: "GBP", USD: must[Worth](t)(ParseWorth("1.25"))},
		},
		Discounts: []Discount{{ID: "d", Rates: map[tokenizer.Class]money.Rate{tokenizer.Output: rate(t, "10")}, Currency: "EUR"}},
		Card:      []CardRow{{ID: "c", Unit: Unit{1000, token}, Price: amount(t, "0.04"), Currency: "GBP"}},
	}))
	for at, want := range map[string][2]string{
		"2026-06-30": {"10.832", "1.0832"}, "2026-07-01": {"11", "1.1"}, "2030-01-01": {"11", "1.1"}, "1999-01-01": {"10.832", "1.0832"},
	} {
		l, rec := sample(1_000_000)
		rec.Admitted = day(t, at)
		terms.Apply(l, rec)
		if l.Contracted.String() != want[0] || l.FXRate != want[1] || l.Currency != "EUR" {
			t.Errorf("%s: %s at %s %s, want %v", at, l.Contracted, l.FXRate, l.Currency, want)
		}
		if l.Charged.String() != "50" || l.ChargeFXRate != "1.25" || l.ChargeCurrency != "GBP" {
			t.Errorf("%s: charged %s at %s %s", at, l.Charged, l.ChargeFXRate, l.ChargeCurrency)
		}
	}
}

func TestNumbersAsText(t *testing.T) {
	for text, want := range map[string]Percent{"0": 0, "12": 120_000, "12.5": 125_000, "0.0001": 1, "100": whole, "100.0000": whole} {
		if got, err := ParsePercent(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"100.0001": "above 100", "9999999": "above 100", "-1": "a sign does not belong", "1e1": "an exponent", "0.00001": "more than 4 decimals",
		"": "no number", "12 %": "only digits", strings.Repeat("1", 50): "too long",
	} {
		if got, err := ParsePercent(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %d, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]Worth{"1.0832": 1_083_200_000, "0.000000001": 1, "1000": MaxWorth} {
		if got, err := ParseWorth(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"0": "not above 0", "-1": "not above 0", "1000.1": "above 1000", "9000000000": "above 1000", "0.0000000001": "more than 9 decimals", "x": "only digits",
	} {
		if got, err := ParseWorth(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %d, %v, want %q", text, got, err, want)
		}
	}
	if s := percent(t, "12.50").String() + " " + Worth(1_083_200_000).String(); s != "12.5 1.0832" {
		t.Errorf("they print as %s", s)
	}
}

// FuzzNumbers holds that what is read prints as what reads the same.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"12", "1.0832", "1K tokens", "GPU-hour", "0.0001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParsePercent(s); err == nil {
			if again, err := ParsePercent(p.String()); err != nil || again != p || p > whole || p < 0 {
				t.Errorf("%q is %d, then %d, %v", s, p, again, err)
			}
		}
		if w, err := ParseWorth(s); err == nil {
			if again, err := ParseWorth(w.String()); err != nil || again != w || w <= 0 || w > MaxWorth {
				t.Errorf("%q is %d, then %d, %v", s, w, again, err)
			}
		}
		if u, err := ParseUnit(s); err == nil {
			if again, err := ParseUnit(u.String()); err != nil || again != u || u.Per < 1 || u.Name == "" {
				t.Errorf("%q is %v, then %v, %v", s, u, again, err)
			}
		}
	})
}

func TestAmountsStopAtTheirBounds(t *testing.T) {
	terms := must[*Terms](t)(New(Options{
		FX:   []FX{{ID: "f", Currency: "KWD", USD: 3_250_000_000}},
		Card: []CardRow{{ID: "c", Unit: Unit{1, token}, Price: money.Amount{Micro: maxPrice - 1}, Currency: "KWD"}},
	}))
	l := &policy.Line{Class: tokenizer.Output, Quantity: math.MaxInt64, State: policy.Priced}
	terms.Apply(l, &policy.Record{Admitted: time.Now()})
	if l.Charged != money.Most() {
		t.Errorf("charged %s", l.Charged)
	}
}
