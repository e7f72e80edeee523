package price

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

func imported(t *testing.T, format, file string) (map[string]string, []Finding) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, found, err := Import(format, f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(rows); err != nil {
		t.Fatalf("the rows are no catalogue: %v", err)
	}
	all := make(map[string]string)
	for i := range rows {
		all[rows[i].ID] = rows[i].Prices()
	}
	return all, found
}

// want holds all rows that must come of a file against those that do.
func want(t *testing.T, got, want map[string]string) {
	t.Helper()
	for id, prices := range want {
		if got[id] != prices {
			t.Errorf("%s: %q, want %q", id, got[id], prices)
		}
	}
	for id, prices := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("%s: %q, want no such row", id, prices)
		}
	}
}

func TestImportLiteLLM(t *testing.T) {
	rows, found := imported(t, LiteLLM, "testdata/litellm.json")
	want(t, rows, map[string]string{
		"openai/model-a":                                      "input 2, cache_read 0.5, output 8, web_search 25000",
		"openai/model-a;above=200000":                         "input 4, cache_read 0.5, output 8, web_search 25000", // the band's 6 is below 8
		"openai/model-a;tier=batch":                           "input 1, cache_read 0.5, output 4, web_search 25000",
		"openai/model-a;tier=priority":                        "input 3.5, cache_read 0.5, output 8, web_search 25000",
		"openai/model-a;tier=priority;above=200000":           "input 4, cache_read 0.5, output 8, web_search 25000",
		"openai/model-a;region=eu":                            "input 2.2, cache_read 0.55, output 8.8, web_search 25000",
		"openai/model-a;region=eu;above=200000":               "input 4.4, cache_read 0.55, output 8.8, web_search 25000",
		"openai/model-a;region=eu;tier=batch":                 "input 1.1, cache_read 0.55, output 4.4, web_search 25000",
		"openai/model-a;region=eu;tier=priority":              "input 3.85, cache_read 0.55, output 8.8, web_search 25000",
		"openai/model-a;region=eu;tier=priority;above=200000": "input 4.4, cache_read 0.55, output 8.8, web_search 25000",
		"openai/ft:model-a:*":                                 "input 3, output 12",
		"openai/noisy":                                        "input 5, output 123.456789/100", // not noise: kept exactly
		"groq/some:free":                                      "free",
		"cohere/rank":                                         "input 0, output 0, rerank_units 2000",
		"openai/cached-dear":                                  "input 1, output 1",
		"openai/painter;size=1024x1024;quality=hd":            "images 80000",
		"openai/listener":                                     "audio_seconds 17000/60",
		"azure/model-a;deployment=data_zone;region=eu":        "input 2.2, output 8.8",
		"bedrock/maker.model;region=eu-west-1":                "input 1, output 2",
		"deepseek/night":                                      "input 0.3, output 1.2",
		"deepseek/night;hours=mon-fri 10:00-24:00":            "input 0.15, output 1.2",
		"deepseek/night;hours=mon-fri 04:00-06:00":            "input 0.15, output 1.2",
		"dashscope/tiers":                                     "input 0.05, output 0.4",
		"dashscope/tiers;above=256000":                        "input 0.25, output 2",
		"xai/band":                                            "input 1, output 2",
		"xai/band;above=199999":                               "input 2, output 2",
	})
	for _, kind := range []string{Zero, Listed, Cheaper, Dearer, Noise, Tangled} {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == kind && f.Row != "" && f.Detail != "" }) {
			t.Errorf("nothing was found of the kind %q: %v", kind, found)
		}
	}
}

func TestImportGenAI(t *testing.T) {
	rows, found := imported(t, GenAI, "testdata/genai.json")
	want(t, rows, map[string]string{
		"anthropic/claude-test-latest":                            "input 3, cache_write_5m 3.75, cache_write_1h 6, output 15, web_search 10000",
		"anthropic/claude-test-latest;above=200000":               "input 6, cache_write_5m 3.75, cache_write_1h 6, output 15, web_search 10000",
		"anthropic/claude-test-latest;tier=batch;from=2026-10-14": "input 1.5, cache_write_5m 3.75, cache_write_1h 6, output 7.5, web_search 10000",
		"deepseek/day":                   "input 0.135, output 0.55",
		"deepseek/day;from=2026-01-01":   "input 0.2, output 0.6",
		"deepseek/day;hours=00:30-16:30": "input 0.27, output 1.1",
		"xai/voice":                      "audio_seconds 100",
	})
	for _, kind := range []string{Pattern, Tangled, NoMeter} {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == kind }) {
			t.Errorf("nothing was found of the kind %q: %v", kind, found)
		}
	}
}

// The names that are spelt out find a model, and patterns do not.
func TestImportedNames(t *testing.T) {
	read := func(format, file string) []Row {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := Import(format, bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	c, err := New(append(read(LiteLLM, "testdata/litellm.json"), read(GenAI, "testdata/genai.json")...))
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{
		"model-latest": "openai/model-a", "claude-test-one": "anthropic/claude-test-latest", "claude-test-20260101": "anthropic/claude-test-latest",
		"claude-test-two": "", "left-one": "", "zero": "", "broken": "", "ft:model-a": "openai/ft:model-a:*", "ft:model-a:acme": "openai/ft:model-a:*",
	} {
		got := ""
		if row, ok := c.Find(Query{Model: asked, At: day("2026-03-02")}); ok {
			got = row.ID
		}
		if got != want {
			t.Errorf("Find(%q) = %q, want %q", asked, got, want)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	for _, x := range []struct{ format, text string }{
		{LiteLLM, "[]"}, {LiteLLM, "{}"}, {LiteLLM, ""}, {LiteLLM, "{"}, {GenAI, "{}"}, {GenAI, "[]"}, {GenAI, "nothing"}, {"tokencost", "{}"},
	} {
		if rows, _, err := Import(x.format, strings.NewReader(x.text)); err == nil {
			t.Errorf("Import(%s, %q) = %v", x.format, x.text, rows)
		}
	}
}

// A table that is written is read again the same.
func TestTablesComeBack(t *testing.T) {
	rows, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteCSV(&out, rows); err != nil {
		t.Fatal(err)
	}
	first := out.String()
	back, err := ReadCSV(&out)
	if err != nil {
		t.Fatal(err)
	}
	if changes := Diff(rows, back); len(changes) > 0 {
		t.Errorf("reading what was written changes %v", changes[:min(len(changes), 5)])
	}
	var again bytes.Buffer
	if err := WriteCSV(&again, back); err != nil || again.String() != first {
		t.Errorf("written twice, a table differs: %v", err)
	}
}

func TestDiff(t *testing.T) {
	read := func(text string) []Row {
		rows, err := ReadCSV(strings.NewReader("provider,model,terms,until,aliases,input,output,hosting_seconds,source\n" + text))
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	a := read("p,same,,,,1,2,,x\np,moved,,,,1,2,,x\np,gone,,,,1,,,x\np,freed,,,,1,,,x\n")
	b := read("p,same,,,,1,2,,y\np,moved,,2027-01-01,m,1.5,,60/3600,x\np,new,,,,3,,,x\np,freed,free,,,,,,x\n")
	got := Diff(a, b)
	want := []Change{
		{"p/freed", "terms", "", "free"}, {"p/freed", "input", "1", ""},
		{"p/gone", "row", "input 1", ""},
		{"p/moved", "until", "", "2027-01-01"}, {"p/moved", "aliases", "", "m"}, {"p/moved", "input", "1", "1.5"},
		{"p/moved", "output", "2", ""}, {"p/moved", "hosting_seconds", "", "60/3600"},
		{"p/new", "row", "", "input 3"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("Diff = %v,\nwant %v", got, want)
	}
	if same := Diff(b, b); len(same) != 0 {
		t.Errorf("a table differs from itself: %v", same)
	}
}

func TestExplain(t *testing.T) {
	c, err := NewWith(Options{Deployments: map[string]string{"prod": "gpt-5.6"}}, mustBuiltin(t), []Row{priced("own", "openai", "mine*")})
	if err != nil {
		t.Fatal(err)
	}
	at := day("2026-11-20")
	x := c.Explain(Query{Provider: "openai", Model: "prod", Tier: "flex", Input: 300_000, At: at})
	if x.Row == nil || x.Row.ID != "openai/gpt-5.6;tier=flex;above=272000;from=2026-08-21" || x.Deployment != "gpt-5.6" || x.How != "by its name" {
		t.Fatalf("Explain = %+v", x)
	}
	on := make(map[string]string)
	for _, l := range x.Lost {
		on[l.Row.ID] = l.On + ": " + l.Why
	}
	for id, why := range map[string]string{
		"openai/gpt-5.6;from=2026-08-21":                     "tier: the winner says more about the tier",
		"openai/gpt-5.6;tier=flex;from=2026-08-21":           "above: the winner is for more input",
		"openai/gpt-5.6;tier=batch;from=2026-08-21":          "tier: it is for batch, the call says flex",
		"openai/gpt-5.6;region=eu;tier=flex;from=2026-08-21": "region: it is for eu, and the call does not say",
		"azure/gpt-5.6": "provider: it is azure's price, the call says openai",
	} {
		if on[id] != why {
			t.Errorf("%s: lost on %q, want %q", id, on[id], why)
		}
	}
	for model, reason := range map[string]string{
		"":                       "no model is named",
		"nothing-like-it":        "no row has this name",
		"ft:gpt-5:acme":          "no row is of this fine-tuned model",
		strings.Repeat("x", 300): "longer than 256 bytes",
	} {
		if x := c.Explain(Query{Model: model, At: at}); x.Row != nil || !strings.Contains(x.Reason, reason) {
			t.Errorf("Explain(%.20q) = %+v, want %q", model, x, reason)
		}
	}
	if x := c.Explain(Query{Provider: "mistral", Model: "gpt-5", At: at}); x.Row != nil || x.Reason != "no row of this name holds for the call" || len(x.Lost) == 0 {
		t.Errorf("another provider's model: %+v", x)
	}
	for model, how := range map[string]string{
		"mine-1": "by the pattern mine*", "GPT-5": "by its name", "openai/gpt-5": "by the part of the name after a slash",
		"gpt-5-2025-08-07": "as a snapshot of gpt-5", "ft:gpt-4o-2024-08-06": "by an alias of ft:gpt-4o-2024-08-06:*",
	} {
		if x := c.Explain(Query{Provider: "openai", Model: model, At: at}); x.How != how {
			t.Errorf("%s was found %q, want %q", model, x.How, how)
		}
	}
}

func mustBuiltin(t *testing.T) []Row {
	t.Helper()
	rows, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// What is read is a catalogue or an error, whatever is given.
func FuzzImport(f *testing.F) {
	for format, file := range map[string]string{LiteLLM: "testdata/litellm.json", GenAI: "testdata/genai.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(format, text)
	}
	f.Add(LiteLLM, []byte(`{"a":{"litellm_provider":"b","input_cost_per_token":1e-99999}}`))
	f.Fuzz(func(t *testing.T, format string, text []byte) {
		rows, _, err := Import(format, bytes.NewReader(text))
		if err != nil {
			return
		}
		for i := range rows {
			if err := rows[i].check(); err != nil && rows[i].Model != "" && len(rows[i].Model) <= maxName {
				t.Fatalf("row %q: %v", rows[i].ID, err)
			}
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add("provider,model,input,source\np,m,1.5,x\n")
	f.Add("model,hours,audio_seconds,terms\nm,mon-fri 10:00-24:00,17000/60,resold\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := ReadCSV(strings.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := WriteCSV(&out, rows); err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return
		}
		back, err := ReadCSV(&out)
		if err != nil || len(back) != len(rows) {
			t.Fatalf("%d rows come back as %d, %v: %s", len(rows), len(back), err, out.String())
		}
	})
}
