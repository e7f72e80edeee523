package budget

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy"
)

// Memory is the Store of one machine. It forgets all when the process ends: what
// was spent is then loaded from the ledger, where calls that were under way are
// settled first.
type Memory struct {
	now func() time.Time

	mu       sync.Mutex // guards all below; held for look-ups and arithmetic only
	accounts map[place]*count
	live     map[place]int // accounts by their group
	holds    map[attempt]*taking
	ended    map[attempt]time.Time // until when none of its name is taken

	most   int // accounts of a group
	shared atomic.Int64
}

var _ Store = (*Memory)(nil)

// attempt names a hold.
type attempt struct {
	id policy.CallID
	n  int
}

// taking is a hold that was taken.
type taking struct {
	Hold
	at   time.Time // when what is settled was spent
	from []part    // of Accounts, in their order

	copied bool // Accounts are not those that were given
}

// part is what a hold took of one account.
type part struct {
	*count
	made bool  // the account was not there before
	full int64 // of a Rate: when it would have been full again, had nothing else been taken since
}

// NewMemory makes a store without accounts, whose clock is now; nil: time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, accounts: map[place]*count{}, live: map[place]int{}, holds: map[attempt]*taking{}, ended: map[attempt]time.Time{}, most: MaxLive}
}

// Now implements Store.
func (m *Memory) Now() time.Time { return m.now() }

// Reserve implements Store.
func (m *Memory) Reserve(_ context.Context, h Hold) (Short, error) {
	now := m.now()
	h.Most.bound()
	fresh := &taking{Hold: h, at: h.At, from: make([]part, len(h.Accounts))}
	if h.At.IsZero() {
		fresh.at = now
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := attempt{h.ID, h.Attempt}
	if m.holds[key] != nil {
		return Taken, nil
	}
	if m.isOver(key, now) {
		return Short{}, ErrEnded
	}
	for i := range h.Accounts {
		c, of, made := m.count(&h.Accounts[i])
		fresh.from[i].count, fresh.from[i].made = c, made
		fresh.own(i, of)
	}
	if short := fresh.raise(Amounts{}, h.Most, now); !short.OK() {
		m.unmake(fresh)
		return short, nil
	}
	for i := range fresh.from {
		fresh.from[i].holds++
	}
	m.holds[key] = fresh
	return Taken, nil
}

func (a *Amounts) bound() {
	for unit := range a {
		a[unit] = min(a[unit], MaxMost)
	}
}

// raise takes what is more in most than in before from all accounts, or from none.
// An account that is there twice is asked for both together, as what was taken for
// the first is given back if the second is short.
func (t *taking) raise(before, most Amounts, now time.Time) Short {
	for i := range t.Accounts {
		a := &t.Accounts[i]
		if left, again, ok := t.from[i].take(a, before[a.Unit], most[a.Unit], now); !ok {
			for j := range i {
				b := &t.Accounts[j]
				t.from[j].untake(b, most[b.Unit], before[b.Unit])
			}
			return Short{At: i, Left: left, Spent: t.from[i].spentAt(a, now), Again: again, Shared: a.Of == Others}
		}
	}
	for i := range t.from {
		t.from[i].full = t.from[i].count.full
	}
	return Taken
}

// Extend implements Store.
func (m *Memory) Extend(_ context.Context, id policy.CallID, n int, most Amounts) (Short, error) {
	now := m.now()
	most.bound()
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.holds[attempt{id, n}]
	if t == nil {
		return Taken, nil
	}
	for unit := range most {
		most[unit] = max(most[unit], t.Most[unit])
	}
	short := t.raise(t.Most, most, now)
	if short.OK() {
		t.Most = most
	}
	return short, nil
}

// Settle implements Store.
func (m *Memory) Settle(_ context.Context, id policy.CallID, n int, spent Amounts, thresholds []int) ([]Crossed, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	crossed, found := m.settle(attempt{id, n}, spent, thresholds)
	return crossed, found, nil
}

// settle needs m.mu.
func (m *Memory) settle(key attempt, spent Amounts, thresholds []int) (crossed []Crossed, found bool) {
	t := m.holds[key]
	if t == nil {
		return nil, false
	}
	delete(m.holds, key)
	return t.settle(spent, thresholds, m.now()), true
}

func (t *taking) settle(spent Amounts, thresholds []int, now time.Time) (crossed []Crossed) {
	for i := range t.from {
		a, c := &t.Accounts[i], t.from[i].count
		c.holds--
		if a.Rate > 0 {
			c.correct(cost(a, t.Most[a.Unit]), cost(a, spent[a.Unit]), t.from[i].full, now)
			continue
		}
		before, after := c.settle(a, t.Most[a.Unit], spent[a.Unit], t.at, now)
		crossed = appendCrossed(crossed, a, before, after, thresholds)
	}
	return crossed
}

func appendCrossed(crossed []Crossed, a *Account, before, after int64, thresholds []int) []Crossed {
	for _, percent := range thresholds {
		if over(before, after, a.Limit, percent) {
			crossed = append(crossed, Crossed{Account: *a, Percent: percent, Spent: after})
		}
	}
	return crossed
}

// Release implements Store.
func (m *Memory) Release(_ context.Context, id policy.CallID, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.holds[attempt{id, n}]; t != nil {
		delete(m.holds, attempt{id, n})
		t.settle(Amounts{}, nil, m.now())
		m.tidy(t)
	}
	return nil
}

// States implements Store.
func (m *Memory) States(_ context.Context, accounts []Account) ([]State, error) {
	now := m.now()
	states := make([]State, len(accounts))
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range accounts {
		a := &accounts[i]
		states[i].Account = *a
		if _, c := m.find(a); c != nil {
			states[i].Spent, states[i].Held = c.spentAt(a, now), c.held
		}
	}
	return states, nil
}

// Load implements Store.
func (m *Memory) Load(_ context.Context, states []State) error {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := map[place]bool{}
	for i := range states {
		s := &states[i]
		key, known := m.find(&s.Account)
		fresh[key] = fresh[key] || known == nil
		if !fresh[key] {
			continue
		}
		at := s.At
		if at.IsZero() {
			at = now
		}
		c, _, _ := m.count(&s.Account)
		c.spend(&s.Account, s.Spent, at, now)
	}
	return nil
}

// Add adds the states to what accounts have spent, also to those that are there.
func (m *Memory) Add(_ context.Context, states []State) error {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range states {
		s := &states[i]
		at := s.At
		if at.IsZero() {
			at = now
		}
		c, _, _ := m.count(&s.Account)
		c.spend(&s.Account, s.Spent, at, now)
	}
	return nil
}

// keepOver is how long an account that is over is kept: a clock that was set ahead
// may be set back, into a window that has spent.
const keepOver = time.Hour

// Lapse implements Store. It also forgets accounts that have been over for long, as
// time passes and not as clocks are set.
func (m *Memory) Lapse(context.Context) (lapsed int, _ error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, t := range m.holds {
		if !now.Before(t.Until) {
			delete(m.holds, key)
			t.settle(t.Most, nil, now)
			lapsed++
		}
	}
	for key := range m.ended {
		m.isOver(key, now)
	}
	for key, c := range m.accounts {
		switch {
		case !c.over(&key, now):
			c.since = time.Time{}
		case c.since.IsZero():
			c.since = now
		case now.Sub(c.since) >= keepOver:
			m.forget(key)
		}
	}
	return lapsed, nil
}
