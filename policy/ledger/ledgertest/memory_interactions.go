package ledgertest

import (
	"context"
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// talk names an interaction.
type talk struct{ team, name string }

// Interactions is ledger.Store's.
func (m *Memory) Interactions(_ context.Context, q ledger.Query) ([]ledger.Interactions, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	calls := map[talk][]policy.Record{} // each oldest first
	for _, r := range m.All() {
		if r.Interaction != "" {
			t := talk{r.Owner.Value("team"), r.Interaction}
			calls[t] = append(calls[t], r)
		}
	}
	groups := map[string]*ledger.Interactions{}
	for t, all := range calls {
		last := lastOf(all)
		if last.Completed.Before(q.From) || !last.Completed.Before(q.To) || !fits(last, q.Where) {
			continue
		}
		keys := make([]string, len(q.By))
		for i, name := range q.By {
			keys[i] = key(last, name)
		}
		group := fmt.Sprintf("%q", keys)
		if groups[group] == nil {
			groups[group] = &ledger.Interactions{Keys: keys}
		}
		m.addTalk(groups[group], t, all)
	}
	if len(groups) > ledger.MaxRows {
		return nil, fmt.Errorf("query interactions: %w", ledger.ErrTooManyRows)
	}
	out := make([]ledger.Interactions, 0, len(groups))
	for _, g := range groups {
		out = append(out, *g)
	}
	ledger.SortInteractions(out)
	return out, nil
}

func (m *Memory) addTalk(into *ledger.Interactions, t talk, calls []policy.Record) {
	into.Interactions++
	if m.succeeded(t, lastOf(calls)) {
		into.Successful++
	}
	for i := range calls {
		if calls[i].Revision == 0 {
			into.Calls++
		}
		into.Unpriced += calls[i].UnpricedCalls()
		for _, l := range calls[i].Lines {
			into.AddTokens(l.Class, l.Quantity)
			into.Charged = into.Charged.Add(l.Charged)
		}
	}
}

// lastOf is the last record of an interaction that is no correction.
func lastOf(all []policy.Record) *policy.Record {
	for i := len(all) - 1; i > 0; i-- {
		if all[i].Revision == 0 {
			return &all[i]
		}
	}
	return &all[0]
}

// succeeded is what the later verdict says, else the last call.
func (m *Memory) succeeded(t talk, last *policy.Record) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	ofCall, one := m.verdicts[ledger.Subject{Call: last.ID}]
	ofTalk, other := m.verdicts[ledger.Subject{Team: t.team, Interaction: t.name}]
	switch {
	case other && (!one || !ofTalk.At.Before(ofCall.At)):
		return ofTalk.Success
	case one:
		return ofCall.Success
	}
	return last.Success
}
