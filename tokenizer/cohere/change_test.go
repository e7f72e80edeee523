package cohere

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestChange(t *testing.T) {
	for _, c := range []struct {
		name, op, path, body string
		to                   tokenizer.Change
		want                 string
		done                 tokenizer.Part
	}{
		{"all", chat, "/v2/chat", `{"model":"a","max_tokens":99,"messages":[{"role":"user","content":"x"}]}`, tokenizer.Change{Model: "b", MaxOutput: 10, Hint: "Hm"},
			`{"model":"b","max_tokens":10,"messages":[{"role":"system","content":"Hm"},{"role":"user","content":"x"}]}`, tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart},
		{"no bound", chat, "/v2/chat", `{"model":"a"}`, tokenizer.Change{MaxOutput: 10}, `{"max_tokens":10,"model":"a"}`, tokenizer.CapPart},
		{"version 1", chat, "/v1/chat", `{"message":"x"}`, tokenizer.Change{Model: "b", MaxOutput: 10, Hint: "Hm"}, `{"model":"b","max_tokens":10,"message":"x"}`, tokenizer.ModelPart | tokenizer.CapPart},
		{"embeddings", embeddings, "/v2/embed", `{"model":"a"}`, tokenizer.Change{Model: "b", MaxOutput: 10, Hint: "Hm"}, `{"model":"b"}`, tokenizer.ModelPart},
	} {
		got := New().Change(tokenizer.Call{Operation: c.op}, c.path, []byte(c.body), c.to)
		if body := bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil); string(body) != c.want || got.Done != c.done || got.Path != "" {
			t.Errorf("%s: %s, done %b", c.name, body, got.Done)
		}
		if can := New().Changes(tokenizer.Call{Operation: c.op}, c.path); !can.Has(c.done) {
			t.Errorf("%s: Changes = %b", c.name, can)
		}
	}
	if got := New().Changes(tokenizer.Call{Operation: ocr}, "/v2/parse"); got != 0 {
		t.Errorf("%b of a document may be changed", got)
	}
}
