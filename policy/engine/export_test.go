package engine

import (
	"slices"

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
	return slices.DeleteFunc(marksOf(rules), func(mark string) bool { return mark == without })
}

// RulesOf are the budgets in use.
func RulesOf(e *Engine) *budget.Rules { return e.rules.Load().Budgets }
