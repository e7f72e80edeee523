package e2e_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/policy/api"
)

// promptedBody has 80 bytes of system prompt and 20 of a question.
var promptedBody = `{"model":"replay","messages":[{"role":"system","content":"` + strings.Repeat("Be kind. ", 8) + `And now.` + `"},{"role":"user","content":"Where is the ferry??"}]}`

// multiplied runs `farebox multipliers -o csv` and returns the line of a team, by
// the names of its columns.
func multiplied(t *testing.T, s *harness.Stack, team string) map[string]string {
	t.Helper()
	out, errOut, status := command(t, "multipliers", "--admin", s.Farebox.AdminURL(), "-o", "csv")
	lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if status != 0 || err != nil || len(lines) == 0 {
		t.Fatalf("status %d, %v: %s%s", status, err, out, errOut)
	}
	for _, l := range lines[1:] {
		if l[0] != team {
			continue
		}
		named := map[string]string{}
		for i, name := range lines[0] {
			named[name] = l[i]
		}
		return named
	}
	t.Fatalf("no line of %s in %s", team, out)
	return nil
}

func wantFigures(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, figure := range want {
		if got[name] != figure {
			t.Errorf("%s is %q, want %q", name, got[name], figure)
		}
	}
}

func TestATeamSeesWhatItsSystemPromptAndItsRetriesCost(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	try := func(n int, play provider.Scenario) bill {
		t.Helper()
		s.Provider.Play(play)
		e := ask(s, chatPath, promptedBody)
		e.header.Set("X-Stainless-Retry-Count", strconv.Itoa(n))
		e.run(t.Context())
		return settled(t, s.Farebox, e.trace)
	}
	usage := &provider.Usage{Prompt: 100, Completion: 10}
	first := try(0, provider.Scenario{Status: http.StatusServiceUnavailable})
	second := try(1, provider.Scenario{Usage: usage, Fault: provider.Fault{Kind: provider.Reset, After: 100}})
	third := try(2, provider.Scenario{Usage: usage})
	if first.Outcome != "failed" || second.Outcome != "cut" || third.Outcome != "served" || third.Cost != usd(100, 10) {
		t.Fatalf("three tries: %+v, %+v, %+v", first, second, third)
	}
	got := multiplied(t, s, "support")
	wantFigures(t, got, map[string]string{
		"calls": "3", "retries": "2", "failed_attempts": "2", "system_bytes": "240", "last_bytes": "60", "history_bytes": "0",
		"retries_usd":         usd(second.In+third.In, second.Out+third.Out),
		"failed_attempts_usd": usd(second.In, second.Out),
		"input_usd":           usd(second.In+third.In, 0),
		"embedded_inputs":     "0",
	})
	if want := fifths(4, 2*(second.In+third.In)); got["system_usd"] != want {
		t.Errorf("the system prompt cost %s, want four fifths of all input, %s", got["system_usd"], want)
	}
	if want := fifths(1, 2*(second.In+third.In)); got["last_usd"] != want {
		t.Errorf("the questions cost %s, want one fifth of all input, %s", got["last_usd"], want)
	}
	out, _, status := command(t, "multipliers", "--admin", s.Farebox.AdminURL())
	if status != 0 || !strings.Contains(out, "SYSTEM %") || !strings.Contains(out, " 80% ") {
		t.Errorf("status %d, %s", status, out)
	}
}

func TestATeamSeesWhatItEmbedsTwice(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: provider.Scenario{Usage: &provider.Usage{Prompt: 40}}})
	embed := func(team, inputs string) {
		t.Helper()
		e := ask(s, "/v1/embeddings", `{"model":"replay","input":`+inputs+`}`)
		e.header.Set("X-Team", team)
		if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
			t.Fatalf("status %d, %v", g.status, g.err)
		}
		settled(t, s.Farebox, e.trace)
	}
	embed("support", `["a page","another page","a third","a fourth"]`)
	embed("support", `["another page","a fifth","a page","a sixth"]`)
	embed("support", `["a seventh","a seventh"]`)
	embed("ml", `["a page","an eighth"]`) // what others embed is not told
	cost := func(in int64) string { return usd(in, 0) }
	wantFigures(t, multiplied(t, s, "support"), map[string]string{
		"calls": "3", "embedded_inputs": "10", "repeated_inputs": "3", "input_usd": cost(120), "repeated_inputs_usd": cost(40), "retries": "0",
	})
	wantFigures(t, multiplied(t, s, "ml"), map[string]string{"calls": "1", "embedded_inputs": "2", "repeated_inputs": "0", "repeated_inputs_usd": "0"})
	var total api.MultipliersRow
	eventually(t, "the sums of both", func(ctx context.Context) (bool, error) {
		a, err := api.NewClient(s.Farebox.AdminURL(), nil).Multipliers(ctx, api.MultipliersQuery{From: time.Now().AddDate(0, 0, -1), By: []string{"operation"}})
		if err == nil {
			total = a.Total
		}
		return total.Calls == 4, err
	})
	if total.Embedded != 12 || total.Repeated != 3 {
		t.Errorf("of both: %+v", total)
	}
}

// fifths is so many fifths of less than a dollar in micro-USD, as money is written.
func fifths(n, micro int64) string {
	return "0." + strings.TrimRight(fmt.Sprintf("%07d", 2*n*micro), "0")
}
