package main

import (
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/api"
)

// A column says via which replica a change came, where one did.
func TestAuditSaysVia(t *testing.T) {
	a := &api.AuditAnswer{Changes: []api.Change{{Number: 2, Actor: "ann", Action: "budget.topup", Via: "pod-1"}, {Number: 1, Actor: "bob"}}}
	lines := strings.Split(showAudit(a, time.UTC), "\n")
	if !strings.HasSuffix(lines[0], "  VIA") || !strings.HasSuffix(lines[1], "  pod-1") || !strings.HasSuffix(lines[2], "-") {
		t.Errorf("%q", lines)
	}
	a.Changes[0].Via = ""
	if got := showAudit(a, time.UTC); strings.Contains(got, "VIA") {
		t.Errorf("%q", got)
	}
}
