package budget

// Crossings are the thresholds of a, in percents, that what was spent went over
// from before to after. It is for stores, which alone know both at one moment.
func (a *Account) Crossings(before, after int64, thresholds []int) []Crossed {
	return appendCrossed(nil, a, before, after, thresholds)
}

// Sum is a + b, or the bound of int64 that it is beyond.
func Sum(a, b int64) int64 { return plus(a, b) }
