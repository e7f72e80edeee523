package serve

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// TestAnApprovalHoldsAtOnceAndAfterARestart, until it is revoked.
func TestAnApprovalHoldsAtOnceAndAfterARestart(t *testing.T) {
	store, now := &ledgertest.Memory{}, time.Now()
	path := &callPath{store: store, approvals: &access.Approvals{}}
	asks := func(p *callPath) bool {
		t.Helper()
		a, err := access.New([]access.Rule{{Name: "r", Deny: []string{"o3"}, Approval: true}}, p.approvals)
		if err != nil {
			t.Fatal(err)
		}
		of := func(string) string { return "" }
		return !a.Look(&access.Asked{Of: of, At: now, Team: "support", Model: "o3"}).Refused
	}
	decide := func(number int64, grant bool) {
		t.Helper()
		d := ledger.Decision{Grant: grant, By: "boss", At: now}
		if _, err := (approving{path.store, path}).DecideApproval(t.Context(), number, d, ledger.Change{At: now}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range ledger.MaxPage + 1 { // the first is on the second page, behind newer ones
		model := "o3"
		if n > 0 {
			model = "other"
		}
		a := ledger.Approval{Team: "support", Model: model, Until: now.Add(time.Hour), By: "lead", At: now}
		kept, err := store.RequestApproval(t.Context(), a, ledger.Change{At: now})
		if err == nil && n > 0 {
			_, err = store.DecideApproval(t.Context(), kept.Number, ledger.Decision{Grant: true, By: "boss", At: now}, ledger.Change{At: now})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if asks(path) {
		t.Error("what is requested is granted")
	}
	decide(1, true)
	if !asks(path) {
		t.Error("what is granted does not hold")
	}
	again := &callPath{store: store, approvals: &access.Approvals{}}
	if err := again.approve(t.Context()); err != nil || !asks(again) {
		t.Errorf("after a restart it does not hold, %v", err)
	}
	decide(1, false)
	if asks(path) {
		t.Error("what is revoked holds")
	}
}
