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
	if sent.Model == "" {
		return nil // its provider refuses it, or has one model
	}
	rec := record(a.ticket, &policy.Outcome{})
	u := tokenizer.Usage{Model: sent.Model}
	u.Set(tokenizer.Input, 1, tokenizer.Estimated)
	row, _, _ := a.rules.row(&rec, &u)
	l := policy.Line{Model: sent.Model, Class: tokenizer.Input, Quantity: 1, State: policy.Unpriced}
	charge(&l, row)
	a.rules.Terms.Apply(&l, &rec)
	if row != nil || l.Chargeable() {
		return nil
	}
	return &policy.Refusal{
		Code: "model_unpriced", Status: 403, Rule: "prices.on_unpriced",
		Message: fmt.Sprintf("Model %q has no price here, so that nobody can say what this call costs. Whoever runs this gateway can give it one.", sent.Model),
	}
}
