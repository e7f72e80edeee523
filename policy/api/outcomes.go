package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// OutcomeSet is the action of the audit when someone says how a call turned out.
const OutcomeSet = "outcome.set"

// outcomeQuestion is GET /api/v1/outcomes.
type outcomeQuestion struct {
	Call        string `query:"call_id" maxLength:"36" doc:"A call."`
	Team        string `query:"team" maxLength:"256" doc:"Whose interaction it is. Not needed by who has one team."`
	Interaction string `query:"interaction" maxLength:"256" doc:"An interaction of the team."`
}

func (s *server) outcome(ctx context.Context, who Who, q *outcomeQuestion) (*OutcomeAnswer, error) {
	o := Outcome{Team: q.Team, Interaction: q.Interaction}
	if q.Call != "" {
		o.Call = new(policy.CallID)
		if err := o.Call.UnmarshalText([]byte(q.Call)); err != nil {
			return nil, invalid("call_id: %q is no call id", q.Call)
		}
	}
	on, err := s.subject(ctx, who, &o)
	if err != nil {
		return nil, err
	}
	v, found, err := s.ledger.Verdict(ctx, on)
	if err != nil {
		return nil, fmt.Errorf("read outcome: %w", err)
	}
	if !found {
		return nil, &Error{Status: http.StatusNotFound, Code: NotFound, Message: "nobody has said how the " + on.String() + " turned out"}
	}
	return outcomeAnswer(&v), nil
}

// outcomePost is POST /api/v1/outcomes.
type outcomePost struct{ Body Outcome }

func (s *server) setOutcome(ctx context.Context, who Who, q *outcomePost) (*OutcomeAnswer, error) {
	on, err := s.subject(ctx, who, &q.Body)
	if err != nil {
		return nil, err
	}
	v := ledger.Verdict{Subject: on, Success: q.Body.Success, Reason: q.Body.Reason, At: s.now(), By: who.Name}
	c, err := s.ledger.Judge(ctx, v, ledger.Change{At: v.At, Actor: who.Name, Role: who.Role.String(), Action: OutcomeSet, Reason: v.Reason})
	if err != nil {
		return nil, fmt.Errorf("keep outcome: %w", err)
	}
	v.At = c.At
	return outcomeAnswer(&v), nil
}

// subject is what an outcome is of: a settled call that who sees, or an
// interaction of a team that who sees.
func (s *server) subject(ctx context.Context, who Who, o *Outcome) (on ledger.Subject, err error) {
	refuse := func(format string, args ...any) (ledger.Subject, error) {
		return on, &Error{Status: http.StatusUnprocessableEntity, Code: InvalidBody, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case (o.Call != nil) == (o.Interaction != ""):
		return refuse("name either call_id or interaction")
	case o.Call != nil && o.Team != "":
		return refuse("a call has its team: leave team out")
	case o.Call != nil:
		return ledger.Subject{Call: *o.Call}, s.seesCall(ctx, who, *o.Call)
	}
	team, err := who.scope(o.Team)
	if err == nil && team == "" {
		return refuse("name the team of the interaction")
	}
	return ledger.Subject{Team: team, Interaction: o.Interaction}, err
}

// seesCall returns an error unless there is such a call, and who sees it.
func (s *server) seesCall(ctx context.Context, who Who, id policy.CallID) error {
	records, err := s.ledger.Find(ctx, id.String(), MaxMatches)
	if err != nil {
		return fmt.Errorf("find call: %w", err)
	}
	seen := func(r policy.Record) bool { return r.ID == id && who.sees(r.Owner.Value("team")) }
	if !slices.ContainsFunc(records, seen) {
		return &Error{Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("no settled call has the call id %s", id)}
	}
	return nil
}

func outcomeAnswer(v *ledger.Verdict) *OutcomeAnswer {
	a := &OutcomeAnswer{Outcome: Outcome{Team: v.Team, Interaction: v.Interaction, Success: v.Success, Reason: v.Reason}, By: v.By, At: v.At.UTC()}
	if v.Call != (policy.CallID{}) {
		a.Call = &v.Call
	}
	return a
}

func outcomeOperation() operation {
	return operation{
		method: http.MethodGet, path: outcomesPath, id: "outcome", summary: "How a call turned out",
		text: "The last word on a call or an interaction.", least: Viewer, errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}
}

func setOutcomeOperation() operation {
	return operation{
		method: http.MethodPost, path: outcomesPath, id: "set-outcome", summary: "Say how a call turned out",
		text:  "Says whether a call or an interaction did its job, in place of what was said before. It is audited.",
		least: Owner,
		errors: []int{
			http.StatusNotFound, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity,
		},
	}
}

// register serves every operation.
func (s *server) register() {
	register(s, usageOperation(), s.usage)
	register(s, interactionsOperation(), s.interactions)
	register(s, multipliersOperation(), s.multipliers)
	register(s, callsOperation(), s.calls)
	register(s, callOperation(), s.call)
	register(s, outcomeOperation(), s.outcome)
	register(s, setOutcomeOperation(), s.setOutcome)
	register(s, outcomesOperation(), s.outcomes)
	register(s, approvalsOperation(), s.approvals)
	register(s, requestApprovalOperation(), s.requestApproval)
	register(s, decideApprovalOperation(), s.decideApproval)
	s.registerAlerts()
	register(s, standingsOperation(), s.standings)
	register(s, topupsOperation(), s.topups)
	register(s, topupOperation(), s.topup)
	register(s, grantTopupOperation(), s.grantTopup)
	register(s, refuseTopupOperation(), s.refuseTopup)
	register(s, revokeTopupOperation(), s.revokeTopup)
	register(s, chargesOperation(), s.charges)
	register(s, bookOperation(), s.book)
	register(s, auditOperation(), s.audit)
	register(s, rerateOperation(), s.rerate)
}
