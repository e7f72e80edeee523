package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// allowance is what calls may take of accounts while their store does not answer: a
// part of each limit, of this process alone. It has what passed and was not counted
// in the store yet: calls under way at the most that they may take, and calls that
// have ended at what they took. What is counted leaves it.
type allowance struct {
	e *Engine

	mu    sync.Mutex                    // guards all below; held over no I/O. accounts.mu may be taken under it
	local *budget.Memory                // nil: nothing passed that is not counted
	under map[policy.CallID]budget.Hold // of calls that passed and have not ended
}

// take lets a call pass within percent of its limits, or says why it must not.
func (a *allowance) take(h *budget.Hold, percent int) *policy.Refusal {
	part := *h
	part.Accounts = slices.Clone(h.Accounts)
	short := budget.Taken
	for i := range part.Accounts {
		p := &part.Accounts[i]
		p.Limit = p.Limit/100*int64(percent) + p.Limit%100*int64(percent)/100
		if p.Limit <= 0 && !p.Soft && h.Most[p.Unit] > 0 && short.OK() {
			short.At = i // of a rate, a store takes a limit of 0 for no limit
		}
	}
	if short.OK() {
		short = a.reserve(part)
	}
	if short.OK() {
		return nil
	}
	why := usedUp(&h.Accounts[short.At])
	a.e.metrics.exhausted.WithLabelValues(h.Accounts[short.At].Rule, "refuse").Inc()
	return &why
}

// reserve takes what a call may take at most. As nobody is asked who could be away,
// there is no error.
func (a *allowance) reserve(h budget.Hold) budget.Short {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.local == nil {
		a.local, a.under = budget.NewMemory(a.e.o.Budgets.Now), map[policy.CallID]budget.Hold{}
	}
	short, _ := a.local.Reserve(context.Background(), h)
	if short.OK() {
		a.under[h.ID] = h
	}
	return short
}

// ended puts what a call took in place of what it might have; counted says that the
// store has it already. Of a call that did not pass here it changes nothing.
func (a *allowance) ended(s *settlement, counted bool) {
	if !s.passed {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, passed := a.under[s.id]; !passed {
		return
	}
	delete(a.under, s.id)
	spent := s.spent
	if counted {
		spent = budget.Amounts{}
	}
	_, _, _ = a.local.Settle(context.Background(), s.id, 0, spent, nil)
	a.tidy()
}

// counted forgets what ended calls took, if all of it is counted in the store now.
func (a *allowance) counted() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.local == nil || a.e.budgets.waiting() {
		return
	}
	a.local = budget.NewMemory(a.e.o.Budgets.Now)
	for _, h := range a.under {
		h.Accounts = softened(h.Accounts)
		_, _ = a.local.Reserve(context.Background(), h)
	}
	a.tidy()
}

// tidy drops what has nothing in it. a.mu must be held.
func (a *allowance) tidy() {
	if len(a.under) == 0 && !a.e.budgets.waiting() {
		a.local, a.under = nil, nil
	}
}

// lapse forgets windows that are over.
func (a *allowance) lapse() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.local != nil {
		_, _ = a.local.Lapse(context.Background())
	}
}

// usedUp says which limit a call would break that passes without the store.
func usedUp(a *budget.Account) policy.Refusal {
	r := policy.Refusal{Code: "budget_exhausted", Status: 429, Retry: time.Second, Rule: budgetRule(a.Rule)}
	kind := "Budget"
	if a.Rate > 0 || a.Unit == budget.Concurrency {
		r.Code, kind = "rate_limited", "Limit"
	}
	name := fmt.Sprintf("%s %q", kind, a.Rule)
	if a.Of != "" {
		name += fmt.Sprintf(" of %q", a.Of)
	}
	r.Message = name + ": the store that knows what is left is away, and too little is left of what may pass until it is back. Try again shortly."
	return r
}
