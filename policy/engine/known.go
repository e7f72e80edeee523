package engine

import "github.com/farebox/farebox/policy/budget"

// knownShort is how a call is refused by what its store told a moment ago, without
// asking it again.
func (e *Engine) knownShort(p *plan) budget.Short {
	if e.known.None() {
		return budget.Taken
	}
	h := p.hold
	h.Accounts = h.Accounts[:p.refusing()]
	short := e.known.Short(&h)
	if !short.OK() {
		e.metrics.known.WithLabelValues(h.Accounts[short.At].Rule).Inc()
	}
	return short
}

// refusing is how many accounts come before the first whose rule does something else
// than refuse: that one must be asked for, as what it has left decides what is done.
func (p *plan) refusing() int {
	for i := range p.hold.Accounts {
		a := &p.hold.Accounts[i]
		rule := p.rules.Budgets.Rule(a.Rule)
		if a.Soft || rule == nil {
			continue
		}
		switch rule.OnExhausted {
		case budget.Shrink, budget.Downgrade, budget.Throttle:
			return i
		}
	}
	return len(p.hold.Accounts)
}
