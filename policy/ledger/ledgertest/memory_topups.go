package ledgertest

import (
	"context"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// Topup is ledger.Store's.
func (m *Memory) Topup(_ context.Context, t ledger.Topup, c ledger.Change) (ledger.Topup, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t = t.Kept()
	t.Number = int64(len(m.topups)) + 1
	m.topups = append(m.topups, t)
	c.Subject, c.Before, c.After = t.String(), nil, t.Said()
	m.note(c)
	return t, nil
}

// GrantTopup is ledger.Store's.
func (m *Memory) GrantTopup(_ context.Context, number int64, c ledger.Change) (ledger.Topup, error) {
	return m.decideTopup(number, c, ledger.Topup.Grant)
}

// RevokeTopup is ledger.Store's.
func (m *Memory) RevokeTopup(_ context.Context, number int64, c ledger.Change) (ledger.Topup, error) {
	return m.decideTopup(number, c, ledger.Topup.Revoke)
}

func (m *Memory) decideTopup(number int64, c ledger.Change, decide func(ledger.Topup, *ledger.Change) (ledger.Topup, error)) (ledger.Topup, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number < 1 || number > int64(len(m.topups)) {
		return ledger.Topup{}, ledger.ErrNoTopup
	}
	before := m.topups[number-1]
	t, err := decide(before, &c)
	if err != nil {
		return ledger.Topup{}, err
	}
	m.topups[number-1] = t
	c.Subject, c.Before, c.After = t.String(), before.Said(), t.Said()
	m.note(c)
	return t, nil
}

// Topups is ledger.Store's.
func (m *Memory) Topups(_ context.Context, at time.Time) (found []ledger.Topup, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.topups {
		if !t.Over(micro(at)) && len(found) < ledger.MaxTopups {
			found = append(found, t)
		}
	}
	return found, nil
}
