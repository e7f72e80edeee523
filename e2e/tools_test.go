package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

// TestHostedToolsAreToldWhenToStop: with on_unboundable: context_window the provider
// is told how often it may search, and all that its rounds may read is held; what it
// cannot be told so is refused.
func TestHostedToolsAreToldWhenToStop(t *testing.T) {
	t.Parallel()
	config := strings.ReplaceAll(thrifty("0.2"), "name: local", "name: openai, tier: default") + "holds: {output_bound: strict, on_unboundable: context_window, tool_calls: 3}\n"
	s := kit.Start(t, harness.StackOptions{Config: config})
	// Four readings of 128,000 tokens cost $0.0768, three searches $0.075.
	s.Provider.Play(provider.Scenario{Usage: &provider.Usage{Prompt: 500_000, Completion: 400}})
	const search = `{"model":"gpt-4o-mini","max_output_tokens":100,"input":"Where is the ferry?","tools":[{"type":"web_search"}]}`
	e := ask(s, "/v1/responses", search)
	if g := e.run(t.Context()); g.status != http.StatusOK {
		t.Fatalf("a search: status %d, %s", g.status, g.body)
	}
	settled(t, s.Farebox, e.trace)
	for _, c := range s.Provider.Calls() {
		if !strings.Contains(string(c.Body), `"max_tool_calls":3`) {
			t.Errorf("the provider was asked %s", c.Body)
		}
	}
	m, err := s.Farebox.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if spent := account(t, s.Farebox, "month"); spent != 500_000*150+400*600 || m.Sum("farebox_hold_exceeded_total") != 0 {
		t.Errorf("spent %d nano-USD, %v times more than was held", spent, m.Sum("farebox_hold_exceeded_total"))
	}
	if g := ask(s, "/v1/responses", search).run(t.Context()); g.status != http.StatusTooManyRequests {
		t.Errorf("a search that may cost more than is left: status %d, %s", g.status, g.body)
	}
	for why, c := range map[string][2]string{
		"code":                  {"/v1/responses", strings.ReplaceAll(search, "web_search", "code_interpreter")},
		"one that nobody knows": {"/v1/responses", strings.ReplaceAll(search, "web_search", "soothsaying")},
		"a search of a chat":    {chatPath, `{"model":"gpt-4o-mini","max_tokens":100,"web_search_options":{},"messages":[{"role":"user","content":"Where?"}]}`},
		"a model that searches": {chatPath, `{"model":"gpt-4o-search-preview","max_tokens":100,"messages":[{"role":"user","content":"Where?"}]}`},
	} {
		e := ask(s, c[0], c[1])
		e.header.Set("X-Team", "painters") // who have spent nothing
		g := e.run(t.Context())
		var said refusal
		if err := json.Unmarshal(g.body, &said); err != nil || g.status != http.StatusBadRequest || said.Error.Code != "cost_unbounded" {
			t.Errorf("%s: status %d, %s", why, g.status, g.body)
		}
	}
}
