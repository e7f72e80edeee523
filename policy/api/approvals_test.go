package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

func TestAnApprovalIsRequestedByOneAndGrantedByAnother(t *testing.T) {
	s, m := kept(t)
	lead, boss := as(s, "owner/support"), as(s, "approver")
	now := ledgertest.Start.Add(60 * time.Hour)
	a, err := lead.RequestApproval(t.Context(), ApprovalAsked{Model: "o3*", Until: now.Add(time.Hour), Note: "pilot"})
	if err != nil || a.Number != 1 || a.Team != "support" || a.State != "requested" || a.By != "owner/support" || a.Ended {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := code(t, decided(t, as(s, "viewer/support"), 1, true)); got != "403 forbidden" {
		t.Errorf("a viewer decides: %s", got)
	}
	if got := code(t, decided(t, as(s, "approver/ml"), 1, true)); got != "404 not_found" {
		t.Errorf("another team's approver decides: %s", got)
	}
	granted, err := boss.DecideApproval(t.Context(), ApprovalDecided{Number: 1, Grant: true, Note: "until it is measured"})
	if err != nil || granted.State != "granted" || granted.DecidedBy != "approver" || granted.DecidedAt == nil {
		t.Fatalf("%+v, %v", granted, err)
	}
	for _, c := range []struct {
		grant bool
		n     int64
		want  string
	}{{true, 1, "409 conflict"}, {true, 9, "404 not_found"}, {false, 1, ""}, {false, 1, "409 conflict"}} {
		if got := code(t, decided(t, boss, c.n, c.grant)); got != c.want {
			t.Errorf("grant %v of %d: %q, want %q", c.grant, c.n, got, c.want)
		}
	}
	if _, err := boss.RequestApproval(t.Context(), ApprovalAsked{Team: "ml", Model: "o3", Until: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	err = decided(t, boss, 2, true)
	if got := code(t, err); got != "403 forbidden" || !strings.Contains(err.Error(), "someone else must decide") {
		t.Errorf("one's own: %v", err)
	}
	audit, err := as(s, "finance").Audit(t.Context(), AuditQuery{From: ledgertest.Start})
	if err != nil || len(audit.Changes) != 4 {
		t.Fatalf("%+v, %v", audit, err)
	}
	grant := audit.Changes[2]
	var after map[string]any
	if err := json.Unmarshal(grant.After, &after); err != nil || grant.Action != ApprovalGrant || grant.Reason != "until it is measured" || after["state"] != "granted" {
		t.Errorf("%+v, %v", grant, err)
	}
	if kept, _, err := m.Approval(t.Context(), 1); err != nil || kept.State != "revoked" {
		t.Errorf("%+v, %v", kept, err)
	}
}

func decided(t *testing.T, c *Client, number int64, grant bool) error {
	t.Helper()
	_, err := c.DecideApproval(t.Context(), ApprovalDecided{Number: number, Grant: grant})
	return err
}

func TestApprovalsThatCannotBeRequested(t *testing.T) {
	s, _ := kept(t)
	now := ledgertest.Start.Add(60 * time.Hour)
	hour := now.Add(time.Hour)
	for name, c := range map[string]struct {
		who  string
		ask  ApprovalAsked
		want string
	}{
		"as a viewer":       {"viewer/support", ApprovalAsked{Model: "m", Until: hour}, "403 forbidden"},
		"for another team":  {"owner/support", ApprovalAsked{Team: "ml", Model: "m", Until: hour}, "403 forbidden"},
		"for no team":       {"owner", ApprovalAsked{Model: "m", Until: hour}, "422 invalid_body"},
		"for no model":      {"owner", ApprovalAsked{Team: "ml", Until: hour}, "422 invalid_body"},
		"with a space":      {"owner", ApprovalAsked{Team: "ml", Model: "m ", Until: hour}, "422 invalid_body"},
		"until the past":    {"owner", ApprovalAsked{Team: "ml", Model: "m", Until: now}, "422 invalid_body"},
		"for years":         {"owner", ApprovalAsked{Team: "ml", Model: "m", Until: now.AddDate(2, 0, 0)}, "422 invalid_body"},
		"with a long story": {"owner", ApprovalAsked{Team: "ml", Model: "m", Until: hour, Note: strings.Repeat("x", 1025)}, "422 invalid_body"},
	} {
		_, err := as(s, c.who).RequestApproval(t.Context(), c.ask)
		if got := code(t, err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestApprovalsPageByPage(t *testing.T) {
	s, _ := kept(t)
	until := ledgertest.Start.Add(70 * time.Hour)
	for i := range 7 {
		team := []string{"support", "ml"}[i%2]
		if _, err := as(s, "owner").RequestApproval(t.Context(), ApprovalAsked{Team: team, Model: "m", Until: until}); err != nil {
			t.Fatal(err)
		}
	}
	for who, want := range map[string][]int64{"viewer": {7, 6, 5, 4, 3, 2, 1}, "viewer/support": {7, 5, 3, 1}} {
		var got []int64
		q := ApprovalsQuery{Limit: 2, State: "requested"}
		for {
			a, err := as(s, who).Approvals(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range a.Approvals {
				got = append(got, one.Number)
			}
			if q.Cursor = a.Next; q.Cursor == "" {
				break
			}
		}
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("%s sees %v, want %v", who, got, want)
		}
	}
	if _, err := as(s, "viewer/support").Approvals(t.Context(), ApprovalsQuery{Team: "ml"}); code(t, err) != "403 forbidden" {
		t.Errorf("another team's: %v", err)
	}
}
