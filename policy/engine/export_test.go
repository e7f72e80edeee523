package engine

import (
	"slices"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// Remembered is how many failed calls are remembered.
func (e *Engine) Remembered() int {
	e.failed.mu.Lock()
	defer e.failed.mu.Unlock()
	return len(e.failed.last)
}

// MarksWithout are those of all rules but one.
func MarksWithout(rules *budget.Rules, name string) []string {
	without := rules.Rule(name).Mark()
	return slices.DeleteFunc(marksOf(rules, time.Now()), func(mark string) bool { return mark == without })
}

// RulesOf are the budgets in use.
func RulesOf(e *Engine) *budget.Rules { return e.rules.Load().Budgets }

// Unasked are the tiers that calls did not ask for.
type Unasked struct{ unasked }

// Note remembers a tier of an account.
func (u *Unasked) Note(account, tier string, now time.Time) bool {
	return u.note(tiered{account: account}, tier, now)
}

// Holds reports whether a tier of an account is remembered.
func (u *Unasked) Holds(account, tier string) bool {
	return !last(u.of(tiered{account: account}), tier).IsZero()
}

// MostTiered is how many accounts have one at most.
const MostTiered = mostTiered
