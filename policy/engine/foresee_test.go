package engine_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/tokenizer"
)

// In observe mode a call goes as it was asked and is held so, and its record says
// what enforce mode would do: refuse only what that would refuse.
func TestObserveForeseesWhatEnforceDoes(t *testing.T) {
	bare := changeable(2)
	bare.Content = tokenizer.Content{Bytes: 500}
	fixed := numbered(2, "a")
	fixed.Content, fixed.Signed = bare.Content, true
	shrink, throttle := month("month", 15_000_000), month("month", 15_000_000)
	shrink.OnExhausted = budget.Shrink
	throttle.OnExhausted, throttle.Throttled = budget.Throttle, 1
	for _, c := range []struct {
		name   string
		rule   budget.Rule
		bounds *engine.Bounds
		call   *policy.Request
		want   policy.Ruling // Why begins with it
	}{
		{"refuse", month("month", 15_000_000), nil, changeable(2), policy.Ruling{Rule: "budget month", Did: policy.WouldRefuse, Why: "budget_exhausted"}},
		{"shrink", shrink, nil, changeable(2), policy.Ruling{Rule: "budget month", Did: policy.WouldChange, Why: "at most 413 tokens"}},
		{"shrink what is signed", shrink, nil, numbered(2, "a"), policy.Ruling{Rule: "budget month", Did: policy.WouldRefuse, Why: "budget_exhausted"}},
		{"throttle", throttle, nil, changeable(2), policy.Ruling{Rule: "budget month", Did: policy.WouldChange, Why: "exhausted"}},
		{"strict", month("month", usd), strict(engine.RefuseIt), bare, policy.Ruling{Rule: "holds", Did: policy.WouldChange, Why: "at most 4000 tokens"}},
		{"strict, of what is signed", month("month", usd), strict(engine.RefuseIt), fixed, policy.Ruling{Rule: "holds", Did: policy.WouldRefuse, Why: "cost_unbounded"}},
	} {
		for _, enforce := range []bool{false, true} {
			e, _, reg := limited(t, func(o *engine.Options) { o.Rules.Enforce, o.Rules.Bounds = enforce, c.bounds }, c.rule)
			if c.bounds == nil {
				admit(t, e, changeable(1))
			}
			_, before := spent(t, e, "month")
			ticket := admit(t, e, c.call)
			refuses := c.want.Did == policy.WouldRefuse
			if enforce {
				if did := (ticket.Refusal != nil); did != refuses {
					t.Errorf("%s: enforce refused %v, and %v was foreseen", c.name, did, refuses)
				}
				continue
			}
			if ticket.Refusal != nil || ticket.MaxOutput != 0 || ticket.Model != "" || !ticket.Hold.Taken || len(ticket.Rulings) != 1 {
				t.Fatalf("%s: %+v", c.name, ticket)
			}
			got := ticket.Rulings[0]
			if got.Rule != c.want.Rule || got.Did != c.want.Did || !strings.HasPrefix(got.Why, c.want.Why) {
				t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
			}
			if _, held := spent(t, e, "month"); held-max(before, 0) < mostOfACall {
				t.Errorf("%s: held %d for it, it may take %d", c.name, held-before, mostOfACall)
			}
			if n := counted(t, reg, "farebox_would_refuse_total"); (n == 1) != refuses || n > 1 {
				t.Errorf("%s: %v are counted as would be refused", c.name, n)
			}
		}
	}
}

// counted is the sum of a family of counters.
func counted(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
