package money

import (
	"math"
	"math/big"
)

// Per is a / n rounded to nano-USD, a half away from zero, once: what one of n
// things cost. An n below 1 counts as 1; a quotient beyond ±(2^63-1) stops there.
func (a Amount) Per(n int64) Nano {
	if a.Micro < 0 {
		return -a.Neg().Per(n)
	}
	pico := new(big.Int).Mul(big.NewInt(a.Micro), big.NewInt(picoPerMicro))
	pico.Add(pico, big.NewInt(a.Pico))
	each := new(big.Int).Mul(big.NewInt(max(n, 1)), big.NewInt(picoPerNano))
	half := new(big.Int).Rsh(each, 1) // each is even
	nano := pico.Quo(pico.Add(pico, half), each)
	if !nano.IsInt64() {
		return math.MaxInt64
	}
	return Nano(nano.Int64())
}
