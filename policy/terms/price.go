package terms

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/money"
)

// Percent is a share in ten-thousandths of a percent: 1_000_000 is all.
type Percent int64

const whole Percent = 1_000_000

// ParsePercent reads a percentage as decimal text with at most four decimals,
// "12.5"; it lies in [0, 100].
func ParsePercent(s string) (Percent, error) {
	millionths, err := money.ParseRate(s)
	if err != nil {
		if why := errors.Unwrap(err); why != nil {
			return 0, fmt.Errorf("parse percentage %q: %w", clip(s), why)
		}
		return 0, fmt.Errorf("parse percentage %q: above 100", clip(s))
	}
	const perUnit = 100
	switch p := Percent(millionths / perUnit); {
	case millionths%perUnit != 0:
		return 0, fmt.Errorf("parse percentage %q: more than 4 decimals", clip(s))
	case p > whole:
		return 0, fmt.Errorf("parse percentage %q: above 100", clip(s))
	default:
		return p, nil
	}
}

// String is the percentage without trailing zeros: "12.5".
func (p Percent) String() string { return money.Rate(p * 100).String() }

// FX is what one unit of a currency is worth from a moment on, until the next FX
// of that currency.
type FX struct {
	ID       string
	Currency string // "EUR"
	USD      Worth
	From     time.Time // zero: always was
}

// Worth is billionths of a US dollar.
type Worth int64

// MaxWorth is the most that ParseWorth takes: 1000 USD for one unit.
const MaxWorth Worth = 1e12

const oneUSD Worth = 1e9

// ParseWorth reads USD as decimal text with at most nine decimals, "1.0832",
// above 0 and up to MaxWorth.
func ParseWorth(s string) (Worth, error) {
	a, err := money.ParseAmount(s)
	if err != nil {
		return 0, fmt.Errorf("parse exchange rate %q: %w", clip(s), deepest(err))
	}
	const picoPerBillionth = 1000
	switch w := Worth(a.Micro)*1000 + Worth(a.Pico)/picoPerBillionth; {
	case a.Micro < 0 || a.IsZero():
		return 0, fmt.Errorf("parse exchange rate %q: not above 0", clip(s))
	case a.Micro > int64(MaxWorth)/1000 || w > MaxWorth:
		return 0, fmt.Errorf("parse exchange rate %q: above 1000 USD", clip(s))
	case a.Pico%picoPerBillionth != 0:
		return 0, fmt.Errorf("parse exchange rate %q: more than 9 decimals", clip(s))
	default:
		return w, nil
	}
}

// String is the decimal text of USD without trailing zeros.
func (w Worth) String() string { return money.Nano(w).String() }

func deepest(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// clip keeps a hostile text from filling an error.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// period is the worth of a currency from a moment on.
type period struct {
	from  time.Time
	worth Worth
	text  string
}

// exchange checks the exchange rates and puts them in order.
func (b *builder) exchange(all []FX) {
	b.fx = make(map[string][]period)
	if len(all) > MaxFX {
		b.wrong(all[MaxFX].ID, "", fmt.Sprintf("is one of more than %d exchange rates", MaxFX), "")
		return
	}
	for i := range all {
		f := &all[i]
		b.row(f.ID, time.Time{}, time.Time{})
		switch {
		case !ValidCurrency(f.Currency):
			b.wrong(f.ID, "currency", fmt.Sprintf("%q is no currency", clip(f.Currency)), "write its three letters, such as EUR")
		case f.Currency == "USD":
			b.wrong(f.ID, "currency", "a US dollar is a US dollar", "remove the row")
		case f.USD <= 0 || f.USD > MaxWorth:
			b.wrong(f.ID, "usd", "is not above 0 and at most 1000", "")
		case slices.ContainsFunc(b.fx[f.Currency], func(p period) bool { return p.from.Equal(f.From) }):
			b.wrong(f.ID, "from", "another rate of "+f.Currency+" begins then", "remove one of the two")
		}
		b.fx[f.Currency] = append(b.fx[f.Currency], period{f.From, f.USD, f.USD.String()})
	}
	for _, periods := range b.fx {
		slices.SortFunc(periods, func(a, b period) int { return a.from.Compare(b.from) })
	}
}

// ValidCurrency reports whether s has the form of an ISO 4217 code.
func ValidCurrency(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// periods returns the exchange rates of a row: none for US dollars.
func (b *builder) periods(id, currency string, from time.Time) []period {
	if currency == "" || currency == "USD" {
		return nil
	}
	all := b.fx[currency]
	switch {
	case !ValidCurrency(currency):
		b.wrong(id, "currency", fmt.Sprintf("%q is no currency", clip(currency)), "write its three letters, such as EUR")
	case len(all) == 0:
		b.wrong(id, "currency", "no exchange rate of "+currency+" is known", "add one to `prices.fx`")
	case from.Before(all[0].from):
		b.wrong(id, "currency", "no exchange rate of "+currency+" is known before "+all[0].from.Format(time.RFC3339),
			"give the first one no `from`, or this row a later one")
	}
	return all
}

// at returns the period of a moment; the first begins before the rows that use
// it do.
func at(periods []period, moment time.Time) *period {
	for i := len(periods) - 1; i > 0; i-- {
		if !moment.Before(periods[i].from) {
			return &periods[i]
		}
	}
	return &periods[0]
}

// InUSD is a rate in a currency as micro-USD per million, rounded half up; it
// stops at the end of int64. It is for prices that are compared as rates; what a
// line costs is rounded once, from its amount.
func InUSD(r money.Rate, w Worth) money.Rate {
	hi, lo := bits.Mul64(uint64(max(r, 0)), uint64(max(w, 0)))
	lo, carry := bits.Add64(lo, uint64(oneUSD)/2, 0)
	if hi+carry >= uint64(oneUSD)/2 { // the quotient needs more than 63 bits
		return math.MaxInt64
	}
	usd, _ := bits.Div64(hi+carry, lo, uint64(oneUSD))
	return money.Rate(usd)
}

// part is a × n / of, rounded to the pico-USD, a half away from zero: half up for
// what is owed. n lies in [0, 1e12] and of in [1, 4e12]. Beyond money.Most it
// stops there.
func part(a money.Amount, n, of int64) money.Amount {
	if a.Micro < 0 {
		return part(a.Neg(), n, of).Neg()
	}
	const picoPerMicro = 1_000_000
	hi, lo := bits.Mul64(uint64(a.Micro), uint64(n))
	if hi >= uint64(of) {
		return money.Most()
	}
	micro, rest := bits.Div64(hi, lo, uint64(of))
	if micro > uint64(money.Most().Micro) {
		return money.Most()
	}
	// rest is below 4e12, a.Pico below 1e6: no sum of these overflows.
	pico := (rest*picoPerMicro + uint64(a.Pico)*uint64(n) + uint64(of)/2) / uint64(of)
	return money.FromParts(int64(micro), int64(pico))
}
