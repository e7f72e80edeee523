package config

import (
	"testing"

	"github.com/farebox/farebox/policy/capacity"
)

// TestBounds holds what is known of a model to the order of who says it: models, the
// built-in table by the name that prices have, then what is said of all others.
func TestBounds(t *testing.T) {
	c := mustParse(t, `
prices: {deployments: {chat-prod: gpt-4o}}
holds:
  context_window: 8K
  models:
    - {model: gpt-4.1, max_output: 1K}
    - {model: "gpt-4.1*", context_window: 2K}
    - {model: chat-*, max_output: 3K}
`)
	b, err := c.Bounds()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		why, provider, model string
		want                 capacity.Limit
	}{
		{"built in", "openai", "gpt-4o", capacity.Limit{Window: 128_000, Output: 16_384, Picture: 1445}},
		{"one figure told", "openai", "gpt-4.1-2025-04-14", capacity.Limit{Window: 1_047_576, Output: 1000, Picture: 1445}},
		{"by the second pattern", "openai", "gpt-4.1-mini", capacity.Limit{Window: 2000, Output: 32_768, Picture: 9955}},
		{"a deployment, told by its own name", "azure", "chat-prod", capacity.Limit{Window: 128_000, Output: 3000, Picture: 1445}},
		{"of nobody's", "local", "own", capacity.Limit{Window: 8000}},
	} {
		if got := b.Of(test.provider, test.model); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.why, got, test.want)
		}
	}
}

// TestBoundsSayWhichModelsSearch by themselves, no more than the configuration does.
func TestBoundsSayWhichModelsSearch(t *testing.T) {
	b, err := mustParse(t, "holds: {models: [{model: Sonar, hosted: false}, {model: own, hosted: true}, {model: sonar-pro, max_output: 8K}]}").Bounds()
	if err != nil {
		t.Fatal(err)
	}
	if m := b.Models; m[0].Hosted == nil || *m[0].Hosted || m[1].Hosted == nil || !*m[1].Hosted || m[2].Hosted != nil {
		t.Errorf("%+v", m)
	}
	if !b.Known.Searches("perplexity", "sonar-pro") {
		t.Error("what is built in is not known")
	}
}

// BenchmarkBounds is what asking for limits takes of a call, with strict holds.
func BenchmarkBounds(bench *testing.B) {
	c := Default()
	b, err := c.Bounds()
	if err != nil {
		bench.Fatal(err)
	}
	bench.ReportAllocs()
	for bench.Loop() {
		b.Of("openai", "gpt-4o-2031-01-01")
	}
}

// BenchmarkBuiltIn is what reading the limits that are built in takes of a reload.
func BenchmarkBuiltIn(bench *testing.B) {
	c := Default()
	bench.ReportAllocs()
	for bench.Loop() {
		if _, err := c.Bounds(); err != nil {
			bench.Fatal(err)
		}
	}
}
