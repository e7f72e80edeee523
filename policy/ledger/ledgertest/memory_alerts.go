package ledgertest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// Raise is ledger.Store's.
func (m *Memory) Raise(_ context.Context, a ledger.Alert) (ledger.Alert, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a = a.Kept()
	var family []ledger.Alert
	for _, o := range m.alerts {
		switch {
		case o.Rearmed:
		case o.Key == a.Key:
			return o.Kept(), false, nil
		case a.Family != "" && o.Family == a.Family:
			family = append(family, o.Kept())
		}
	}
	for _, o := range a.Place(family, m.mutes) {
		m.alerts[o.Number-1] = o
	}
	a.Number = int64(len(m.alerts)) + 1
	m.alerts = append(m.alerts, a)
	return a.Kept(), true, nil
}

// Tell is ledger.Store's.
func (m *Memory) Tell(_ context.Context, numbers []int64, d ledger.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range numbers {
		if n >= 1 && n <= int64(len(m.alerts)) {
			m.alerts[n-1].Tell(d)
			m.alerts[n-1] = m.alerts[n-1].Kept()
		}
	}
	return nil
}

// Untold is ledger.Store's.
func (m *Memory) Untold(_ context.Context, receiver string, limit int) (found []ledger.Alert, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.alerts {
		open := func(d ledger.Delivery) bool {
			return d.State == ledger.AlertNew && (receiver == "" || d.Receiver == receiver)
		}
		if len(found) < limit && slices.ContainsFunc(a.Deliveries, open) {
			found = append(found, a.Kept())
		}
	}
	return found, nil
}

// Alert is ledger.Store's.
func (m *Memory) Alert(_ context.Context, number int64) (ledger.Alert, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number < 1 || number > int64(len(m.alerts)) {
		return ledger.Alert{}, ledger.ErrNoAlert
	}
	return m.alerts[number-1].Kept(), nil
}

// Alerts is ledger.Store's.
func (m *Memory) Alerts(_ context.Context, s ledger.AlertSearch) (found []ledger.Alert, err error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range slices.Backward(m.alerts) {
		in := !a.At.Before(s.From) && a.At.Before(s.To) && (s.Below == 0 || a.Number < s.Below) && (!s.Review || a.Unreviewed())
		for _, want := range [][2]string{{s.State, a.State()}, {s.Severity, a.Severity}, {s.Kind, a.Kind}, {s.Rule, a.Rule}, {s.Of, a.Of}, {s.Team, a.Team}} {
			in = in && (want[0] == "" || want[0] == want[1])
		}
		if in && len(found) < s.Limit {
			found = append(found, a.Kept())
		}
	}
	return found, nil
}

// Acknowledge is ledger.Store's.
func (m *Memory) Acknowledge(_ context.Context, number int64, c ledger.Change) (ledger.Alert, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number < 1 || number > int64(len(m.alerts)) {
		return ledger.Alert{}, ledger.ErrNoAlert
	}
	a := m.alerts[number-1]
	c.Subject, c.Before = a.Subject(), json.RawMessage(fmt.Sprintf("%q", a.State()))
	a.Acknowledge(&c)
	c.After = json.RawMessage(fmt.Sprintf("%q", a.State()))
	m.alerts[number-1] = a.Kept()
	m.note(c)
	return a.Kept(), nil
}

// note appends to the audit; m.mu is held.
func (m *Memory) note(c ledger.Change) {
	c.Number, c.At = int64(len(m.audit))+1, micro(c.At)
	m.audit = append(m.audit, c)
}

// Rearm is ledger.Store's.
func (m *Memory) Rearm(_ context.Context, on ledger.Mute, c ledger.Change) (n int, err error) {
	if err := on.Check(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.alerts {
		a := &m.alerts[i]
		if !a.Rearmed && a.Rule == on.Rule && (on.Of == "" || a.Of == on.Of) && (on.Team == "" || a.Team == on.Team) {
			a.Rearmed = true
			n++
		}
	}
	c.Subject, c.After = on.String(), json.RawMessage(fmt.Sprintf(`{"rearmed":%d}`, n))
	m.note(c)
	return n, nil
}

// Mute is ledger.Store's.
func (m *Memory) Mute(_ context.Context, mute ledger.Mute, c ledger.Change) error {
	if err := mute.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.Subject = mute.String()
	m.mutes = slices.DeleteFunc(m.mutes, func(o ledger.Mute) bool {
		same := o.Rule == mute.Rule && o.Of == mute.Of && o.Team == mute.Team
		if same {
			c.Before = o.Said()
		}
		return same
	})
	mute.At, mute.Until = micro(mute.At), micro(mute.Until)
	if mute.Until.After(mute.At) {
		c.After = mute.Said()
		m.mutes = append(m.mutes, mute)
	}
	m.note(c)
	return nil
}

// Mutes is ledger.Store's.
func (m *Memory) Mutes(_ context.Context, at time.Time) (found []ledger.Mute, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mute := range m.mutes {
		if mute.Until.After(at) {
			found = append(found, mute)
		}
	}
	slices.SortFunc(found, func(a, b ledger.Mute) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Team, b.Team))
	})
	return found, nil
}
