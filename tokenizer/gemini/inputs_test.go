package gemini

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
		{embeddings, `{"model":"m","content":{"parts":[{"text":"a"}]}}`, []string{`{"parts":[{"text":"a"}]}`}},
		{embeddings, `{"requests":[{"model":"m","content":{"parts":1}},{"content":{"parts":2}},{},7]}`, []string{`{"parts":1}`, `{"parts":2}`}},
		{embeddings, `{"instances":[{"content":"a"},{"content":"b"}]}`, []string{`{"content":"a"}`, `{"content":"b"}`}},
		{embeddings, `{"instances":{},"requests":"x"}`, nil},
		{embeddings, `{"content":{}`, nil},
		{embeddings, `{}`, nil},
		{content, `{"content":{}}`, nil},
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
	for _, body := range []string{`{"instances":[1,2]}`, `{"content":1,"instances":[2]}`, `{"requests":[{"content":1}],"instances":[2]}`} {
		n := 0
		New().Inputs(tokenizer.Call{Operation: embeddings}, []byte(body), func([]byte) bool { n++; return false })
		if n != 1 {
			t.Errorf("%s: went on %d times after being told to stop", body, n)
		}
	}
}
