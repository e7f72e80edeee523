package lease_test

import (
	"context"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
)

// away is a store that does not answer while it is told so, and does what is asked
// all the same or not.
type away struct {
	*budget.Memory
	isAway, does bool
}

func (a *away) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	if !a.isAway {
		return a.Memory.Reserve(ctx, h)
	}
	if a.does {
		_, _ = a.Memory.Reserve(ctx, h)
	}
	return budget.Short{}, errLost
}

func (a *away) Settle(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) ([]budget.Crossed, bool, error) {
	if a.isAway {
		return nil, false, errLost
	}
	return a.Memory.Settle(ctx, id, n, spent, marks)
}

// A call whose share took it while the store did not say whether it took its part
// has been taken if that is there. Else who settles it is told that it was not, and
// counts it elsewhere: its share does not count it too.
func TestACallThatTheStoreDidNotAnswerIsCountedOnce(t *testing.T) {
	for _, does := range []bool{false, true} {
		for _, longer := range []bool{false, true} {
			now := time.Unix(1_700_000_000, 0)
			shared := &away{Memory: budget.NewMemory(func() time.Time { return now }), does: does}
			s := lease.New(shared, lease.Options{From: 1})
			accounts := []budget.Account{
				{Rule: "month", Unit: budget.Charged, Limit: 1_000_000, Start: now, End: now.Add(time.Hour)},
				{Rule: "under way", Unit: budget.Concurrency, Limit: 100},
			}
			hold := func(id byte) budget.Hold {
				return budget.Hold{ID: policy.CallID{id}, Accounts: accounts, Most: budget.Amounts{10, 0, 0, 0, 1}, Until: now.Add(time.Hour)}
			}
			if short, err := s.Reserve(t.Context(), hold(1)); err != nil || !short.OK() {
				t.Fatal(short, err)
			}
			shared.isAway = true
			for range 2 {
				if _, err := s.Reserve(t.Context(), hold(2)); err == nil {
					t.Fatal("a store that is away answers")
				}
			}
			spent := budget.Amounts{7}
			if longer {
				if _, found, err := s.Settle(t.Context(), policy.CallID{2}, 0, spent, nil); err == nil {
					t.Fatal("a store that is away settles", found)
				}
			}
			shared.isAway = false
			_, found, err := s.Settle(t.Context(), policy.CallID{2}, 0, spent, nil)
			if err != nil || found != does {
				t.Errorf("taken %v, away for longer %v: found %v, %v", does, longer, found, err)
			}
			if err := s.Release(t.Context(), policy.CallID{1}, 0); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			states, err := shared.States(t.Context(), accounts)
			if err != nil {
				t.Fatal(err)
			}
			want := int64(0)
			if does {
				want = 7
			}
			if states[0].Spent != want || states[0].Held != 0 || states[1].Held != 0 {
				t.Errorf("taken %v, away for longer %v: %+v, want %d spent and nothing held", does, longer, states, want)
			}
		}
	}
}
