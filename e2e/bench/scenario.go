package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	chunksPerStream = 200
	pace            = 5 * time.Millisecond
	model           = "bench-model-1"

	jsonSmall = "json-1k"
	ssePaced  = "sse-paced"
)

// scenario is one shape of call and its answer. It is read only once made.
type scenario struct {
	name    string
	calls   int           // per slice, unless --slice says otherwise
	request []byte        // the whole body
	answer  []byte        // of an unstreamed call
	chunks  int           // events of a streamed answer before [DONE]; 0 is unstreamed
	every   time.Duration // between two chunks; 0 sends them all at once
	plain   int           // bytes of the streamed answer that a caller sees who did not ask for usage
}

// allScenarios lists them in the order of the table.
func allScenarios() []*scenario {
	stream := ask(1<<10, true)
	answer := jsonAnswer()
	all := []*scenario{
		{name: jsonSmall, calls: 2000, request: ask(1<<10, false), answer: answer},
		{name: "json-100k", calls: 600, request: ask(100<<10, false), answer: answer},
		{name: ssePaced, calls: 2 * atOnce, request: stream, chunks: chunksPerStream, every: pace},
		{name: "sse-unpaced", calls: 500, request: stream, chunks: chunksPerStream},
	}
	for _, s := range all {
		for i := range s.chunks {
			s.plain += len(appendEvent(nil, event{index: i, last: s.chunks - 1}))
		}
		if s.chunks > 0 {
			s.plain += len(doneEvent)
		}
	}
	return all
}

// pick returns the scenarios named, in the table's order; no name means all.
func pick(names []string) ([]*scenario, error) {
	all := allScenarios()
	if len(names) == 0 {
		return all, nil
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(s *scenario) bool { return s.name == n }) {
			return nil, fmt.Errorf("pick scenarios: no %q", n)
		}
	}
	return slices.DeleteFunc(all, func(s *scenario) bool { return !slices.Contains(names, s.name) }), nil
}

type turn struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// ask makes a chat request of size bytes, give or take a word. It does not ask
// for usage, as most callers that stream do not.
func ask(size int, stream bool) []byte {
	const perTurn = 2 << 10
	req := struct {
		Model     string `json:"model"`
		Messages  []turn `json:"messages"`
		MaxTokens int    `json:"max_tokens"`
		Stream    bool   `json:"stream,omitempty"`
	}{Model: model, MaxTokens: 256, Stream: stream}
	req.Messages = []turn{{Role: "system", Content: "You answer briefly.\nYou name your \"sources\"."}}
	words := prose{seed: uint32(size)}
	for left := size - len(encode(req)); left > 0; left = size - len(encode(req)) {
		const overhead = len(`,{"role":"user","content":""}`)
		req.Messages = append(req.Messages, turn{Role: "user", Content: words.text(max(min(left, perTurn)-overhead, 1))})
	}
	return encode(req)
}

func jsonAnswer() []byte {
	words := prose{seed: 7}
	return []byte(`{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"` + model +
		`","choices":[{"index":0,"message":{"role":"assistant","content":"` + words.text(700) +
		`","refusal":null},"logprobs":null,"finish_reason":"stop"}],` + usage + `,"system_fingerprint":"fp_bench"}`)
}

// encode cannot fail: it is only given strings, numbers and booleans.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// prose is an endless text of common words, the same in every run.
type prose struct{ seed uint32 }

// text returns the next n bytes, of letters, blanks and full stops only.
func (p *prose) text(n int) string {
	words := strings.Fields("the a city river count house of stone and we keep letters over seven bridges while light " +
		"falls on their old market because every merchant weighs salt with patient hands before morning comes")
	var b strings.Builder
	for b.Len() < n {
		p.seed = p.seed*1664525 + 1013904223
		b.WriteString(words[p.seed>>16%uint32(len(words))])
		if p.seed>>28 == 0 {
			b.WriteByte('.')
		}
		b.WriteByte(' ')
	}
	return b.String()[:n]
}
