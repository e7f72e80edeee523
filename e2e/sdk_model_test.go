package e2e_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

// small asks a real model for a short answer, the same each time; never with
// what it remembers of the call before, where the client can say so.
func (c sdkCall) small(k sdk) sdkCall {
	c.Args = maps.Clone(c.Args)
	c.Args["model"], c.Args["temperature"] = "smollm2", 0
	switch {
	case strings.HasPrefix(c.Do, "ai:"):
		c.Args["maxOutputTokens"] = 12
		return c
	case c.Do == "responses":
		c.Args["max_output_tokens"] = 12
	default:
		c.Args["max_tokens"] = 12
	}
	if k.name == "python" {
		c.Args["extra_body"] = args{"seed": 1, "cache_prompt": false}
	} else {
		c.Args["seed"], c.Args["cache_prompt"] = 1, false
	}
	return c
}

// TestOfficialClientsOfARealModel: through Envoy a client reads what it reads
// without, and pays for the usage that it is told.
func TestOfficialClientsOfARealModel(t *testing.T) {
	t.Parallel()
	for _, k := range sdks() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			clients := kit.StartClients(t, k.get)
			m := kit.StartModel(t)
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{Upstream: m.Addr()}}})
			var p plan
			var alone int // how many calls, the first ones, do without Envoy
			for _, c := range official() {
				if !c.stream() && c.Do != "embeddings" { // this model has none
					p.Calls = append(p.Calls, c.small(k).through(s, m.URL()))
					alone++
				}
			}
			for _, c := range k.calls {
				if !strings.Contains(c.Do, "embedding") {
					p.Calls = append(p.Calls, c.small(k).through(s, s.URL))
				}
			}
			direct := map[string]answered{} // by what was done
			for i, a := range k.does(t, clients, p) {
				c := p.Calls[i]
				if a.Error != nil || a.Text == "" || c.asks() && a.Usage == nil {
					t.Fatalf("%s: the client was told %+v (%+v)", c.Name, a, a.Error)
				}
				if i < alone {
					direct[c.Do] = a
					continue
				}
				b := receipts(t, s, c.trace(), 1)[0]
				paid(t, c, a, b)
				if d, ok := direct[c.Do]; ok && (a.Text != d.Text || b.Usage != *d.Usage) {
					t.Errorf("%s: %q for %+v, and without Envoy %q for %+v", c.Name, a.Text, b.Usage, d.Text, *d.Usage)
				}
			}
		})
	}
}

// paid holds that a record is of the answer that a client read, and of its usage.
func paid(t *testing.T, c sdkCall, a answered, b receipt) {
	t.Helper()
	if c.Do == "ai:openai.responses" && c.stream() {
		// The model does not begin these streams as OpenAI does, and so the AI SDK
		// does not find their id and makes one of its own.
		a.ID = b.ID
	}
	if b.Outcome != "served" || b.Source != "reported" || b.Team != "support" || b.ID != a.ID || b.Model != a.Model || b.Usage.Output == 0 {
		t.Errorf("%s: the client was told %+v, the record says %+v", c.Name, a, b)
	}
	if a.Usage == nil {
		return // it was not asked for
	}
	seen := b.Usage
	if !c.readsDetails() {
		seen.Cached, seen.Reasoning = 0, 0
	}
	if *a.Usage != seen {
		t.Errorf("%s: the client was told %+v, the record says %+v", c.Name, *a.Usage, b.Usage)
	}
}
