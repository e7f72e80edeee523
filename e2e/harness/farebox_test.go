package harness

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/provider"
)

const config = `
mode: observe
providers: [{name: local, dialect: openai, match: {cluster: upstream}}]
prices: {rates: [{provider: local, model: "*", input: "2.00", output: "2.00"}]}
`

// TestStackCountsAndSurvives makes one call through everything, asks for its
// cost in every way there is, and asks again after a crash.
func TestStackCountsAndSurvives(t *testing.T) {
	for _, socket := range []bool{false, true} {
		s := kit.Start(t, StackOptions{Config: config, Socket: socket, Play: provider.Scenario{Usage: &provider.Usage{Prompt: 400, Completion: 100}}})
		resp, body := call(t, s.URL+"/v1/chat/completions", stream)
		sent := s.Provider.Calls()[0]
		if resp.StatusCode != 200 || body != string(sent.Sent) {
			t.Fatalf("%s: %q, the provider sent %q", resp.Status, body, sent.Sent)
		}
		for _, again := range []string{"", "after a crash", "after a restart"} {
			switch again {
			case "after a crash":
				if err := s.Farebox.Kill9(); err != nil {
					t.Fatal(err)
				}
				if err := s.Farebox.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			case "after a restart":
				if err := s.Farebox.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			u, err := s.Farebox.Usage(t.Context(), "team")
			if err != nil || len(u.Rows) != 1 || u.Rows[0].Calls != 1 || u.Total.Charged.String() != "0.001" {
				t.Errorf("%s: %v, %+v", again, err, u)
			}
			x, err := s.Farebox.Explain(t.Context(), sent.ID)
			if err != nil || len(x.Matches) != 1 {
				t.Errorf("%s: %v, %+v", again, err, x)
			}
			if again != "" {
				continue
			}
			m, err := s.Farebox.Metrics(t.Context())
			if got := m.Sum("farebox_cost_usd_total", `provider="local"`); err != nil || got != 0.001 {
				t.Errorf("%v, costs %v", err, got)
			}
			out, err := s.Farebox.Command(t.Context(), "usage", "-o", "csv")
			if err != nil || !strings.Contains(out, "0.001") {
				t.Errorf("%v, %s", err, out)
			}
		}
	}
}
