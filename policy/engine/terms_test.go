package engine_test

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

func settled(t *testing.T, e *engine.Engine, model string, usage []tokenizer.Usage) policy.Receipt {
	t.Helper()
	asked := call(headers{"x-team": "support"})
	asked.Call.Model = model
	ticket, err := e.Admit(t.Context(), asked)
	if err != nil || ticket.Refusal != nil {
		t.Fatalf("Admit = %+v, %v", ticket, err)
	}
	return e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon.Add(time.Second), Reading: tokenizer.Reading{Model: model, Usage: usage}})
}

func withTerms(t *testing.T, o terms.Options) (*engine.Engine, *book) {
	t.Helper()
	all, err := terms.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e, b, _ := newEngine(t, func(o *engine.Options, _ *attribution.Options) { o.Rules.Terms = all })
	return e, b
}

func TestListIsDiscountedThenCharged(t *testing.T) {
	e, b := withTerms(t, terms.Options{
		Discounts: []terms.Discount{{ID: "d", Match: terms.Match{Provider: []string{"local"}}, Off: 120_000}}, // 12 %
		Card:      []terms.CardRow{{ID: "c", Match: terms.Match{Model: []string{"m*"}}, Meter: "output", Unit: terms.Unit{Per: 1000, Name: "token"}, Price: money.Amount{Micro: 40_000}}},
	})
	got := settled(t, e, "m1", reported(1000, 0, 50))
	if got.Cost.String() != "0.00376" || !got.Priced {
		t.Errorf("receipt = %+v (%s)", got, got.Cost)
	}
	for i, want := range [][3]string{{"0.002", "0.00176", "0.00176"}, {"0.0005", "0.00044", "0.002"}} {
		l := b.last(t).Lines[i]
		if moneys := [3]string{l.List.String(), l.Contracted.String(), l.Charged.String()}; moneys != want || l.ContractID != "d" {
			t.Errorf("%v: %v by %q and %q, want %v", l.Class, moneys, l.ContractID, l.ChargeID, want)
		}
	}
}

// TestARateCardPricesWhatHasNoListPrice: what the team owes is known, what the
// provider's list says is not, and neither is taken for the other.
func TestARateCardPricesWhatHasNoListPrice(t *testing.T) {
	e, b := withTerms(t, terms.Options{Card: []terms.CardRow{
		{ID: "c", Match: terms.Match{Model: []string{"other"}}, Unit: terms.Unit{Per: 1, Name: "token"}, Price: money.Amount{Micro: 5}},
	}})
	if got := settled(t, e, "other", reported(1000, 0, 50)); !got.Priced || got.Cost.String() != "0.00525" {
		t.Errorf("receipt = %+v (%s)", got, got.Cost)
	}
	if rec := b.last(t); rec.Priced || rec.Lines[0].State != policy.Unpriced || rec.Lines[0].Paid() || !rec.Lines[0].Chargeable() {
		t.Errorf("record = %+v", rec)
	}
	if got := settled(t, e, "another", reported(1000, 0, 50)); got.Priced || !got.Cost.IsZero() {
		t.Errorf("without any price: receipt = %+v (%s)", got, got.Cost)
	}
}

func TestVolumeCountsCallsOnceAndWhole(t *testing.T) {
	e, b := withTerms(t, terms.Options{Discounts: []terms.Discount{{ID: "d", Volume: []terms.Band{{Above: 1050, Off: 500_000}}}}})
	for i, want := range []string{"d", "d.volume[0]"} {
		settled(t, e, "m1", reported(1000, 0, 50))
		for _, l := range b.last(t).Lines {
			if l.ContractID != want {
				t.Errorf("call %d, %v: discount %q, want %q", i, l.Class, l.ContractID, want)
			}
		}
	}
}
