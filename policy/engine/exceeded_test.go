package engine_test

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
)

// A call that takes more than was held for it is recorded, counted and told, in
// money or, of models that cost none, in tokens.
func TestACallThatTakesMoreThanWasHeldIsTold(t *testing.T) {
	free := price.NewRow("test:free", "local", "m*")
	free.Free = true
	prices, err := price.New([]price.Row{free})
	if err != nil {
		t.Fatal(err)
	}
	tokens := month("month", 1_000_000)
	tokens.Unit = budget.Tokens
	for _, c := range []struct {
		name   string
		rule   budget.Rule
		prices *price.Catalogue
		output int64
		why    string // empty: it did not
	}{
		{"less", month("month", usd), nil, 1000, ""},
		{"money", month("month", usd), nil, 1100, "0.0112 USD, and 0.010432 were held"},
		{"tokens, less", tokens, prices, 1000, ""},
		{"tokens", tokens, prices, 1200, "1300 tokens, and 1216 were held"},
	} {
		told := &desk{}
		e, b, reg := limited(t, func(o *engine.Options) {
			o.Alerts = told
			if c.prices != nil {
				o.Rules.Prices = c.prices
			}
		}, c.rule)
		for _, ticket := range []policy.Ticket{admit(t, e, numbered(1, "a")), admit(t, e, numbered(2, "a"))} {
			o := answered
			o.Reading.Usage = reported(100, 0, c.output)
			e.Settle(t.Context(), ticket, o)
		}
		if held := b.last(t).Held; int64(held.Nano()) != mostOfACall && c.prices == nil || !held.IsZero() && c.prices != nil {
			t.Errorf("%s: its record says that %s were held", c.name, held)
		}
		var of []policy.Ruling
		for _, r := range b.last(t).Rulings {
			if r.Did == policy.HoldExceeded {
				of = append(of, r)
			}
		}
		wanted := 0
		if c.why != "" {
			wanted = 1
			if len(of) != 1 || of[0].Rule != "holds" || of[0].Why != c.why {
				t.Errorf("%s: its record has %+v, want %q", c.name, of, c.why)
			}
		}
		if n := counted(t, reg, "farebox_hold_exceeded_total"); len(of) != wanted || n != float64(2*wanted) {
			t.Errorf("%s: %d rulings, %v counted", c.name, len(of), n)
		}
		var alerts []alert.Event
		for _, event := range told.events {
			if event.Kind == alert.HoldExceeded {
				alerts = append(alerts, event)
			}
		}
		if len(alerts) != wanted || wanted == 1 && !strings.Contains(alerts[0].Message, c.why) {
			t.Errorf("%s: told %+v", c.name, alerts)
		}
	}
}
