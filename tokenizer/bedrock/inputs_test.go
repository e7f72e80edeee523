package bedrock

import (
	"slices"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestInputs(t *testing.T) {
	for _, c := range []struct {
		model, body string
		want        []string
	}{
		{"amazon.titan-embed-text-v2:0", `{"inputText":"a","dimensions":256}`, []string{`"a"`}},
		{"amazon.titan-embed-image-v1", `{"inputImage":"aGk="}`, []string{`"aGk="`}},
		{"amazon.titan-embed-image-v1", `{"inputText":"a","inputImage":"aGk="}`, []string{`{"inputText":"a","inputImage":"aGk="}`}},
		{"cohere.embed-english-v3", `{"texts":["a","b" , "a"],"input_type":"search_document"}`, []string{`"a"`, `"b"`, `"a"`}},
		{"cohere.embed-v4:0", `{"images":["i"],"texts":["a"],"inputs":[{"content":[1]}]}`, []string{`"a"`, `"i"`, `{"content":[1]}`}},
		{"amazon.nova-2-multimodal-embeddings-v1:0", `{"schemaVersion":"1","taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"text":{"value":"a"}}}`, []string{`{"text":{"value":"a"}}`}},
		{"cohere.embed-english-v3", `{"texts":"a","input_type":"search_query"}`, nil},
		{"cohere.embed-english-v3", `{"texts":["a"],"input_type"`, nil},
		{"amazon.titan-text-express-v1", `{"inputText":"a"}`, nil},
		{"anthropic.claude-3-haiku-20240307-v1:0", `{"anthropic_version":"x","messages":[{"role":"user","content":"a"}],"inputs":["a"]}`, nil},
	} {
		d := New()
		call, _ := d.Read(invoke, "/model/"+c.model+"/invoke", tokenizer.NoHead{}, []byte(c.body))
		var got []string
		d.Inputs(call, []byte(c.body), func(in []byte) bool {
			got = append(got, string(in))
			return true
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
	}
	for _, body := range []string{`{"texts":[1,2]}`, `{"texts":[1],"inputs":[2]}`, `{"inputText":"a","texts":["b"]}`} {
		n := 0
		New().Inputs(tokenizer.Call{Operation: embeddings}, []byte(body), func([]byte) bool { n++; return false })
		if n != 1 {
			t.Errorf("%s: went on %d times after being told to stop", body, n)
		}
	}
}
