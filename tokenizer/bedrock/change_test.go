package bedrock

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestChange(t *testing.T) {
	const all = tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart
	for _, c := range []struct {
		name, path, body string
		to               tokenizer.Change
		want, wantPath   string
		done             tokenizer.Part
	}{
		{"Converse", "/model/us.anthropic.claude-opus-4-v1:0/converse", `{"messages":[],"system":[{"text":"x"}],"inferenceConfig":{"maxTokens":9000}}`,
			tokenizer.Change{MaxOutput: 10, Hint: "Hm", Model: "amazon.nova-lite-v1:0"},
			`{"messages":[],"system":[{"text":"x"},{"text":"Hm"}],"inferenceConfig":{"maxTokens":10}}`, "/model/amazon.nova-lite-v1%3A0/converse", all},
		{"Converse that thinks", "/model/anthropic.claude-opus-4-v1:0/converse-stream", `{"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":9000}}}`,
			tokenizer.Change{MaxOutput: 4000}, `{"inferenceConfig":{"maxTokens":4000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}}`, "", tokenizer.CapPart},
		{"Anthropic's messages", "/model/eu.anthropic.claude-opus-4-v1:0/invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":99,"messages":[]}`,
			tokenizer.Change{MaxOutput: 10, Hint: "Hm", Model: "anthropic.claude-haiku-4-v1:0"},
			`{"system":"Hm","anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[]}`, "/model/anthropic.claude-haiku-4-v1%3A0/invoke", all},
		{"another maker's model", "/model/anthropic.claude-opus-4-v1:0/invoke", `{"anthropic_version":"b","max_tokens":9,"messages":[]}`, tokenizer.Change{Model: "meta.llama3-8b-instruct-v1:0"},
			`{"anthropic_version":"b","max_tokens":9,"messages":[]}`, "", 0},
		{"OpenAI's chat", "/model/openai.gpt-oss-20b-1:0/invoke", `{"messages":[{"role":"user","content":"x"}]}`, tokenizer.Change{MaxOutput: 10, Hint: "Hm"},
			`{"max_completion_tokens":10,"messages":[{"role":"system","content":"Hm"},{"role":"user","content":"x"}]}`, "", tokenizer.CapPart | tokenizer.HintPart},
		{"Nova", "/model/amazon.nova-pro-v1:0/invoke", `{"messages":[],"inferenceConfig":{"max_new_tokens":99}}`, tokenizer.Change{MaxOutput: 10, Hint: "Hm"},
			`{"system":[{"text":"Hm"}],"messages":[],"inferenceConfig":{"max_new_tokens":10}}`, "", tokenizer.CapPart | tokenizer.HintPart},
		{"Llama", "/model/meta.llama3-70b-instruct-v1:0/invoke", `{"prompt":"x"}`, tokenizer.Change{MaxOutput: 10, Model: "meta.llama3-8b-instruct-v1:0"},
			`{"max_gen_len":10,"prompt":"x"}`, "/model/meta.llama3-8b-instruct-v1%3A0/invoke", tokenizer.CapPart | tokenizer.ModelPart},
		{"Titan", "/model/amazon.titan-text-express-v1/invoke", `{"inputText":"x","textGenerationConfig":{"maxTokenCount":99}}`, tokenizer.Change{MaxOutput: 10},
			`{"inputText":"x","textGenerationConfig":{"maxTokenCount":10}}`, "", tokenizer.CapPart},
		{"Mistral", "/model/mistral.mistral-7b-instruct-v0:2/invoke", `{"prompt":"x","max_tokens":99}`, tokenizer.Change{MaxOutput: 10}, `{"prompt":"x","max_tokens":10}`, "", tokenizer.CapPart},
		{"somebody's own model, with a bound", "/model/arn:aws:bedrock:us-east-1:1:imported-model/m/invoke", `{"prompt":"x","max_gen_len":99}`, tokenizer.Change{MaxOutput: 10, Model: "m"}, `{"prompt":"x","max_gen_len":10}`, "", tokenizer.CapPart},
		{"and without", "/model/arn:aws:bedrock:us-east-1:1:imported-model/m/invoke", `{"prompt":"x"}`, tokenizer.Change{MaxOutput: 10}, `{"prompt":"x"}`, "", 0},
	} {
		d := New()
		operation, ok := d.Match("POST", c.path)
		call, err := d.Read(operation, c.path, tokenizer.NoHead{}, []byte(c.body))
		if !ok || err != nil {
			t.Fatalf("%s: %v, %v", c.name, ok, err)
		}
		got := d.Change(call, c.path, []byte(c.body), c.to)
		body := bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil)
		if string(body) != c.want || got.Path != c.wantPath || got.Done != c.done || !d.Changes(call, c.path).Has(c.done) {
			t.Errorf("%s: %s at %q, done %b", c.name, body, got.Path, got.Done)
		}
		if again, err := d.Read(operation, c.path, tokenizer.NoHead{}, body); err != nil || got.Done.Has(tokenizer.CapPart) && again.MaxOutput != c.to.MaxOutput {
			t.Errorf("%s: it is read as %+v, %v", c.name, again, err)
		}
	}
	if got := New().Changes(tokenizer.Call{Operation: images}, ""); got != tokenizer.ModelPart {
		t.Errorf("%b of images may be changed", got)
	}
}
