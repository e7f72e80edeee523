package ledgertest

import (
	"context"
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// Multipliers is ledger.Store's.
func (m *Memory) Multipliers(_ context.Context, q ledger.Query) ([]ledger.Multipliers, error) {
	retries := map[[2]any]bool{}
	for _, r := range m.All() {
		if r.Revision == 0 && r.Purpose == policy.Retry {
			retries[[2]any{r.ID, r.Attempt}] = true
		}
	}
	rows, err := grouped(m, q, func(keys []string) ledger.Multipliers { return ledger.Multipliers{Keys: keys} }, func(into *ledger.Multipliers, r *policy.Record) {
		addMultipliers(into, r, retries[[2]any{r.ID, r.Attempt}])
	})
	if err != nil {
		return nil, fmt.Errorf("query multipliers: %w", err)
	}
	ledger.SortMultipliers(rows)
	return rows, nil
}

func addMultipliers(into *ledger.Multipliers, r *policy.Record, retry bool) {
	one := ledger.Multipliers{Unpriced: r.UnpricedCalls(), Input: ledger.InputCostOf(r)}
	one.RepeatedInput = ledger.RepeatedCost(r, one.Input)
	for _, l := range r.Lines {
		one.Charged = one.Charged.Add(l.Charged)
	}
	if r.Revision == 0 {
		one.Calls, one.Bytes, one.Embedded, one.Repeated = 1, r.Shares, int64(r.Inputs), int64(r.Repeated)
	}
	if retry {
		one.Retries, one.Retried = one.Calls, one.Charged
	}
	if r.Outcome == policy.Failed || r.Outcome == policy.CutOff {
		one.Failures, one.Failed = one.Calls, one.Charged
	}
	into.Add(&one)
}
