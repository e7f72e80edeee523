package dialects

import (
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// What a provider does beside calls is known by name, and what of it is free.
func TestOtherOperations(t *testing.T) {
	for _, c := range []struct {
		path, operation string
		free            bool
	}{
		{"/v1/images/generations", "images", false},
		{"/openai/deployments/d/images/edits", "images", false},
		{"/v1/realtime/client_secrets", "realtime", false},
		{"/v1/vector_stores/vs-1/search", "vector_search", false},
		{"/v1/threads/t-1/runs/r-1/submit_tool_outputs", "runs", false},
		{"/v1/threads/t-1/messages", "threads", true},
		{"/v1/uploads/u-1/parts", "files", true},
		{"/v1/messages/count_tokens", "count_tokens", true},
		{"/v1/sessions/s-1/events", "agents", false},
		{"/v1/agents/a-1", "agents", true},
		{"/v1beta/models/gemini-2.5-pro:countTokens", "count_tokens", true},
		{"/v1beta/auth_tokens", "realtime", false},
		{"/upload/v1beta/files", "files", true},
		{"/v1/projects/p/locations/l/tuningJobs", "fine_tuning", false},
		{"/model/anthropic.claude/count-tokens", "count_tokens", true},
		{"/guardrail/g/version/1/apply", "guardrail", false},
		{"/retrieveAndGenerate", "retrieve", false},
		{"/tokenize", "count_tokens", true},
		{"/v1/detokenize", "count_tokens", true},
		{"/v1/finetuning/finetuned-models", "fine_tuning", false},
		{"/api/pull", "models", true},
		{"/v1/poems", "", false},
	} {
		if _, _, metered := tokenizer.Find(All(), "", "POST", c.path); metered {
			continue // a dialect has learned it since
		}
		var operation string
		var free bool
		for _, d := range All() {
			n, can := d.(tokenizer.Neighbour)
			if !can {
				continue
			}
			if named, costless, ok := n.Other("POST", c.path); ok && operation == "" {
				operation, free = named, costless
			}
		}
		if operation != c.operation || free != c.free {
			t.Errorf("%s: %q, free %v; want %q, %v", c.path, operation, free, c.operation, c.free)
		}
	}
}
