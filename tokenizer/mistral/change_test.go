package mistral

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestChange(t *testing.T) {
	const begin, goOn = "/v1/conversations", "/v1/conversations/conv_1"
	all := tokenizer.Change{Model: "n", MaxOutput: 10, Hint: "Hm"}
	for _, c := range []struct {
		name, op, path, body string
		to                   tokenizer.Change
		want, wantPath       string
		done                 tokenizer.Part
	}{
		{"a chat", chat, "/v1/chat/completions", `{"model":"m","max_tokens":99,"messages":[{"role":"user","content":"x"}]}`, all,
			`{"model":"n","max_tokens":10,"messages":[{"role":"system","content":"Hm"},{"role":"user","content":"x"}]}`, "", all.Parts()},
		{"a chat without a bound", chat, "/v1/chat/completions", `{"model":"m"}`, tokenizer.Change{MaxOutput: 10, Provider: "mistral"}, `{"max_tokens":10,"model":"m"}`, "", tokenizer.CapPart},
		{"embeddings", embeddings, "/v1/embeddings", `{"model":"m","input":"x"}`, tokenizer.Change{Model: "n"}, `{"model":"n","input":"x"}`, "", tokenizer.ModelPart},
		{"the middle", fim, "/v1/fim/completions", `{"model":"m","prompt":"x"}`, all, `{"max_tokens":10,"model":"n","prompt":"x"}`, "", tokenizer.ModelPart | tokenizer.CapPart},
		{"an agent", agents, "/v1/agents/completions", `{"agent_id":"a","messages":[]}`, all, `{"max_tokens":10,"agent_id":"a","messages":[]}`, "", tokenizer.CapPart},
		{"a conversation that begins", conversations, begin, `{"model":"m","inputs":"x","instructions":"y"}`, all,
			`{"completion_args":{"max_tokens":10},"model":"n","inputs":"x","instructions":"y\n\nHm"}`, "", all.Parts()},
		{"one of an agent", conversations, begin, `{"agent_id":"a","inputs":"x","completion_args":{"temperature":1}}`, all,
			`{"agent_id":"a","inputs":"x","completion_args":{"max_tokens":10,"temperature":1}}`, "", tokenizer.CapPart},
		{"one that goes on", conversations, goOn, `{"inputs":"x","completion_args":{"max_tokens":99}}`, all,
			`{"inputs":"x","completion_args":{"max_tokens":10}}`, "", tokenizer.CapPart},
		{"on Vertex AI", chat, vertexPath + "m:rawPredict", `{"model":"m","messages":[]}`, tokenizer.Change{Model: "n", MaxOutput: 10},
			`{"max_tokens":10,"model":"n","messages":[]}`, vertexPath + "n:rawPredict", tokenizer.ModelPart | tokenizer.CapPart},
		{"the middle on Vertex AI", chat, vertexPath + "m:streamRawPredict", `{"prompt":"x"}`, tokenizer.Change{Model: "n", MaxOutput: 10},
			`{"model":"n","max_tokens":10,"prompt":"x"}`, vertexPath + "n:streamRawPredict", tokenizer.ModelPart | tokenizer.CapPart},
	} {
		d := New()
		call, err := d.Read(c.op, c.path, tokenizer.NoHead{}, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Change(call, c.path, []byte(c.body), c.to)
		body := string(bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil))
		if body != c.want || got.Path != c.wantPath || got.Done != c.done {
			t.Errorf("%s: %s at %q, done %b", c.name, body, got.Path, got.Done)
		}
		if !d.Changes(call, c.path).Has(c.done) {
			t.Errorf("%s: Changes = %b", c.name, d.Changes(call, c.path))
		}
		again, err := d.Read(c.op, c.path, tokenizer.NoHead{}, []byte(body))
		if err != nil || c.to.MaxOutput > 0 && again.MaxOutput != c.to.MaxOutput {
			t.Errorf("%s: it is read as %+v, %v", c.name, again, err)
		}
	}
}

func TestWhatCannotBeChanged(t *testing.T) {
	for _, call := range []tokenizer.Call{{Operation: batch, Of: "b-1"}, {Operation: batch}, {Operation: ocr}, {Operation: speech}, {Operation: transcription}, {Operation: moderations}} {
		if got := New().Changes(call, ""); got != 0 {
			t.Errorf("%+v: %b", call, got)
		}
		if r := New().Change(call, "", []byte(`{"model":"m"}`), tokenizer.Change{Model: "n", MaxOutput: 1, Hint: "x"}); len(r.Edits) != 0 || r.Done != 0 || r.Path != "" {
			t.Errorf("%+v: %+v", call, r)
		}
	}
}
