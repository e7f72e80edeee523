package cohere

import (
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestMatch(t *testing.T) {
	for path, want := range map[string]string{
		"/v2/chat": chat, "/v1/chat": chat, "/x/v2/embed/": embeddings, "/v1/rerank": rerank, "/v1/classify": classify, "/v2/parse": ocr, "/v1/parse": "",
		"/chat": "", "/v3/chat": "", "/v1/chat/completions": "", "/v1/models": "", "": "",
	} {
		if got, ok := New().Match("POST", path); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
	if _, ok := New().Match("GET", "/v2/chat"); ok {
		t.Error("GET is metered")
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		op, body string
		want     tokenizer.Call
	}{
		{chat, `{"model":"m","stream":true,"max_tokens":7,"messages":[{"role":"system","content":"12345"},{"role":"user","content":"123"},
			{"role":"assistant","tool_plan":"1","tool_calls":[{"a":1}]},{"role":"tool","content":[{"type":"document","document":{"a":"b"}}]},
			{"role":"user","content":[{"type":"text","text":"12"},{"type":"image_url","image_url":{"url":"data:AA"}}]}],"tools":[{"b":2}]}`,
			tokenizer.Call{Model: "m", Stream: true, MaxOutput: 7, Shares: tokenizer.Shares{System: 5, History: 3 + 1 + 9, Last: 9 + 2, Tools: 9, Media: 17}}},
		{chat, `{"message":"123","preamble":"1234","chat_history":[{"role":"USER"}],"documents":[{"t":1}]}`,
			tokenizer.Call{Shares: tokenizer.Shares{System: 4, History: 17, Last: 3 + 9}}},
		{rerank, `{"model":"r","query":"12","documents":["a","b"],"max_tokens":9,"stream":true}`, tokenizer.Call{Model: "r", Shares: tokenizer.Shares{Last: 2 + 9}}},
		{ocr, `{"model":"p","document":{"type":"image_url","image_url":"data:AA"}}`, tokenizer.Call{Model: "p", Shares: tokenizer.Shares{Media: 42}}},
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
	for body, want := range map[string][]string{`{"texts":["a","b"]}`: {`"a"`, `"b"`}, `{"images":["i"]}`: {`"i"`}, `{"model":"m"}`: nil} {
		var got []string
		New().Inputs(tokenizer.Call{Operation: embeddings}, []byte(body), func(in []byte) bool { got = append(got, string(in)); return true })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestRefusedStatus(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   int
	}{
		{429, "budget_exhausted", 403}, {429, "off_peak_only", 403}, {429, "rate_limited", 429},
		{400, "missing_metadata", 400}, {403, "unknown_owner", 403}, {413, "request_too_large", 413}, {503, "unavailable", 503},
	} {
		if got := New().RefusedStatus(c.status, c.code); got != c.want {
			t.Errorf("RefusedStatus(%d, %s) = %d, want %d", c.status, c.code, got, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}],"max_tokens":3}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, op := range []string{chat, rerank, embeddings} {
			call, _ := New().Read(op, "/", tokenizer.NoHead{}, []byte(body))
			if s := call.Shares; call.Choices != 1 || min(s.System, s.History, s.Last, s.Tools, s.Media, call.MaxOutput) < 0 {
				t.Fatalf("%q: %+v", body, call)
			}
		}
	})
}
