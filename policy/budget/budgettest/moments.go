package budgettest

import (
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// windows: a hold that was taken in one window is settled in it, whenever that is;
// the next has nothing of it.
func windows(r room) {
	yesterday := r.day("day", 100)
	today := yesterday
	today.Start, today.End = yesterday.End, yesterday.End.Add(24*time.Hour)
	for n := range 4 {
		r.take(n, 25, yesterday)
	}
	r.refused(5, 1, yesterday)
	before := r.Store.Now()
	r.Advance(25 * time.Hour)
	if moved := r.Store.Now().Sub(before); moved < 25*time.Hour || moved > 26*time.Hour {
		r.Errorf("in a day and an hour the clock moved by %v", moved)
	}
	r.take(5, 100, today)
	crossed := r.settle(0, all(20), 10)
	r.wantPercents(crossed, yesterday, 10)
	r.wantPercents(crossed, today)
	r.release(1)
	r.spend(all(5), nil, yesterday)
	r.want(yesterday, 25, 50)
	r.want(today, 0, 100)
	if n := r.lapse(); n != 2 {
		r.Errorf("%d lapsed, want 2", n)
	}
	r.want(today, 0, 100)
	r.settle(5, all(1))
	r.want(today, 1, 0)
}

// rolling: a window of sixty hours forgets what is older, up to an hour late, and
// never early. What was spent counts from when its hold was taken.
func rolling(r room) {
	a := budget.Account{Rule: "roll", Unit: budget.Charged, Limit: 100, Rolling: 60 * time.Hour}
	start := r.Store.Now()
	r.take(1, 30, a)
	r.settle(1, all(30))
	r.Advance(20 * time.Hour)
	r.take(2, 50, a)
	h := r.holdOf(3, 20, a)
	h.Until = h.Until.Add(1000 * time.Hour)
	r.reserve(h)
	r.settle(2, all(50))
	short := r.refused(4, 25, a)
	if again := short.Again.Sub(start); short.Left != 0 || again < 60*time.Hour || again > 61*time.Hour+20*time.Minute {
		r.Errorf("%+v, in %v, want an hour that begins 60 hours from the start", short, again)
	}
	if short := r.refused(4, 31, a); short.Again.Sub(start) < 80*time.Hour {
		r.Errorf("%+v: what was spent 20 hours later leaves 20 hours later", short)
	}
	if short := r.refused(4, 81, a); !short.Again.IsZero() {
		r.Errorf("%+v: what is held does not leave by itself", short)
	}
	r.Advance(39 * time.Hour)
	r.want(a, 80, 20)
	r.refused(4, 1, a)
	r.Advance(3 * time.Hour)
	r.want(a, 50, 20)
	r.take(4, 30, a)
	r.release(4)
	r.Advance(24 * time.Hour) // 86 hours from the start
	r.want(a, 0, 20)
	r.settle(3, all(15)) // of 66 hours ago
	r.want(a, 0, 0)
	r.take(5, 100, a)
	r.settle(5, all(40))
	r.spend(all(-10), nil, a)
	r.want(a, 30, 0)
	r.Advance(62 * time.Hour)
	r.want(a, 0, 0)
	r.take(6, 100, a)
}

// rollingWhole: what was spent in the middle of a part of the window counts until the
// window's length has passed.
func rollingWhole(r room) {
	a := budget.Account{Rule: "roll", Unit: budget.Charged, Limit: 100, Rolling: 60 * time.Hour}
	now := r.Store.Now()
	r.Advance(now.Truncate(time.Hour).Add(90 * time.Minute).Sub(now))
	r.take(1, 100, a)
	r.settle(1, all(100))
	r.Advance(60*time.Hour - 5*time.Minute)
	r.want(a, 100, 0)
	r.refused(2, 1, a)
	r.Advance(time.Hour)
	r.take(2, 100, a)
}

// rollingLoaded: what the ledger has counts from when it was spent.
func rollingLoaded(r room) {
	a := budget.Account{Rule: "roll", Unit: budget.Charged, Limit: 100, Rolling: 60 * time.Hour}
	now := r.Store.Now()
	r.load(
		budget.State{Account: a, Spent: 30, At: now.Add(-50 * time.Hour)}, budget.State{Account: a, Spent: 20, At: now.Add(-30 * time.Hour)},
		budget.State{Account: a, Spent: 10}, budget.State{Account: a, Spent: 1000, At: now.Add(-62 * time.Hour)},
	)
	r.want(a, 60, 0)
	short := r.refused(1, 65, a)
	if again := short.Again.Sub(now); short.Left != 40 || again < 10*time.Hour || again > 11*time.Hour+20*time.Minute {
		r.Errorf("%+v, in %v, want 40 left and more in 10 hours", short, again)
	}
	r.Advance(12 * time.Hour)
	r.want(a, 30, 0)
	r.Advance(20 * time.Hour)
	r.want(a, 10, 0)
	r.Advance(30 * time.Hour)
	r.want(a, 0, 0)
}

// rate: ten an hour, a hundred at once.
func rate(r room) {
	a := budget.Account{Rule: "rate", Of: "team", Unit: budget.Tokens, Limit: 100, Rate: 10 * time.Hour}
	r.take(1, 70, a)
	r.take(2, 30, a)
	short := r.refused(3, 20, a)
	if in := short.Again.Sub(r.Store.Now()); short.Left != 0 || in < 110*time.Minute || in > 2*time.Hour {
		r.Errorf("%+v, in %v, want 2 hours", short, in)
	}
	if short := r.refused(3, 101, a); !short.Again.IsZero() {
		r.Errorf("more than it ever has: %+v", short)
	}
	r.want(a, 100, 0)
	r.Advance(2 * time.Hour)
	r.want(a, 80, 0)
	r.take(3, 20, a)
	r.refused(4, 1, a)
	for n := range 20 {
		r.Advance(time.Hour)
		r.take(10+n, 10, a)
		if short := r.refused(9, 1, a); short.Left != 0 {
			r.Errorf("hour %d: %+v", n, short)
		}
	}
	r.Advance(1000 * time.Hour)
	r.want(a, 0, 0)
	r.take(5, 100, a)
	r.refused(6, 1, a)
	dear := budget.Account{Rule: "dear", Unit: budget.Charged, Limit: 4e17, Rate: 2000 * time.Hour} // 18 ns each
	r.spend(all(4e17-1e15), nil, dear)
	r.take(7, 1e15, dear)
	r.Advance(10 * time.Hour)
	if s := r.states(dear)[0]; s.Left() < 2e15 || s.Left() > 2e15+1e14 {
		r.Errorf("after 10 hours of 2000 %d are left", s.Left())
	}
}

// rateRefunds: what was held for too much comes back, but not what was refilled
// while the call was under way.
func rateRefunds(r room) {
	a := budget.Account{Rule: "rate", Unit: budget.Tokens, Limit: 600, Rate: 60 * time.Hour}
	r.take(1, 600, a)
	r.Advance(10 * time.Hour)
	r.settle(1, all(200))
	r.want(a, 100, 0)
	r.take(2, 100, a)
	r.Advance(60 * time.Hour)
	r.take(3, 600, a)
	r.settle(2, all(0))
	r.want(a, 600, 0)
	r.settle(3, all(900))
	r.want(a, 900, 0)
	if short := r.refused(4, 100, a); short.Left != 0 || short.Again.Sub(r.Store.Now()) < 39*time.Hour {
		r.Errorf("%+v, in %v, want 40 hours", short, short.Again.Sub(r.Store.Now()))
	}
	r.Advance(41 * time.Hour)
	r.take(4, 100, a)
	r.raise(4, all(105))
	r.release(4)
	r.want(a, 490, 0)
}

func lapses(r room) {
	accounts := r.kinds(100)
	r.take(1, 30, accounts...)
	late := r.holdOf(2, 20, accounts...)
	late.Until = late.Until.Add(10 * time.Minute)
	if short := r.reserve(late); !short.OK() {
		r.Error(short)
	}
	r.raise(1, all(40))
	r.Advance(50 * time.Minute)
	if n := r.lapse(); n != 0 {
		r.Errorf("%d lapsed before their time", n)
	}
	r.Advance(15 * time.Minute)
	if n := r.lapse(); n != 1 {
		r.Errorf("%d lapsed, want 1", n)
	}
	for _, a := range accounts {
		switch {
		case a.Unit == budget.Concurrency:
			r.want(a, 0, 20)
		case a.Rate == 0:
			r.want(a, 40, 20)
		}
	}
	r.gone(1)
	r.release(1)
	r.raise(1, all(1000))
	r.settle(2, all(1))
	for _, a := range accounts {
		if a.Rate == 0 {
			r.has(a, 41, 0)
		}
	}
	r.Advance(time.Hour)
	if n := r.lapse(); n != 0 {
		r.Errorf("%d lapsed that were settled", n)
	}
}

func lapsesMany(r room) {
	a, under := total("r", 1e6), budget.Account{Rule: "cap", Unit: budget.Concurrency, Limit: 1e6}
	for n := range 400 {
		r.take(n, int64(n), a, under)
	}
	r.Advance(2 * time.Hour)
	if n := r.lapse(); n != 400 {
		r.Errorf("%d lapsed, want 400", n)
	}
	r.want(a, 400*399/2, 0)
	r.want(under, 0, 0)
}
