package ledgertest

import (
	"context"
	"slices"

	"github.com/farebox/farebox/policy/ledger"
)

// RequestApproval is ledger.Store's.
func (m *Memory) RequestApproval(_ context.Context, a ledger.Approval, c ledger.Change) (ledger.Approval, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a = a.Kept()
	a.State, a.Number = ledger.ApprovalRequested, int64(len(m.approvals))+1
	m.approvals = append(m.approvals, a)
	c.Number, c.At = int64(len(m.audit))+1, micro(c.At)
	c.Subject, c.Before, c.After = a.String(), nil, a.Said()
	m.audit = append(m.audit, c)
	return a, nil
}

// DecideApproval is ledger.Store's.
func (m *Memory) DecideApproval(_ context.Context, number int64, d ledger.Decision, c ledger.Change) (ledger.Approval, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number < 1 || number > int64(len(m.approvals)) {
		return ledger.Approval{}, ledger.ErrNoApproval
	}
	before := m.approvals[number-1]
	a, err := before.Decide(d)
	if err != nil {
		return a, err
	}
	m.approvals[number-1] = a
	c.Number, c.At = int64(len(m.audit))+1, micro(c.At)
	c.Subject, c.Before, c.After = a.String(), before.Said(), a.Said()
	m.audit = append(m.audit, c)
	return a, nil
}

// Approval is ledger.Store's.
func (m *Memory) Approval(_ context.Context, number int64) (a ledger.Approval, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number < 1 || number > int64(len(m.approvals)) {
		return a, false, nil
	}
	return m.approvals[number-1], true, nil
}

// Approvals is ledger.Store's.
func (m *Memory) Approvals(_ context.Context, p ledger.Petition) (found []ledger.Approval, err error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range slices.Backward(m.approvals) {
		fits := (p.Team == "" || p.Team == a.Team) && (p.State == "" || p.State == a.State) && (p.Below == 0 || a.Number < p.Below)
		if fits && len(found) < p.Limit {
			found = append(found, a)
		}
	}
	return found, nil
}
