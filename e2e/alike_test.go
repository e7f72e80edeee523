package e2e_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/envoy"
	"github.com/farebox/farebox/tokenizer"
)

// form is one kind of answer that Envoy says it can count.
type form struct {
	name, path, body string
	alike            bool   // Envoy tells all that the answer does
	inline           meters // as farebox counts it, without requests
}

// forms are of every API that Envoy 1.40 can count, whole and streamed.
func forms() []form {
	claudeWhole, claudeStreamed := claude()
	gemini := geminiPython()
	const ask = `{"model":"replay","max_tokens":9,"messages":[{"role":"user","content":"Where is the ferry?"}]}`
	const stream = `{"model":"replay","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Where is the ferry?"}]}`
	openai := meters{tokenizer.Input: 70, tokenizer.CacheRead: 30, tokenizer.Output: 13, tokenizer.Reasoning: 7}
	return []form{
		{"chat, whole", chatPath, ask, true, openai},
		{"chat, streamed", chatPath, stream, true, openai},
		{"chat with sound", "/audio" + chatPath, ask, false, meters{tokenizer.Input: 60, tokenizer.InputAudio: 40, tokenizer.Output: 5, tokenizer.OutputAudio: 15}},
		{"responses, whole", "/v1/responses", `{"model":"replay","input":"Where?"}`, true, openai},
		{"responses, streamed", "/v1/responses", `{"model":"replay","input":"Where?","stream":true}`, true, openai},
		{"messages, whole", "/v1/messages", ask, false, claudeWhole.meters},
		{"messages, streamed", "/v1/messages", `{"model":"replay","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Where?"}]}`, false, claudeStreamed.meters},
		{"generateContent", "/v1beta/models/gemini-ferry:generateContent", `{"contents":[{"parts":[{"text":"Where?"}]}]}`, false, gemini[0].record.meters},
		{"streamGenerateContent", "/v1beta/models/gemini-ferry:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"Where?"}]}]}`, false, gemini[1].record.meters},
	}
}

const (
	chatUsage = `"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,` +
		`"prompt_tokens_details":{"cached_tokens":30},"completion_tokens_details":{"reasoning_tokens":7}}`
	soundUsage = `"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,` +
		`"prompt_tokens_details":{"audio_tokens":40},"completion_tokens_details":{"audio_tokens":15}}`
	responseUsage = `"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":30},` +
		`"output_tokens":20,"output_tokens_details":{"reasoning_tokens":7},"total_tokens":120}`
)

// alikeAnswers are what a provider says to the forms.
func alikeAnswers() []replay.Answer {
	chat := func(usage string) []byte {
		return []byte(`{"id":"chatcmpl-quay","object":"chat.completion","model":"ferry-1","choices":[{"index":0,"message":{"role":"assistant","content":"At noon."},"finish_reason":"stop"}],` + usage + `}`)
	}
	response := `{"id":"resp_quay","object":"response","status":"completed","model":"ferry-1","output":[],` + responseUsage + `}`
	answers := []replay.Answer{
		{Path: "/audio" + chatPath, Kind: replay.JSON, Body: chat(soundUsage)},
		{Path: chatPath, Kind: replay.JSON, Body: chat(chatUsage)},
		{Path: chatPath, Streamed: true, Kind: replay.EventStream, Body: []byte(strings.Join([]string{
			`data: {"id":"chatcmpl-quay","object":"chat.completion.chunk","model":"ferry-1","choices":[{"index":0,"delta":{"role":"assistant","content":"At noon."}}]}`,
			`data: {"id":"chatcmpl-quay","object":"chat.completion.chunk","model":"ferry-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
			`data: {"id":"chatcmpl-quay","object":"chat.completion.chunk","model":"ferry-1","choices":[],` + chatUsage + `}`,
			doneEvent,
		}, "\n\n"))},
		{Path: "/v1/responses", Kind: replay.JSON, Body: []byte(response)},
		{Path: "/v1/responses", Streamed: true, Kind: replay.EventStream, Body: []byte("event: response.output_text.delta\n" +
			`data: {"type":"response.output_text.delta","sequence_number":1,"delta":"At noon."}` + "\n\nevent: response.completed\n" +
			`data: {"type":"response.completed","sequence_number":2,"response":` + response + "}\n\n")},
	}
	return append(append(answers, replay.Anthropic()...), replay.Gemini()...)
}

// merged is what of m Envoy can tell: one count of text, sound and pictures, one
// of writes to a cache, and nothing that is no token.
func merged(m meters) meters {
	out := meters{}
	for c, n := range m {
		switch c {
		case tokenizer.InputImage, tokenizer.InputAudio:
			c = tokenizer.Input
		case tokenizer.OutputImage, tokenizer.OutputAudio:
			c = tokenizer.Output
		case tokenizer.CacheWrite5m, tokenizer.CacheWrite1h:
			c = tokenizer.CacheWrite
		case tokenizer.WebSearch:
			continue
		}
		out[c] += n
	}
	return out
}

// metered are the tokens on the record of a call, and how they are known.
func metered(t *testing.T, s *harness.Stack, e errand) (m meters, source string) {
	t.Helper()
	source = settled(t, s.Farebox, e.trace).Source
	eventually(t, "the lines are told", func(ctx context.Context) (bool, error) {
		a, err := s.Farebox.Explain(ctx, e.trace)
		if err != nil || len(a.Matches) != 1 {
			return false, err
		}
		m = meters{}
		for _, l := range a.Matches[0].Lines {
			if l.Class != tokenizer.Requests && l.Quantity > 0 {
				m[l.Class] += l.Quantity
			}
		}
		return true, nil
	})
	return m, source
}

// The same answer counts the same whoever counts it, as far as Envoy can tell; and
// what it cannot is what docs/dialects.md lists, no more.
func TestEnvoyAndFareboxCountAlike(t *testing.T) {
	t.Parallel()
	up, err := replay.Start(alikeAnswers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = up.Close() })
	for _, mode := range []envoy.Metering{envoy.Inline, envoy.Native, envoy.Auto} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			o := harness.StackOptions{Config: tariff("openai") + "metering: {mode: " + string(mode) + "}\n"}
			o.Envoy.Upstream, o.Envoy.Metering = up.Addr(), mode
			s := kit.Start(t, o)
			for _, f := range forms() {
				want := f.inline
				if mode != envoy.Inline {
					want = merged(want)
				}
				if same := maps.Equal(f.inline, merged(f.inline)); same != f.alike {
					t.Fatalf("%s: Envoy can tell all of it: %v", f.name, same)
				}
				e := ask(s, f.path, f.body)
				if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
					t.Fatalf("%s: status %d, %v: %s", f.name, g.status, g.err, g.body)
				}
				if m, source := metered(t, s, e); !maps.Equal(m, want) || source != "reported" {
					t.Errorf("%s: counted %v, %s; want %v", f.name, m, source, want)
				}
			}
			if n := metric(t, s, "farebox_degraded_total"); n != 0 {
				t.Errorf("%v calls went on without full information", n)
			}
		})
	}
}
