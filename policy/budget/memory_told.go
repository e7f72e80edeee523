package budget

import (
	"context"
	"slices"
	"time"
)

var _ Teller = (*Memory)(nil)

// lookAtOnce bounds the accounts that are read under one lock.
const lookAtOnce = 500

// Look implements Teller. A store of one process is its own.
func (m *Memory) Look(_ context.Context, take func([]Watched) error) (mine bool, err error) {
	m.mu.Lock()
	n := len(m.accounts)
	m.mu.Unlock()
	all := m.places(make([]place, 0, n+n/8))
	for some := range slices.Chunk(all, lookAtOnce) {
		if err := take(m.watched(some)); err != nil {
			return true, err
		}
	}
	return true, nil
}

// places fills all with where accounts are that add up, as far as it has room.
func (m *Memory) places(all []place) []place {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.accounts {
		if len(all) == cap(all) {
			break // what came meanwhile is looked at the next time
		}
		if key.rate == 0 && key.unit != Concurrency {
			all = append(all, key)
		}
	}
	return all
}

func (m *Memory) watched(some []place) []Watched {
	now, all := m.now(), make([]Watched, 0, len(some))
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range some {
		c := m.accounts[key]
		if c == nil {
			continue
		}
		a := key.account(c)
		if !a.Over(now) {
			all = append(all, Watched{State: State{Account: a, Spent: c.spentAt(&a, now), Held: c.held}, Told: c.told})
		}
	}
	return all
}

// account is the one that is kept at p.
func (p *place) account(c *count) Account {
	a := Account{Rule: p.rule, Of: p.of, Unit: p.unit, Series: p.series, Limit: c.limit, End: c.end, Rolling: p.rolling, Rate: p.rate}
	if p.start != 0 {
		a.Start = time.Unix(p.start, 0).UTC()
	}
	return a
}

// Watch implements Teller: a Look leaves nothing out.
func (m *Memory) Watch(_ context.Context, accounts []Account) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range accounts {
		if c := m.accounts[placeOf(&accounts[i])]; c != nil {
			c.limit = accounts[i].Limit
		}
	}
	return nil
}

// Tell implements Teller.
func (m *Memory) Tell(_ context.Context, all []Crossed) error {
	now := m.now()
	told := make([]Told, 0, len(all))
	for i := range all {
		told = append(told, Told{Percent: all[i].Percent, Limit: all[i].Limit, Spent: all[i].Spent, At: now})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range all {
		if c := m.accounts[placeOf(&all[i].Account)]; c != nil {
			c.tell(told[i])
		}
	}
	return nil
}

// tell keeps t in the place of what was told of its share. What is there is not
// changed, for a Look may have given it out.
func (c *count) tell(t Told) {
	kept := make([]Told, 0, len(c.told)+1)
	for _, was := range c.told {
		if was.Percent != t.Percent || was.Limit != t.Limit {
			kept = append(kept, was)
		}
	}
	kept = append(kept, t)
	c.told = kept[max(0, len(kept)-MaxTold):]
}
