package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

func TestApprovals(t *testing.T) {
	m, who := &ledgertest.Memory{}, ""
	s := httptest.NewServer(api.NewHandler(api.Options{
		Ledger: m, Now: func() time.Time { return noon },
		Identify: func(*http.Request) (api.Who, error) { return api.Who{Name: who, Role: api.Approver}, nil },
	}))
	defer s.Close()
	farebox := func(name string, args ...string) string {
		t.Helper()
		who = name
		status, out, said := try(append(append([]string{"approvals"}, args...), "--admin", s.URL)...)
		if status != 0 {
			t.Fatalf("farebox approvals %q: status %d: %s", args, status, said)
		}
		return out
	}
	if out := farebox("lead", "list"); out != "No approvals.\n" {
		t.Errorf("nothing shows as %q", out)
	}
	farebox("lead", "request", "o3*", "--team", "support", "--until", "2026-12-31", "--note", "=pilot\x1b")
	farebox("lead", "request", "gpt-5-pro", "--team", "ml", "--until", "2026-09-01T10:00:00Z", "--tz", "Europe/Berlin")
	golden(t, "approvals-grant.table", farebox("boss", "grant", "1", "--note", "agreed"))
	golden(t, "approvals-revoke.json", farebox("boss", "revoke", "2", "-o", "json"))
	for _, form := range []string{"table", "json", "csv"} {
		golden(t, "approvals."+form, farebox("lead", "list", "--tz", "Asia/Kolkata", "-o", form))
	}
	if out := farebox("lead", "list", "--state", "granted", "-o", "csv"); strings.Count(out, "\n") != 2 {
		t.Errorf("granted are %q", out)
	}
}

func TestApprovalsRefuse(t *testing.T) {
	for _, test := range []struct{ line, says string }{
		{"approvals request", "0 arguments, want one model"},
		{"approvals request o3 --team a", "say with --until"},
		{"approvals request o3 --until soon", "neither a date"},
		{"approvals request o3 --until 2026-12-31 --tz Mars/Olympus", "read --tz"},
		{"approvals grant", "0 arguments, want one number"},
		{"approvals grant o3", "is no number of an approval"},
		{"approvals revoke 0", "is no number of an approval"},
		{"approvals revoke 1 --tz Mars/Olympus", "read --tz"},
		{"approvals list --state open", "allowed are requested, granted, revoked"},
		{"approvals list --limit 0", "at least 1"},
	} {
		status, out, errOut := try(append(strings.Fields(test.line), "--admin", "http://127.0.0.1:1")...)
		if status != 1 || out != "" || !strings.Contains(errOut, test.says) {
			t.Errorf("farebox %s: status %d, %q, %q; want %q", test.line, status, out, errOut, test.says)
		}
	}
}
