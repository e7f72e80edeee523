package capacity_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/policy/capacity"
)

func builtin(t *testing.T, deployments map[string]string) *capacity.Table {
	t.Helper()
	rows, err := capacity.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	table, err := capacity.New(rows, deployments)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestWellKnownModels holds the table to what providers' pages say.
func TestWellKnownModels(t *testing.T) {
	table := builtin(t, map[string]string{"Chat-Prod": "gpt-4o-2024-08-06"})
	for _, c := range []struct {
		why, provider, model    string
		window, output, picture int64
	}{
		{"by name", "openai", "gpt-4o", 128_000, 16_384, 1445},
		{"in capitals", "openai", "GPT-4o", 128_000, 16_384, 1445},
		{"a snapshot with limits of its own", "openai", "gpt-4o-2024-05-13", 128_000, 4096, 1445},
		{"a snapshot that nobody lists", "openai", "gpt-4o-2031-01-01", 128_000, 16_384, 1445},
		{"tiles that cost more", "openai", "gpt-4o-mini", 128_000, 16_384, 48_169},
		{"of which two sources differ", "openai", "gpt-5", 400_000, 128_000, 1190},
		{"whoever its provider is", "", "gpt-4o", 128_000, 16_384, 1445},
		{"after a slash", "openai", "openai/gpt-4o", 128_000, 16_384, 1445},
		{"fine-tuned", "openai", "ft:gpt-4o-2024-08-06:acme::abc", 128_000, 16_384, 0},
		{"at a reseller", "azure", "gpt-4o", 128_000, 16_384, 1445},
		{"a deployment", "azure", "chat-prod", 128_000, 16_384, 1445},
		{"an older Claude", "anthropic", "claude-3-5-sonnet-20241022", 200_000, 8192, 1600},
		{"a newer Claude", "anthropic", "claude-opus-4-7", 1_000_000, 128_000, 4784},
		{"an alias", "anthropic", "claude-sonnet-4-20250514", 200_000, 64_000, 1600},
		{"the last Claude that sees less", "bedrock", "us.anthropic.claude-sonnet-4-6", 1_000_000, 128_000, 1600},
		{"a Claude that sees more", "vertex", "claude-haiku-5-5", 1_000_000, 128_000, 4784},
		{"patches", "openai", "gpt-4.1-mini-2025-04-14", 1_047_576, 32_768, 9955},
		{"patches that cost more", "openai", "gpt-4.1-nano", 1_047_576, 32_768, 15_116},
		{"patches of one that thinks", "openai", "o4-mini", 200_000, 100_000, 10_569},
		{"tiles of one that thinks", "openai", "o3", 200_000, 100_000, 1275},
		{"whose pictures no page bounds", "openai", "gpt-5.4", 1_050_000, 128_000, 0},
		{"Gemini 3", "gemini", "gemini-3.1-pro-preview", 1_048_576, 65_536, 2240},
		{"a price above what its page says", "anthropic", "claude-sonnet-4-5-20250929", 1_000_000, 64_000, 1600},
		{"the same at Bedrock", "bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 1_000_000, 64_000, 1600},
		{"of which a header says how much", "bedrock", "us.anthropic.claude-3-7-sonnet-20250219-v1:0", 200_000, 128_000, 1600},
		{"the same, without a region", "bedrock", "anthropic.claude-3-7-sonnet-20250219-v1:0", 200_000, 128_000, 1600},
		{"the same at Vertex AI", "vertex", "claude-3-7-sonnet@20250219", 200_000, 128_000, 1600},
		{"the same, by its maker's name", "anthropic", "claude-3-7-sonnet-20250219", 200_000, 128_000, 1600},
		{"a row of the overlay alone", "vertex", "claude-opus-4-1@20250805", 200_000, 32_000, 1600},
		{"all of its window", "openai", "gpt-4-0613", 8192, 8192, 0},
		{"one that asks others", "azure", "model-router", 1_050_000, 32_768, 0},
		{"the most that it takes of its window", "azure", "gpt-5.4", 922_000, 128_000, 0},
		{"a host that rounds down", "bedrock", "writer.palmyra-x5-v1:0", 1_048_576, 8192, 0},
		{"of Mistral", "mistral", "devstral-2512", 262_144, 262_144, 0},
		{"of Cohere", "cohere", "command-a-03-2025", 256_000, 8000, 0},
		{"Gemini", "gemini", "gemini-2.5-pro", 1_048_576, 65_536, 0},
		{"Gemini, as the path has it", "gemini", "models/gemini-2.5-pro", 1_048_576, 65_536, 0},
		{"the same at Vertex", "vertex", "gemini-2.5-pro", 1_048_576, 65_535, 0},
		{"a profile of Bedrock", "bedrock", "us.amazon.nova-pro-v1:0", 300_000, 10_000, 0},
		{"a profile that nobody lists", "bedrock", "mx.amazon.nova-pro-v1:0", 300_000, 10_000, 0},
		{"a profile by its ARN", "bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0", 300_000, 10_000, 0},
	} {
		row, ok := table.Find(c.provider, c.model)
		if want := (capacity.Limit{Window: c.window, Output: c.output, Picture: c.picture}); !ok || row.Limit != want {
			t.Errorf("%s: Find(%q, %q) = %+v, want %+v", c.why, c.provider, c.model, row, want)
		}
	}
}

func TestWhatNobodyKnows(t *testing.T) {
	table := builtin(t, map[string]string{"gpt-4o": "of-our-own"})
	for _, c := range []struct{ why, provider, model string }{
		{"a model of nobody's", "openai", "no-such-model"},
		{"at a provider that nobody knows", "local", "gpt-4o-mini"},
		{"of those who resell, and no provider", "", "amazon.nova-pro-v1:0"},
		{"behind a deployment", "openai", "gpt-4o"},
		{"a name that is too long", "openai", strings.Repeat("x", 300)},
		{"no name", "openai", ""},
	} {
		if row, ok := table.Find(c.provider, c.model); ok {
			t.Errorf("%s: Find(%q, %q) = %+v", c.why, c.provider, c.model, row)
		}
	}
	if _, ok := (*capacity.Table)(nil).Find("openai", "gpt-4o"); ok {
		t.Error("no table knows a model")
	}
}

func TestModelsThatSearchByThemselves(t *testing.T) {
	table := builtin(t, map[string]string{"ask-prod": "gpt-4o-search-preview", "chat-prod": "gpt-4o"})
	for _, c := range []struct {
		provider, model string
		want            bool
	}{
		{"perplexity", "sonar", true},
		{"perplexity", "Sonar-Pro", true},
		{"openrouter", "perplexity/sonar-reasoning-pro", true},
		{"perplexity", "llama-3.1-sonar-small-128k-online", true},
		{"openai", "gpt-4o-mini-search-preview-2025-03-11", true},
		{"openai", "gpt-5-search-api", true},
		{"azure", "ask-prod", true},
		{"groq", "groq/compound-mini", true},
		{"gemini", "deep-research-pro-preview-12-2025", true},
		{"openrouter", "openai/o3-deep-research", true},
		{"openrouter", "meta-llama/llama-3-70b:online", true},
		{"", "sonar", true},
		{"openai", "o3-deep-research-2025-06-26", false},
		{"azure", "chat-prod", false},
		{"openai", "gpt-4o", false},
		{"deepinfra", "NousResearch/Hermes-3-Llama-3.1-70B", false},
		{"local", "own", false},
	} {
		if got := table.Searches(c.provider, c.model); got != c.want {
			t.Errorf("Searches(%q, %q) = %t", c.provider, c.model, got)
		}
	}
	if !(*capacity.Table)(nil).Searches("perplexity", "sonar") {
		t.Error("without a table, nobody knows sonar")
	}
	if n := testing.AllocsPerRun(100, func() { table.Searches("openai", "gpt-4o-2031-01-01") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	table := builtin(t, map[string]string{"chat": "gpt-4o"})
	for _, name := range []string{"GPT-4o-2024-08-06", "chat", "us.amazon.nova-pro-v1:0", "a/b/c/no-such-model-20260101"} {
		if n := testing.AllocsPerRun(100, func() { table.Find("bedrock", name) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestEveryRowIsFoundByItsNames, with the limits that it has.
func TestEveryRowIsFoundByItsNames(t *testing.T) {
	rows, err := capacity.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	table := builtin(t, nil)
	for i := range rows {
		for _, name := range append([]string{rows[i].Model}, rows[i].Aliases...) {
			if strings.Contains(name, "*") {
				name = strings.ReplaceAll(name, "*", "acme")
			}
			if row, ok := table.Find(rows[i].Provider, name); !ok || row.Limit != rows[i].Limit {
				t.Errorf("%s/%s is found as %+v", rows[i].Provider, name, row)
			}
		}
		if rows[i].Limit == (capacity.Limit{}) || rows[i].Source == "" {
			t.Errorf("%+v says nothing, or not from where", rows[i])
		}
	}
}

func TestAMistakenTable(t *testing.T) {
	for why, rows := range map[string][]capacity.Row{
		"a name twice":     {{Provider: "p", Model: "m"}, {Provider: "p", Model: "M"}},
		"an alias twice":   {{Provider: "p", Model: "m"}, {Provider: "p", Model: "n", Aliases: []string{"m"}}},
		"no provider":      {{Model: "m"}},
		"below 0":          {{Provider: "p", Model: "m", Limit: capacity.Limit{Window: -1}}},
		"more than a most": {{Provider: "p", Model: "m", Limit: capacity.Limit{Output: capacity.MaxTokens + 1}}},
	} {
		if _, err := capacity.New(rows, nil); err == nil {
			t.Errorf("%s is taken", why)
		}
	}
	const head = "provider,model,aliases,terms,window,output,picture,source\n"
	for why, text := range map[string]string{
		"no header": "p,m,,,1,1,1,s\n", "zero, which is not unknown": head + "p,m,,,0,1,1,s\n", "no number": head + "p,m,,,x,1,1,s\n",
		"a cell too few": head + "p,m,,,1,1,1\n", "nothing": "",
	} {
		if _, err := capacity.ReadCSV(strings.NewReader(text)); err == nil {
			t.Errorf("%s is read", why)
		}
	}
}

// TestWhatIsWrittenIsRead, for any rows.
func TestWhatIsWrittenIsRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		return strings.Repeat("a\",b-é"[:1+random.IntN(4)], 1+random.IntN(3))
	}
	for range 200 {
		rows := make([]capacity.Row, random.IntN(5))
		for i := range rows {
			rows[i] = capacity.Row{
				Provider: word(), Model: word(), Resold: random.IntN(2) == 0, Source: word(), Aliases: []string{},
				Limit: capacity.Limit{Window: random.Int64N(3), Output: random.Int64N(capacity.MaxTokens), Picture: random.Int64N(2)},
			}
		}
		var text bytes.Buffer
		if err := capacity.WriteCSV(&text, rows); err != nil {
			t.Fatal(err)
		}
		got, err := capacity.ReadCSV(&text)
		if err != nil || !slices.EqualFunc(got, rows, func(a, b capacity.Row) bool {
			return a.Provider == b.Provider && a.Model == b.Model && a.Resold == b.Resold && a.Source == b.Source && a.Limit == b.Limit && len(a.Aliases) == 0
		}) {
			t.Fatalf("read %+v, want %+v; %v", got, rows, err)
		}
	}
}

func TestOr(t *testing.T) {
	got := capacity.Limit{Output: 5}.Or(capacity.Limit{Window: 1, Output: 2, Picture: 3})
	if want := (capacity.Limit{Window: 1, Output: 5, Picture: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// FuzzReadCSV holds that what is read can be written, and reads the same.
func FuzzReadCSV(f *testing.F) {
	f.Add("provider,model,aliases,terms,window,output,picture,source\np,m,a b,resold,1,2,,s\n")
	f.Add("# nothing\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := capacity.ReadCSV(strings.NewReader(text))
		if err != nil || slices.ContainsFunc(rows, func(r capacity.Row) bool { return strings.HasPrefix(r.Provider, "#") }) {
			return // what would be written is a comment
		}
		var out bytes.Buffer
		if err := capacity.WriteCSV(&out, rows); err != nil {
			t.Fatal(err)
		}
		again, err := capacity.ReadCSV(&out)
		if err != nil || !slices.EqualFunc(again, rows, func(a, b capacity.Row) bool {
			return a.Limit == b.Limit && a.Resold == b.Resold && slices.Equal(a.Aliases, b.Aliases)
		}) {
			t.Fatalf("%+v is read again as %+v; %v", rows, again, err)
		}
	})
}
