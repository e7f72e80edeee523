package budget_test

import (
	"errors"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// What is remembered of holds that were ended for good, and of what was spent, is
// forgotten in time.
func TestWhatWasEndedForGoodIsForgotten(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m := budget.NewMemory(func() time.Time { return now })
	accounts := []budget.Account{{Rule: "r", Limit: 100}}
	ended := budget.Hold{ID: policy.CallID{1}, Accounts: accounts, Most: budget.Amounts{5}, Until: now.Add(time.Hour)}
	spent := budget.Hold{ID: policy.CallID{2}, Accounts: accounts, Most: budget.Amounts{7}, Until: now.Add(budget.EndedFor)}
	if _, _, err := m.End(t.Context(), ended.ID, 0, budget.Amounts{}, nil); err != nil {
		t.Fatal(err)
	}
	spend := func(want int64) {
		t.Helper()
		if _, err := m.Spend(t.Context(), spent, nil); err != nil {
			t.Fatal(err)
		}
		if states, err := m.States(t.Context(), accounts); err != nil || states[0].Spent != want {
			t.Errorf("%+v, %v, want %d spent", states, err, want)
		}
	}
	spend(7)
	now = now.Add(budget.EndedFor - 1)
	spend(7)
	if _, err := m.Reserve(t.Context(), ended); !errors.Is(err, budget.ErrEnded) {
		t.Errorf("just before: %v, want %v", err, budget.ErrEnded)
	}
	now = now.Add(1)
	if _, err := m.Lapse(t.Context()); err != nil {
		t.Fatal(err)
	}
	spend(14)
	if short, err := m.Reserve(t.Context(), ended); err != nil || !short.OK() {
		t.Errorf("then: %+v, %v, want it taken", short, err)
	}
}
