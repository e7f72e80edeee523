package engine_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
	"github.com/farebox/farebox/policy/engine"
)

// renewable is a store that is away now and then, and that shares are taken of.
type renewable struct {
	*broken
	memory *budget.Memory
}

func newRenewable() renewable {
	memory := budget.NewMemory(func() time.Time { return noon })
	return renewable{&broken{Store: memory}, memory}
}

func (r renewable) Renew(ctx context.Context, of budget.Renewal, marks []int) ([]budget.Crossed, bool, error) {
	if err := r.fails(); err != nil {
		return nil, false, err
	}
	return r.memory.Renew(ctx, of, marks)
}

// However outages and ends of calls fall together, each call is spent once, whether
// its share held it, the store, or nobody.
func TestOutagesOverSharesSpendEachCallOnce(t *testing.T) {
	store := newRenewable()
	shares := lease.New(store, lease.Options{From: 1})
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Budgets, o.Rules.OpenOnError, o.Rules.Allowance = shares, true, 100
	}, month("month", usd*1000), budget.Rule{Name: "lanes", Unit: budget.Concurrency, Limit: 1000, Window: budget.Window{Every: budget.Total}})
	amidOutages(t, e, store.broken)
	if err := shares.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for rule, want := range map[string]int64{"month": 400 * costOfACall, "lanes": 0} {
		if s, h := spent(t, e, rule); s != want || h != 0 {
			t.Errorf("%s: spent %d, held %d, want %d and none", rule, s, h, want)
		}
	}
}

// under is a call under way, and the replica that has it.
type under struct {
	ticket policy.Ticket
	on     *engine.Engine
}

// Answers that grow in shares of two replicas are stopped before a limit is passed.
func TestStoppedAnswersOverspendNothingOutOfShares(t *testing.T) {
	stopped := 0
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		limit := 2_000_000_000 + random.Int64N(1_000_000_000)
		store := budget.NewMemory(func() time.Time { return noon })
		var replicas []*engine.Engine
		var shares []*lease.Store
		for range 2 {
			s := lease.New(store, lease.Options{From: 1})
			e, _, _ := limited(t, func(o *engine.Options) { stopping(o); o.Budgets = s }, month("month", limit))
			replicas, shares = append(replicas, e), append(shares, s)
		}
		stopped += grow(t, random, replicas)
		for _, s := range shares {
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if s, held := spent(t, replicas[0], "month"); s > limit || held != 0 {
			t.Fatalf("seed %d: spent %d of %d, held %d", seed, s, limit, held)
		}
	}
	if stopped < 100 {
		t.Errorf("%d answers were stopped in all", stopped)
	}
}

// grow has answers of any length grow side by side, and tells how many were stopped.
func grow(t *testing.T, random *rand.Rand, replicas []*engine.Engine) (stopped int) {
	var open []under
	for n := 0; n < 600 || len(open) > 0; n++ {
		if n < 600 && len(open) < 40 {
			r := call(headers{"x-team": "a"})
			r.ID = policy.CallID{byte(n), byte(n >> 8), 1}
			on := replicas[random.IntN(len(replicas))]
			if ticket := admit(t, on, r); ticket.Refusal == nil {
				open = append(open, under{ticket, on})
			}
		}
		if len(open) == 0 {
			continue
		}
		i := random.IntN(len(open))
		u := &open[i]
		tokens := u.ticket.Hold.Reach / 3
		why := u.on.Extend(t.Context(), &u.ticket, true)
		if why == nil && random.IntN(4) > 0 {
			continue
		}
		if why != nil {
			stopped++
		}
		o := answered
		o.Reading.Usage = reported(200, 0, tokens)
		u.on.Settle(t.Context(), u.ticket, o)
		open = slices.Delete(open, i, i+1)
	}
	return stopped
}
