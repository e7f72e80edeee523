package budget

import (
	"math"
	"math/bits"
)

// plus is a + b, or the bound that it is beyond.
func plus(a, b int64) int64 {
	sum := a + b
	switch {
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	}
	return sum
}

// minus is a - b, or the bound that it is beyond.
func minus(a, b int64) int64 {
	difference := a - b
	switch {
	case b > 0 && difference > a:
		return math.MinInt64
	case b < 0 && difference < a:
		return math.MaxInt64
	}
	return difference
}

// share is a × b / c, rounded down or up, or the largest number where it is
// beyond. None is below 0, and c is above.
func share(a, b, c int64, up bool) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	if up {
		var carry uint64
		low, carry = bits.Add64(low, uint64(c)-1, 0)
		high += carry
	}
	if high >= uint64(c) {
		return math.MaxInt64
	}
	n, _ := bits.Div64(high, low, uint64(c))
	if n > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(n)
}

// over reports whether going from before to after reached percent of limit.
func over(before, after, limit int64, percent int) bool {
	mark := share(limit, int64(percent), 100, true)
	return before < mark && after >= mark
}
