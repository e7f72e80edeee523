package lease

import (
	"hash/maphash"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// share is what this replica holds of accounts that some calls count against
// together. The Store's mutex guards it.
type share struct {
	accounts []budget.Account
	counts   [len(budget.Amounts{})]bool // units of accounts

	// How it stands in the store, while it is live: as a hold of size, and what renewal
	// adds to it if that is not known to be done.
	live         bool
	id           policy.CallID
	attempt      int
	until, taken time.Time // when it lapses, and was renewed
	size         budget.Amounts
	renewal      *budget.Renewal
	ending       bool // no call takes from it; it is settled at spent
	counted      time.Time
	busy         bool
	dropped      bool          // while it was busy; no call takes from it
	done         chan struct{} // closed when it is no more busy
	steps        uint64        // how often it was busy
	exactUntil   time.Time     // until then there is too little left for a share

	// What calls did with it since it was counted, and hold.
	of          uint32 // grows with every hold: calls of an earlier one are lost
	spent, held budget.Amounts
	open        int

	// What was asked for in this period and in the one before.
	since            time.Time
	calls, callsLast int
	asked, askedLast budget.Amounts
}

// key is an account, whatever its limit.
type key struct {
	rule, of      string
	unit          budget.Unit
	series        uint64
	start         int64
	rolling, rate time.Duration
}

func keyOf(a *budget.Account) key {
	k := key{rule: a.Rule, of: a.Of, unit: a.Unit, series: a.Series, rolling: a.Rolling, rate: a.Rate}
	if !a.Start.IsZero() {
		k.start = a.Start.Unix()
	}
	return k
}

// ofShare reports whether an account can be in a share: it only adds up.
func ofShare(a *budget.Account) bool {
	return a.Rate == 0 && a.Rolling == 0 && a.Unit != budget.Concurrency
}

var seed = maphash.MakeSeed()

// hash is of accounts with their limits.
func hash(accounts []budget.Account) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range accounts {
		a := &accounts[i]
		h.WriteString(a.Rule)
		h.WriteByte(0)
		h.WriteString(a.Of)
		h.WriteByte(byte(a.Unit))
		maphash.WriteComparable(&h, [3]int64{a.Limit, a.Start.Unix(), a.End.Unix()})
		maphash.WriteComparable(&h, a.Soft)
		maphash.WriteComparable(&h, a.Series)
	}
	return h.Sum64()
}

func same(a, b []budget.Account) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x.Rule != y.Rule || x.Of != y.Of || x.Unit != y.Unit || x.Series != y.Series || x.Limit != y.Limit || x.Soft != y.Soft ||
			!x.Start.Equal(y.Start) || !x.End.Equal(y.End) {
			return false
		}
	}
	return true
}

// share is that of accounts; nil: they have none, and get none.
func (s *Store) share(accounts []budget.Account) *share {
	if s.closed || len(accounts) == 0 {
		return nil
	}
	sum := hash(accounts)
	b := s.shares[sum]
	switch {
	case b == nil && len(s.shares) < maxShares:
		b = &share{accounts: append([]budget.Account(nil), accounts...)}
		for i := range accounts {
			b.counts[accounts[i].Unit] = true
		}
		s.shares[sum] = b
	case b == nil || !same(b.accounts, accounts):
		return nil
	}
	return b
}

// ask counts demand.
func (b *share) ask(most *budget.Amounts, now time.Time) {
	if since := now.Sub(b.since); since >= period || since < 0 {
		b.callsLast, b.askedLast = 0, budget.Amounts{}
		if since < 2*period && since > 0 {
			b.callsLast, b.askedLast = b.calls, b.asked
		}
		b.since, b.calls, b.asked = now, 0, budget.Amounts{}
	}
	b.calls++
	for unit := range most {
		b.asked[unit] = budget.Sum(b.asked[unit], most[unit])
	}
}

// recent is what was asked for in the period of now or the one before, whichever was
// more.
func (b *share) recent(now time.Time) (asked budget.Amounts, calls int) {
	if now.Sub(b.since) >= 2*period {
		return asked, 0
	}
	for unit := range asked {
		asked[unit] = max(b.asked[unit], b.askedLast[unit])
	}
	return asked, max(b.calls, b.callsLast)
}

// room is what of a unit calls may still take.
func (b *share) room(unit budget.Unit) int64 {
	return max(0, b.size[unit]-b.held[unit]-max(0, b.spent[unit]))
}

// fits reports whether calls may take more.
func (b *share) fits(more *budget.Amounts) bool {
	for i := range b.accounts {
		unit := b.accounts[i].Unit
		if more[unit] > b.room(unit) && more[unit] > 0 {
			return false
		}
	}
	return true
}

// lends reports whether a call may take most until a moment.
func (b *share) lends(most *budget.Amounts, until time.Time) bool {
	return b.live && !b.ending && !b.dropped && !until.After(b.until) && b.fits(most)
}

// grows reports whether it is time that the share is raised, or begins.
func (b *share) grows(from int, now, until time.Time) bool {
	_, calls := b.recent(now)
	return !b.busy && calls >= from && !now.Before(b.exactUntil) && until.Before(now.Add(holdFor-renewAfter))
}

// hold holds more for calls that are new, or for one that is there (calls is 0).
func (b *share) hold(more *budget.Amounts, calls int) {
	for unit := range more {
		if b.counts[unit] {
			b.held[unit] += more[unit]
		}
	}
	b.open += calls
}

// end puts what a call spent in place of what it held.
func (b *share) end(most, spent *budget.Amounts) {
	b.open--
	for unit := range most {
		if b.counts[unit] {
			b.held[unit] -= most[unit]
			b.spent[unit] = budget.Sum(b.spent[unit], spent[unit])
		}
	}
}

// lose forgets the hold: it was settled, or has lapsed.
func (b *share) lose() {
	b.live, b.ending, b.renewal = false, false, nil
	b.of++
	b.size, b.spent, b.held, b.open = budget.Amounts{}, budget.Amounts{}, budget.Amounts{}, 0
}

// begin makes the share busy: only who did so asks the store about it.
func (b *share) begin() {
	b.busy, b.done = true, make(chan struct{})
	b.steps++
}

func (b *share) finish() {
	b.busy = false
	close(b.done)
}

// wanted is how much room the share is to have for what is asked for lately, where
// accounts stand so; ok is false if there is too little left for a share.
func (b *share) wanted(states []budget.State, most *budget.Amounts, now time.Time) (want budget.Amounts, ok bool) {
	asked, calls := b.recent(now)
	for i := range states {
		unit := states[i].Unit
		each := asked[unit]/int64(max(1, calls)) + 1
		least := max(most[unit], fewest*each)
		w := max(min(budget.Sum(asked[unit], asked[unit]), budget.MaxMost/4), least)
		if want[unit] > 0 {
			w = min(w, want[unit])
		}
		if !states[i].Soft {
			w = min(w, states[i].Left()/partOf)
		}
		if want[unit] = w; w < least || w > budget.MaxMost {
			return want, false
		}
	}
	return want, true
}
