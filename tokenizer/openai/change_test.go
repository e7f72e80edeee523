package openai

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestChange(t *testing.T) {
	for _, c := range []struct {
		name, op, path, body string
		to                   tokenizer.Change
		want, wantPath       string
	}{
		{"a chat at OpenAI", chat, "", `{"model":"gpt-4o"}`, tokenizer.Change{MaxOutput: 10, Provider: "openai"}, `{"max_completion_tokens":10,"model":"gpt-4o"}`, ""},
		{"a chat elsewhere", chat, "", `{"model":"llama"}`, tokenizer.Change{MaxOutput: 10}, `{"max_tokens":10,"model":"llama"}`, ""},
		{"a model that reasons, elsewhere", chat, "", `{"model":"openai/o3-mini"}`, tokenizer.Change{MaxOutput: 10}, `{"max_completion_tokens":10,"model":"openai/o3-mini"}`, ""},
		{"to a model that reasons", chat, "", `{"model":"llama"}`, tokenizer.Change{MaxOutput: 10, Model: "gpt-5-mini"}, `{"max_completion_tokens":10,"model":"gpt-5-mini"}`, ""},
		{"the member that is there", chat, "", `{"model":"o3","max_tokens":99}`, tokenizer.Change{MaxOutput: 10, Provider: "openai"}, `{"model":"o3","max_tokens":10}`, ""},
		{"the one of two that says something", chat, "", `{"model":"m","max_tokens":null,"max_completion_tokens":99}`, tokenizer.Change{MaxOutput: 10}, `{"model":"m","max_tokens":null,"max_completion_tokens":10}`, ""},
		{"a chat that wants less", chat, "", `{"model":"m","max_tokens":9}`, tokenizer.Change{MaxOutput: 10}, `{"model":"m","max_tokens":9}`, ""},
		{"a chat whose bound is none", chat, "", `{"model":"m","max_tokens":0}`, tokenizer.Change{MaxOutput: 10}, `{"model":"m","max_tokens":10}`, ""},
		{"a legacy completion of nothing", completions, "", `{"model":"m","prompt":"x","max_tokens":0}`, tokenizer.Change{MaxOutput: 10}, `{"model":"m","prompt":"x","max_tokens":0}`, ""},
		{"a response", responses, "/v1/responses", `{"model":"m","input":"x","max_output_tokens":99}`, tokenizer.Change{MaxOutput: 16, Hint: "Hm"}, `{"instructions":"Hm","model":"m","input":"x","max_output_tokens":16}`, ""},
		{"a response with instructions", responses, "/v1/responses", `{"model":"m","instructions":"x"}`, tokenizer.Change{Hint: "Hm"}, `{"model":"m","instructions":"x\n\nHm"}`, ""},
		{"a legacy completion", completions, "", `{"model":"m","prompt":"x"}`, tokenizer.Change{MaxOutput: 99}, `{"max_tokens":99,"model":"m","prompt":"x"}`, ""},
		{"a legacy completion at OpenAI", completions, "", `{"model":"m","prompt":"x"}`, tokenizer.Change{MaxOutput: 99, Provider: "openai"}, `{"model":"m","prompt":"x"}`, ""},
		{"a short one", completions, "", `{"model":"m","prompt":"x"}`, tokenizer.Change{MaxOutput: 9, Provider: "openai"}, `{"max_tokens":9,"model":"m","prompt":"x"}`, ""},
		{"another model", chat, "/v1/chat/completions", `{"model":"gpt-4o","messages":[]}`, tokenizer.Change{Model: "gpt-4o-mini"}, `{"model":"gpt-4o-mini","messages":[]}`, ""},
		{"another model for none", chat, "/v1/chat/completions", `{"messages":[]}`, tokenizer.Change{Model: "m"}, `{"model":"m","messages":[]}`, ""},
		{"another deployment", chat, "/openai/deployments/big/chat/completions", `{"messages":[]}`, tokenizer.Change{Model: "small 1"}, `{"messages":[]}`, "/openai/deployments/small%201/chat/completions"},
		{"another deployment and model", chat, "/openai/deployments/big/chat/completions", `{"model":"big"}`, tokenizer.Change{Model: "small"}, `{"model":"small"}`, "/openai/deployments/small/chat/completions"},
		{"a hint", chat, "", `{"messages":[{"role":"developer","content":"x"}]}`, tokenizer.Change{Hint: "Hm"}, `{"messages":[{"role":"developer","content":"x\n\nHm"}]}`, ""},
		{"embeddings", embeddings, "", `{"model":"m","input":"x"}`, tokenizer.Change{Model: "n"}, `{"model":"n","input":"x"}`, ""},
	} {
		d := New()
		call, err := d.Read(c.op, c.path, tokenizer.NoHead{}, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Change(call, c.path, []byte(c.body), c.to)
		body := string(bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil))
		if body != c.want || got.Path != c.wantPath || got.Done != c.to.Parts() {
			t.Errorf("%s: %s at %q, done %b", c.name, body, got.Path, got.Done)
		}
		if !d.Changes(call, c.path).Has(c.to.Parts()) {
			t.Errorf("%s: Changes = %b", c.name, d.Changes(call, c.path))
		}
		again, err := d.Read(c.op, got.Path, tokenizer.NoHead{}, []byte(body))
		if err != nil || c.to.MaxOutput > 0 && again.MaxOutput > c.to.MaxOutput {
			t.Errorf("%s: it is read as %+v, %v", c.name, again, err)
		}
	}
}

func TestWhatCannotBeChanged(t *testing.T) {
	for _, c := range []struct {
		name, path string
		call       tokenizer.Call
		want       tokenizer.Part
	}{
		{"earlier work", "/v1/responses/resp_1", tokenizer.Call{Operation: responses, Of: "resp_1"}, 0},
		{"compacting", "/v1/responses/compact", tokenizer.Call{Operation: responses}, tokenizer.ModelPart},
		{"a legacy completion", "/v1/completions", tokenizer.Call{Operation: completions}, tokenizer.ModelPart | tokenizer.CapPart},
		{"sound", "/v1/audio/speech", tokenizer.Call{Operation: speech}, 0},
	} {
		if got := New().Changes(c.call, c.path); got != c.want {
			t.Errorf("%s: %b, want %b", c.name, got, c.want)
		}
	}
	body := []byte(`{"model":"m","messages":"x"}`)
	if got := New().Change(tokenizer.Call{Operation: chat}, "", body, tokenizer.Change{Hint: "Hm", MaxOutput: 5}); got.Done != tokenizer.CapPart {
		t.Errorf("messages that are no list: done %b", got.Done)
	}
}
