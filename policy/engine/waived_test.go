package engine_test

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/tokenizer"
)

// TestWhatIsWaivedIsToldAndNotBilled, and stays so when it is rated anew.
func TestWhatIsWaivedIsToldAndNotBilled(t *testing.T) {
	e, b, _ := newEngine(t, nil)
	r := policy.Request{ID: ledgertest.ID(1), Provider: "local", At: noon, Identity: headers{"x-team": "red", "x-project": "p"}, Call: tokenizer.Call{Model: "m1", Choices: 1}}
	ticket, err := e.Admit(t.Context(), &r)
	if err != nil {
		t.Fatal(err)
	}
	u := tokenizer.Usage{Model: "m1"}
	u.Set(tokenizer.Input, 507, tokenizer.Reported)
	u.Set(tokenizer.Output, 10, tokenizer.Reported)
	u.Waive(tokenizer.Input, 495)
	u.Waive(tokenizer.Output, 10)
	e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Model: "m1", Usage: []tokenizer.Usage{u}}})
	rec := b.last(t)
	if len(rec.Lines) != 2 || rec.Lines[0].Quantity != 507 || rec.Lines[0].Charged.String() != "0.000024" || !rec.Lines[1].Charged.IsZero() || !rec.Priced {
		t.Errorf("%+v", rec.Lines)
	}
	if c, changed := e.Correction([]policy.Record{rec}, "again"); changed {
		t.Errorf("rated anew it differs: %+v", c.Lines)
	}
}
