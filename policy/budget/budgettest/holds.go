package budgettest

import (
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// kinds are a hard account of every kind, each with the same limit. Those that
// move with the clock do so slower than a test runs.
func (r *room) kinds(limit int64) []budget.Account {
	window := r.day("window", limit)
	return []budget.Account{
		total("total", limit), window,
		{Rule: "tokens", Of: "a/b", Unit: budget.Tokens, Limit: limit, Start: window.Start, End: window.End},
		{Rule: "contracted", Unit: budget.Contracted, Limit: limit},
		{Rule: "requests", Unit: budget.Requests, Limit: limit, Rolling: 6000 * time.Hour},
		{Rule: "rate", Unit: budget.Tokens, Limit: limit, Rate: time.Duration(limit) * time.Hour},
		{Rule: "under way", Unit: budget.Concurrency, Limit: limit},
	}
}

// has holds an account of any kind to what its spent and held sums must be
// together: of a rate held is spent, and of calls under way nothing is spent.
func (r *room) has(a budget.Account, spent, held int64) {
	r.Helper()
	switch {
	case a.Rate > 0:
		r.want(a, spent+held, 0)
	case a.Unit == budget.Concurrency:
		r.want(a, 0, held)
	default:
		r.want(a, spent, held)
	}
}

func taken(r room) {
	accounts := r.kinds(100)
	for _, a := range accounts {
		r.want(a, 0, 0)
	}
	r.take(1, 60, accounts...)
	for _, a := range accounts {
		r.has(a, 0, 60)
	}
	r.take(2, 40, accounts...)
	for _, a := range accounts {
		r.has(a, 0, 100)
	}
	r.settle(1, all(25))
	for _, a := range accounts {
		r.has(a, 25, 40)
	}
	r.settle(2, all(0))
	for _, a := range accounts {
		r.has(a, 25, 0)
	}
}

// allOrNone: whichever account is short, all others are as they were, and are
// taken once it is out of the way.
func allOrNone(r room) {
	accounts := r.kinds(100)
	for i, narrow := range accounts {
		n := 10 * (i + 1)
		narrow.Rule, narrow.Limit = fmt.Sprint("narrow ", i), 10
		if narrow.Rate > 0 {
			narrow.Rate = 10 * time.Hour
		}
		with := append(append([]budget.Account{}, accounts[:i]...), narrow)
		with = append(with, accounts[i:]...)
		if short := r.refused(n, 11, with...); short.At != i || short.Left != 10 {
			r.Errorf("%s is short: %+v, want it at %d with 10 left", narrow.Rule, short, i)
		}
		for _, a := range with {
			r.want(a, 0, 0)
		}
		r.gone(n)
		r.take(n, 10, with...)
		r.release(n)
	}
}

func firstShort(r room) {
	window, under := r.day("window", 50), budget.Account{Rule: "cap", Unit: budget.Concurrency, Limit: 30}
	r.take(1, 20, window, under)
	for _, test := range []struct {
		name     string
		most     int64
		accounts []budget.Account
		at       int
		left     int64
		again    time.Time
	}{
		{"a window begins anew", 40, []budget.Account{window}, 0, 30, window.End},
		{"never enough of it", 51, []budget.Account{window}, 0, 30, time.Time{}},
		{"no window", 40, []budget.Account{total("t", 39)}, 0, 39, time.Time{}},
		{"calls end when they do", 11, []budget.Account{under}, 0, 10, time.Time{}},
		{"the second", 25, []budget.Account{window, under}, 1, 10, time.Time{}},
		{"both", 35, []budget.Account{under, window}, 0, 10, time.Time{}},
		{"both the other way", 35, []budget.Account{window, under}, 0, 30, window.End},
	} {
		short := r.refused(2, test.most, test.accounts...)
		if short.At != test.at || short.Left != test.left || !short.Again.Equal(test.again) {
			r.Errorf("%s: %+v, want %d at %d, again %v", test.name, short, test.left, test.at, test.again)
		}
	}
}

func heldOnce(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	r.take(1, 60, accounts...)
	r.take(1, 99, accounts[:2]...)
	for _, a := range accounts {
		r.has(a, 0, 60)
	}
	r.settle(1, all(10))
	for _, a := range accounts {
		r.has(a, 10, 0)
	}
}

func attempts(r room) {
	a := total("r", 100)
	for n := range 3 {
		h := r.holdOf(1, 30, a)
		h.Attempt = n
		if short := r.reserve(h); !short.OK() {
			r.Errorf("attempt %d: %+v", n, short)
		}
	}
	r.want(a, 0, 90)
	if _, found, err := r.Store.Settle(r.Context(), ID(1), 2, all(11), nil); err != nil || !found {
		r.Errorf("settle the third: %v, %v", found, err)
	}
	if err := r.Store.Release(r.Context(), ID(1), 1); err != nil {
		r.Error(err)
	}
	r.want(a, 11, 30)
	r.settle(1, all(5))
	r.want(a, 16, 0)
}

// spentMore: a call may take more than it held, and than there was.
func spentMore(r room) {
	a := r.day("r", 100)
	r.take(1, 60, a)
	r.settle(1, all(130))
	r.want(a, 130, 0)
	if s := r.states(a)[0]; s.Left() != -30 {
		r.Errorf("%d left, want -30", s.Left())
	}
	if short := r.refused(2, 1, a); short.Left != 0 || !short.Again.Equal(a.End) {
		r.Errorf("after more was spent than there is: %+v", short)
	}
}

func settledOnce(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	r.settle(1, all(30))
	r.gone(1)
	r.release(1)
	r.gone(2)
	for _, a := range accounts {
		r.has(a, 30, 0)
	}
	if n := r.lapse(); n != 0 {
		r.Errorf("%d holds lapse, want none", n)
	}
}

func released(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	r.release(1)
	r.release(1)
	r.release(2)
	r.gone(1)
	for _, a := range accounts {
		r.want(a, 0, 0)
	}
	r.take(1, 100, accounts...) // a hold may be taken again that is over
	r.settle(1, all(1))
	for _, a := range accounts {
		r.has(a, 1, 0)
	}
}

func extended(r room) {
	accounts := r.kinds(100)
	for i := range accounts { // each in its turn has too little for more than 80
		full := accounts[i]
		n := 10 * (i + 1)
		r.take(n, 20, full)
		r.take(n+1, 30, accounts...)
		if short := r.extend(n+1, all(81)); short.At != i || short.Left != 50 {
			r.Errorf("%s: raised beyond: %+v, want 50 left at %d", full.Rule, short, i)
		}
		for j, a := range accounts {
			r.has(a, 0, map[bool]int64{true: 50, false: 30}[i == j])
		}
		r.raise(n+1, all(80))
		for j, a := range accounts {
			r.has(a, 0, map[bool]int64{true: 100, false: 80}[i == j])
		}
		r.release(n)
		r.release(n + 1)
	}
	r.take(1, 30, accounts...)
	r.raise(1, all(30))
	r.raise(1, all(10))
	r.raise(1, budget.Amounts{budget.Tokens: 70, budget.Requests: 5})
	r.raise(2, all(1000))
	for _, a := range accounts {
		r.has(a, 0, map[bool]int64{true: 70, false: 30}[a.Unit == budget.Tokens])
	}
	r.settle(1, all(3))
	for _, a := range accounts {
		r.has(a, 3, 0)
	}
}

// raise raises a hold for which there must be enough.
func (r *room) raise(n int, most budget.Amounts) {
	r.Helper()
	if short := r.extend(n, most); !short.OK() {
		r.Errorf("raise hold %d to %v: %+v", n, most, short)
	}
}

func ofNothing(r room) {
	accounts := r.kinds(100)
	r.spend(all(130), nil, accounts...)
	r.take(1, 0, accounts...)
	r.raise(1, all(0))
	r.settle(1, all(0))
	r.take(2, 0)
	r.settle(2, all(9))
	r.gone(2)
}

// boundedHolds: what is more than a hold may take is not asked for.
func boundedHolds(r room) {
	a := total("r", 3*budget.MaxMost)
	r.take(1, 1<<62, a)
	r.want(a, 0, budget.MaxMost)
	r.take(2, 7, a)
	r.raise(2, all(budget.MaxMost+1))
	r.take(3, budget.MaxMost, a)
	r.want(a, 0, 3*budget.MaxMost)
	for n := range 3 {
		r.settle(n+1, all(1))
	}
	r.want(a, 3, 0)
}

// shortSpent: what is held of the account that is short is not in what it spent.
func shortSpent(r room) {
	wide, narrow := r.day("wide", 1000), r.day("narrow", 100)
	r.take(1, 30, wide, narrow)
	r.settle(1, all(25))
	r.take(2, 60, wide, narrow)
	if short := r.refused(3, 40, wide, narrow); short.At != 1 || short.Spent != 25 || short.Left != 15 {
		r.Errorf("short: %+v, want it of the second, with 25 spent and 15 left", short)
	}
	if short := r.extend(2, all(80)); short.OK() || short.Spent != 25 {
		r.Errorf("extended: %+v, want it short with 25 spent", short)
	}
}

// endedForGood: a hold that was ended for good is settled once, and not taken if it
// comes late; what is done with it otherwise finds nothing.
func endedForGood(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	for n := range 2 {
		for again := range 2 { // as its answer may be lost
			_, found, err := r.Store.End(r.Context(), ID(n+1), 0, all(5), nil)
			if err != nil || found != (n == 0 && again == 0) {
				r.Errorf("end hold %d, %d times before: found %v, %v", n+1, again, found, err)
			}
		}
	}
	for n := range 2 {
		if _, err := r.Store.Reserve(r.Context(), r.holdOf(n+1, 60, accounts...)); !errors.Is(err, budget.ErrEnded) {
			r.Errorf("hold %d is taken after it was ended: %v", n+1, err)
		}
		r.raise(n+1, all(70))
		r.gone(n + 1)
		r.release(n + 1)
	}
	again := r.holdOf(1, 95, accounts...)
	again.Attempt = 1
	if short := r.reserve(again); !short.OK() {
		r.Errorf("another attempt: %+v", short)
	}
	for _, a := range accounts {
		r.has(a, 5, 95)
	}
}

// spentOnce: what is spent under a name is spent once, and no hold of it is taken.
func spentOnce(r room) {
	accounts := r.kinds(100)
	h := r.holdOf(1, 60, accounts...)
	for again := range 2 {
		crossed, err := r.Store.Spend(r.Context(), h, []int{60})
		if err != nil {
			r.Fatal(err)
		}
		want := []int{60}
		if again > 0 {
			want = nil
		}
		r.wantPercents(crossed, accounts[0], want...)
	}
	if _, err := r.Store.Reserve(r.Context(), h); !errors.Is(err, budget.ErrEnded) {
		r.Errorf("a hold is taken of what was spent: %v", err)
	}
	r.gone(1)
	for _, a := range accounts {
		r.has(a, 60, 0)
	}
}
