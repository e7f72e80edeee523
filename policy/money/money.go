// Package money counts US dollars exactly, in integers.
//
// Decimal text and quantities come in; exact amounts, decimal text and, for a
// reader's eye only, cents go out. It refuses to know what is being paid for, by
// whom, and any other currency. Everything here is a value, safe for concurrent
// use; nothing here is a float except Amount.Float64, which is for exposition.
//
// There are three grains. A Rate is micro-USD per million units, so that a rate
// times a quantity is exact in pico-USD. An Amount is exact in pico-USD and is
// what the ledger keeps and sums: nothing is rounded there. Accounts count Nano,
// rounded once per record. Cents exist only when shown.
package money

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Rate is micro-USD per million units (tokens, mostly): at that grain a quantity
// times a Rate is exact in pico-USD.
type Rate int64

// MaxRate is the highest rate that ParseRate accepts: one dollar a unit.
const MaxRate Rate = 1e12

// Amount is an exact sum in pico-USD, kept as whole micro-USD and the pico-USD
// below one micro, so that SQL can sum both columns without overflow. Its zero
// value is no money. Pico is always in [0, 1e6), for a negative Amount too: minus
// one pico-USD is {Micro: -1, Pico: 999999}.
//
// Amounts lie in [-Most, Most], Most being about 9.2 × 10^12 USD. Arithmetic that
// would pass a bound stops at it instead of wrapping around; below the bounds it
// is exact.
type Amount struct {
	Micro int64
	Pico  int64
}

// Most is the largest Amount, 2^63-1 micro-USD; its negative is the smallest.
func Most() Amount { return Amount{Micro: math.MaxInt64} }

// Nano is nano-USD, the grain at which accounts count.
type Nano int64

const (
	picoPerMicro = 1_000_000
	picoPerNano  = 1_000
	nanoPerMicro = 1_000
	microPerUSD  = 1_000_000
	microPerCent = 10_000
	picoPerCent  = microPerCent * picoPerMicro
)

// Times is the exact price of a number of units. Units below zero are a
// correction and give the negative. A product beyond Most stops there.
func (r Rate) Times(units int64) Amount {
	hi, lo := bits.Mul64(magnitude(int64(r)), magnitude(units))
	a := Most()
	if hi < picoPerMicro { // else the quotient needs more than 64 bits
		micro, pico := bits.Div64(hi, lo, picoPerMicro)
		if micro < math.MaxInt64 {
			a = Amount{Micro: int64(micro), Pico: int64(pico)}
		}
	}
	if (r < 0) != (units < 0) {
		return a.Neg()
	}
	return a
}

// magnitude is |n|, right for the smallest int64 as well.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Add is a+b.
func (a Amount) Add(b Amount) Amount {
	pico := a.Pico + b.Pico
	if pico >= picoPerMicro {
		pico -= picoPerMicro
		if a.Micro > b.Micro {
			a, b = b, a
		}
		a.Micro = addSat(a.Micro, 1) // the smaller of the two, so that no bound is met before the sum is
	}
	return Amount{Micro: addSat(a.Micro, b.Micro), Pico: pico}.bounded()
}

// Sub is a-b.
func (a Amount) Sub(b Amount) Amount { return a.Add(b.Neg()) }

// Neg is -a.
func (a Amount) Neg() Amount {
	if a.Pico == 0 {
		return Amount{Micro: -a.bounded().Micro}
	}
	return Amount{Micro: -a.Micro - 1, Pico: picoPerMicro - a.Pico}.bounded()
}

// Cmp is -1, 0 or +1 as a is below, equal to or above b.
func (a Amount) Cmp(b Amount) int {
	if c := cmp.Compare(a.Micro, b.Micro); c != 0 {
		return c
	}
	return cmp.Compare(a.Pico, b.Pico)
}

// IsZero reports whether a is no money at all.
func (a Amount) IsZero() bool { return a == Amount{} }

// bounded puts an amount at or beyond a bound onto it, so that both bounds have
// one form.
func (a Amount) bounded() Amount {
	switch a.Micro {
	case math.MaxInt64:
		return Most()
	case math.MinInt64:
		return Amount{Micro: -math.MaxInt64}
	}
	return a
}

// addSat adds and stops at the ends of int64.
func addSat(a, b int64) int64 {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// FromParts makes an Amount of the sums of the two columns in which amounts are
// stored: micro-USD, and pico-USD of any size and sign.
func FromParts(microSum, picoSum int64) Amount {
	carry, pico := floorDiv(picoSum, picoPerMicro)
	return Amount{Micro: addSat(microSum, carry), Pico: pico}.bounded()
}

// floorDiv is the quotient rounded down and the remainder in [0, d).
func floorDiv(n, d int64) (quotient, remainder int64) {
	quotient, remainder = n/d, n%d
	if remainder < 0 {
		quotient, remainder = quotient-1, remainder+d
	}
	return quotient, remainder
}

// Nano rounds to nano-USD, a half away from zero: half up for what is owed, and
// by the same step for what is given back, so that a record and its correction
// cancel in an account. Beyond ±9.2 × 10^9 USD it stops at ±(2^63-1).
func (a Amount) Nano() Nano {
	if a.Micro < 0 {
		return -a.Neg().Nano()
	}
	if a.Micro >= math.MaxInt64/nanoPerMicro {
		return math.MaxInt64
	}
	return Nano(a.Micro*nanoPerMicro + (a.Pico+picoPerNano/2)/picoPerNano)
}

// Amount is n exactly.
func (n Nano) Amount() Amount {
	micro, nano := floorDiv(int64(n), nanoPerMicro)
	return Amount{Micro: micro, Pico: nano * picoPerNano}
}

// Float64 is a in USD for a Prometheus sample, whose values are floats. It is
// never read back and nothing is computed from it.
func (a Amount) Float64() float64 {
	return float64(a.Micro)/microPerUSD + float64(a.Pico)/(microPerUSD*picoPerMicro)
}

// Cents shows amounts in whole cents that add up to their exact total rounded to
// a cent (a half away from zero): each is rounded down, and the cents still
// missing go one each to the largest remainders, to the earlier of equals. No
// figure is a cent or more from its amount, and one of no money shows none.
func Cents(amounts []Amount) []int64 {
	cents := make([]int64, len(amounts))
	rest := make([]int64, len(amounts)) // pico-USD below the cent
	order := make([]int, len(amounts))
	var whole, left int64
	for i, a := range amounts {
		cent, micro := floorDiv(a.Micro, microPerCent)
		cents[i], rest[i], order[i] = cent, micro*picoPerMicro+a.Pico, i
		whole += cent
		left += rest[i]
	}
	missing, below := left/picoPerCent, left%picoPerCent
	if 2*below > picoPerCent || 2*below == picoPerCent && whole+missing >= 0 {
		missing++
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rest[b], rest[a]) })
	for _, i := range order[:missing] {
		cents[i]++
	}
	return cents
}
