package ollama

import (
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestMatch(t *testing.T) {
	for path, want := range map[string]string{
		"/api/chat": chat, "/ollama/api/generate/": generate, "/api/embed": embeddings, "/api/embeddings": embeddings,
		"/api/tags": "", "/v1/chat/completions": "", "/api/chatty": "", "": "",
	} {
		if got, ok := New().Match("POST", path); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
	if _, ok := New().Match("GET", "/api/chat"); ok {
		t.Error("GET is metered")
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		op, body string
		want     tokenizer.Call
	}{
		{chat, `{"model":"m","messages":[{"role":"system","content":"12345"},{"role":"user","content":"123"},{"role":"assistant","content":"12","tool_calls":[{"a":1}]},
			{"role":"tool","content":"1"},{"role":"user","content":"1234","images":["AAAA"]}],"tools":[{"b":2}],"options":{"num_predict":9,"top_k":3}}`,
			tokenizer.Call{Model: "m", Stream: true, MaxOutput: 9, Shares: tokenizer.Shares{System: 5, History: 3 + 2 + 9, Last: 5, Tools: 9, Media: 8}}},
		{generate, `{"model":"m","prompt":"12","system":"1","suffix":"123","stream":false,"options":{"num_predict":-1}}`,
			tokenizer.Call{Model: "m", Shares: tokenizer.Shares{System: 1, Last: 5}}},
		{embeddings, `{"model":"m","input":["a","b"],"stream":true}`, tokenizer.Call{Model: "m", Shares: tokenizer.Shares{Last: 9}}},
	} {
		c.want.Dialect, c.want.Operation, c.want.Choices = Name, c.op, 1
		if got, err := New().Read(c.op, "", tokenizer.NoHead{}, []byte(c.body)); err != nil || got != c.want {
			t.Errorf("%s\n got %+v, %v\nwant %+v", c.body, got, err, c.want)
		}
	}
	for _, body := range []string{"", "[]", `{"model":"secret"`, `"secret"`} {
		if _, err := New().Read(chat, "", tokenizer.NoHead{}, []byte(body)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestInputs(t *testing.T) {
	for body, want := range map[string][]string{
		`{"input":["a","b"]}`: {`"a"`, `"b"`}, `{"input":"a"}`: {`"a"`}, `{"prompt":"a"}`: {`"a"`}, `{"model":"m"}`: nil,
	} {
		var got []string
		New().Inputs(tokenizer.Call{Operation: embeddings}, []byte(body), func(in []byte) bool { got = append(got, string(in)); return true })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"model":"m","messages":[{"role":"user","content":"x"}],"options":{"num_predict":3}}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, op := range []string{chat, generate, embeddings} {
			call, _ := New().Read(op, "/", tokenizer.NoHead{}, []byte(body))
			if s := call.Shares; call.Choices != 1 || min(s.System, s.History, s.Last, s.Tools, s.Media, call.MaxOutput) < 0 {
				t.Fatalf("%q: %+v", body, call)
			}
		}
	})
}
