package budget

import (
	"context"
	"time"

	"github.com/farebox/farebox/policy"
)

// Renewal ends the hold of ID and Attempt at what was spent of it so far, and holds
// Rest of it on as attempt Next until Until, in one step: nobody else can take what
// it held between. Rest is at most what was held. It may be asked for again when it
// is not known whether it was done: Spent counts once.
type Renewal struct {
	ID            policy.CallID
	Attempt, Next int // not the same
	Spent, Rest   Amounts
	Until         time.Time
}

// Renew does r. Thresholds are told as of Settle. found is false where there is
// neither the hold nor Next: it was ended, has lapsed, or was lost.
func (m *Memory) Renew(_ context.Context, r Renewal, thresholds []int) (crossed []Crossed, found bool, _ error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	before, after := attempt{r.ID, r.Attempt}, attempt{r.ID, r.Next}
	t := m.holds[before]
	if t == nil {
		return nil, m.holds[after] != nil, nil
	}
	delete(m.holds, before)
	m.holds[after] = t
	crossed = t.renew(&r, thresholds, now)
	t.Attempt, t.Until = r.Next, r.Until
	return crossed, true, nil
}

func (t *taking) renew(r *Renewal, thresholds []int, now time.Time) (crossed []Crossed) {
	for unit := range r.Rest {
		r.Rest[unit] = min(max(0, r.Rest[unit]), t.Most[unit])
	}
	for i := range t.from {
		a, c := &t.Accounts[i], t.from[i].count
		held, rest, spent := t.Most[a.Unit], r.Rest[a.Unit], r.Spent[a.Unit]
		if a.Rate > 0 {
			c.correct(cost(a, held), cost(a, plus(spent, rest)), t.from[i].full, now)
			continue
		}
		before, after := c.settle(a, held-rest, spent, t.at, now)
		crossed = appendCrossed(crossed, a, before, after, thresholds)
	}
	t.Most = r.Rest
	return crossed
}
