package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
)

// TestABudgetIsToppedUpOnceSomeoneElseHasGrantedIt: whoever asks, and what was
// granted, or taken back, holds after a restart.
func TestABudgetIsToppedUpOnceSomeoneElseHasGrantedIt(t *testing.T) {
	t.Parallel()
	a, dir := newAuthority(t), t.TempDir()
	shown := newSecret(t, a, "127.0.0.1")
	file := func(name string) string { return filepath.Join(dir, name) }
	var list []string
	for name, role := range map[string]string{"lead": "owner, team: support", "boss": "approver", "reports": "finance"} {
		if err := os.WriteFile(file(name), []byte("token-of-"+name+"-0123456789\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("{name: %s, file: %q, role: %s}", name, file(name), role))
	}
	config := strings.Replace(thrifty("0.000001"), "budgets: [", `budgets: [{name: day, per: [team], limit: {usd: "0.000001"}, window: {every: day}, topups: approval}, `, 1)
	s := kit.Start(t, harness.StackOptions{Config: config, Guard: harness.Guard{
		Admin: shown.tls("") + ", metrics: token, tokens: [" + strings.Join(list, ", ") + "]", Client: asking(a, "token-of-reports-0123456789"),
	}})
	as := func(who string, args ...string) string {
		t.Helper()
		out, errOut, _ := command(t, append([]string{"budgets"}, append(args, "--admin", s.Farebox.AdminURL(), "--ca", shown.file("ca.crt"), "--token-file", file(who))...)...)
		return out + errOut
	}
	says := func(what, out, want string) {
		t.Helper()
		if !strings.Contains(out, want) {
			t.Errorf("%s says %q, want %q", what, out, want)
		}
	}
	status := func(want int, says string) {
		t.Helper()
		if g := ask(s, chatPath, modest(1, false)).run(t.Context()); g.status != want || !strings.Contains(string(g.body), says) {
			t.Errorf("status %d, want %d: %s", g.status, want, g.body)
		}
	}
	status(http.StatusTooManyRequests, "budget_exhausted")
	says("a free top-up", as("reports", "topup", "month", "--of", "support", "--usd", "5", "--reason", "the fair"), "reports  reports")
	says("asking for approval", as("lead", "topup", "day", "--of", "support", "--usd", "5", "--reason", "the fair"), "lead  -")
	status(http.StatusTooManyRequests, `Budget \"day\"`)
	says("granting as an owner", as("lead", "approve", "2"), "takes the role approver")
	says("asking for another team", as("lead", "topup", "day", "--of", "search", "--usd", "5", "--reason", "x"), "no account of the budget")
	says("asking as finance", as("reports", "topup", "day", "--of", "support", "--usd", "1", "--reason", "x"), "reports  -")
	says("granting what one asked for", as("reports", "approve", "3"), "someone else must grant it")
	says("granting", as("boss", "approve", "2", "--reason", "agreed"), "lead  boss")
	status(http.StatusOK, "")
	if err := s.Farebox.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	status(http.StatusOK, "")
	says("the budget", as("lead", "day"), "5.000001")
	says("the list", as("lead", "topups"), "the fair")
	says("refusing what was granted", as("boss", "refuse", "2", "--reason", "no fair"), "it is granted: revoke it")
	says("revoking another's", as("lead", "revoke", "1", "--reason", "no fair"), "takes the role approver")
	says("withdrawing one's own", as("reports", "refuse", "3", "--reason", "not needed"), "reports  -           reports     not needed")
	says("revoking", as("boss", "revoke", "2", "--reason", "no fair"), "boss        boss        no fair")
	status(http.StatusTooManyRequests, `Budget \"day\"`)
	if err := s.Farebox.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	status(http.StatusTooManyRequests, `Budget \"day\"`)
	out, errOut, _ := command(t, "audit", "--admin", s.Farebox.AdminURL(), "--ca", shown.file("ca.crt"), "--token-file", file("reports"))
	says("the audit", out+errOut, "top-up 2 of budget day of support")
	says("the audit", out+errOut, "budget.revoke")
}
