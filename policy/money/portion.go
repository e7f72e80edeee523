package money

import "math/bits"

// Portion is a × part / whole, rounded toward zero to the pico-USD, once. A part
// below 1 is nothing; one of whole or more, or of a whole below 1, is all of a.
func (a Amount) Portion(part, whole int64) Amount {
	switch {
	case part <= 0:
		return Amount{}
	case part >= whole:
		return a
	case a.Cmp(Amount{}) < 0:
		return a.Neg().Portion(part, whole).Neg()
	}
	n, d := uint64(part), uint64(whole)
	hi, lo := bits.Mul64(uint64(a.Micro), n)
	micro, rest := bits.Div64(hi, lo, d) // part is below whole: the quotient is below a.Micro
	hi, lo = bits.Mul64(rest, picoPerMicro)
	picoHi, picoLo := bits.Mul64(uint64(a.Pico), n)
	lo, carry := bits.Add64(lo, picoLo, 0)
	pico, _ := bits.Div64(hi+picoHi+carry, lo, d) // both terms are below whole × 10⁶
	return Amount{Micro: int64(micro + pico/picoPerMicro), Pico: int64(pico % picoPerMicro)}
}
