package price

import (
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/policy/capacity"
)

func TestImportLimits(t *testing.T) {
	for format, c := range map[string]struct {
		in   string
		want []capacity.Row
	}{
		LiteLLM: {`{
			"sample_spec": {"litellm_provider": "one of them", "max_input_tokens": "a number"},
			"m": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 100, "max_output_tokens": 10},
			"nick": {"litellm_provider": "openai", "alias_of": "m"},
			"azure/eu/m": {"litellm_provider": "azure", "mode": "chat", "max_input_tokens": 100, "max_output_tokens": 20},
			"azure/m": {"litellm_provider": "azure", "mode": "chat", "max_input_tokens": 90, "max_output_tokens": 30},
			"e": {"litellm_provider": "openai", "mode": "embedding", "max_input_tokens": 100, "max_output_tokens": 10},
			"said-nothing": {"litellm_provider": "openai", "mode": "chat"},
			"zero": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 0, "max_output_tokens": -1},
			"no-whole-number": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 1.5, "max_output_tokens": "many"},
			"too-much": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 1000000000001}
		}`, []capacity.Row{
			{Provider: "azure", Model: "m", Resold: true, Limit: capacity.Limit{Window: 100, Output: 30}, Source: LiteLLM},
			{Provider: "openai", Model: "e", Limit: capacity.Limit{Window: 100}, Source: LiteLLM},
			{Provider: "openai", Model: "m", Aliases: []string{"nick"}, Limit: capacity.Limit{Window: 100, Output: 10}, Source: LiteLLM},
		}},
		GenAI: {`[{"id": "google", "models": [
			{"id": "g", "match": {"or": [{"equals": "g"}, {"equals": "g-1"}, {"starts_with": "g-2"}]}, "context_window": 100},
			{"id": "claude-x", "match": {"equals": "claude-x"}, "context_window": 200},
			{"id": "none", "match": {"equals": "none"}}
		]}]`, []capacity.Row{
			{Provider: "gemini", Model: "g", Aliases: []string{"g-1"}, Limit: capacity.Limit{Window: 100}, Source: GenAI},
			{Provider: "vertex", Model: "claude-x", Resold: true, Limit: capacity.Limit{Window: 200}, Source: GenAI},
		}},
	} {
		got, err := ImportLimits(format, strings.NewReader(c.in))
		same := func(a, b capacity.Row) bool {
			return a.Provider == b.Provider && a.Model == b.Model && a.Resold == b.Resold && a.Limit == b.Limit && a.Source == b.Source && slices.Equal(a.Aliases, b.Aliases)
		}
		if err != nil || !slices.EqualFunc(got, c.want, same) {
			t.Errorf("%s: %+v, want %+v; %v", format, got, c.want, err)
		}
	}
	for _, format := range []string{LiteLLM, GenAI, "other"} {
		if _, err := ImportLimits(format, strings.NewReader("no JSON")); err == nil {
			t.Errorf("%s reads what is no JSON", format)
		}
	}
}
