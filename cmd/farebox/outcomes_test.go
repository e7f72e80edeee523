package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// house is a farebox whose clock goes on by a minute with each question.
func house(t *testing.T) (m *ledgertest.Memory, farebox func(args ...string) (out, said string)) {
	t.Helper()
	m = &ledgertest.Memory{}
	if err := m.Write(t.Context(), ledger.Batch{Records: []policy.Record{ledgertest.Record(1)}}); err != nil {
		t.Fatal(err)
	}
	now := noon
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: m, Now: func() time.Time { now = now.Add(time.Minute); return now }}))
	t.Cleanup(s.Close)
	return m, func(args ...string) (string, string) {
		t.Helper()
		status, out, said := try(append(args, "--admin", s.URL)...)
		if status != 0 {
			t.Fatalf("farebox %q: status %d: %s", args, status, said)
		}
		return out, said
	}
}

func TestOutcomes(t *testing.T) {
	_, farebox := house(t)
	if out, _ := farebox("outcomes", "list"); out != "Nothing was said.\n" {
		t.Errorf("nothing shows as %q", out)
	}
	if out, _ := farebox("audit"); out != "No changes.\n" {
		t.Errorf("nothing shows as %q", out)
	}
	call := ledgertest.ID(1).String()
	farebox("outcomes", "set", "success", "--interaction", "chat-1", "--team", "support")
	set, _ := farebox("outcomes", "set", "failure", "--interaction", "chat-1", "--team", "support", "--reason", "=came\x1b back", "--tz", "Europe/Berlin")
	golden(t, "outcomes-set.table", set)
	set, _ = farebox("outcomes", "set", "success", "--call", call, "--reason", "right", "-o", "json")
	golden(t, "outcomes-set.json", set)
	farebox("outcomes", "set", "success", "--interaction", "+chat", "--team", "ml")
	for _, form := range []string{"table", "json", "csv"} {
		out, said := farebox("outcomes", "list", "--tz", "Asia/Kolkata", "-o", form)
		golden(t, "outcomes."+form, out)
		if said != "" {
			t.Errorf("%s: said %q", form, said)
		}
		out, _ = farebox("audit", "--tz", "Asia/Kolkata", "-o", form)
		golden(t, "audit."+form, out)
	}
}

func TestListsAreFiltered(t *testing.T) {
	m, farebox := house(t)
	for n := range 1203 {
		o := ledger.Verdict{
			Subject: ledger.Subject{Team: []string{"a", "b"}[n%2], Interaction: fmt.Sprint("chat-", n)},
			Success: n%3 == 0, At: noon.Add(-time.Duration(n) * time.Minute), By: "me",
		}
		c := ledger.Change{At: o.At, Actor: []string{"alice", "bob"}[n%2], Role: "owner", Action: []string{"outcome.set", "prices.rerate"}[n%2]}
		if _, err := m.Judge(t.Context(), o, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args  string
		lines int // but the head
		more  string
	}{
		{"outcomes list", 100, "There are more outcomes"},
		{"outcomes list --limit 1202", 1202, "There are more outcomes"},
		{"outcomes list --limit 1203", 1203, ""},
		{"outcomes list --limit 9999", 1203, ""},
		{"outcomes list --limit 9999 --team b", 601, ""},
		{"outcomes list --limit 9999 --only failure", 802, ""},
		{"outcomes list --limit 9999 --only success --team a", 201, ""},
		{"outcomes list --limit 9999 --from 2026-08-20 --to 2026-08-20T03:00:00+02:00", 60, ""},
		{"outcomes list --limit 9999 --from 2026-08-20 --tz Europe/Berlin", 841, ""},
		{"audit", 100, "There are more entries"},
		{"audit --limit 9999", 1203, ""},
		{"audit --limit 9999 --actor bob", 601, ""},
		{"audit --limit 9999 --kind outcome.set", 602, ""},
		{"audit --limit 9999 --kind outcome.set --actor bob", 0, ""},
		{"audit --limit 9999 --from 2026-08-20T11:00:00Z", 61, ""},
	} {
		args := strings.Fields(test.args + " -o csv")
		out, said := farebox(args...)
		if n := strings.Count(out, "\n") - 1; n != test.lines || !strings.HasPrefix(said, test.more) || (said == "") != (test.more == "") {
			t.Errorf("%s: %d lines, said %q; want %d and %q", test.args, n, said, test.lines, test.more)
		}
	}
}

func TestOutcomesRefuse(t *testing.T) {
	for _, test := range []struct{ line, says string }{
		{"outcomes set", "0 arguments, want one success or failure"},
		{"outcomes set maybe --interaction x", `say success or failure, not "maybe"`},
		{"outcomes set success", "name either --interaction or --call"},
		{"outcomes set success --interaction x --call y", "name either --interaction or --call"},
		{"outcomes set success --call 1", "read --call"},
		{"outcomes set success --call 0198c3f2-7a41-7c02-9d5e-0b7f3c1a2e4d --team a", "leave --team out"},
		{"outcomes set success --interaction x --tz Mars/Olympus", "read --tz"},
		{"outcomes list --limit 0", "at least 1"},
		{"outcomes list --only maybe", "allowed are success, failure"},
		{"outcomes list --tz Mars/Olympus", "read --tz"},
		{"audit --limit -1", "at least 1"},
		{"audit --from yesterday", "neither a date"},
	} {
		status, out, errOut := try(append(strings.Fields(test.line), "--admin", "http://127.0.0.1:1")...)
		if status != 1 || out != "" || !strings.Contains(errOut, test.says) {
			t.Errorf("farebox %s: status %d, %q, %q; want %q", test.line, status, out, errOut, test.says)
		}
	}
}
