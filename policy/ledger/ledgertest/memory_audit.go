package ledgertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// fits reports whether a record fits all of where.
func fits(r *policy.Record, where []ledger.Match) bool {
	return !slices.ContainsFunc(where, func(m ledger.Match) bool { return key(r, m.Name) != m.Value })
}

// List is ledger.Store's.
func (m *Memory) List(_ context.Context, s ledger.Search) ([]policy.Record, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	all := m.All()
	slices.Reverse(all)
	var found []policy.Record
	for i := range all {
		r := &all[i]
		if r.Completed.Before(s.From) || !r.Completed.Before(s.To) || !fits(r, s.Where) {
			continue
		}
		if len(found) < s.Limit && (s.After.Zero() || ledger.PlaceOf(r).Compare(s.After) < 0) {
			found = append(found, *r)
		}
	}
	return found, nil
}

// Judge is ledger.Store's.
func (m *Memory) Judge(_ context.Context, v ledger.Verdict, c ledger.Change) (ledger.Change, error) {
	if err := v.Check(); err != nil {
		return c, fmt.Errorf("keep verdict: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.Number, c.At = int64(len(m.audit))+1, micro(c.At)
	c.Subject, c.Before, c.After = v.String(), nil, v.Said()
	if before, ok := m.verdicts[v.Subject]; ok {
		c.Before = before.Said()
	}
	if m.verdicts == nil {
		m.verdicts = map[ledger.Subject]ledger.Verdict{}
	}
	v.At = micro(v.At)
	m.verdicts[v.Subject] = v
	m.audit = append(m.audit, c)
	return c, nil
}

// Note is ledger.Store's.
func (m *Memory) Note(_ context.Context, c ledger.Change) (ledger.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.Number, c.At = int64(len(m.audit))+1, micro(c.At)
	m.audit = append(m.audit, c)
	return c, nil
}

// Verdict is ledger.Store's.
func (m *Memory) Verdict(_ context.Context, s ledger.Subject) (ledger.Verdict, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.verdicts[s]
	return v, ok, nil
}

// Verdicts is ledger.Store's.
func (m *Memory) Verdicts(_ context.Context, h ledger.Hearing) ([]ledger.Verdict, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	records := m.All()
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []ledger.Verdict
	for _, v := range m.verdicts {
		team := v.Team
		if at := slices.IndexFunc(records, func(r policy.Record) bool { return r.ID == v.Call }); at >= 0 {
			team = records[at].Owner.Value("team")
		}
		in := !v.At.Before(h.From) && v.At.Before(h.To) && (h.After.Zero() || ledger.SaidOf(&v).Compare(h.After) < 0)
		if in && h.Only.Fits(v.Success) && (h.Team == "" || h.Team == team) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b ledger.Verdict) int { return ledger.SaidOf(&b).Compare(ledger.SaidOf(&a)) })
	return found[:min(len(found), h.Limit)], nil
}

// Audit is ledger.Store's.
func (m *Memory) Audit(_ context.Context, r ledger.Review) ([]ledger.Change, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []ledger.Change
	for _, c := range slices.Backward(m.audit) {
		in := !c.At.Before(r.From) && c.At.Before(r.To) && (r.Below == 0 || c.Number < r.Below)
		if in && len(found) < r.Limit && (r.Actor == "" || c.Actor == r.Actor) && (r.Action == "" || c.Action == r.Action) {
			found = append(found, c)
		}
	}
	return found, nil
}
