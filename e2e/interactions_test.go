package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/policy/api"
)

// bySession makes calls of one session one interaction.
const bySession = "attribution: {interaction: [{header: x-session-id}, {trace: true}]}\n"

// inSession makes one call of a session, as an SDK's n-th try, and waits for its
// record.
func inSession(t *testing.T, s *harness.Stack, session, try string) bill {
	t.Helper()
	e := ask(s, chatPath, streamBody)
	e.header.Set("X-Session-Id", session)
	e.header.Set("X-Stainless-Retry-Count", try)
	e.run(t.Context())
	return settled(t, s.Farebox, e.trace)
}

func TestWhatASuccessTakesHasItsFailuresAndRetries(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop + bySession})
	client := api.NewClient(s.Farebox.AdminURL(), nil)
	asked := func() api.InteractionsRow {
		t.Helper()
		a, err := client.Interactions(t.Context(), api.InteractionsQuery{By: []string{"team"}, From: time.Now().AddDate(0, 0, -1)})
		if err != nil || len(a.Rows) != 1 || a.Rows[0].Keys["team"] != "support" {
			t.Fatalf("%+v, %v", a, err)
		}
		return a.Rows[0]
	}
	s.Provider.Play(provider.Scenario{Fault: provider.Fault{Kind: provider.Reset, After: 700}})
	failed := inSession(t, s, "chat-1", "0")
	s.Provider.Play(provider.Scenario{Status: http.StatusTooManyRequests})
	again := inSession(t, s, "chat-1", "1")
	if failed.Outcome != "cut" || failed.In == 0 || again.Outcome != "failed" {
		t.Fatalf("two failures are %+v and %+v", failed, again)
	}
	if r := asked(); r.Interactions != 1 || r.Successful != 0 || r.Calls != 2 || r.TokensPerSuccess != nil || r.USDPerSuccess != nil {
		t.Errorf("before it is served: %+v", r)
	}
	s.Provider.Play(provider.Scenario{})
	served := inSession(t, s, "chat-1", "2")
	r := asked()
	in, out := failed.In+again.In+served.In, failed.Out+again.Out+served.Out
	if r.Interactions != 1 || r.Successful != 1 || r.Calls != 3 || r.Input != in || r.Output != out || r.Charged.String() != usd(in, out) {
		t.Errorf("served at last: %+v, want the %d and %d tokens of all three", r, in, out)
	}
	if r.USDPerSuccess == nil || *r.USDPerSuccess != r.Charged {
		t.Errorf("the one success took %v, want %s", r.USDPerSuccess, r.Charged)
	}
	a, err := s.Farebox.Explain(t.Context(), served.ID)
	if err != nil || a.Matches[0].Interaction != "chat-1" || !a.Matches[0].Success || a.Matches[0].Purpose != "retry" {
		t.Errorf("the record of the success: %+v, %v", a, err)
	}
	judgedByPeople(t, s, client, asked)
}

// judgedByPeople goes on with an interaction that was served, and another.
func judgedByPeople(t *testing.T, s *harness.Stack, client *api.Client, asked func() api.InteractionsRow) {
	t.Helper()
	inSession(t, s, "chat-2", "0")
	before := asked()
	if before.Interactions != 2 || before.Successful != 2 {
		t.Errorf("two that were served: %+v", before)
	}
	judge := func(success bool) {
		t.Helper()
		if _, err := client.SetOutcome(t.Context(), api.Outcome{Team: "support", Interaction: "chat-2", Success: success, Reason: "a person looked"}); err != nil {
			t.Fatal(err)
		}
	}
	judge(false)
	if r := asked(); r.Successful != 1 || r.Calls != before.Calls || r.Charged != before.Charged || *r.USDPerSuccess != r.Charged {
		t.Errorf("one was wrong: %+v", r)
	}
	out, errOut, status := command(t, "interactions", "--admin", s.Farebox.AdminURL(), "-o", "csv")
	if status != 0 || !strings.Contains(out, "\nsupport,2,1,4,0,") {
		t.Errorf("status %d, %s%s", status, out, errOut)
	}
	judge(true)
	if r := asked(); r.Successful != 2 {
		t.Errorf("and was right after all: %+v", r)
	}
}

func TestCallsOfOneTraceAreOneInteraction(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	e := ask(s, chatPath, plainBody)
	for n := range 2 {
		if g := e.run(t.Context()); g.status != http.StatusOK {
			t.Fatalf("status %d, %v", g.status, g.err)
		}
		eventually(t, "the call is settled", func(ctx context.Context) (bool, error) {
			found, err := bills(ctx, s.Farebox, e.trace)
			return len(found) == n+1, err
		})
	}
	other := ask(s, chatPath, plainBody)
	other.run(t.Context())
	settled(t, s.Farebox, other.trace)
	a, err := api.NewClient(s.Farebox.AdminURL(), nil).Interactions(t.Context(), api.InteractionsQuery{From: time.Now().AddDate(0, 0, -1)})
	if err != nil || a.Total.Interactions != 2 || a.Total.Successful != 2 || a.Total.Calls != 3 {
		t.Errorf("%+v, %v", a, err)
	}
	if got, want := a.Total.TokensPerSuccess, "28.500"; got == nil || *got != want { // three times 11 in and 8 out
		t.Errorf("a success took %v tokens, want %s", got, want)
	}
}
