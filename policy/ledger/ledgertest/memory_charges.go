package ledgertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/farebox/farebox/policy/ledger"
)

// Book is ledger.Store's.
func (m *Memory) Book(_ context.Context, c ledger.Charge, by ledger.Change) (ledger.Charge, bool, error) {
	if err := c.Check(); err != nil {
		return c, false, fmt.Errorf("book charge: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if there := m.charge(c.ID); there != nil {
		if !c.Again(there) {
			return c, false, ledger.ErrOtherCharge
		}
		return *there, false, nil
	}
	by.Before = nil
	if c.Of != "" {
		whole := m.charge(c.Of)
		if whole == nil {
			return c, false, ledger.ErrNoCharge
		}
		if slices.ContainsFunc(m.charges, func(o ledger.Charge) bool { return o.Of == c.Of }) {
			return c, false, ledger.ErrReversed
		}
		var err error
		if c, err = c.Reverse(whole); err != nil {
			return c, false, err
		}
		by.Before = whole.Said()
	}
	c = c.Kept()
	c.Number = int64(len(m.charges)) + 1
	m.charges = append(m.charges, c)
	by.Subject, by.After = c.String(), c.Said()
	m.note(by)
	return c, true, nil
}

// charge is the one of an ID, or nil.
func (m *Memory) charge(id string) *ledger.Charge {
	if i := slices.IndexFunc(m.charges, func(c ledger.Charge) bool { return c.ID == id }); i >= 0 {
		return &m.charges[i]
	}
	return nil
}

// Charge is ledger.Store's.
func (m *Memory) Charge(_ context.Context, id string) (c ledger.Charge, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if there := m.charge(id); there != nil {
		return *there, true, nil
	}
	return c, false, nil
}

// Charges is ledger.Store's.
func (m *Memory) Charges(_ context.Context, s ledger.ChargeSearch) (found []ledger.Charge, err error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range slices.Backward(m.charges) {
		fits := !c.At.Before(s.From) && c.At.Before(s.To) && (s.Below == 0 || c.Number < s.Below)
		for _, w := range s.Where {
			fits = fits && c.Value(w.Name) == w.Value
		}
		if fits && len(found) < s.Limit {
			found = append(found, c)
		}
	}
	return found, nil
}

// Booked is ledger.Store's.
func (m *Memory) Booked(_ context.Context, q ledger.Query) ([]ledger.Spent, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	groups := map[string]*ledger.Spent{}
	for i := range m.charges {
		c := &m.charges[i]
		if c.At.Before(q.From) || !c.At.Before(q.To) {
			continue
		}
		keys := make([]string, len(q.By))
		for k, name := range q.By {
			keys[k] = c.Value(name)
		}
		group := fmt.Sprintf("%q", keys)
		if groups[group] == nil {
			groups[group] = &ledger.Spent{Keys: keys}
		}
		groups[group].Charged += int64(c.Amount)
		groups[group].Contracted += int64(c.Amount)
	}
	rows := make([]ledger.Spent, 0, len(groups))
	for _, row := range groups {
		rows = append(rows, *row)
	}
	ledger.SortSpent(rows)
	return rows, nil
}
