package price

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
)

// shared is the builtin catalogue, read once.
var shared = sync.OnceValues(func() (*Catalogue, error) {
	rows, err := Builtin()
	if err != nil {
		return nil, err
	}
	return New(rows) // also refuses ids that are not unique
})

func builtin(t testing.TB) *Catalogue {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBuiltinIsSane(t *testing.T) {
	seen := 0
	for r := range builtin(t).All() {
		seen++
		if r.Provider == "" || r.Developer == "" && !r.Resold || r.Source == "" {
			t.Errorf("%s: provider %q, developer %q, source %q", r.ID, r.Provider, r.Developer, r.Source)
		}
		if r.Free {
			if !namedFree(r.Model) {
				t.Errorf("%s: free, and its name does not say so", r.ID)
			}
			continue
		}
		dear, units := false, false
		for c, p := range r.Classes {
			units = units || p.Rate > 0 && !c.IsToken()
			dear = dear || p.Rate.Over(p.Per) > 1000_000_000 && c.IsToken()
		}
		for c, p := range r.Classes {
			if p.Rate == 0 && (!units || c != tokenizer.Input && c != tokenizer.Output) || p.Rate < 0 {
				t.Errorf("%s: %v costs %v", r.ID, c, p)
			}
		}
		if dear {
			t.Errorf("%s: a token costs more than a tenth of a cent", r.ID)
		}
		for _, pair := range cached {
			if more(r, pair[0], r, pair[1]) {
				t.Errorf("%s: %v costs more than %v", r.ID, pair[0], pair[1])
			}
		}
		if more(r, tokenizer.CacheWrite5m, r, tokenizer.CacheWrite1h) {
			t.Errorf("%s: cache writes get cheaper as they live longer", r.ID)
		}
	}
	if seen < 8000 {
		t.Errorf("only %d rows", seen)
	}
}

// The rows that a reader would look for first, in USD per million tokens.
func TestBuiltinPrices(t *testing.T) {
	for _, c := range []struct {
		provider, model, class, want string
	}{
		{"openai", "gpt-4-turbo", "input", "10"},
		{"openai", "gpt-4-turbo", "output", "30"},
		{"openai", "gpt-3.5-turbo", "input", "0.5"},
		{"openai", "gpt-3.5-turbo", "output", "1.5"},
		{"anthropic", "claude-3-opus", "input", "15"},
		{"anthropic", "claude-3-opus-20240229", "output", "75"},
		{"anthropic", "claude-3-sonnet", "input", "3"},
		{"anthropic", "claude-3-sonnet-20240229", "output", "15"},
		{"anthropic", "claude-3-haiku", "input", "0.25"},
		{"anthropic", "claude-3-haiku-20240307", "output", "1.25"},
		{"self-hosted", "meta-llama/Meta-Llama-3-70B-Instruct", "input", "2"},
		{"", "llama3:70b-instruct", "output", "2"},
		{"openai", "gpt-5", "cache_read", "0.125"},
		{"openai", "gpt-5", "reasoning", "10"},
		{"openai", "gpt-4o-audio-preview", "input_audio", "40"},
		{"openai", "gpt-4o-audio-preview-2024-12-17", "output_audio", "80"},
		{"openai", "text-embedding-3-small", "input", "0.02"},
		{"anthropic", "claude-sonnet-4-5", "cache_write", "3.75"},
		{"anthropic", "claude-sonnet-4-5-20250929", "cache_write_1h", "6"},
		{"anthropic", "claude-opus-4-1-20250805", "input", "15"},
		{"anthropic", "claude-opus-4-5-20251101", "input", "5"},
		{"gemini", "models/gemini-2.5-flash", "input_audio", "1"},
		{"gemini", "gemini-2.5-pro", "input_video", "1.25"},
		{"gemini", "gemini-2.5-flash-lite", "output", "0.4"},
		{"vertex", "publishers/google/models/gemini-2.5-pro", "output", "10"},
		{"vertex", "claude-sonnet-4-5@20250929", "output", "15"},
		{"bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "input", "3.3"},
		{"bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "input", "3"},
		{"bedrock", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-pro-v1:0", "output", "4.2"},
		{"azure", "gpt-4o-2024-08-06", "output", "10"},
	} {
		class, ok := tokenizer.ParseClass(c.class)
		if !ok {
			t.Fatalf("no class %s", c.class)
		}
		row, ok := builtin(t).Find(Query{Provider: c.provider, Model: c.model, At: time.Now()})
		if !ok {
			t.Errorf("Find(%s, %s) found nothing", c.provider, c.model)
			continue
		}
		if rate, _, ok := row.Rate(class); !ok || rate.String() != c.want {
			t.Errorf("%s, %s: %s costs %v, %v, want %s", c.provider, c.model, c.class, rate, ok, c.want)
		}
	}
}

// A snapshot takes the row of its own product and never that of another.
func TestBuiltinNeverMistakesAProduct(t *testing.T) {
	for asked, want := range map[string]string{
		"gpt-4o":                              "openai/gpt-4o",
		"GPT-4o-2024-08-06":                   "openai/gpt-4o",
		"openai/gpt-4o-2024-11-20":            "openai/gpt-4o",
		"gpt-4o-2024-05-13":                   "openai/gpt-4o-2024-05-13",
		"gpt-4o-mini-2024-07-18":              "openai/gpt-4o-mini",
		"gpt-4o-audio-preview-2025-06-03":     "openai/gpt-4o-audio-preview-2025-06-03",
		"gpt-4o-mini-audio-preview":           "openai/gpt-4o-mini-audio-preview",
		"gpt-4o-something-new":                "",
		"gpt-5-2025-08-07":                    "openai/gpt-5",
		"gpt-5-mini-2025-08-07":               "openai/gpt-5-mini",
		"gpt-5-nano":                          "openai/gpt-5-nano",
		"gpt-5-chat-latest":                   "openai/gpt-5-chat",
		"gpt-5.1-2025-11-13":                  "openai/gpt-5.1",
		"gpt-5-micro":                         "",
		"gpt-4":                               "openai/gpt-4",
		"gpt-4-0613":                          "openai/gpt-4-0613",
		"gpt-4-turbo-2024-04-09":              "openai/gpt-4-turbo",
		"gpt-4-1106-preview":                  "openai/gpt-4-1106-preview",
		"gpt-4.1-mini-2025-04-14":             "openai/gpt-4.1-mini",
		"gpt-4.1-2025-04-14":                  "openai/gpt-4.1",
		"o1-pro-2025-03-19":                   "openai/o1-pro",
		"o3-mini":                             "openai/o3-mini",
		"o3-2025-04-16":                       "openai/o3;from=2025-06-10",
		"claude-opus-4-20250514":              "anthropic/claude-opus-4-0",
		"claude-opus-4-1-20250805":            "anthropic/claude-opus-4-1",
		"claude-sonnet-4-5-20250929":          "anthropic/claude-sonnet-4-5",
		"claude-3-5-sonnet-latest":            "anthropic/claude-3-5-sonnet",
		"claude-3-5-sonnet-20241022":          "anthropic/claude-3-5-sonnet",
		"gemini-2.5-flash":                    "gemini/gemini-2.5-flash",
		"gemini-2.5-flash-lite":               "gemini/gemini-2.5-flash-lite",
		"gemini-2.5-flash-image":              "gemini/gemini-2.5-flash-image",
		"gemini-2.5-flash-preview-tts":        "gemini/gemini-2.5-flash-preview-tts",
		"gemini-2.5-pro-preview-06-05":        "gemini/gemini-2.5-pro-preview-0*",
		"gemini-2.5-pro-preview-tts":          "gemini/gemini-2.5-pro-preview-tts",
		"llama-3.1-70b":                       "",
		"llama-3-8b":                          "",
		"ft:gpt-4o-2024-08-06:acme::abc":      "openai/ft:gpt-4o-2024-08-06:*",
		"ft:gpt-4o-mini-2024-07-18":           "openai/ft:gpt-4o-mini-2024-07-18:*",
		"openai/ft:gpt-4o-2024-08-06":         "openai/ft:gpt-4o-2024-08-06:*",
		"ft:gpt-5-2025-08-07:acme::abc":       "",
		"gpt-4o-mini-2024-07-18.ft-0123abcd":  "",
		"gpt-4o-2024-13-01":                   "",
		"gpt-4o-2024-08-06-2024-08-06":        "",
		"":                                    "",
		strings.Repeat("gpt-4o/", 50) + "gpt": "",
	} {
		row, ok := builtin(t).Find(Query{Model: asked, At: time.Now()})
		got := ""
		if ok {
			got = row.ID
		}
		if got != want {
			t.Errorf("Find(%q) = %q, want %q", asked, got, want)
		}
	}
}

func TestBuiltinBandsAndTiers(t *testing.T) {
	for _, c := range []struct {
		name string
		q    Query
		want string
	}{
		{"short", Query{Model: "gemini-2.5-pro", Input: 200_000}, "gemini/gemini-2.5-pro"},
		{"long", Query{Model: "gemini-2.5-pro", Input: 200_001}, "gemini/gemini-2.5-pro;above=200000"},
		{"priority", Query{Model: "gpt-5", Tier: "priority"}, "openai/gpt-5;tier=priority"},
		{"flex and long", Query{Model: "gpt-5.4", Tier: "flex", Input: 300_000}, "openai/gpt-5.4;tier=flex;above=272000"},
		{"a tier without a row", Query{Model: "gpt-5", Tier: "default"}, "openai/gpt-5"},
	} {
		c.q.At = time.Now()
		row, ok := builtin(t).Find(c.q)
		if !ok || row.ID != c.want {
			t.Errorf("%s: Find = %v, %v, want %s", c.name, row, ok, c.want)
		}
	}
}

func TestReadCSVRefuses(t *testing.T) {
	const header = "provider,model,terms,above,from,input\n"
	for line, want := range map[string]string{
		"p,m,,,,1.0000001":   "column input",
		"p,m,odd,,,1":        "unknown terms",
		"p,m,,x,,1":          "column above",
		"p,m,,,2024-13-01,1": "column from",
		"p,m,,,1":            "wrong number of fields",
	} {
		if _, err := ReadCSV(strings.NewReader(header + line + "\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadCSV(%q) = %v, want %q", line, err, want)
		}
	}
	if _, err := ReadCSV(strings.NewReader("provider,model,odd\np,m,1\n")); err == nil || !strings.Contains(err.Error(), "no such meter") {
		t.Errorf("a column that is no meter: %v", err)
	}
	if _, err := ReadCSV(strings.NewReader("")); err == nil {
		t.Error("an empty table gave no error")
	}
}

func BenchmarkBuiltin(b *testing.B) {
	for b.Loop() {
		rows, err := Builtin()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := New(rows); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSumsKnowTheContextsOfThePrices: no call of a batch is put together with one
// that has another price.
func TestSumsKnowTheContextsOfThePrices(t *testing.T) {
	var known []int64
	for b := range cells.Bands {
		known = append(known, b)
	}
	found := 0
	for r := range builtin(t).All() {
		if r.Above == 0 {
			continue
		}
		found++
		if !slices.Contains(known, r.Above) {
			t.Errorf("%s has another price above %d tokens: tokenizer/cells does not tell that apart", r.ID, r.Above)
		}
	}
	if found == 0 {
		t.Error("no price depends on the context")
	}
}

// TestPerplexityCostsWhatItSays: by the token, the search and the request, whose
// fee depends on how much the search put before the model.
func TestPerplexityCostsWhatItSays(t *testing.T) {
	type counts map[tokenizer.Class]int64
	for _, c := range []struct {
		model, context, want string
		used                 counts
	}{
		{"sonar-deep-research", "high", "0.38208", counts{tokenizer.Input: 40, tokenizer.InputTool: 20_000, tokenizer.Output: 9000, tokenizer.Reasoning: 70_000, tokenizer.WebSearch: 12}},
		{"sonar", "low", "0.005023", counts{tokenizer.Input: 8, tokenizer.Output: 15, tokenizer.Requests: 1}},
		{"sonar-pro", "low", "0.030735", counts{tokenizer.Input: 20, tokenizer.Output: 1645, tokenizer.Requests: 1}},
		{"sonar-pro", "medium", "0.034735", counts{tokenizer.Input: 20, tokenizer.Output: 1645, tokenizer.Requests: 1}},
		{"sonar-reasoning-pro", "high", "0.0142", counts{tokenizer.Input: 20, tokenizer.Output: 20, tokenizer.Requests: 1}},
	} {
		row, ok := builtin(t).Find(Query{Provider: "perplexity", Model: c.model, Quality: c.context, At: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
		if !ok {
			t.Fatalf("no price of %s", c.model)
		}
		var sum money.Amount
		for class, n := range c.used {
			amount, _, ok := row.Cost(class, n)
			if !ok {
				t.Errorf("%s has no price of %v", row.ID, class)
			}
			sum = sum.Add(amount)
		}
		if sum.String() != c.want {
			t.Errorf("%s with a %s context costs %s, want %s", c.model, c.context, sum, c.want)
		}
	}
}
