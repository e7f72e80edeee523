package engine

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/shape"
	"github.com/farebox/farebox/tokenizer"
)

// shape is the step that bounds answers and adds hints. It changes nothing in
// observe mode.
func (a *admission) shape() *policy.Refusal {
	if a.rules.Shape == nil {
		return nil
	}
	t := a.ticket
	w := a.rules.Shape.Of(valueOf(t))
	if w.Hint != "" && t.Changes.Has(tokenizer.HintPart) {
		if a.did(w.HintRule, "hint", fmt.Sprintf("%q", w.Hint)) {
			t.Hint = w.Hint
		}
	}
	asked := t.Call.MaxOutput
	switch {
	case w.MaxOutput == 0, asked > 0 && asked <= w.MaxOutput, a.engine.o.Estimator.Output(t.Call) == 0:
		return nil // nothing to bound
	case t.Changes.Has(tokenizer.CapPart):
		if a.did(w.CapRule, "cap", fmt.Sprintf("at most %d tokens", w.MaxOutput)) {
			t.MaxOutput = w.MaxOutput
			if w.Refuse != "" {
				t.Must, t.Otherwise = tokenizer.CapPart, unbounded(&w, "this gateway cannot set the bound where its provider reads it")
			}
		}
		return nil
	case w.Refuse != "":
		return unbounded(&w, fixed(t))
	}
	a.engine.metrics.shaped.WithLabelValues(notPossible).Inc()
	a.rule(w.CapRule, policy.NotPossible, fmt.Sprintf("at most %d tokens; %s", w.MaxOutput, fixed(t)))
	return nil
}

func unbounded(w *shape.Wish, because string) *policy.Refusal {
	return &policy.Refusal{Code: "output_unbounded", Status: 400, Rule: w.Refuse, Message: fmt.Sprintf(
		"This call must ask for at most %d tokens of output: %s. Set the bound in the request.", w.MaxOutput, because)}
}

// notPossible is the label of what could not be changed.
const notPossible = "not_possible"

// fixed says why a call cannot be changed.
func fixed(t *policy.Ticket) string {
	if t.Signed {
		return "its body is signed, so that this gateway cannot set a bound"
	}
	return "this gateway cannot set a bound in such a request"
}

// did counts and notes a change, and reports whether it is to be made.
func (a *admission) did(rule, what, why string) bool {
	a.engine.metrics.shaped.WithLabelValues(what).Inc()
	if !a.rules.Enforce {
		a.rule(rule, policy.WouldChange, why)
		return false
	}
	a.rule(rule, policy.Changed, why)
	return true
}

// runaway is the step that turns away calls that would run away, where rules say
// so: the others are flagged when they have.
func (a *admission) runaway() *policy.Refusal {
	if a.rules.Shape == nil {
		return nil
	}
	t := a.ticket
	l := a.rules.Shape.LimitOf(valueOf(t))
	if l == nil {
		return nil
	}
	if n := a.engine.o.Estimator.Input(t.Call); l.RefuseInput && l.Input > 0 && n > l.Input {
		return overlong(l.Name, fmt.Sprintf("This call has about %d tokens of input, and at most %d are taken. Send less in one call.", n, l.Input))
	}
	sent := t.Sent()
	if l.RefuseOutput && l.Output > 0 && sent.MaxOutput > l.Output/int64(max(sent.Choices, 1)) {
		return overlong(l.Name, fmt.Sprintf("This call asks for up to %d answers of %d tokens, and at most %d tokens are given. Ask for less.", max(sent.Choices, 1), sent.MaxOutput, l.Output))
	}
	return nil
}

func overlong(rule, message string) *policy.Refusal {
	return &policy.Refusal{Code: "too_many_tokens", Status: 400, Rule: rule, Message: message}
}

// flag notes on the record of a call that it ran away: that it took more tokens
// than is right for one call. What a batch did is many calls.
func (r *Rules) flag(t *policy.Ticket, rec *policy.Record) {
	if r.Shape == nil || strings.Contains(rec.Operation, "batch") {
		return
	}
	l := r.Shape.LimitOf(valueOf(t))
	if l == nil {
		return
	}
	var input, output int64
	for i := range rec.Lines {
		switch line := &rec.Lines[i]; {
		case line.Class.IsInput():
			input += line.Quantity
		case line.Class.IsOutput():
			output += line.Quantity
		}
	}
	for _, one := range [...]struct {
		did            string
		tokens, atMost int64
	}{{policy.RunawayInput, input, l.Input}, {policy.RunawayOutput, output, l.Output}} {
		if one.atMost > 0 && one.tokens > one.atMost {
			rec.Rulings = append(rec.Rulings[:len(rec.Rulings):len(rec.Rulings)],
				policy.Ruling{Rule: l.Name, Did: one.did, Why: fmt.Sprintf("%d tokens, more than %d", one.tokens, one.atMost)})
		}
	}
}
