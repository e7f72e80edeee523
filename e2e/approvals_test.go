package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
)

func TestADearModelIsAskedOnceSomeoneElseHasApprovedIt(t *testing.T) {
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
	s := kit.Start(t, harness.StackOptions{
		Config: mixed + "access: [{above: \"50\", approval: required, ask: \"#ai-costs\"}]\n",
		Guard: harness.Guard{
			Admin:  shown.tls("") + ", metrics: token, tokens: [" + strings.Join(list, ", ") + "]",
			Client: asking(a, "token-of-reports-0123456789"),
		},
	})
	as := func(who string, args ...string) (string, int) {
		out, errOut, status := command(t, append([]string{"approvals"}, append(args, "--admin", s.Farebox.AdminURL(), "--ca", shown.file("ca.crt"), "--token-file", file(who))...)...)
		return out + errOut, status
	}
	dear := strings.Replace(plainBody, "replay", "dear", 1)
	status := func(want int, says, ruling string) {
		t.Helper()
		e := ask(s, chatPath, dear)
		g := e.run(t.Context())
		if g.status != want || !strings.Contains(string(g.body), says) {
			t.Errorf("status %d, want %d: %s", g.status, want, g.body)
		}
		if got := ruled(t, s, e.trace); got != ruling {
			t.Errorf("the record says %q, want %q", got, ruling)
		}
	}
	status(http.StatusForbidden, "Ask #ai-costs.", "access[0] refused\n")
	until := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	if out, code := as("lead", "request", "dear*", "--until", until, "--note", "pilot"); code != 0 {
		t.Fatalf("request: %s", out)
	}
	status(http.StatusForbidden, "has no approval", "access[0] refused\n")
	if out, code := as("lead", "grant", "1"); code == 0 || !strings.Contains(out, "takes the role approver") {
		t.Errorf("an owner grants: %s", out)
	}
	if out, code := as("boss", "grant", "1", "--note", "agreed"); code != 0 || !strings.Contains(out, "granted") {
		t.Fatalf("grant: %s", out)
	}
	status(http.StatusOK, "", "access[0] passed\n")
	if out, code := as("boss", "revoke", "1"); code != 0 {
		t.Fatalf("revoke: %s", out)
	}
	status(http.StatusForbidden, "has no approval", "access[0] refused\n")
	if n := len(s.Provider.Calls()); n != 1 {
		t.Errorf("the provider saw %d calls, want 1", n)
	}
}
