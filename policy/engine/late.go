package engine

import (
	"errors"
	"slices"

	"github.com/farebox/farebox/policy/budget"
)

// ErrAway says that a store that others share did not answer.
var ErrAway = errors.New("the store of budgets does not answer")

// StartLate has calls decided on as while the store is away, until Refill has given
// it what it misses: a store that comes after us may not know all of our budgets.
// It is for a start at which Fill found it away, before the first call.
func (e *Engine) StartLate() {
	e.filling.late.Store(true)
	e.storeDown(e.rules.Load().passesAway())
}

// passesAway reports whether calls may pass while the store is away.
func (r *Rules) passesAway() bool { return r.OpenOnError || !r.Enforce }

// inTime sees to it that rules whose accounts begin with what the ledger has are
// spent of nothing that waits for the store, as that is in the ledger.
func (b *accounts) inTime(rules *budget.Rules, begin []*budget.Rule) {
	read := func(a budget.Account) bool {
		now, is := rules.Of(a.Rule, a.Of, a.Start)
		return is && now.Series == a.Series && slices.Contains(begin, rules.Rule(a.Rule))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.unsettled {
		s := &b.unsettled[i]
		s.others = slices.DeleteFunc(slices.Clone(s.others), read)
		s.added = slices.DeleteFunc(slices.Clone(s.added), read)
	}
}
