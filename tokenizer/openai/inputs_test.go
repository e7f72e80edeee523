package openai

import (
	"slices"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestInputs(t *testing.T) {
	for _, c := range []struct {
		op, body string
		want     []string
	}{
		{embeddings, `{"input":"a"}`, []string{`"a"`}},
		{embeddings, `{"input":["a","b" , "a"]}`, []string{`"a"`, `"b"`, `"a"`}},
		{embeddings, `{"input":[1,2,3]}`, []string{`[1,2,3]`}},
		{embeddings, `{"input":[[1,2],[3]]}`, []string{`[1,2]`, `[3]`}},
		{embeddings, `{"input":[{"text":"a"}],"model":"m"}`, []string{`{"text":"a"}`}},
		{embeddings, `{"input":"a","input":"b"}`, []string{`"b"`}},
		{embeddings, `{"input":[]}`, []string{`[]`}},
		{embeddings, `{"model":"m"}`, nil},
		{embeddings, `{"input":["a"`, nil},
		{chat, `{"input":"a"}`, nil},
	} {
		var got []string
		New().Inputs(tokenizer.Call{Operation: c.op}, []byte(c.body), func(in []byte) bool {
			got = append(got, string(in))
			return true
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
	}
	n := 0
	New().Inputs(tokenizer.Call{Operation: embeddings}, []byte(`{"input":["a","b"]}`), func([]byte) bool { n++; return false })
	if n != 1 {
		t.Errorf("went on %d times after being told to stop", n)
	}
}
