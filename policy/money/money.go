// Package money counts US dollars exactly, in integers.
package money

// Rate is micro-USD per million units (tokens, mostly): at that grain a quantity
// times a Rate is exact in pico-USD.
type Rate int64

// Amount is an exact sum in pico-USD, kept as whole micro-USD and the pico-USD
// below one micro, so that SQL can sum both columns without overflow. Its zero
// value is no money. Pico is always in [0, 1e6).
type Amount struct {
	Micro int64
	Pico  int64
}

// Nano is nano-USD, the grain at which accounts count.
type Nano int64
