package engine

import (
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Ceiling is what tokens of a model without a price are charged at, so that no
// budget is evaded by asking one. Their lines stay unpriced: when the model has a
// price, rating them anew corrects what was charged.
type Ceiling struct{ Input, Output money.Rate }

// ceilingID is the ChargeID of lines that are charged at the ceiling.
const ceilingID = "ceiling"

// cap charges a line that has no price at the ceiling. Units that are no tokens
// have none.
func (r *Rules) cap(l *policy.Line) {
	if r.Ceiling == nil || l.Chargeable() || !l.Class.IsToken() || l.Billed() == 0 {
		return
	}
	rate := r.Ceiling.Input
	if l.Class.IsOutput() {
		rate = r.Ceiling.Output
	}
	l.Charged, l.ChargeID = rate.Times(l.Billed()), ceilingID
}

// priced is the step that turns away calls of models without a price, where rules
// say so.
func (a *admission) priced() *policy.Refusal {
	if !a.rules.RefuseUnpriced {
		return nil
	}
	sent := a.ticket.Sent()
	if sent.Model == "" && sent.Queries == 0 {
		return nil // its provider refuses it, or has one model
	}
	rec := record(a.ticket, &policy.Outcome{})
	u := tokenizer.Usage{Model: sent.Model}
	u.Set(tokenizer.Input, 1, tokenizer.Estimated)
	if row, _, _ := a.rules.row(&rec, &u); row != nil || a.rules.charges(&rec, &sent) {
		return nil
	}
	what := fmt.Sprintf("Model %q", sent.Model)
	if sent.Model == "" {
		what = "What this call asks for"
	}
	return &policy.Refusal{
		Code: "model_unpriced", Status: 403, Rule: "prices.on_unpriced",
		Message: what + " has no price here, so that nobody can say what this call costs. Whoever runs this gateway can give it one.",
	}
}

// charges reports whether the terms alone have a price for a call: for its input
// or, where it is counted by its queries, for any unit that its answer may tell.
func (r *Rules) charges(rec *policy.Record, sent *tokenizer.Call) bool {
	last := tokenizer.Input
	if sent.Queries > 0 {
		last = tokenizer.Classes - 1
	}
	for class := tokenizer.Input; class <= last; class++ {
		l := policy.Line{Model: sent.Model, Class: class, Quantity: 1, State: policy.Unpriced}
		if r.Terms.Apply(&l, rec); l.Chargeable() {
			return true
		}
	}
	return false
}
