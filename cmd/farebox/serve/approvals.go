package serve

import (
	"context"
	"fmt"

	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/ledger"
)

// approving is the ledger as the operator's API sees it: a decision on an approval
// holds for the calls that come after the answer, and so does a charge.
type approving struct {
	ledger.Store
	path *callPath
}

// DecideApproval decides, and has calls follow.
func (a approving) DecideApproval(ctx context.Context, number int64, d ledger.Decision, c ledger.Change) (ledger.Approval, error) {
	decided, err := a.Store.DecideApproval(ctx, number, d, c)
	if err != nil {
		return decided, err
	}
	return decided, a.path.approve(context.WithoutCancel(ctx))
}

// Book books a charge, once among all replicas, and has budgets count it.
func (a approving) Book(ctx context.Context, c ledger.Charge, by ledger.Change) (ledger.Charge, bool, error) {
	if a.path.relay == nil {
		return a.path.engine.Book(ctx, c, by)
	}
	return a.path.relay.Book(ctx, c, by, a.path.engine.Book)
}

// Charge returns a charge; the error of one that another replica has says which.
func (a approving) Charge(ctx context.Context, id string) (ledger.Charge, bool, error) {
	if a.path.relay == nil {
		return a.Store.Charge(ctx, id)
	}
	return a.path.relay.Charge(ctx, id)
}

// approve reads the approvals that were granted, those that have ended too, so that
// a refusal can say so.
func (p *callPath) approve(ctx context.Context) error {
	p.approveTurn.Lock() // so that an older reading does not replace a newer one
	defer p.approveTurn.Unlock()
	var all []access.Grant
	ask := ledger.Petition{State: ledger.ApprovalGranted, Limit: ledger.MaxPage}
	for {
		page, err := p.store.Approvals(ctx, ask)
		if err != nil {
			return fmt.Errorf("read approvals: %w", err)
		}
		for i := range page {
			a := &page[i]
			all = append(all, access.Grant{Number: a.Number, Team: a.Team, Model: a.Model, Until: a.Until})
			ask.Below = a.Number
		}
		if len(page) < ask.Limit || len(all) >= maxGrants {
			break
		}
	}
	p.approvals.Set(all)
	return nil
}

// maxGrants bounds the approvals that are remembered, the newest first.
const maxGrants = 100_000
