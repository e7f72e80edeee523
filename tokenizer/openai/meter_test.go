package openai

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// answer is one answer and what a meter should read in it.
type answer struct {
	name, op string
	events   bool
	body     string
	complete bool
	usage    string // the classes as JSON; empty: no usage
	want     tokenizer.Reading
}

func sseOf(events ...string) string {
	return "data: " + strings.Join(events, "\n\ndata: ") + "\n\n"
}

func text(s string) tokenizer.Reading {
	return tokenizer.Reading{Text: []byte(s), TextBytes: int64(len(s))}
}

func reading(of tokenizer.Reading, id, model, finish string) tokenizer.Reading {
	of.ResponseID, of.Model, of.Finish = id, model, finish
	return of
}

var answers = []answer{
	{"chat", chat, false, `{"id":"c1","object":"chat.completion","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi \"you\"","refusal":null},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0}},"service_tier":"default"}`,
		true, `{"cache_read":4,"input":5,"input_audio":1,"output":3,"output_audio":0,"reasoning":2}`,
		tokenizer.Reading{ResponseID: "c1", Model: "m-1", Finish: "stop", Tier: "default", Text: []byte(`Hi \"you\"`), TextBytes: 10}},
	{"chat stream", chat, true, sseOf(
		`{"id":"","model":"","choices":[],"prompt_filter_results":[{}],"usage":null}`,
		`{"id":"c1","model":"m-1","choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}`,
		`{"id":"c1","model":"m-1","choices":[{"delta":{"content":"Hel"}}],"usage":null}`,
		`{"id":"c1","model":"m-1","choices":[{"delta":{"content":"lo"},"finish_reason":"length"}],"usage":null}`,
		`{"id":"c1","model":"m-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`, `[DONE]`),
		true, `{"input":3,"output":2}`, reading(text("Hello"), "c1", "m-1", "length")},
	{"without usage", chat, true, sseOf(`{"id":"c1","choices":[{"delta":{"content":"Hel"}}]}`, `[DONE]`), true, "", reading(text("Hel"), "c1", "", "")},
	{"all kinds of text", chat, true, sseOf(
		`{"choices":[{"delta":{"reasoning_content":"a","reasoning":"b","refusal":"c","content":[{"type":"text","text":"d"},{"type":"thinking","thinking":[{"text":"e"}]}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"id":"no","function":{"name":"f","arguments":"{\"g\":1}"}}],"function_call":{"name":"h","arguments":"i"}}}]}`,
		`{"choices":[{"text":"j","logprobs":{"tokens":["no"]}}]}`), false, "",
		tokenizer.Reading{Text: []byte(`abcdef{\"g\":1}hij`), TextBytes: 18, Refused: true, Calls: true}},
	{"a refusal", chat, false, `{"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"stop"}]}`, true, "",
		tokenizer.Reading{Text: []byte("No."), TextBytes: 3, Finish: "stop", Refused: true}},
	{"a tool of one's own making", chat, true, sseOf(`{"choices":[{"delta":{"tool_calls":[{"custom":{"name":"f","input":""}}]}}]}`, `[DONE]`), true, "",
		tokenizer.Reading{Text: []byte("f"), TextBytes: 1, Calls: true}},
	{"cumulative usage, no blank line", chat, true, `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}` + "\r\n\r\n" +
		`data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":9}}`, false, `{"input":3,"output":9}`, tokenizer.Reading{}},
	{"groq alone", chat, true, sseOf(`{"x_groq":{"id":"r"}}`, `{"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":1}}}`, `[DONE]`), true, `{"input":3,"output":1}`, tokenizer.Reading{}},
	{"groq beside", chat, true, sseOf(`{"usage":{"prompt_tokens":4,"completion_tokens":1},"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":1}}}`, `[DONE]`), true, `{"input":4,"output":1}`, tokenizer.Reading{}},
	{"moonshot", chat, true, sseOf(`{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":4,"completion_tokens":1,"cached_tokens":3}}]}`, `[DONE]`), true,
		`{"cache_read":3,"input":1,"output":1}`, tokenizer.Reading{Finish: "stop"}},
	{"llama.cpp timings", chat, true, sseOf(`{"choices":[{"delta":{},"finish_reason":"stop"}],"timings":{"cache_n":5,"prompt_n":2,"prompt_ms":1.5,"predicted_n":7}}`, `[DONE]`), true,
		`{"cache_read":5,"input":2,"output":7}`, tokenizer.Reading{Finish: "stop"}},
	{"usage before timings", chat, true, sseOf(`{"usage":{"prompt_tokens":9,"completion_tokens":7},"timings":{"cache_n":5,"prompt_n":2,"predicted_n":7}}`, `[DONE]`), true,
		`{"input":9,"output":7}`, tokenizer.Reading{}},
	{"error in the middle", chat, true, sseOf(`{"choices":[{"delta":{"content":"x"}}]}`, `{"error":{"message":"overloaded","code":502},"choices":[{"finish_reason":"error"}]}`), false, "",
		tokenizer.Reading{Text: []byte("x"), TextBytes: 1, Error: true, Finish: "error"}},
	{"error event", chat, true, "event: error\ndata: {\"message\":\"x\"}\n\n", false, "", tokenizer.Reading{Error: true}},
	{"unreadable events", chat, true, sseOf(`{"choices":`, `oops`, ` `, `[DONE!`, `[1]`, `{"choices":[]}}`, `{"model":"m"}`), false, "", tokenizer.Reading{Unreadable: 5, Model: "m"}},
	{"nothing but life", chat, true, ": ping\n\n: ping\n\ndata:\n\nevent: x\n\n", false, "", tokenizer.Reading{}},
	{"error body", chat, false, `{"error":{"message":"no","type":"invalid_request_error"}}`, true, "", tokenizer.Reading{Error: true}},
	{"error in a list", chat, false, `[{"error":{"code":400}}]`, true, "", tokenizer.Reading{Error: true}},
	{"no error", chat, false, `{"error":null}`, true, "", tokenizer.Reading{}},
	{"html", chat, false, `<html>`, false, "", tokenizer.Reading{Unreadable: 1}},
	{"nothing", chat, false, ``, false, "", tokenizer.Reading{Unreadable: 1}},
	{"completions", completions, false, `{"id":"t","choices":[{"text":"abc","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`, true,
		`{"input":1,"output":2}`, reading(text("abc"), "t", "", "stop")},
	{"embeddings", embeddings, false, `{"data":[{"embedding":[0.1,-2e-3]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}`, true, `{"input":8}`, tokenizer.Reading{Model: "e"}},
	{"embeddings with a total alone", embeddings, false, `{"data":[],"usage":{"total_tokens":8}}`, true, `{"input":8}`, tokenizer.Reading{}},
	{"responses", responses, false, `{"id":"r1","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"model":"m","error":null,"output":[{"type":"reasoning","summary":[{"text":"a"}]},
		{"type":"message","content":[{"type":"output_text","text":"b"},{"type":"refusal","refusal":"c"}]},{"type":"function_call","name":"d","arguments":"{}"}],
		"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":2,"cache_write_tokens":1},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":16}}`, true,
		`{"cache_read":2,"cache_write":1,"input":4,"output":5,"reasoning":4}`, tokenizer.Reading{ResponseID: "r1", Model: "m", Finish: "max_output_tokens", Text: []byte("abcd{}"), TextBytes: 6, Refused: true, Calls: true}},
	{"responses stream", responses, true, "event: response.created\n" + sseOf(
		`{"type":"response.created","response":{"id":"r1","status":"in_progress","model":"m","service_tier":"auto","usage":null}}`,
		`{"type":"response.output_text.delta","item_id":"no","delta":"Hi"}`,
		`{"type":"response.audio.delta","delta":"AAAA"}`,
		`{"type":"response.function_call_arguments.delta","delta":"{}"}`,
		`{"type":"response.output_text.done","text":"Hi"}`,
		`{"response":{"id":"r1","status":"completed","model":"m-2","service_tier":"default","output":[{"content":[{"text":"Hi"}]}],"usage":{"input_tokens":2,"output_tokens":3}},"type":"response.completed"}`), true,
		`{"input":2,"output":3}`, tokenizer.Reading{ResponseID: "r1", Model: "m-2", Tier: "default", Finish: "completed", Text: []byte("Hi{}"), TextBytes: 4, Calls: true}},
	{"end told by name before", responses, true, "event: response.incomplete\ndata: {\"response\":{\"usage\":{\"input_tokens\":2,\"output_tokens\":3}}}", true, `{"input":2,"output":3}`, tokenizer.Reading{}},
	{"end told by name after", responses, true, "data: {\"response\":{}}\nevent: response.failed\n\n", true, "", tokenizer.Reading{}},
	{"failed", responses, true, sseOf(`{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error"}}}`), true, "", tokenizer.Reading{Error: true, Finish: "failed"}},
}

func meterOf(a answer, end tokenizer.End, cuts ...int) (r tokenizer.Reading, complete bool) {
	m := New().NewMeter(tokenizer.Call{Operation: a.op}, tokenizer.Answer{Status: 200, Form: form(a.events)})
	at := 0
	for _, c := range append(cuts, len(a.body)) {
		p := []byte(a.body[at:c])
		complete = m.Feed(p)
		for i := range p { // nothing may be kept of a piece
			p[i] = '!'
		}
		at = c
	}
	return m.Close(end), complete
}

// check compares, with the usage apart: its classes, and its model.
func check(t *testing.T, a answer, cuts ...int) {
	t.Helper()
	got, complete := meterOf(a, tokenizer.Complete, cuts...)
	usage := ""
	for i := range got.Usage {
		b, err := json.Marshal(&got.Usage[i])
		if err != nil {
			t.Fatal(err)
		}
		usage += string(b)
		if got.Usage[i].Model != got.Model {
			t.Errorf("%s: usage of model %q", a.name, got.Usage[i].Model)
		}
	}
	got.Usage = nil
	if string(got.Text) != string(a.want.Text) {
		t.Fatalf("%s at %v: text %q", a.name, cuts, got.Text)
	}
	got.Text, a.want.Text = nil, nil
	// An answer whose last event lacks its blank line may end in Close.
	if usage != a.usage || !reflect.DeepEqual(got, a.want) || complete != a.complete {
		t.Fatalf("%s at %v:\n got %+v %s, complete %v\nwant %+v %s, complete %v", a.name, cuts, got, usage, complete, a.want, a.usage, a.complete)
	}
}

func TestMeterEveryCut(t *testing.T) {
	for _, a := range answers {
		every := make([]int, len(a.body))
		for i := range every {
			every[i] = i
			check(t, a, i)
		}
		check(t, a, every...)
	}
}

func FuzzMeter(f *testing.F) {
	for i, a := range answers {
		f.Add(a.body, i%2 == 0, i%3 == 0, uint64(i))
	}
	f.Fuzz(func(t *testing.T, body string, events, asResponses bool, seed uint64) {
		a := answer{op: chat, events: events, body: body}
		if asResponses {
			a.op = responses
		}
		rnd := rand.New(rand.NewPCG(seed, 1))
		var cuts []int
		for at := 0; at < len(body); at += 1 + rnd.IntN(1+rnd.IntN(40)) {
			cuts = append(cuts, at)
		}
		whole, wholeEnd := meterOf(a, tokenizer.Cut)
		pieces, piecesEnd := meterOf(a, tokenizer.Cut, cuts...)
		if fmt.Sprintf("%+v", whole) != fmt.Sprintf("%+v", pieces) || wholeEnd != piecesEnd {
			t.Fatalf("%q at %v:\n%+v %v\n%+v %v", body, cuts, whole, wholeEnd, pieces, piecesEnd)
		}
	})
}

// TestSums holds the classes to the totals that the provider states, also where
// its parts are more than the whole.
func TestSums(t *testing.T) {
	for _, c := range []struct {
		usage   string
		in, out int64
		classes string
	}{
		{`{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":2,"image_tokens":1,"video_tokens":1,"cache_write_tokens":2}}`, 10, 5,
			`{"cache_read":3,"cache_write":2,"input":1,"input_audio":2,"input_image":1,"input_video":1,"output":5}`},
		{`{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":161,"audio_tokens":3}}`, 7, 1, `{"cache_read":7,"input":0,"input_audio":0,"output":1}`},
		{`{"prompt_tokens":7,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":11,"image_tokens":1}}`, 7, 10, `{"input":7,"output":0,"output_image":0,"reasoning":10}`},
		{`{"prompt_tokens":361,"completion_tokens":26,"total_tokens":622,"completion_tokens_details":{"reasoning_tokens":235}}`, 361, 261, `{"input":361,"output":26,"reasoning":235}`},
		{`{"prompt_tokens":361,"completion_tokens":261,"total_tokens":622,"completion_tokens_details":{"reasoning_tokens":235}}`, 361, 261, `{"input":361,"output":26,"reasoning":235}`},
		{`{"prompt_tokens":9,"completion_tokens":8,"total_tokens":392,"prompt_tokens_details":{"audio_tokens":375}}`, 384, 8, `{"input":9,"input_audio":375,"output":8}`},
		{`{"prompt_tokens":9,"completion_tokens":8,"reasoning_tokens":3,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}`, 9, 8, `{"cache_read":4,"input":5,"output":5,"reasoning":3}`},
		{`{"prompt_tokens":9,"completion_tokens":8,"num_cached_tokens":1,"cached_tokens":null}`, 9, 8, `{"cache_read":1,"input":8,"output":8}`},
		{`{"prompt_tokens":9,"prompt_tokens_details":null,"completion_tokens":null}`, 9, 0, `{"input":9}`},
		{`{"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":3}}`, 0, 9, `{"output":9}`},
		{`{"prompt_tokens":-1,"completion_tokens":1e30,"total_tokens":"7"}`, 0, 0, ``},
		{`{"cost":1}`, 0, 0, ``},
		{`{}`, 0, 0, ``},
		{`7`, 0, 0, ``},
	} {
		r, _ := meterOf(answer{op: chat, body: `{"usage":` + c.usage + `}`}, tokenizer.Complete)
		if len(r.Usage) == 0 {
			if c.classes != "" {
				t.Errorf("%s: no usage", c.usage)
			}
			continue
		}
		u := r.Usage[0]
		in, out := u.Totals()
		b, _ := json.Marshal(&u) // a map of numbers
		if in != c.in || out != c.out || string(b) != c.classes {
			t.Errorf("%s: got %d, %d, %s", c.usage, in, out, b)
		}
	}
}

func TestSource(t *testing.T) {
	open := sseOf(`{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`)
	finished := open + sseOf(`{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`)
	for _, c := range []struct {
		body string
		end  tokenizer.End
		want tokenizer.Source
	}{
		{open, tokenizer.Cut, tokenizer.Partial},
		{open, tokenizer.Complete, tokenizer.Reported},
		{finished, tokenizer.Cut, tokenizer.Reported},
		{open + sseOf("[DONE]"), tokenizer.Cut, tokenizer.Reported},
	} {
		r, _ := meterOf(answer{op: chat, events: true, body: c.body}, c.end)
		if len(r.Usage) != 1 || r.Usage[0].Source(tokenizer.Output) != c.want {
			t.Errorf("%q %v: %+v", c.body, c.end, r.Usage)
		}
	}
}

// TestCutIsNotUnreadable: what was cut short is not wrong.
func TestCutIsNotUnreadable(t *testing.T) {
	for _, a := range []answer{{op: chat, body: `{"id":"x","cho`}, {op: chat, events: true, body: `data: {"id":"x","cho`}} {
		for end, want := range map[tokenizer.End]int{tokenizer.Cut: 0, tokenizer.Complete: 1} {
			if r, _ := meterOf(a, end); r.Unreadable != want || r.ResponseID != "x" {
				t.Errorf("%s %v: %+v", a.body, end, r)
			}
		}
	}
}

func TestTextIsBounded(t *testing.T) {
	long := strings.Repeat("x", tokenizer.TextKept-3)
	body := sseOf(`{"choices":[{"delta":{"content":"`+long+`"}}]}`, `{"choices":[{"delta":{"content":"123456"}}]}`, `{"choices":[{"delta":{"content":"7"}}]}`)
	r, _ := meterOf(answer{op: chat, events: true, body: body}, tokenizer.Complete)
	if string(r.Text) != long+"123" || r.TextBytes != int64(len(long)+7) {
		t.Fatalf("%d bytes kept of %d", len(r.Text), r.TextBytes)
	}
}

func TestMeterAllocatesNothing(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.SSE})
	chunk := []byte(sseOf(`{"id":"c1","model":"m-1","service_tier":"default","choices":[{"delta":{"content":"Hel"},"finish_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`))
	for range tokenizer.TextKept / 3 { // until the text no longer grows
		m.Feed(chunk)
	}
	m.Feed(chunk[:30])
	m.Feed(chunk[30:])
	n := testing.AllocsPerRun(100, func() {
		m.Feed(chunk)
		m.Feed(chunk[:30])
		m.Feed(chunk[30:])
	})
	if n != 0 {
		t.Fatalf("%v allocations a chunk", n)
	}
}

func BenchmarkMeter(b *testing.B) {
	chunk := []byte(sseOf(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" the"},"logprobs":null,"finish_reason":null}],"usage":null}`))
	end := []byte(sseOf(`{"id":"chatcmpl-1","model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":200,"total_tokens":203}}`, "[DONE]"))
	d := New()
	b.SetBytes(int64(200*len(chunk) + len(end)))
	b.ReportAllocs()
	for b.Loop() {
		m := d.NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.SSE})
		for range 200 {
			m.Feed(chunk)
		}
		if !m.Feed(end) || len(m.Close(tokenizer.Complete).Usage) != 1 {
			b.Fatal("not read")
		}
	}
}

func form(events bool) tokenizer.Form {
	if events {
		return tokenizer.SSE
	}
	return tokenizer.JSON
}
