package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// MaxPer is the largest divisor of a price that is a fraction.
const MaxPer = 1_000_000

// ParseFraction reads USD per million units as decimal text, or as that and a
// whole divisor: "50000/3600" is 50000 USD for a million hours counted in
// seconds. The divisor is in [2, MaxPer]; without one, per is 1. The quotient is
// at most MaxRate.
func ParseFraction(s string) (r Rate, per int64, err error) {
	number, divisor, fraction := strings.Cut(s, "/")
	if !fraction {
		r, err = ParseRate(s)
		return r, 1, err
	}
	if per, err = strconv.ParseInt(divisor, 10, 64); err != nil || per < 2 || per > MaxPer || divisor[0] == '+' {
		return 0, 0, fmt.Errorf("parse rate %q: want a divisor from 2 to %d", clip(s), MaxPer)
	}
	whole, micro, err := decimal(number, rateDecimals)
	if err != nil {
		return 0, 0, fmt.Errorf("parse rate %q: %w", clip(s), err)
	}
	most := uint64(MaxRate) * uint64(per)
	if whole > most/microPerUSD || whole*microPerUSD+micro > most {
		return 0, 0, fmt.Errorf("parse rate %q: %w", clip(s), errors.New("above one dollar a unit"))
	}
	return Rate(whole*microPerUSD + micro), per, nil
}

// FormatFraction is the inverse of ParseFraction.
func FormatFraction(r Rate, per int64) string {
	if per <= 1 {
		return r.String()
	}
	return r.String() + "/" + strconv.FormatInt(per, 10)
}

// TimesPer is the price of a number of units where r is the price of per
// million units: r × units / per, rounded to the pico-USD, a half away from zero,
// once. It is exact where per divides. A per below 1 counts as 1; a product
// beyond Most stops there.
func (r Rate) TimesPer(units, per int64) Amount {
	if per <= 1 {
		return r.Times(units)
	}
	d := uint64(per)
	hi, lo := bits.Mul64(magnitude(int64(r)), magnitude(units))
	lo, carry := bits.Add64(lo, d/2, 0)
	hi += carry // the product is below 2^126, so that this cannot wrap
	pico := [2]uint64{hi / d}
	pico[1], _ = bits.Div64(hi%d, lo, d)
	a := Most()
	if pico[0] < picoPerMicro {
		micro, rest := bits.Div64(pico[0], pico[1], picoPerMicro)
		if micro < math.MaxInt64 {
			a = Amount{Micro: int64(micro), Pico: int64(rest)}
		}
	}
	if (r < 0) != (units < 0) {
		return a.Neg()
	}
	return a
}

// Over is r / per rounded to a whole Rate, a half up: what a price that is a
// fraction is shown as.
func (r Rate) Over(per int64) Rate {
	if per <= 1 {
		return r
	}
	return Rate((int64(r) + per/2) / per)
}
