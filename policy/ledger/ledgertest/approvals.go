package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy/ledger"
)

// request keeps the request of a team for a model, made at Start by "owner".
func request(t *testing.T, s ledger.Store, team, model string) ledger.Approval {
	t.Helper()
	a := ledger.Approval{Team: team, Model: model, Until: Start.Add(time.Hour), Note: `for "the" pilot`, By: "owner", At: Start}
	got, err := s.RequestApproval(t.Context(), a, ledger.Change{At: Start, Actor: "owner", Role: "owner", Action: "approval.request", Reason: a.Note})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func approvalsDecided(t *testing.T, s ledger.Store) {
	decide := func(a ledger.Approval, grant bool, by string, at time.Time, want error) ledger.Approval {
		t.Helper()
		d := ledger.Decision{Grant: grant, By: by, At: at, Note: "n"}
		got, err := s.DecideApproval(t.Context(), a.Number, d, ledger.Change{At: at, Actor: by, Role: "approver", Action: "approval.grant", Reason: "n"})
		if !errors.Is(err, want) {
			t.Fatalf("grant %v by %s: %v, want %v", grant, by, err, want)
		}
		if kept, found, err := s.Approval(t.Context(), a.Number); want == nil && (err != nil || !found || !cmp.Equal(kept, got)) {
			t.Errorf("kept is %+v, %v, %v, want %+v", kept, found, err, got)
		}
		return got
	}
	a := request(t, s, "a", "o3")
	local := Start.In(time.FixedZone("", 7200)).Add(999)
	decide(a, true, "owner", local, ledger.ErrOwnApproval)
	decide(a, true, "boss", a.Until, ledger.ErrEnded)
	granted := decide(a, true, "boss", local, nil)
	want := a
	want.State, want.DecidedBy, want.DecidedAt, want.DecidedNote = ledger.ApprovalGranted, "boss", Start, "n"
	if diff := cmp.Diff(want, granted); diff != "" {
		t.Errorf("granted (-want +got):\n%s", diff)
	}
	decide(a, true, "boss", Start, ledger.ErrDecided)
	revoked := decide(a, false, "owner", Start.Add(time.Minute), nil) // who asked gives it back
	if revoked.State != ledger.ApprovalRevoked {
		t.Errorf("revoked: %+v", revoked)
	}
	decide(a, false, "boss", Start, ledger.ErrDecided)
	decide(a, true, "boss", Start, ledger.ErrDecided)
	refused := request(t, s, "a", "o4")
	decide(refused, false, "boss", Start, nil)
	decide(ledger.Approval{Number: 99}, true, "boss", Start, ledger.ErrNoApproval)
	if _, found, err := s.Approval(t.Context(), 99); found || err != nil {
		t.Errorf("an approval of no number: %v, %v", found, err)
	}
	entries, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(time.Hour), Limit: 10})
	if err != nil || len(entries) != 5 {
		t.Fatalf("the audit has %d entries, %v", len(entries), err)
	}
	grant := entries[3]
	if grant.Subject != "approval 1 of model o3 for team a" || string(grant.Before) != string(a.Said()) || string(grant.After) != string(granted.Said()) || grant.Actor != "boss" {
		t.Errorf("%+v", grant)
	}
	if first := entries[4]; first.Before != nil || string(first.After) != string(a.Said()) || first.Action != "approval.request" {
		t.Errorf("%+v", first)
	}
}

func approvalsListed(t *testing.T, s ledger.Store) {
	var all []ledger.Approval
	for i := range 5 {
		all = append(all, request(t, s, []string{"a", "b"}[i%2], "m"))
	}
	d := ledger.Decision{Grant: true, By: "boss", At: Start}
	var err error
	if all[2], err = s.DecideApproval(t.Context(), 3, d, ledger.Change{At: Start}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ask  ledger.Petition
		want []int
	}{
		{ledger.Petition{Limit: 10}, []int{5, 4, 3, 2, 1}},
		{ledger.Petition{Limit: 2}, []int{5, 4}},
		{ledger.Petition{Limit: 2, Below: 4}, []int{3, 2}},
		{ledger.Petition{Limit: 9, Team: "a"}, []int{5, 3, 1}},
		{ledger.Petition{Limit: 9, Team: "a", State: ledger.ApprovalGranted}, []int{3}},
		{ledger.Petition{Limit: 9, State: ledger.ApprovalRequested, Below: 3}, []int{2, 1}},
		{ledger.Petition{Limit: 9, Team: "c"}, nil},
	} {
		var want []ledger.Approval
		for _, n := range c.want {
			want = append(want, all[n-1])
		}
		got, err := s.Approvals(t.Context(), c.ask)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%+v: %v (-want +got):\n%s", c.ask, err, diff)
		}
	}
	for _, limit := range []int{0, ledger.MaxPage + 1} {
		if _, err := s.Approvals(t.Context(), ledger.Petition{Limit: limit}); err == nil {
			t.Errorf("a limit of %d: no error", limit)
		}
	}
}
