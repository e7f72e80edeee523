package bedrock

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// answered is one answer, and what is to be read of it.
type answered struct {
	model, operation string
	form             tokenizer.Form
	status           int
	head             head
	end              tokenizer.End
	body             string
	want             string // see tell
}

// tell writes a reading down: what its usage knows, and what else it says.
func tell(r tokenizer.Reading, complete bool) string {
	var b strings.Builder
	for i := range r.Usage {
		u := &r.Usage[i]
		fmt.Fprintf(&b, "%s[", u.Model)
		for c, n := range u.All {
			fmt.Fprintf(&b, " %s=%d", c, n)
			if from := u.Source(c); from != tokenizer.Reported {
				fmt.Fprintf(&b, " (%s)", from)
			}
		}
		b.WriteString(" ]")
	}
	for _, s := range [...][2]string{{"model", r.Model}, {"tier", r.Tier}, {"id", r.ResponseID}, {"finish", r.Finish}, {"text", string(r.Text)}} {
		if s[1] != "" {
			fmt.Fprintf(&b, " %s=%s", s[0], s[1])
		}
	}
	if r.TextBytes != int64(len(r.Text)) {
		fmt.Fprintf(&b, " bytes=%d", r.TextBytes)
	}
	if r.Unreadable > 0 {
		fmt.Fprintf(&b, " unreadable=%d", r.Unreadable)
	}
	if r.Error {
		b.WriteString(" error")
	}
	if complete {
		b.WriteString(" complete")
	}
	return strings.TrimSpace(b.String())
}

// meter meters an answer, cut at these places.
func (a answered) meter(cuts ...int) string {
	call := tokenizer.Call{Dialect: Name, Operation: a.operation, Model: a.model, Choices: 1}
	if a.operation == rerank {
		call.Choices = 3
	}
	if a.status == 0 {
		a.status = 200
	}
	m := New().NewMeter(call, tokenizer.Answer{Status: a.status, Form: a.form, Head: a.head})
	complete, at := false, 0
	for _, c := range append(cuts, len(a.body)) {
		complete = m.Feed([]byte(a.body[at:c]))
		at = c
	}
	return tell(m.Close(a.end), complete)
}

const evs = tokenizer.EventStream

var answers = map[string]answered{
	"converse": {operation: converse, model: "amazon.nova-pro-v1:0",
		body: `{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"text":"hello"},{"toolUse":{"input":{"a":1},"name":"f","toolUseId":"t"}}],"role":"assistant"}},` +
			`"performanceConfig":{"latency":"optimized"},"stopReason":"tool_use","usage":{"inputTokens":30,"outputTokens":7,"serverToolUsage":{},"totalTokens":37}}`,
		head: head{"x-amzn-requestid": "r-1"},
		want: `[ input=30 output=7 ] tier=optimized id=r-1 finish=tool_use text=hmhello{"a":1}f complete`},
	"converse, cached": {operation: converse, model: "m",
		body: `{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"it is"}],"citations":[]}}]}},"stopReason":"end_turn","serviceTier":{"type":"priority"},"usage":{"inputTokens":3,"outputTokens":7,"totalTokens":30,"cacheReadInputTokens":12,"cacheWriteInputTokens":8,"cacheDetails":[]}}`,
		want: `[ input=3 cache_read=12 cache_write=8 output=7 ] tier=priority finish=end_turn text=it is complete`},
	"converse, routed": {operation: converse, model: "arn:aws:bedrock:us-east-1:1:default-prompt-router/x:1",
		body: `{"output":{},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":7},"trace":{"promptRouter":{"invokedModelId":"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x"}}}`,
		want: `[ input=3 output=7 ] model=us.anthropic.claude-x finish=end_turn complete`},
	"converse stream": {operation: converse, model: "m", form: evs, body: converseStream,
		want: `[ input=30 cache_read=1000 cache_write=0 cache_write_5m=3 cache_write_1h=1 output=7 ] tier=flex finish=tool_use text=hello whyfind{\"q\":1} complete`},
	"converse stream cut": {operation: converse, model: "m", form: evs, end: tokenizer.Cut, body: converseStream[:len(converseStream)-3],
		want: `[ input=30 cache_read=1000 cache_write=0 cache_write_5m=3 cache_write_1h=1 output=7 ] tier=flex finish=tool_use text=hello whyfind{\"q\":1}`},
	"converse stream cut early": {operation: converse, model: "m", form: evs, end: tokenizer.Cut, body: converseStart,
		want: `text=hello why`},
	"converse stream short": {operation: converse, model: "m", form: evs, body: converseStart,
		want: `text=hello why unreadable=1`},
	"converse stream throttled": {operation: converse, model: "m", form: evs, body: event("messageStart", `{"role":"assistant"}`) + event("contentBlockDelta", textDelta) + exception("throttlingException"),
		want: `text=hello  error`},
	"converse stream broken": {operation: converse, model: "m", form: evs, body: converseStream[:len(converseStream)-1] + "x",
		want: `tier=flex finish=tool_use text=hello whyfind{\"q\":1} unreadable=1`},
	"converse stream unmodelled error": {operation: converse, model: "m", form: evs,
		body: frame(header(":message-type", "error")+header(":error-code", "x"), "") + "junk", want: `unreadable=1 error`},
	"converse stream, no json": {operation: converse, model: "m", form: evs, body: event("contentBlockDelta", "{") + event("messageStop", `{"stopReason":"end_turn"}`),
		want: `finish=end_turn unreadable=1`},
	"converse sent on": {operation: converse, model: "m", form: tokenizer.SSE, body: sentOn, want: `[ input=30 output=7 ] finish=end_turn text=hello  complete`},
	"converse sent on, throttled": {operation: converse, model: "m", form: tokenizer.SSE, body: "data: {\"throttlingException\":{\"message\":\"x\"}}\n\ndata: {\n\n",
		want: `unreadable=1 error`},
	"converse error": {operation: converse, model: "m", status: 400, end: tokenizer.Failed, body: `{"message":"no"}`, head: head{"x-amzn-requestid": "r-1"}, want: `id=r-1 error complete`},
	"converse cut":   {operation: converse, model: "m", end: tokenizer.Cut, body: `{"output":{"message":{"content":[{"text":"hel`, want: `text=hel`},
	"converse short": {operation: converse, model: "m", body: `{"output":{"message":{"content":[{"text":"hel`, want: `text=hel unreadable=1`},

	"nova": {operation: invoke, model: "us.amazon.nova-micro-v1:0",
		body: `{"output":{"message":{"content":[{"text":"hello"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":10,"totalTokens":15,"cacheReadInputTokenCount":0,"cacheWriteInputTokenCount":0}}`,
		want: `[ input=5 cache_read=0 cache_write=0 output=10 ] finish=end_turn text=hello complete`},
	"nova, half a usage": {operation: invoke, model: "amazon.nova-micro-v1:0", head: head{"x-amzn-bedrock-input-token-count": "6", "x-amzn-bedrock-output-token-count": "51"},
		body: `{"output":{},"stopReason":"end_turn","usage":{"inputTokens":30}}`, want: `[ input=30 output=51 ] finish=end_turn complete`},
	"nova stream": {operation: invoke, model: "amazon.nova-micro-v1:0", form: evs, body: novaStream,
		want: `[ input=30 cache_read=0 cache_write=0 output=7 ] finish=tool_use text=hello find{} complete`},
	"claude": {operation: messages, model: "us.anthropic.claude-x-v1:0", head: head{"x-amzn-requestid": "r-1", tierHeader: "flex", latencyHeader: "optimized"},
		body: `{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"cache_read_input_tokens":9,"cache_creation_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":0},"output_tokens":4,"service_tier":"standard"}}`,
		want: `[ input=3 cache_read=9 cache_write=0 cache_write_5m=2 cache_write_1h=0 output=4 ] tier=flex id=msg_1 finish=end_turn text=hello complete`},
	"claude, optimized": {operation: invoke, model: "anthropic.claude-x-v1:0", head: head{latencyHeader: "optimized"},
		body: `{"id":"msg_1","model":"claude-x","content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4,"service_tier":"standard"}}`,
		want: `[ input=3 output=4 ] tier=optimized id=msg_1 finish=end_turn complete`},
	"claude of a profile": {operation: messages, model: "arn:aws:bedrock:us-east-1:1:application-inference-profile/ab",
		body: `{"id":"msg_1","model":"claude-x","content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}`,
		want: `claude-x[ input=3 output=4 ] model=claude-x id=msg_1 finish=end_turn complete`},
	"claude stream": {operation: messages, model: "anthropic.claude-x-v1:0", form: evs, body: claudeStream,
		want: `[ input=30 cache_read=5 output=11 ] id=msg_1 finish=tool_use text=hello complete`},
	"claude error": {operation: messages, model: "anthropic.claude-x", status: 429, end: tokenizer.Failed, body: `{"message":"Too many requests"}`, want: `error complete`},
	"claude's first shape": {operation: completions, model: "anthropic.claude-v2:1", head: head{"x-amzn-bedrock-input-token-count": "18", "x-amzn-bedrock-output-token-count": "87"},
		body: `{"type":"completion","completion":" hello","stop_reason":"stop_sequence","stop":"\n\nHuman:"}`,
		want: `[ input=18 output=87 ] finish=stop_sequence text= hello complete`},
	"gpt": {operation: chat, model: "openai.gpt-oss-20b-1:0",
		body: `{"id":"chatcmpl-1","model":"x","service_tier":"default","choices":[{"finish_reason":"stop","message":{"content":"hello"}}],"usage":{"prompt_tokens":30,"completion_tokens":7,"total_tokens":37,"prompt_tokens_details":{"cached_tokens":10}}}`,
		want: `[ input=20 cache_read=10 output=7 ] tier=default id=chatcmpl-1 finish=stop text=hello complete`},
	"gpt stream": {operation: chat, model: "openai.gpt-oss-20b-1:0", form: evs, body: gptStream,
		want: `[ input=30 output=7 ] id=chatcmpl-1 finish=stop text=hello complete`},
	"mistral's chat": {operation: chat, model: "mistral.mistral-large-2407-v1:0", head: head{"x-amzn-bedrock-input-token-count": "9", "x-amzn-bedrock-output-token-count": "3"},
		body: `{"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"stop_reason":"length"}]}`,
		want: `[ input=9 output=3 ] finish=length text=hello complete`},
	"titan": {operation: completions, model: "amazon.titan-text-lite-v1",
		body: `{"inputTextTokenCount":5.0,"results":[{"tokenCount":10,"outputText":"hello","completionReason":"LENGTH"},{"tokenCount":2,"outputText":"","completionReason":"FINISH"}]}`,
		want: `[ input=5 output=12 ] finish=FINISH text=hello complete`},
	"titan stream": {operation: completions, model: "amazon.titan-text-lite-v1", form: evs, body: titanStream, want: `[ input=30 output=7 ] finish=FINISH text=hello you complete`},
	"titan stream cut": {operation: completions, model: "amazon.titan-text-lite-v1", form: evs, end: tokenizer.Cut, body: titanStream[:300],
		want: `[ input=30 (partial) ] text=hello `},
	"llama":             {operation: completions, model: "meta.llama3-8b-instruct-v1:0", body: `{"generation":"hello","prompt_token_count":5,"generation_token_count":10,"stop_reason":"length"}`, want: `[ input=5 output=10 ] finish=length text=hello complete`},
	"llama stream":      {operation: completions, model: "meta.llama3-8b-instruct-v1:0", form: evs, body: llamaStream, want: `[ input=30 output=7 ] finish=stop text=hello you complete`},
	"mistral stream":    {operation: completions, model: "mistral.mistral-7b", form: evs, body: mistralStream, want: `[ input=30 output=7 ] finish=stop text=hello complete`},
	"cohere":            {operation: completions, model: "cohere.command-text-v14", head: head{"x-amzn-bedrock-input-token-count": "9", "x-amzn-bedrock-output-token-count": "112"}, body: `{"id":"c-1","generations":[{"id":"g","text":"hello","finish_reason":"COMPLETE"}],"prompt":"x"}`, want: `[ input=9 output=112 ] id=c-1 finish=COMPLETE text=hello complete`},
	"cohere's chat":     {operation: completions, model: "cohere.command-r-v1:0", body: `{"response_id":"r","text":"hello","generation_id":"g-1","chat_history":[{"role":"USER","message":"x"}],"finish_reason":"COMPLETE"}`, want: `id=g-1 finish=COMPLETE text=hello complete`},
	"ai21":              {operation: completions, model: "ai21.j2-mid-v1", body: `{"id":1234,"prompt":{"text":"x","tokens":[]},"completions":[{"data":{"text":"hello","tokens":[]},"finishReason":{"reason":"endoftext"}}]}`, want: `finish=endoftext text=hello complete`},
	"brought along":     {operation: completions, model: "arn:aws:bedrock:us-east-1:1:imported-model/x", body: `{"object":"text_completion","id":"","model":"/opt/ml/model","choices":[{"index":0,"text":"hello","finish_reason":"length"}],"usage":{"prompt_tokens":6,"completion_tokens":100,"total_tokens":106}}`, want: `[ input=6 output=100 ] model=/opt/ml/model finish=length text=hello complete`},
	"titan embedding":   {operation: embeddings, model: "amazon.titan-embed-text-v2:0", body: `{"embedding":[0.5,-1e-3],"inputTextTokenCount":5}`, want: `[ input=5 ] complete`},
	"cohere embedding":  {operation: embeddings, model: "cohere.embed-v4:0", head: head{"x-amzn-bedrock-input-token-count": "5"}, body: `{"embeddings":{"float":[[0.5]]},"id":"e-1","texts":["x"]}`, want: `[ input=5 ] id=e-1 complete`},
	"nonsense counts":   {operation: embeddings, model: "cohere.embed-v4:0", head: head{"x-amzn-bedrock-input-token-count": "-5", "x-amzn-bedrock-output-token-count": "99999999999999"}, body: `{"inputTextTokenCount":-3}`, want: `complete`},
	"canvas":            {operation: images, model: "amazon.nova-canvas-v1:0", body: `{"images":["QUJD","QUJD"],"error":null}`, want: `[ images=2 ] complete`},
	"canvas, refused":   {operation: images, model: "amazon.nova-canvas-v1:0", body: `{"images":[],"error":"blocked"}`, want: `[ images=0 ] error complete`},
	"canvas, in part":   {operation: images, model: "amazon.nova-canvas-v1:0", body: `{"images":["QUJD"],"error":"one was blocked"}`, want: `[ images=1 ] error complete`},
	"stability":         {operation: images, model: "stability.sd3-5-large-v1:0", body: `{"seeds":[7],"finish_reasons":[null],"images":["QUJD"]}`, want: `[ images=1 ] complete`},
	"stability's first": {operation: images, model: "stability.stable-diffusion-xl-v1", body: `{"result":"success","artifacts":[{"seed":1,"base64":"QUJD","finishReason":"SUCCESS"}]}`, want: `[ images=1 ] complete`},
	"images cut":        {operation: images, model: "amazon.nova-canvas-v1:0", end: tokenizer.Cut, body: `{"images":["QUJD","QU`, want: ``},
	"rerank":            {operation: rerank, model: "cohere.rerank-v3-5:0", body: `{"results":[{"index":0,"relevance_score":0.5}]}`, want: `[ rerank_units=3 ] complete`},
	"opaque":            {operation: invoke, model: "m", form: tokenizer.Opaque, head: head{"x-amzn-bedrock-input-token-count": "5", "x-amzn-bedrock-output-token-count": "6", "x-amzn-bedrock-cache-read-input-token-count": "7", "x-amzn-bedrock-cache-write-input-token-count": "8"}, want: `[ input=5 cache_read=7 cache_write=8 output=6 ]`},
	"unwrapped chunk":   {operation: invoke, model: "m", form: evs, body: event("chunk", `{"p":"x"}`) + event("chunk", `{"bytes":"e30*"}`) + event("chunk", `{"bytes":"e30="`) + event("chunk", `{"bytes":"e30"}`) + event("chunk", `{"bytes":"e"}`), want: `unreadable=4`},
}

func TestAnswers(t *testing.T) {
	for name, a := range answers {
		if got := a.meter(); got != strings.TrimSpace(a.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, a.want)
		}
	}
}

// TestEveryCut: how an answer is cut makes no difference.
func TestEveryCut(t *testing.T) {
	for name, a := range answers {
		if a.form == tokenizer.Opaque {
			continue
		}
		whole := a.meter()
		var each []int
		for i := range len(a.body) {
			each = append(each, i)
			if got := a.meter(i); got != whole {
				t.Fatalf("%s cut at %d:\n got %s\nwant %s", name, i, got, whole)
			}
		}
		if got := a.meter(each...); got != whole {
			t.Errorf("%s byte by byte:\n got %s\nwant %s", name, got, whole)
		}
	}
}

// TestComplete: an answer is complete at its last event, not before.
func TestComplete(t *testing.T) {
	for name, a := range answers {
		if !strings.HasSuffix(a.want, " complete") || a.form == tokenizer.SSE {
			continue
		}
		a.end, a.body = tokenizer.Cut, a.body[:len(a.body)-1]
		if got := a.meter(); strings.HasSuffix(got, "complete") {
			t.Errorf("%s is complete a byte early: %s", name, got)
		}
	}
}

// TestSums: the cells of a usage are disjoint and sum to the total that is said.
func TestSums(t *testing.T) {
	checked := 0
	for name, a := range answers {
		if a.operation != converse || a.form != tokenizer.JSON {
			continue
		}
		var said struct{ Usage struct{ TotalTokens int64 } }
		if json.Unmarshal([]byte(a.body), &said) != nil || said.Usage.TotalTokens == 0 {
			continue
		}
		m := New().NewMeter(tokenizer.Call{Operation: converse}, tokenizer.Answer{Status: 200, Head: head{}})
		m.Feed([]byte(a.body))
		r := m.Close(tokenizer.Complete)
		in, out := r.Usage[0].Totals()
		if checked++; in+out != said.Usage.TotalTokens {
			t.Errorf("%s: %d+%d, want %d", name, in, out, said.Usage.TotalTokens)
		}
	}
	if checked < 2 {
		t.Errorf("%d checked", checked)
	}
}

func TestNoMeter(t *testing.T) {
	for _, op := range []string{converse, invoke, messages, chat} {
		if m := New().NewMeter(tokenizer.Call{Operation: op}, tokenizer.Answer{Form: tokenizer.NDJSON, Head: head{}}); m != nil {
			t.Errorf("%s: a meter for lines", op)
		}
	}
}

// steady are streams without their last event, which go on for ever.
func steady() map[string]answered {
	return map[string]answered{
		"converse": {operation: converse, model: "m", body: conversing("contentBlockDelta", textDelta)},
		"claude":   {operation: messages, model: "anthropic.x", body: chunks(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}`)},
		"nova":     {operation: invoke, model: "amazon.nova", body: chunks(`{"contentBlockDelta":{"delta":{"text":"hello "},"contentBlockIndex":0}}`)},
	}
}

func (a answered) open() tokenizer.Meter {
	call := tokenizer.Call{Operation: a.operation, Model: a.model}
	return New().NewMeter(call, tokenizer.Answer{Status: 200, Form: evs, Head: head{}})
}

func TestNothingAllocated(t *testing.T) {
	for name, a := range steady() {
		m, p := a.open(), []byte(a.body)
		for range tokenizer.TextKept/len("hello") + 1 { // until no more text is kept
			m.Feed(p)
		}
		if n := testing.AllocsPerRun(100, func() { m.Feed(p) }); n != 0 {
			t.Errorf("%s: %v allocations an event", name, n)
		}
		if r := m.Close(tokenizer.Cut); r.TextBytes == 0 || r.Unreadable > 0 {
			t.Errorf("%s: %d bytes, %d unreadable", name, r.TextBytes, r.Unreadable)
		}
	}
}

func FuzzMeter(f *testing.F) {
	forms := []tokenizer.Form{tokenizer.JSON, tokenizer.SSE, evs}
	operations := []string{converse, invoke, messages, chat, completions, images}
	for _, a := range answers {
		f.Add(a.body, uint8(max(slices.Index(operations, a.operation), 0)), uint8(max(slices.Index(forms, a.form), 0)), uint16(len(a.body)/2), uint16(7))
	}
	f.Fuzz(func(t *testing.T, body string, operation, form uint8, one, two uint16) {
		a := answered{operation: operations[int(operation)%len(operations)], form: forms[int(form)%len(forms)], model: "x.y", body: body}
		whole := a.meter()
		cuts := []int{min(int(one), len(body)), min(int(two), len(body))}
		slices.Sort(cuts)
		if got := a.meter(cuts...); got != whole {
			t.Fatalf("cut at %v:\n got %s\nwant %s", cuts, got, whole)
		}
		if strings.Contains(whole, "=-") {
			t.Fatalf("below zero: %s", whole)
		}
	})
}

func BenchmarkStream(b *testing.B) {
	for name, a := range steady() {
		b.Run(name, func(b *testing.B) {
			p := []byte(strings.Repeat(a.body, 100))
			m := a.open()
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				m.Feed(p)
			}
		})
	}
}
