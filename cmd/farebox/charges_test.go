package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

func TestCharges(t *testing.T) {
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: &ledgertest.Memory{}, Now: func() time.Time { return noon }}))
	defer s.Close()
	farebox := func(args ...string) string {
		t.Helper()
		status, out, said := try(append(append([]string{"charges"}, args...), "--admin", s.URL)...)
		if status != 0 {
			t.Fatalf("farebox charges %q: status %d: %s", args, status, said)
		}
		return out
	}
	if out := farebox(); out != "No charges.\n" {
		t.Errorf("nothing shows as %q", out)
	}
	add := []string{"add", "throughput\x1b, August", "--usd", "120", "--team", "research", "--provider", "azure", "--at", "2026-08-01", "--tz", "Europe/Berlin", "--id", "ptu"}
	out := farebox(add...)
	golden(t, "charges-add.table", out)
	if again := farebox(add...); again != out {
		t.Errorf("booked again: %q", again)
	}
	farebox("add", "=seats", "--usd", "0.000000001", "--for", "team=support", "--for", "project=a=b", "--model", "gpt-4o", "--id", "seats", "-o", "json")
	golden(t, "charges-reverse.json", farebox("reverse", "seats", "a mistake", "--id", "seats-back", "-o", "json"))
	for _, form := range []string{"table", "json", "csv"} {
		golden(t, "charges."+form, farebox("--from", "2026-07-01", "--to", "2026-09-01", "-o", form))
	}
	if out := farebox("--from", "2026-07-01", "--to", "2026-09-01", "--team", "research", "-o", "csv"); strings.Count(out, "\n") != 2 {
		t.Errorf("of one team are %q", out)
	}
	status, out, said := try("charges", "--from", "2026-07-01", "--to", "2026-09-01", "--limit", "1", "-o", "csv", "--admin", s.URL)
	if status != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(said, "There are more charges") {
		t.Errorf("status %d, %q, %q", status, out, said)
	}
}

func TestChargesRefuse(t *testing.T) {
	for _, test := range []struct{ line, says string }{
		{"charges add", "0 arguments, want one description"},
		{"charges add seats", "say with --usd"},
		{"charges add seats --usd 1 --at soon", "neither a date"},
		{"charges add seats --usd 1 --for team", "must be formatted as key=value"},
		{"charges add seats --usd 1 --tz Mars/Olympus", "read --tz"},
		{"charges reverse ptu", "1 arguments, want an id and why"},
		{"charges reverse ptu why --tz Mars/Olympus", "read --tz"},
		{"charges --limit 0", "at least 1"},
		{"charges --from soon", "neither a date"},
	} {
		status, out, errOut := try(append(strings.Fields(test.line), "--admin", "http://127.0.0.1:1")...)
		if status != 1 || out != "" || !strings.Contains(errOut, test.says) {
			t.Errorf("farebox %s: status %d, %q, %q; want %q", test.line, status, out, errOut, test.says)
		}
	}
}
