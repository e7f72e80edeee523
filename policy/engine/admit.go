package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
)

// ownerless says why a call whose owner cannot be told should not pass, or nil.
func ownerless(a *attribution.Attribution, who *attribution.Answer) *policy.Refusal {
	var why policy.Refusal
	switch {
	case who.Unknown != "" && a.RefusesUnknown():
		why = unknownOwner(who.Unknown)
	case len(who.Missing) > 0 && a.Refuses():
		why = missingMetadata(a, who.Missing)
	default:
		return nil
	}
	return &why
}

// unknownOwner is said of a team or key; what names it is told, its value is not.
func unknownOwner(place string) policy.Refusal {
	return policy.Refusal{
		Code: "unknown_owner", Status: 403,
		Message: fmt.Sprintf("No team known to this gateway pays for this call: its %s names none.", place),
	}
}

func missingMetadata(a *attribution.Attribution, missing []string) policy.Refusal {
	hints := make([]string, len(missing))
	for i, name := range missing {
		hints[i] = name
		if how := a.How(name); how != "" {
			hints[i] += " (" + how + ")"
		}
	}
	return policy.Refusal{
		Code: "missing_metadata", Status: 400,
		Message: fmt.Sprintf("This call does not say who pays for it. Missing: %s.", strings.Join(hints, ", ")),
	}
}

// hold is what the call may consume, from the size of its request and from what
// calls like it have used.
func (e *Engine) hold(t *policy.Ticket) policy.Hold {
	sent := t.Sent()
	return policy.Hold{Input: e.o.Estimator.Input(sent), Output: e.o.Estimator.Output(sent)}
}

func (e *Engine) refuse(ctx context.Context, t policy.Ticket, why policy.Refusal) {
	now := e.o.Now()
	rec := record(&t, &policy.Outcome{Status: why.Status, At: now, Reason: why.Code})
	rec.Outcome, rec.Success = policy.Refused, false
	e.metrics.observe(&rec)
	e.keep(ctx, rec)
}
