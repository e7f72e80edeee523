package engine_test

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/tokenizer"
)

// What a budget bounds must not go unbounded: its ticket says what is said instead.
func TestWhatABudgetChangesMustBeChanged(t *testing.T) {
	shrink := month("month", 15_000_000)
	shrink.OnExhausted = budget.Shrink
	for _, c := range []struct {
		name   string
		rule   budget.Rule
		bounds *engine.Bounds
		code   string // empty: nothing is changed
	}{
		{"enough is left", month("month", usd), nil, ""},
		{"shrunk", shrink, nil, "budget_exhausted"},
		{"strictly bounded", month("month", usd), strict(engine.RefuseIt), "cost_unbounded"},
	} {
		e, b, _ := limited(t, func(o *engine.Options) { o.Rules.Bounds = c.bounds }, c.rule)
		first, second := changeable(1), changeable(2)
		first.Content.Bytes, second.Content.Bytes = 400, 400
		admit(t, e, first)
		ticket := admit(t, e, second)
		if c.code == "" {
			if ticket.Must != 0 || ticket.Otherwise != nil {
				t.Errorf("%s: %b, %+v", c.name, ticket.Must, ticket.Otherwise)
			}
			continue
		}
		if ticket.Refusal != nil || ticket.Must != tokenizer.CapPart || ticket.Otherwise == nil || ticket.Otherwise.Code != c.code {
			t.Fatalf("%s: must %b, else %+v; refused %+v", c.name, ticket.Must, ticket.Otherwise, ticket.Refusal)
		}
		_, before := spent(t, e, "month")
		e.Settle(t.Context(), ticket, policy.Outcome{End: tokenizer.Failed, Status: ticket.Otherwise.Status, Reason: c.code, At: noon, TurnedAway: true})
		if s, held := spent(t, e, "month"); s != 0 || held != before-int64(ticket.Hold.Most) {
			t.Errorf("%s: spent %d, held %d after %d", c.name, s, held, before)
		}
		if r := b.last(t); r.Outcome != policy.Refused || r.Success || r.Reason != c.code || len(r.Lines) != 0 {
			t.Errorf("%s: its record: %+v", c.name, r)
		}
	}
}
