package e2e_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/policy/api"
)

// command runs the built binary as a person does.
func command(t *testing.T, args ...string) (out, errOut string, status int) {
	t.Helper()
	binary, err := kit.Farebox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), binary, args...)
	var o, e strings.Builder
	c.Stdout, c.Stderr = &o, &e
	err = c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return o.String(), e.String(), c.ProcessState.ExitCode()
}

func TestCheckShowsWhereAFileIsWrong(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "farebox.yaml")
	for text, want := range map[string][]string{
		"mode: observe\nmetring: {inject_usage: true}\n": {file + ":2:1: ", "metring", "metering"},
		"prices:\n  rates:\n    - {input: 2.5.1}\n":      {file + ":3:15: ", "prices.rates[0].input"},
		"mode: [observe\n": {file + ":"},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errOut, status := command(t, "check", file)
		if status != 1 || errOut != "" {
			t.Errorf("%q: status %d, and %q", text, status, errOut)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%q: no %q in %s", text, w, out)
			}
		}
		if _, errOut, status := command(t, "serve", "--config", file); status == 0 || !strings.Contains(errOut, want[0]) {
			t.Errorf("%q: serve started all the same, status %d: %s", text, status, errOut)
		}
	}
	if err := os.WriteFile(file, []byte(shop), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errOut, status := command(t, "check", file); status != 0 || errOut != "" || !strings.HasSuffix(out, ": ok\n") {
		t.Errorf("a sound file: status %d, %s%s", status, out, errOut)
	}
}

func TestEnvoyTakesWhatFareboxWritesForIt(t *testing.T) {
	t.Parallel()
	binary, err := kit.Envoy(t.Context())
	var missing *harness.Missing
	if errors.As(err, &missing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	for _, flags := range []string{"", "--upstream 127.0.0.1:8000 --listen 0.0.0.0:8080 --fail-open", "--farebox unix:///run/farebox.sock --upstream vllm.example:8000 --http2 --envoy-admin 127.0.0.1:9901"} {
		text, errOut, status := command(t, append([]string{"envoy", "--for", "envoy"}, strings.Fields(flags)...)...)
		if status != 0 || errOut != "" {
			t.Fatalf("%s: status %d: %s", flags, status, errOut)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), binary, "--mode", "validate", "-l", "warning", "-c", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", flags, err, out)
		}
	}
}

// TestACallIsExplainedByWhateverIdIsAtHand: Farebox's own, the one in Envoy's
// log, and the provider's.
func TestACallIsExplainedByWhateverIdIsAtHand(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	e := ask(s, chatPath, streamBody)
	e.run(t.Context())
	b := settled(t, s.Farebox, e.trace)
	reported(t, b, 11, 8)
	requestID := s.Provider.Calls()[0].Header.Get("X-Request-Id")
	if requestID == "" || b.ResponseID != s.Provider.Calls()[0].ID {
		t.Fatalf("request id %q, response id %q", requestID, b.ResponseID)
	}
	lines := []*regexp.Regexp{
		regexp.MustCompile(`(?m)^Call ` + b.ID + `$`),
		regexp.MustCompile(`(?m)^ +asked +chat of replay, streamed, in the openai dialect`),
		regexp.MustCompile(`(?m)^ +team +support +header x-team$`),
		regexp.MustCompile(`(?m)^ +replay +input +11 +× +2(\.0+)? += +0\.0000220* +config:prices\.rates\[0\] +reported$`),
		regexp.MustCompile(`(?m)^ +replay +output +8 +× +8(\.0+)? += +0\.0000640* +config:prices\.rates\[0\] +reported$`),
		regexp.MustCompile(`(?m)^ +total +19 +0\.0000860*$`),
	}
	for name, id := range map[string]string{"call": b.ID, "request": requestID, "response": b.ResponseID, "trace": e.trace} {
		out, err := s.Farebox.Command(t.Context(), "explain", id)
		if err != nil {
			t.Errorf("by %s id: %v", name, err)
		}
		for _, l := range lines {
			if !l.MatchString(out) {
				t.Errorf("by %s id: no %s in\n%s", name, l, out)
			}
		}
		out, err = s.Farebox.Command(t.Context(), "explain", id, "-o", "json")
		var a api.CallAnswer
		if err != nil || json.Unmarshal([]byte(out), &a) != nil || len(a.Matches) != 1 || a.Matches[0].ID.String() != b.ID {
			t.Errorf("by %s id: %v\n%s", name, err, out)
		}
	}
	if out, err := s.Farebox.Command(t.Context(), "explain", "nobody"); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("an id that nobody has: %v, %s", err, out)
	}
}

// costsInCSV is what each team is charged, as the CSV of usage has it.
func costsInCSV(t *testing.T, s *harness.Stack) map[string]string {
	t.Helper()
	text, err := s.Farebox.Command(t.Context(), "usage", "--by", "team", "-o", "csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%v in %s", err, text)
	}
	last := len(rows[0]) - 1
	if rows[0][0] != "team" || rows[0][last] != "charged_usd" {
		t.Errorf("the columns are %v", rows[0])
	}
	cost := map[string]string{}
	for _, r := range rows[1:] {
		cost[r[0]] = r[last]
	}
	return cost
}

// TestUsageIsATableALineOfCSVOrJSON, and says the same in each.
func TestUsageIsATableALineOfCSVOrJSON(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	for team, calls := range map[string]int{"support": 2, "search": 1} {
		for range calls {
			e := ask(s, chatPath, plainBody)
			e.header.Set("X-Team", team)
			e.run(t.Context())
			reported(t, settled(t, s.Farebox, e.trace), 11, 8)
		}
	}
	table, err := s.Farebox.Command(t.Context(), "usage", "--by", "team,model")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []string{
		`(?m)^TEAM +MODEL +CALLS +INPUT +OUTPUT +COST USD$`,
		`(?m)^support +replay +2 +22 +16 +0\.000172$`, `(?m)^search +replay +1 +11 +8 +0\.000086$`, `(?m)^total +3 +33 +24 +0\.000258$`,
	} {
		if !regexp.MustCompile(l).MatchString(table) {
			t.Errorf("no %s in\n%s", l, table)
		}
	}
	cost := costsInCSV(t, s)
	text, err := s.Farebox.Command(t.Context(), "usage", "--by", "team", "-o", "json")
	var a api.UsageAnswer
	if err != nil || json.Unmarshal([]byte(text), &a) != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(a.Rows) != 2 || len(cost) != 2 || a.Total.Charged.String() != usd(33, 24) {
		t.Errorf("%v and %+v", cost, a)
	}
	for _, r := range a.Rows {
		if r.Charged.String() != cost[r.Keys["team"]] {
			t.Errorf("%s: %s in JSON, %s in CSV", r.Keys["team"], r.Charged, cost[r.Keys["team"]])
		}
	}
}
