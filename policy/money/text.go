package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	rateDecimals   = 6
	amountDecimals = 12
	maxText        = 40 // bytes; every number in range is shorter
)

// ParseRate reads USD per million units as decimal text, "2.50": digits, then at
// most six decimals; no sign, no exponent, nothing around it, and at most
// MaxRate.
func ParseRate(s string) (Rate, error) {
	whole, micro, err := decimal(s, rateDecimals)
	if err != nil {
		return 0, fmt.Errorf("parse rate %q: %w", clip(s), err)
	}
	if whole > uint64(MaxRate)/microPerUSD || whole == uint64(MaxRate)/microPerUSD && micro > 0 {
		return 0, fmt.Errorf("parse rate %q: above %s USD per million units", clip(s), MaxRate)
	}
	return Rate(whole*microPerUSD + micro), nil
}

// ParseAmount reads USD as decimal text, "-12.000000000001": perhaps a minus,
// digits, then at most twelve decimals; no plus, no exponent, nothing around it,
// and within [-Most, Most].
func ParseAmount(s string) (Amount, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, pico, err := decimal(digits, amountDecimals)
	if err != nil {
		return Amount{}, fmt.Errorf("parse amount %q: %w", clip(s), err)
	}
	a := Amount{Pico: int64(pico % picoPerMicro)}
	micro := pico / picoPerMicro
	if whole > (math.MaxInt64-micro)/microPerUSD {
		return Amount{}, fmt.Errorf("parse amount %q: beyond ±%s USD", clip(s), Most())
	}
	a.Micro = int64(whole*microPerUSD + micro)
	if a.Cmp(Most()) > 0 {
		return Amount{}, fmt.Errorf("parse amount %q: beyond ±%s USD", clip(s), Most())
	}
	if negative {
		a = a.Neg()
	}
	return a, nil
}

// clip keeps a hostile text from filling an error.
func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText] + "…"
	}
	return s
}

// decimal reads digits with at most the given decimals: the whole part, and the
// part below one scaled by ten to the power of decimals.
func decimal(s string, decimals int) (whole, part uint64, err error) {
	if s == "" {
		return 0, 0, errors.New("no number")
	}
	if len(s) > maxText {
		return 0, 0, errors.New("too long")
	}
	intDigits, fracDigits, point := strings.Cut(s, ".")
	if intDigits == "" || point && fracDigits == "" {
		return 0, 0, errors.New("want digits on both sides of the point")
	}
	if err := onlyDigits(intDigits, fracDigits); err != nil {
		return 0, 0, err
	}
	if len(fracDigits) > decimals {
		return 0, 0, fmt.Errorf("more than %d decimals", decimals)
	}
	if whole, err = strconv.ParseUint(intDigits, 10, 63); err != nil {
		return 0, 0, errors.New("too large")
	}
	for i := range decimals {
		part *= 10
		if i < len(fracDigits) {
			part += uint64(fracDigits[i] - '0')
		}
	}
	return whole, part, nil
}

func onlyDigits(parts ...string) error {
	for _, p := range parts {
		if i := strings.IndexFunc(p, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			switch c := p[i]; c {
			case '-', '+':
				return errors.New("a sign does not belong here")
			case 'e', 'E':
				return errors.New("an exponent does not belong here")
			default:
				return errors.New("only digits and one point belong here")
			}
		}
	}
	return nil
}

// String is USD per million units, as short as it is exact: "2.5".
func (r Rate) String() string {
	return printDecimal(r < 0, magnitude(int64(r))/microPerUSD, magnitude(int64(r))%microPerUSD, rateDecimals)
}

// MarshalText writes String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRate reads.
func (r *Rate) UnmarshalText(text []byte) error {
	parsed, err := ParseRate(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// String is exact USD without trailing zeros; "0" for none.
func (a Amount) String() string {
	negative := a.Micro < 0
	if negative {
		a = a.Neg()
	}
	micro := uint64(a.Micro)
	return printDecimal(negative, micro/microPerUSD, micro%microPerUSD*picoPerMicro+uint64(a.Pico), amountDecimals)
}

// MarshalText writes String.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what ParseAmount reads.
func (a *Amount) UnmarshalText(text []byte) error {
	parsed, err := ParseAmount(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// MarshalJSON writes String as a JSON string: a JSON number would become a float
// in most readers.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(`"` + a.String() + `"`), nil }

// UnmarshalJSON reads a JSON string of what ParseAmount reads. It refuses a
// number, and null, which is not zero.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return errors.New("parse amount: want a JSON string of decimal USD")
	}
	return a.UnmarshalText(data[1 : len(data)-1])
}

// String is exact USD without trailing zeros; "0" for none.
func (n Nano) String() string { return n.Amount().String() }

// printDecimal prints whole and part/10^decimals without trailing zeros.
func printDecimal(negative bool, whole, part uint64, decimals int) string {
	var room [maxText]byte
	out := room[:0]
	if negative {
		out = append(out, '-')
	}
	out = strconv.AppendUint(out, whole, 10)
	if part == 0 {
		return string(out)
	}
	out = append(out, '.')
	end := len(out) + decimals
	for scale := pow10(decimals - 1); len(out) < end && part > 0; scale /= 10 {
		out = append(out, byte('0'+part/scale))
		part %= scale
	}
	return string(out)
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}
