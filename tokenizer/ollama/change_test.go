package ollama

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestChange(t *testing.T) {
	const all = tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart
	for _, c := range []struct {
		name, op, body string
		to             tokenizer.Change
		want           string
		done           tokenizer.Part
	}{
		{"a chat", chat, `{"model":"a","messages":[{"role":"system","content":"x"}]}`, tokenizer.Change{Model: "b", MaxOutput: 10, Hint: "Hm"},
			`{"options":{"num_predict":10},"model":"b","messages":[{"role":"system","content":"x\n\nHm"}]}`, all},
		{"without a bound", generate, `{"model":"a","options":{"seed":1,"num_predict":-1},"prompt":"x"}`, tokenizer.Change{MaxOutput: 10, Hint: "Hm"},
			`{"system":"Hm","model":"a","options":{"seed":1,"num_predict":10},"prompt":"x"}`, tokenizer.CapPart | tokenizer.HintPart},
		{"with a bound of 0", generate, `{"options":{"num_predict":0}}`, tokenizer.Change{MaxOutput: 10}, `{"options":{"num_predict":10}}`, tokenizer.CapPart},
		{"with a lesser one", generate, `{"options":{"num_predict":5}}`, tokenizer.Change{MaxOutput: 10}, `{"options":{"num_predict":5}}`, tokenizer.CapPart},
		{"options that are none", generate, `{"options":[]}`, tokenizer.Change{MaxOutput: 10}, `{"options":[]}`, 0},
		{"embeddings", embeddings, `{"model":"a"}`, tokenizer.Change{Model: "b", MaxOutput: 10, Hint: "Hm"}, `{"model":"b"}`, tokenizer.ModelPart},
	} {
		got := New().Change(tokenizer.Call{Operation: c.op}, "", []byte(c.body), c.to)
		if body := bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil); string(body) != c.want || got.Done != c.done {
			t.Errorf("%s: %s, done %b", c.name, body, got.Done)
		}
	}
}
