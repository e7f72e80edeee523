package engine_test

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
)

// The desk knows what was told and armed again; the engine spares it each call, and
// no news: that a limit was raised, or that a while has passed.
func TestThatABudgetRanOutIsToldAnew(t *testing.T) {
	told, now := &desk{}, noon
	var options *engine.Options
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Alerts, o.Now, options = told, func() time.Time { return now }, o
	}, month("month", 5_000_000))
	next := byte(0)
	refused := func(what string, want int) {
		t.Helper()
		for range 3 {
			next++
			r := numbered(next, "a")
			if r.At = now; admit(t, e, r).Refusal == nil {
				t.Fatalf("%s: call %d passed", what, next)
			}
		}
		if len(told.events) != want {
			t.Fatalf("%s: told %d times, want %d", what, len(told.events), want)
		}
	}
	refused("at first", 1)
	now = now.Add(59 * time.Second)
	refused("soon after", 1)
	now = now.Add(time.Second)
	refused("a minute after", 2)
	rules, err := budget.Compile([]budget.Rule{month("month", 6_000_000)})
	if err != nil {
		t.Fatal(err)
	}
	raised := options.Rules
	raised.Budgets = rules
	if err := e.Configure(raised); err != nil {
		t.Fatal(err)
	}
	refused("with another limit", 3)
	if first, last := told.events[0], told.events[2]; first.Limit != 5_000_000 || last.Limit != 6_000_000 {
		t.Errorf("limits told: %d and %d", first.Limit, last.Limit)
	}
}
