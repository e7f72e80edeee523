package anthropic

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestChange(t *testing.T) {
	const vertex = "/v1/projects/p/locations/eu/publishers/anthropic/models/claude-opus@20250101:streamRawPredict"
	for _, c := range []struct {
		name, op, path, body string
		to                   tokenizer.Change
		want, wantPath       string
	}{
		{"lower", messages, "", `{"model":"c","max_tokens":4096}`, tokenizer.Change{MaxOutput: 10}, `{"model":"c","max_tokens":10}`, ""},
		{"less is asked", messages, "", `{"model":"c","max_tokens":5}`, tokenizer.Change{MaxOutput: 10}, `{"model":"c","max_tokens":5}`, ""},
		{"thinking fits under it", messages, "", `{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":30000}}`, tokenizer.Change{MaxOutput: 8000},
			`{"max_tokens":8000,"thinking":{"type":"enabled","budget_tokens":4000}}`, ""},
		{"thinking as short as may be", messages, "", `{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":30000}}`, tokenizer.Change{MaxOutput: 1500},
			`{"max_tokens":1500,"thinking":{"type":"enabled","budget_tokens":1024}}`, ""},
		{"no room to think", messages, "", `{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":30000}}`, tokenizer.Change{MaxOutput: 1024},
			`{"max_tokens":1024,"thinking":{"type":"disabled"}}`, ""},
		{"thinking that fits", messages, "", `{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":2000}}`, tokenizer.Change{MaxOutput: 8000},
			`{"max_tokens":8000,"thinking":{"type":"enabled","budget_tokens":2000}}`, ""},
		{"thinking without a budget", messages, "", `{"max_tokens":32000,"thinking":{"type":"adaptive"}}`, tokenizer.Change{MaxOutput: 8000},
			`{"max_tokens":8000,"thinking":{"type":"adaptive"}}`, ""},
		{"another model", messages, "/v1/messages", `{"model":"opus","max_tokens":5}`, tokenizer.Change{Model: "haiku"}, `{"model":"haiku","max_tokens":5}`, ""},
		{"another model at Vertex AI", messages, vertex, `{"max_tokens":5}`, tokenizer.Change{Model: "claude-haiku@2"}, `{"max_tokens":5}`,
			"/v1/projects/p/locations/eu/publishers/anthropic/models/claude-haiku@2:streamRawPredict"},
		{"a hint", messages, "", `{"max_tokens":5}`, tokenizer.Change{Hint: "Hm"}, `{"system":"Hm","max_tokens":5}`, ""},
		{"a hint behind a text", messages, "", `{"system":"x","max_tokens":5}`, tokenizer.Change{Hint: "Hm"}, `{"system":"x\n\nHm","max_tokens":5}`, ""},
		{"a hint behind what is cached", messages, "", `{"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}`, tokenizer.Change{Hint: "Hm"},
			`{"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Hm"}]}`, ""},
		{"an old completion", complete, "", `{"model":"c","prompt":"x","max_tokens_to_sample":99}`, tokenizer.Change{MaxOutput: 10}, `{"model":"c","prompt":"x","max_tokens_to_sample":10}`, ""},
	} {
		d := New()
		call, err := d.Read(c.op, c.path, tokenizer.NoHead{}, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Change(call, c.path, []byte(c.body), c.to)
		body := string(bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil))
		if body != c.want || got.Path != c.wantPath || got.Done != c.to.Parts() || !d.Changes(call, c.path).Has(got.Done) {
			t.Errorf("%s: %s at %q, done %b", c.name, body, got.Path, got.Done)
		}
	}
	for _, call := range []tokenizer.Call{{Operation: batch}, {Operation: messages, Of: "b"}} {
		if got := New().Changes(call, ""); got != 0 {
			t.Errorf("%+v: %b may be changed", call, got)
		}
	}
}
