package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// growTries is how often what budgets have left is asked for, while others take it.
const growTries = 3

// outgrown holds what is left for an answer of which heard tokens have come, or says
// why it is to stop: a budget that refuses has nothing left for more of it. In
// observe mode it goes on, and is counted.
func (e *Engine) outgrown(ctx context.Context, p *plan, heard int64) *policy.Refusal {
	accounts, want := p.stopping(), p.output
	for range growTries {
		states, err := e.o.Budgets.States(ctx, accounts)
		if err != nil {
			e.metrics.storeFailed.WithLabelValues("states").Inc()
			return nil
		}
		room, least := p.leaves(states, want)
		if least == nil {
			break // another limit is short, which stops nothing
		}
		if room < heard+leastShrunk {
			return e.stop(p, least)
		}
		p.output = room
		if short, err := e.grow(ctx, p); err != nil || short.OK() {
			return nil
		}
	}
	p.ticket.Hold.Reach = times(leastBytes, p.output) // what is left then is looked at without a hold
	return nil
}

// stopping are the accounts that may stop an answer: of budgets that refuse, in what
// grows with it.
func (p *plan) stopping() (accounts []budget.Account) {
	for _, a := range p.rules.accounts(p.ticket, p.priced.Provider) {
		if a.Kept {
			continue
		}
		refuses := slices.Contains([]budget.Action{"", budget.Refuse}, p.rules.Budgets.Rule(a.Rule).OnExhausted)
		if refuses && a.Rate == 0 && a.Unit <= budget.Tokens {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

// leaves says how long an answer may be, at most want tokens, by what accounts have left
// beside what is held for it; least is the account that bounds it, or nil.
func (p *plan) leaves(states []budget.State, want int64) (room int64, least *budget.State) {
	held := p.most(p.ticket.Hold.HeldOutput)
	for i := range states {
		s := &states[i]
		left := held[s.Unit] + max(0, s.Left())
		if p.most(want)[s.Unit] <= left {
			continue
		}
		if longest := p.longest(s.Unit, left, want, 1); least == nil || longest < room {
			room, least = longest, s
		}
	}
	return room, least
}

// stop has an answer end here, in enforce mode.
func (e *Engine) stop(p *plan, s *budget.State) *policy.Refusal {
	name := fmt.Sprintf("%q", s.Rule)
	if s.Of != "" {
		name += fmt.Sprintf(" of %q", s.Of)
	}
	why := &policy.Refusal{
		Code: "budget_exhausted", Status: 429, Reset: s.End, Rule: budgetRule(s.Rule),
		Message: fmt.Sprintf("Budget %s has too little left for more of this answer. It ends here, and what came of it is charged.", name),
	}
	did := policy.Stopped
	if !p.rules.Enforce {
		did = policy.WouldStop
	}
	e.metrics.stopped.WithLabelValues(s.Rule, did).Inc()
	p.ticket.Rulings = append(p.ticket.Rulings, policy.Ruling{Rule: why.Rule, Did: did})
	e.ranOut(p, &s.Account, s.Left())
	if !p.rules.Enforce {
		return nil
	}
	return why
}
