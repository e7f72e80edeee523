package budget

import "time"

// place is an Account's Key without making a text of it.
type place struct {
	rule, of      string
	unit          Unit
	series        uint64
	start         int64 // of its window, in seconds
	rolling, rate time.Duration
}

func placeOf(a *Account) place {
	p := place{rule: a.Rule, of: a.Of, unit: a.Unit, series: a.Series}
	switch {
	case a.Rate > 0:
		p.rate = a.Rate
	case a.Rolling > 0:
		p.rolling = a.Rolling
	case !a.Start.IsZero():
		p.start = a.Start.Unix()
	}
	return p
}

// count is what was spent and is held of one account.
type count struct {
	spent, held int64  // of a Rate and of a Rolling account spent is not used
	holds       int    // that have it among their accounts
	limit       int64  // as it was given last
	told        []Told // never changed, but replaced
	end         time.Time
	since       time.Time // it was over when Lapse first looked; zero: it was not

	full  int64  // of a Rate: when it will be full again, in nanoseconds since 1970
	parts *parts // of a Rolling account
}

// take holds most in place of before, or says what is left, and when there will
// be enough by itself.
func (c *count) take(a *Account, before, most int64, now time.Time) (left int64, again time.Time, ok bool) {
	if a.Rate > 0 {
		return c.takeRate(a, before, most, now)
	}
	left = minus(minus(a.Limit, c.spentAt(a, now)), c.held)
	more := most - before
	if more <= left || a.Soft || more == 0 {
		c.held = plus(c.held, more)
		return 0, time.Time{}, true
	}
	left = max(0, left)
	switch {
	case a.Rolling > 0:
		again = c.parts.when(minus(more, left), now)
	case most <= a.Limit:
		again = a.End
	}
	return left, again, false
}

func (c *count) untake(a *Account, most, before int64) {
	if a.Rate > 0 {
		c.full -= cost(a, most) - cost(a, before)
		return
	}
	c.held = minus(c.held, most-before)
}

// settle puts what was spent in place of what was held, and says what the window
// had spent before and after. at is when the hold was taken. It is not for a Rate.
func (c *count) settle(a *Account, held, spent int64, at, now time.Time) (before, after int64) {
	c.held = minus(c.held, held)
	return c.spend(a, spent, at, now)
}

// spend counts what is spent without a hold. Rates and calls under way have no
// thresholds: of them nothing was spent before and after.
func (c *count) spend(a *Account, spent int64, at, now time.Time) (before, after int64) {
	switch {
	case a.Rate > 0:
		c.correct(0, cost(a, spent), c.full, now)
		return 0, 0
	case a.Unit == Concurrency:
		return 0, 0
	case a.Rolling > 0:
		before = c.parts.sum(now)
		c.parts.add(spent, at, now)
		return before, c.parts.sum(now)
	}
	before = c.spent
	c.spent = plus(c.spent, spent)
	return before, c.spent
}

// spentAt is what counts as spent at now. Of a Rate that is what was not refilled
// yet.
func (c *count) spentAt(a *Account, now time.Time) int64 {
	switch {
	case a.Rate > 0:
		return share(max(0, minus(c.full, now.UnixNano())), a.Limit, int64(a.Rate), true)
	case a.Rolling > 0:
		return c.parts.sum(now)
	}
	return c.spent
}

// over reports whether the account can be forgotten: nothing is held, and what was
// spent counts no more.
func (c *count) over(p *place, now time.Time) bool {
	switch {
	case c.holds > 0 || c.held != 0:
		return false
	case p.rate > 0:
		return c.full <= now.UnixNano()
	case p.rolling > 0:
		return c.parts.empty(now)
	case p.unit == Concurrency:
		return true
	}
	return !c.end.IsZero() && now.After(c.end)
}

// cost is the time in nanoseconds that an account refills n in. That is the
// generic cell rate algorithm (ITU-T I.371): what was taken moves the moment at
// which all is refilled, and that may lie no further ahead than Rate.
func cost(a *Account, n int64) int64 {
	if n < 0 {
		return -share(-n, int64(a.Rate), a.Limit, false)
	}
	return share(n, int64(a.Rate), a.Limit, true)
}

// correct counts what was taken at its true cost. Of what was taken too much, that
// comes back which was not refilled since: what lies ahead of now, had nothing else
// been taken since.
func (c *count) correct(taken, actual, full int64, now time.Time) {
	if more := actual - taken; more > 0 {
		c.full = plus(max(c.full, now.UnixNano()), more)
	} else {
		c.full -= min(-more, max(0, minus(full, now.UnixNano())))
	}
}

func (c *count) takeRate(a *Account, before, most int64, now time.Time) (left int64, again time.Time, ok bool) {
	from := max(c.full, now.UnixNano())
	full := plus(from, cost(a, most)-cost(a, before))
	ahead := minus(full, now.UnixNano())
	if ahead <= int64(a.Rate) || a.Soft || most == before {
		c.full = full
		return 0, time.Time{}, true
	}
	left = share(max(0, int64(a.Rate)-(from-now.UnixNano())), a.Limit, int64(a.Rate), false)
	if cost(a, most-before) <= int64(a.Rate) {
		again = now.Add(time.Duration(ahead) - a.Rate)
	}
	return left, again, false
}
