package gemini

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestChange(t *testing.T) {
	const at, vertex = "/v1beta/models/gemini-2.5-pro:generateContent", "/v1/projects/p/locations/eu/publishers/google/models/gemini-2.5-pro:streamGenerateContent"
	for _, c := range []struct {
		name, op, path, body string
		to                   tokenizer.Change
		want, wantPath       string
	}{
		{"no bound", content, at, `{"contents":[]}`, tokenizer.Change{MaxOutput: 10}, `{"generationConfig":{"maxOutputTokens":10},"contents":[]}`, ""},
		{"a greater one", content, at, `{"generationConfig":{"temperature":0,"maxOutputTokens":99}}`, tokenizer.Change{MaxOutput: 10}, `{"generationConfig":{"temperature":0,"maxOutputTokens":10}}`, ""},
		{"a lesser one", content, at, `{"generationConfig":{"maxOutputTokens":"9"}}`, tokenizer.Change{MaxOutput: 10}, `{"generationConfig":{"maxOutputTokens":"9"}}`, ""},
		{"in snake case", content, at, `{"generation_config":{"max_output_tokens":99}}`, tokenizer.Change{MaxOutput: 10}, `{"generation_config":{"max_output_tokens":10}}`, ""},
		{"in both", content, at, `{"generation_config":{"maxOutputTokens":99},"generationConfig":{}}`, tokenizer.Change{MaxOutput: 10},
			`{"generation_config":{"maxOutputTokens":10},"generationConfig":{"maxOutputTokens":10}}`, ""},
		{"another model", content, at, `{"contents":[]}`, tokenizer.Change{Model: "gemini-2.5-flash"}, `{"contents":[]}`, "/v1beta/models/gemini-2.5-flash:generateContent"},
		{"another model, repeated", content, at, `{"model":"models/gemini-2.5-pro"}`, tokenizer.Change{Model: "flash"}, `{"model":"models/flash"}`, "/v1beta/models/flash:generateContent"},
		{"another model at Vertex AI", content, vertex, `{"contents":[]}`, tokenizer.Change{Model: "flash"}, `{"contents":[]}`, "/v1/projects/p/locations/eu/publishers/google/models/flash:streamGenerateContent"},
		{"a hint", content, at, `{"contents":[]}`, tokenizer.Change{Hint: "Hm"}, `{"systemInstruction":{"parts":[{"text":"Hm"}]},"contents":[]}`, ""},
		{"a hint behind a text", content, at, `{"system_instruction":{"role":"user","parts":[{"text":"x"}]}}`, tokenizer.Change{Hint: "Hm"}, `{"system_instruction":{"role":"user","parts":[{"text":"x"},{"text":"Hm"}]}}`, ""},
		{"an interaction", interactions, "/v1beta/interactions", `{"model":"pro","input":"x","system_instruction":"y"}`, tokenizer.Change{Model: "flash", MaxOutput: 10, Hint: "Hm"},
			`{"generation_config":{"max_output_tokens":10},"model":"flash","input":"x","system_instruction":"y\n\nHm"}`, ""},
	} {
		d := New()
		call, err := d.Read(c.op, c.path, tokenizer.NoHead{}, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Change(call, c.path, []byte(c.body), c.to)
		body := bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil)
		if string(body) != c.want || got.Path != c.wantPath || got.Done != c.to.Parts() || !d.Changes(call, c.path).Has(got.Done) {
			t.Errorf("%s: %s at %q, done %b", c.name, body, got.Path, got.Done)
		}
		if again, err := d.Read(c.op, c.path, tokenizer.NoHead{}, body); err != nil || c.to.MaxOutput > 0 && c.name != "a lesser one" && again.MaxOutput != c.to.MaxOutput {
			t.Errorf("%s: it is read as %+v, %v", c.name, again, err)
		}
	}
	for _, body := range []string{`{"generationConfig":7,"systemInstruction":"x"}`, `{"generation_config":[],"system_instruction":{"parts":7}}`} {
		if got := New().Change(tokenizer.Call{Operation: content}, at, []byte(body), tokenizer.Change{MaxOutput: 5, Hint: "Hm"}); got.Done != 0 || len(got.Edits) != 0 {
			t.Errorf("%s: done %b, %d edits", body, got.Done, len(got.Edits))
		}
	}
	for path, call := range map[string]tokenizer.Call{
		"/v1beta/models/m:embedContent": {Operation: embeddings}, "/v1beta/models/m:predict": {Operation: images}, "/v1beta/interactions/i": {Operation: interactions, Of: "i"},
	} {
		if got := New().Changes(call, path); got != 0 {
			t.Errorf("%s: %b may be changed", path, got)
		}
	}
}
