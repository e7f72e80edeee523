package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/farebox/farebox/policy/ledger"
)

// Actions of the audit when a top-up that waits is granted or refused, and when one
// that was granted is taken back.
const (
	BudgetGrant  = ledger.ActGrantTopup
	BudgetRefuse = ledger.ActRefuseTopup
	BudgetRevoke = ledger.ActRevokeTopup
)

// TopupGranted grants a top-up.
type TopupGranted struct {
	_      struct{} `additionalProperties:"false"`
	Number int64    `json:"number" minimum:"1"`
	Reason string   `json:"reason,omitempty" maxLength:"1024" doc:"Why, for a person."`
}

// TopupRevoked refuses a top-up, or takes it back.
type TopupRevoked struct {
	_      struct{} `additionalProperties:"false"`
	Number int64    `json:"number" minimum:"1"`
	Reason string   `json:"reason" minLength:"1" maxLength:"1024" doc:"Why, for a person."`
}

// grantPost is POST /api/v1/budgets/topups/grant.
type grantPost struct{ Body TopupGranted }

func (s *server) grantTopup(ctx context.Context, who Who, q *grantPost) (*Topup, error) {
	return s.decideTopup(ctx, who, q.Body.Number, ledger.Change{Action: BudgetGrant, Reason: q.Body.Reason}, s.ledger.GrantTopup)
}

// refusePost is POST /api/v1/budgets/topups/refuse.
type refusePost struct{ Body TopupRevoked }

func (s *server) refuseTopup(ctx context.Context, who Who, q *refusePost) (*Topup, error) {
	return s.decideTopup(ctx, who, q.Body.Number, ledger.Change{Action: BudgetRefuse, Reason: q.Body.Reason}, s.ledger.RevokeTopup)
}

// revokePost is POST /api/v1/budgets/topups/revoke.
type revokePost struct{ Body TopupRevoked }

func (s *server) revokeTopup(ctx context.Context, who Who, q *revokePost) (*Topup, error) {
	return s.decideTopup(ctx, who, q.Body.Number, ledger.Change{Action: BudgetRevoke, Reason: q.Body.Reason}, s.ledger.RevokeTopup)
}

// decideTopup has one decided on that who may see. What takes less than an approver
// is for who asked for it alone.
func (s *server) decideTopup(
	ctx context.Context, who Who, number int64, c ledger.Change, decide func(context.Context, int64, ledger.Change) (ledger.Topup, error),
) (*Topup, error) {
	none := &Error{Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("there is no top-up %d that is not over", number)}
	asked, found, err := s.openTopup(ctx, who, number)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, none
	case who.Role < Approver && asked.By != who.Name:
		return nil, forbidden("deciding on a top-up that someone else has asked for takes the role approver")
	}
	c.At, c.Actor, c.Role = s.now(), who.Name, who.Role.String()
	t, err := decide(ctx, number, c)
	switch {
	case errors.Is(err, ledger.ErrOwnTopup):
		return nil, forbidden("%v: %s has asked for top-up %d, and someone else must grant it", err, who.Name, number)
	case errors.Is(err, ledger.ErrDecided), errors.Is(err, ledger.ErrEnded), errors.Is(err, ledger.ErrGranted), errors.Is(err, ledger.ErrWaits):
		return nil, &Error{Status: http.StatusConflict, Code: Conflict, Message: fmt.Sprintf("top-up %d: %v", number, err)}
	case errors.Is(err, ledger.ErrNoTopup):
		return nil, none
	case err != nil:
		return nil, fmt.Errorf("decide on top-up: %w", err)
	}
	return s.follow(ctx, &t)
}

// openTopup is one that is not over and that who may see.
func (s *server) openTopup(ctx context.Context, who Who, number int64) (t ledger.Topup, found bool, err error) {
	if s.budgets == nil {
		return t, false, nil
	}
	open, err := s.ledger.Topups(ctx, s.now())
	if err != nil {
		return t, false, fmt.Errorf("list top-ups: %w", err)
	}
	for i := range open {
		if open[i].Number == number && s.mayTopUp(who, &open[i]) {
			return open[i], true, nil
		}
	}
	return t, false, nil
}

func grantTopupOperation() operation {
	return operation{
		method: http.MethodPost, path: grantPath, id: "grant-topup", summary: "Grant a top-up",
		text:  "Grants a top-up that somebody else has asked for. Calls that come from then on follow it. It is audited.",
		least: Approver, errors: append([]int{http.StatusNotFound, http.StatusConflict}, posted...),
	}
}

func refuseTopupOperation() operation {
	return operation{
		method: http.MethodPost, path: refusePath, id: "refuse-topup", summary: "Refuse a top-up",
		text:  "Refuses a top-up that waits to be granted. Who asked for it may withdraw it; else it takes the role approver. It is audited.",
		least: Owner, errors: append([]int{http.StatusNotFound, http.StatusConflict}, posted...),
	}
}

func revokeTopupOperation() operation {
	return operation{
		method: http.MethodPost, path: revokePath, id: "revoke-topup", summary: "Revoke a top-up",
		text: "Takes back a top-up that is in force: the limit falls for calls that come from then on, and what is held for others stays. " +
			"Who asked for it may do so; else it takes the role approver. It is audited.",
		least: Owner, errors: append([]int{http.StatusNotFound, http.StatusConflict}, posted...),
	}
}
