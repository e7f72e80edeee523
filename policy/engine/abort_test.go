package engine_test

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/tokenizer"
)

// TestWhatACallThatBrokeOffIsSettledAt: an unstreamed answer that nobody saw was
// generated all the same: as such calls are, or all that was held for it, as the
// configuration says. Of a stream what was heard is known, and counts either way.
func TestWhatACallThatBrokeOffIsSettledAt(t *testing.T) {
	const bound, choices = 5000, 2
	text := []byte("Hello there")
	for _, c := range []struct {
		name  string
		hold  bool
		bound int64
		end   policy.Outcome
		whole bool // settled at all that the caller allowed
	}{
		{"estimate", false, bound, policy.Outcome{End: tokenizer.Cut}, false},
		{"hold", true, bound, policy.Outcome{End: tokenizer.Cut}, true},
		{"hold, and the caller set no bound", true, 0, policy.Outcome{End: tokenizer.Cut}, false},
		{"hold, and some was heard", true, bound, policy.Outcome{End: tokenizer.Cut, Reading: tokenizer.Reading{Model: "m1", Text: text, TextBytes: int64(len(text))}}, false},
		{"hold, and all was told", true, bound, policy.Outcome{End: tokenizer.Cut, Reading: used(10, 3)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, b, _ := newEngine(t, func(o *engine.Options, _ *attribution.Options) { o.Rules.HoldOnAbort = c.hold })
			r := call(headers{"x-team": "a"})
			r.Call.Stream, r.Call.MaxOutput, r.Call.Choices = false, c.bound, choices
			ticket, err := e.Admit(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			c.end.Status = 200
			got := e.Settle(t.Context(), ticket, c.end)
			if got.Output <= 0 || (got.Output == bound*choices) != c.whole {
				t.Errorf("settled at %d tokens of output, of %d that were allowed", got.Output, bound*choices)
			}
			if rec := b.last(t); rec.Outcome != policy.CutOff {
				t.Errorf("outcome %s", rec.Outcome)
			}
		})
	}
}
