package budgettest

import (
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// rollingBefore: what a hold says was spent earlier leaves a moving window earlier,
// and is not in one that it has left. Windows of the calendar have one moment.
func rollingBefore(r room) {
	a := budget.Account{Rule: "roll", Unit: budget.Charged, Limit: 100, Rolling: 60 * time.Hour, Soft: true}
	day := r.day("day", 100)
	for n, age := range []time.Duration{50 * time.Hour, 62 * time.Hour, 0} {
		h := r.holdOf(n+1, 0, a, day)
		if age > 0 {
			h.At = r.Store.Now().Add(-age)
		}
		if short := r.reserve(h); !short.OK() {
			r.Fatalf("%+v", short)
		}
		r.settle(n+1, all([]int64{40, 1000, 7}[n]))
	}
	r.want(a, 47, 0)
	r.want(day, 1047, 0)
	r.take(4, 0, a)
	r.settle(4, all(-7))
	r.want(a, 40, 0)
	r.Advance(12 * time.Hour)
	r.want(a, 0, 0)
}
