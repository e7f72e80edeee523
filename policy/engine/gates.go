package engine

import (
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/names"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// admission is one call on its way through the steps of Admit.
type admission struct {
	engine *Engine
	rules  *Rules
	who    *attribution.Answer
	ticket *policy.Ticket
}

// steps are those of Admit, in order. Each may change the ticket, or say why the
// call should not pass.
var steps = [...]func(*admission) *policy.Refusal{
	(*admission).owner, (*admission).access, (*admission).schedule, (*admission).shape, (*admission).runaway, (*admission).priced,
}

// pass takes a call through the steps and returns why it does not pass, or nil.
// In observe mode every call does, and what would have been is counted.
func (a *admission) pass() *policy.Refusal {
	for _, step := range steps {
		why := step(a)
		switch {
		case why == nil:
		case a.rules.Enforce:
			a.rule(why.Rule, policy.Refused, "")
			return why
		default:
			a.engine.metrics.wouldRefuse.WithLabelValues(why.Code).Inc()
			a.rule(why.Rule, policy.WouldRefuse, why.Code)
		}
	}
	return nil
}

// rule notes what a rule did to the call; without a rule there is nothing to note.
func (a *admission) rule(rule, did, why string) {
	if rule != "" {
		a.ticket.Rulings = append(a.ticket.Rulings, policy.Ruling{Rule: rule, Did: did, Why: why})
	}
}

// valueOf is what rules match a call by.
func valueOf(t *policy.Ticket) names.Of { return attributesOf(t, t.Provider) }

// owner is the step of attribution.
func (a *admission) owner() *policy.Refusal { return ownerless(a.rules.Attribution, a.who) }

// access is the step that says who may ask which model.
func (a *admission) access() *policy.Refusal {
	if a.rules.Access == nil {
		return nil
	}
	t := a.ticket
	v := a.rules.Access.Look(&access.Asked{
		Of: valueOf(t), At: t.At, Team: t.Owner.Value("team"), Model: t.Call.Model,
		Price: func() (money.Rate, bool) { return a.rules.dearest(t) },
	})
	switch {
	case v.Refused:
		return &policy.Refusal{Code: "model_not_allowed", Status: 403, Rule: v.Rule, Message: notAllowed(t, &v)}
	case v.Approval != 0:
		a.rule(v.Rule, policy.Passed, fmt.Sprintf("approval %d", v.Approval))
	}
	return nil
}

// dearest is the dearer of the list prices of input and output of the model that
// is asked; a model that is not paid by tokens costs nothing of them.
func (r *Rules) dearest(t *policy.Ticket) (dearest money.Rate, known bool) {
	q := price.Query{
		Provider: t.Provider, Model: t.Call.Model, Account: t.Account, Deployment: t.Deployment, Region: t.Region,
		Size: said(t.Call.Size), Quality: said(t.Call.Quality), At: t.At,
	}
	if !price.Standard(t.Call.Tier) {
		q.Tier = t.Call.Tier
	}
	row, known := r.Prices.Find(q)
	if !known {
		return 0, false
	}
	for _, class := range [...]tokenizer.Class{tokenizer.Input, tokenizer.Output} {
		if rate, _, ok := row.Rate(class); ok {
			dearest = max(dearest, rate)
		}
	}
	return dearest, true
}

// notAllowed says why a call may not ask its model, and who can change that.
func notAllowed(t *policy.Ticket, v *access.Verdict) string {
	text := fmt.Sprintf("Model %q may not be asked here", t.Call.Model)
	switch v.Cause {
	case access.TooDear:
		text += fmt.Sprintf(": it costs more than %s USD per million tokens", v.Bound)
	case access.NoPrice:
		text += fmt.Sprintf(": it has no price, and what costs more than %s USD per million tokens is restricted", v.Bound)
	case access.Nameless:
		text = "This call names no model, and only some may be asked here"
	case access.Unlisted:
		text += ": it is not among the models that this caller may ask"
	case access.Denied:
	}
	text += "."
	switch team := t.Owner.Value("team"); {
	case !v.Approvable:
	case !v.Ended.IsZero():
		text += fmt.Sprintf(" The approval of team %s ended at %s.", team, v.Ended.UTC().Format(time.RFC3339))
	default:
		text += fmt.Sprintf(" Team %s has no approval for it.", team)
	}
	if v.Approvable {
		text += ` An owner requests one ("farebox approvals request"), and an approver grants it ("farebox approvals grant").`
	}
	switch {
	case v.Ask != "":
		text += " Ask " + v.Ask + "."
	case !v.Approvable:
		text += " Whoever runs this gateway can change that."
	}
	return text
}

// schedule is the step that keeps calls that can wait for their hours.
func (a *admission) schedule() *policy.Refusal {
	if a.rules.Schedule == nil {
		return nil
	}
	now := a.engine.o.Now()
	closed := a.rules.Schedule.Look(valueOf(a.ticket), now)
	if closed == nil {
		return nil
	}
	why := policy.Refusal{Code: "off_peak_only", Status: 429, Rule: closed.Rule, Message: fmt.Sprintf("Calls of this kind may be made off-peak only: %s.", closed.Windows)}
	if !closed.Next.IsZero() {
		why.Retry = closed.Next.Sub(now)
		why.Message += fmt.Sprintf(" The next window begins at %s.", closed.Next.Format(time.RFC3339))
	}
	return &why
}
