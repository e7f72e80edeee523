package engine_test

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/owners"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestAnUnknownOwnerIsRefusedOnlyWhenEnforced(t *testing.T) {
	dir, err := owners.New([]owners.Entry{{Team: "support", CostCentre: "CC-17"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		enforce   bool
		onUnknown attribution.OnUnknown
		refused   bool
		counted   string
	}{
		{"enforced", true, attribution.RefuseUnknown, true, "0"},
		{"observed", false, attribution.RefuseUnknown, false, "1"},
		{"unattributed", true, attribution.Unattribute, false, "0"},
		{"accepted", true, attribution.Accept, false, "0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, b, reg := newEngine(t, func(o *engine.Options, a *attribution.Options) {
				o.Rules.Enforce, a.Owners, a.OnUnknown = test.enforce, dir, test.onUnknown
			})
			known := call(nil)
			known.Identity = headers{"x-team": "support"}
			ticket, err := e.Admit(t.Context(), known)
			if err != nil || ticket.Refusal != nil || ticket.Owner.Value("cost_centre") != "CC-17" {
				t.Fatalf("a team that is listed: %+v, %v", ticket, err)
			}
			unknown := call(nil)
			unknown.Identity = headers{"x-team": "ghost"}
			if ticket, err = e.Admit(t.Context(), unknown); err != nil {
				t.Fatal(err)
			}
			want := policy.Unattributed
			if test.onUnknown == attribution.Accept {
				want = "ghost"
			}
			if team := ticket.Owner.Value("team"); team != want || (ticket.Refusal != nil) != test.refused {
				t.Fatalf("team %q, refusal %+v", team, ticket.Refusal)
			}
			if test.refused {
				if r := b.last(t); r.Outcome != policy.Refused || r.Reason != "unknown_owner" || r.Status != 403 || len(r.Lines) != 0 {
					t.Errorf("record = %+v", r)
				}
				if m := ticket.Refusal.Message; !strings.Contains(m, "header x-team names none") || strings.Contains(m, "ghost") {
					t.Errorf("message %q", m)
				}
			}
			would := `
# HELP farebox_would_refuse_total Calls that enforce mode would have refused, by code.
# TYPE farebox_would_refuse_total counter
farebox_would_refuse_total{code="missing_metadata"} 0
farebox_would_refuse_total{code="model_not_allowed"} 0
farebox_would_refuse_total{code="off_peak_only"} 0
farebox_would_refuse_total{code="output_unbounded"} 0
farebox_would_refuse_total{code="too_many_tokens"} 0
farebox_would_refuse_total{code="unknown_owner"} ` + test.counted + "\n"
			if err := testutil.GatherAndCompare(reg, strings.NewReader(would), "farebox_would_refuse_total"); err != nil {
				t.Error(err)
			}
		})
	}
}
