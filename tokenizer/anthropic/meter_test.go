package anthropic

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
	name     string
	form     tokenizer.Form
	body     string
	complete bool
	usage    string // of each model in turn: its name and the classes as JSON
	want     tokenizer.Reading
}

// stream is the events, each under the name that its type says.
func stream(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		var v struct{ Type string }
		_ = json.Unmarshal([]byte(e), &v) // what is not JSON gets no name
		if v.Type != "" {
			b.WriteString("event: " + v.Type + "\n")
		}
		b.WriteString("data: " + e + "\n\n")
	}
	return b.String()
}

// Events that many streams have.
const (
	start = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-a","content":[],"stop_reason":null,` +
		`"usage":{"input_tokens":12,"cache_creation_input_tokens":30,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":2,"service_tier":"standard","inference_geo":"us"}}}`
	hello = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}`
	stop  = `{"type":"message_stop"}`
)

func read(text, finish string) tokenizer.Reading {
	r := tokenizer.Reading{ResponseID: "msg_1", Model: "claude-a", Finish: finish, TextBytes: int64(len(text))}
	if text != "" {
		r.Text = []byte(text)
	}
	return r
}

func served(r tokenizer.Reading, tier, region string) tokenizer.Reading {
	r.Tier, r.Region = tier, region
	return r
}

var answers = []answer{
	{"message", tokenizer.JSON, `{"id":"msg_1","type":"message","role":"assistant","model":"claude-a","content":[{"type":"thinking","thinking":"Hm\n","signature":"no"},{"type":"text","text":"Hi"},
		{"type":"tool_use","id":"no","name":"f","input":{"a":[1]}},{"type":"server_tool_use","id":"no","name":"g","input":{}},{"type":"web_search_tool_result","content":[{"title":"no"}]}],
		"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":7,"cache_read_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},
		"output_tokens":20,"output_tokens_details":{"thinking_tokens":8},"service_tier":"priority","inference_geo":"global","server_tool_use":{"web_search_requests":2,"web_fetch_requests":1}}}`,
		true, `claude-a {"cache_read":5,"cache_write":0,"cache_write_1h":4,"cache_write_5m":3,"input":9,"output":12,"reasoning":8,"web_search":2}`,
		served(read(`Hm\nHifg`, "tool_use"), "priority", "")},
	{"no split, no cache", tokenizer.JSON, `{"id":"msg_1","model":"claude-a","stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":2,"speed":"fast","service_tier":"standard","inference_geo":"not_available"}}`,
		true, `claude-a {"input":9,"output":2}`, served(read("", "end_turn"), "fast", "")},
	{"no split", tokenizer.JSON, `{"id":"msg_1","model":"claude-a","stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":2,"cache_creation_input_tokens":7,"cache_creation":null,"speed":"standard"}}`,
		true, `claude-a {"cache_write":7,"input":9,"output":2}`, read("", "end_turn")},
	{"stream", tokenizer.SSE, stream(start, `{"type":"ping"}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, hello,
		`{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"cited_text":"no"}}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"no","name":"f","input":{}}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"thinking_delta","thinking":"x"}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"signature_delta","signature":"no"}}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":17}}`, stop),
		true, `claude-a {"cache_read":0,"cache_write":0,"cache_write_1h":20,"cache_write_5m":10,"input":12,"output":17}`,
		served(read(`Hellof{\"a\":1}x`, "tool_use"), "standard", "us")},
	{"counts replaced", tokenizer.SSE, stream(start, hello,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":15,"cache_creation_input_tokens":33,"cache_read_input_tokens":40,"output_tokens":17,"output_tokens_details":{"thinking_tokens":3},"server_tool_use":{"web_search_requests":1}}}`, stop),
		true, `claude-a {"cache_read":40,"cache_write":3,"cache_write_1h":20,"cache_write_5m":10,"input":15,"output":14,"reasoning":3,"web_search":1}`,
		served(read("Hello", "end_turn"), "standard", "us")},
	{"cumulative", tokenizer.SSE, stream(start, `{"type":"message_delta","delta":{},"usage":{"output_tokens":5}}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`, stop),
		true, `claude-a {"cache_read":0,"cache_write":0,"cache_write_1h":20,"cache_write_5m":10,"input":12,"output":9}`, served(read("", "end_turn"), "standard", "us")},
	{"two beginnings", tokenizer.SSE, stream(start, hello, `{"type":"message_start","message":{"id":"msg_1","model":"claude-a","usage":{"input_tokens":4,"output_tokens":1}}}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`, stop),
		true, `claude-a {"input":4,"output":9}`, read("Hello", "end_turn")},
	{"types alone, a proxy's mark", tokenizer.SSE, "data: " + strings.Join([]string{start, `{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9},"type":"message_delta"}`, stop, "[DONE]"}, "\n\ndata: ") + "\n\n",
		true, `claude-a {"cache_read":0,"cache_write":0,"cache_write_1h":20,"cache_write_5m":10,"input":12,"output":9}`, served(read("", "end_turn"), "standard", "us")},
	{"advice", tokenizer.JSON, `{"id":"msg_1","model":"claude-a","stop_reason":"end_turn","usage":{"input_tokens":30,"output_tokens":7,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"iterations":[
		{"type":"message","input_tokens":10,"output_tokens":3},{"type":"advisor_message","model":"claude-b","input_tokens":100,"output_tokens":50,"cache_read_input_tokens":8,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":9,"ephemeral_1h_input_tokens":0}},
		{"type":"message","input_tokens":20,"output_tokens":4}]}}`, true,
		`claude-a {"cache_read":0,"cache_write":0,"input":30,"output":7} claude-b {"cache_read":8,"cache_write":0,"cache_write_1h":0,"cache_write_5m":9,"input":100,"output":50}`, read("", "end_turn")},
	{"compaction", tokenizer.SSE, stream(start, `{"type":"content_block_start","index":0,"content_block":{"type":"compaction"}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"compaction_delta","content":"sum"}}`, hello,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":5,"cache_creation_input_tokens":0,"output_tokens":6,"iterations":[{"type":"compaction","input_tokens":900,"output_tokens":60},{"type":"message","input_tokens":5,"output_tokens":6},{"type":"compaction","input_tokens":700,"output_tokens":50}]}}`, stop),
		true, `claude-a {"cache_read":0,"cache_write":0,"cache_write_1h":0,"cache_write_5m":0,"input":5,"output":6} claude-a {"input":900,"output":60} claude-a {"input":700,"output":50}`,
		served(read("sumHello", "end_turn"), "standard", "us")},
	{"declined before and after output", tokenizer.SSE, stream(start, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"output_tokens":6,"iterations":[`+
		`{"type":"message","model":"claude-a","input_tokens":7,"output_tokens":0},{"type":"message","model":"claude-b","input_tokens":7,"output_tokens":2},{"type":"message","model":"claude-c","input_tokens":3,"output_tokens":2},{"type":"fallback_message","model":"claude-c","input_tokens":5,"output_tokens":4}]}}`, stop),
		true, `claude-c {"cache_read":0,"cache_write":0,"cache_write_1h":0,"cache_write_5m":0,"input":8,"output":6} claude-b {"input":7,"output":2}`,
		served(tokenizer.Reading{ResponseID: "msg_1", Model: "claude-c", Finish: "end_turn"}, "standard", "us")},
	{"iterations of a new type", tokenizer.JSON, `{"id":"msg_1","model":"claude-a","stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":6,"iterations":[{"type":"message","input_tokens":5,"output_tokens":6},{"type":"new","input_tokens":1,"output_tokens":2},{"type":"message"},7]}}`,
		true, `claude-a {"input":5,"output":6} claude-a {"input":1,"output":2}`, read("", "end_turn")},
	{"iterations of a new type, within", tokenizer.JSON, `{"id":"msg_1","model":"claude-a","stop_reason":"end_turn","usage":{"input_tokens":6,"output_tokens":8,"iterations":[{"type":"message","input_tokens":5,"output_tokens":6},{"type":"new","input_tokens":1,"output_tokens":2}]}}`,
		true, `claude-a {"input":6,"output":8}`, read("", "end_turn")},
	{"error event", tokenizer.SSE, stream(start, hello, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`),
		true, `claude-a {"cache_read":0,"cache_write":0,"cache_write_1h":20,"cache_write_5m":10,"input":12}`,
		func() tokenizer.Reading { r := served(read("Hello", ""), "standard", "us"); r.Error = true; return r }()},
	{"error body", tokenizer.JSON, `{"type":"error","error":{"type":"rate_limit_error","message":"no"},"request_id":"no"}`, true, "", tokenizer.Reading{Error: true}},
	{"unreadable events", tokenizer.SSE, stream(`{"type":"content_block_delta","delta":`, `oops`, `[1]`, hello), false, "", tokenizer.Reading{Unreadable: 3, Text: []byte("Hello"), TextBytes: 5}},
	{"no blank line at the end", tokenizer.SSE, strings.TrimRight(stream(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":1,"output_tokens":9}}`, stop), "\n"), true, `{"input":1,"output":9}`, tokenizer.Reading{Finish: "end_turn"}},
	{"nothing but life", tokenizer.SSE, ": ping\n\nevent: ping\ndata:\n\n", false, "", tokenizer.Reading{}},
	{"html", tokenizer.JSON, `<html>`, false, "", tokenizer.Reading{Unreadable: 1}},
	{"nothing", tokenizer.JSON, ``, false, "", tokenizer.Reading{Unreadable: 1}},
	{"usage of nothing", tokenizer.JSON, `{"usage":null,"stop_reason":null}`, true, "", tokenizer.Reading{}},
	{"usage of unknown members", tokenizer.JSON, `{"usage":{"x":"` + strings.Repeat("x", 300) + `"}}`, true, "", tokenizer.Reading{}},
	{"old completion", tokenizer.JSON, `{"type":"completion","id":"msg_1","completion":" Hi","stop_reason":"stop_sequence","model":"claude-a"}`, true, "", read(" Hi", "stop_sequence")},
	{"old stream", tokenizer.SSE, stream(`{"type":"completion","id":"msg_1","completion":" He","stop_reason":null,"model":"claude-a"}`, `{"type":"ping"}`, `{"type":"completion","id":"msg_1","completion":"y","stop_reason":"stop_sequence","model":"claude-a"}`),
		true, "", read(" Hey", "stop_sequence")},
}

// meterOf feeds a in pieces. Where a's stream is complete only with its last
// blank line missing, Close finds out.
func meterOf(a answer, end tokenizer.End, cuts ...int) (r tokenizer.Reading, complete bool) {
	m := New().NewMeter(tokenizer.Call{Operation: messages}, tokenizer.Answer{Status: 200, Form: a.form, Head: tokenizer.NoHead{}})
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

// classes says a Reading's usage in one line.
func classes(t *testing.T, r *tokenizer.Reading) string {
	t.Helper()
	var all []string
	for i := range r.Usage {
		b, err := json.Marshal(&r.Usage[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimLeft(r.Usage[i].Model+" "+string(b), " "))
	}
	return strings.Join(all, " ")
}

func check(t *testing.T, a answer, cuts ...int) {
	t.Helper()
	got, complete := meterOf(a, tokenizer.Complete, cuts...)
	usage := classes(t, &got)
	if i := strings.Index(string(got.Text), `{"a":[1]}`); i >= 0 { // a tool's input, whole
		got.Text = []byte(strings.Replace(string(got.Text), `{"a":[1]}`, "", 1))
		got.TextBytes -= int64(len(`{"a":[1]}`))
	}
	got.Usage = nil
	if !reflect.DeepEqual(got, a.want) || usage != a.usage || complete != a.complete {
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

// TestSums holds the classes to the totals that the provider states.
func TestSums(t *testing.T) {
	for _, c := range []struct {
		usage   string
		in, out int64
		classes string
	}{
		{`{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":6}`, 12, 6, `{"cache_read":4,"cache_write":5,"input":3,"output":6}`},
		{`{"input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":1},"output_tokens":6}`, 6, 6, `{"cache_write":0,"cache_write_1h":1,"cache_write_5m":2,"input":3,"output":6}`},
		{`{"input_tokens":3,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":9,"ephemeral_1h_input_tokens":1}}`, 8, 0, `{"cache_write":0,"cache_write_1h":0,"cache_write_5m":5,"input":3}`},
		{`{"input_tokens":3,"output_tokens":6,"output_tokens_details":{"thinking_tokens":9}}`, 3, 6, `{"input":3,"output":0,"reasoning":6}`},
		{`{"output_tokens":6,"cache_read_input_tokens":null,"input_tokens":null}`, 0, 6, `{"output":6}`},
		{`{"input_tokens":-3,"output_tokens":1e30,"cache_read_input_tokens":"4"}`, 0, 0, ``},
		{`{}`, 0, 0, ``},
		{`7`, 0, 0, ``},
	} {
		r, _ := meterOf(answer{body: `{"usage":` + c.usage + `}`}, tokenizer.Complete)
		var in, out int64
		for i := range r.Usage {
			i, o := r.Usage[i].Totals()
			in, out = in+i, out+o
		}
		if got := classes(t, &r); in != c.in || out != c.out || got != c.classes {
			t.Errorf("%s: got %d, %d, %s", c.usage, in, out, got)
		}
	}
}

// TestSource: what a stream begins with is not what it came to.
func TestSource(t *testing.T) {
	delta := `{"type":"message_delta","delta":{},"usage":{"output_tokens":4}}`
	end := `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`
	for _, c := range []struct {
		body   string
		input  tokenizer.Source
		output int64 // -1: unknown
	}{
		{stream(start), tokenizer.Partial, 2},
		{stream(start, hello), tokenizer.Partial, -1},
		{stream(start, hello, delta), tokenizer.Partial, 4},
		{stream(start, hello, end), tokenizer.Reported, 9},
		{stream(start, hello, delta, stop), tokenizer.Reported, 4},
	} {
		for _, end := range []tokenizer.End{tokenizer.Cut, tokenizer.Complete} {
			r, _ := meterOf(answer{form: tokenizer.SSE, body: c.body}, end)
			u := &r.Usage[0]
			n, known := u.Count(tokenizer.Output)
			if !known {
				n = -1
			}
			if len(r.Usage) != 1 || n != c.output || u.Source(tokenizer.Input) != c.input || known && u.Source(tokenizer.Output) != c.input {
				t.Errorf("%q %v: %+v", c.body, end, r)
			}
		}
	}
	r, _ := meterOf(answer{body: `{"usage":{"input_tokens":3,"output_tokens":4},"content":[{"text":"He`}, tokenizer.Cut)
	if n, _ := r.Usage[0].Count(tokenizer.Output); n != 4 || r.Usage[0].Source(tokenizer.Output) != tokenizer.Reported || r.TextBytes != 2 {
		t.Errorf("cut body: %+v", r)
	}
}

// TestCutIsNotUnreadable: what was cut short is not wrong.
func TestCutIsNotUnreadable(t *testing.T) {
	for _, a := range []answer{{body: `{"id":"x","cont`}, {form: tokenizer.SSE, body: `data: {"message":{"id":"x","cont`}} {
		for end, want := range map[tokenizer.End]int{tokenizer.Cut: 0, tokenizer.Complete: 1} {
			if r, _ := meterOf(a, end); r.Unreadable != want || r.ResponseID != "x" {
				t.Errorf("%s %v: %+v", a.body, end, r)
			}
		}
	}
}

func TestLongUsageIsTold(t *testing.T) {
	r, _ := meterOf(answer{body: `{"usage":{"input_tokens":3,"x":"` + strings.Repeat("x", maxUsage) + `"}}`}, tokenizer.Complete)
	if r.Unreadable != 1 || len(r.Usage) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestFormsThatTellNothing(t *testing.T) {
	for _, f := range []tokenizer.Form{tokenizer.NDJSON, tokenizer.EventStream, tokenizer.Opaque} {
		if m := New().NewMeter(tokenizer.Call{Operation: messages}, tokenizer.Answer{Form: f}); m != nil {
			t.Errorf("%v: a meter", f)
		}
	}
}

// TestEvents: another framing feeds the same events, without names.
func TestEvents(t *testing.T) {
	e := NewEvents()
	for _, event := range []string{start, hello, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`, stop} {
		if e.Complete() {
			t.Fatalf("complete before %s", event)
		}
		e.Begin(nil)
		for i := range event {
			e.Data([]byte(event[i : i+1]))
		}
		e.End(nil, true)
	}
	r := e.Close()
	if in, out := r.Usage[0].Totals(); !e.Complete() || in != 42 || out != 9 || r.Model != "claude-a" || string(r.Text) != "Hello" {
		t.Errorf("%+v", r)
	}
}

func FuzzMeter(f *testing.F) {
	for i, a := range answers {
		f.Add(a.body, a.form == tokenizer.SSE, uint64(i))
	}
	f.Fuzz(func(t *testing.T, body string, events bool, seed uint64) {
		a := answer{body: body}
		if events {
			a.form = tokenizer.SSE
		}
		cuts := randomCuts(len(body), seed)
		whole, wholeEnd := meterOf(a, tokenizer.Cut)
		pieces, piecesEnd := meterOf(a, tokenizer.Cut, cuts...)
		if fmt.Sprintf("%+v", whole) != fmt.Sprintf("%+v", pieces) || wholeEnd != piecesEnd {
			t.Fatalf("%q at %v:\n%+v %v\n%+v %v", body, cuts, whole, wholeEnd, pieces, piecesEnd)
		}
	})
}

func randomCuts(n int, seed uint64) (cuts []int) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for at := 0; at < n; at += 1 + rnd.IntN(1+rnd.IntN(40)) {
		cuts = append(cuts, at)
	}
	return cuts
}

func TestMeterAllocatesNothing(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: messages}, tokenizer.Answer{Form: tokenizer.SSE})
	m.Feed([]byte(stream(start)))
	chunk := []byte(stream(hello))
	for range tokenizer.TextKept / 3 { // until the text no longer grows
		m.Feed(chunk)
	}
	n := testing.AllocsPerRun(100, func() {
		m.Feed(chunk)
		m.Feed(chunk[:60])
		m.Feed(chunk[60:])
	})
	if n != 0 {
		t.Fatalf("%v allocations a chunk", n)
	}
}

func BenchmarkMeter(b *testing.B) {
	begin, chunk := []byte(stream(start)), []byte(stream(hello))
	end := []byte(stream(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":200}}`, stop))
	d := New()
	b.SetBytes(int64(len(begin) + 200*len(chunk) + len(end)))
	b.ReportAllocs()
	for b.Loop() {
		m := d.NewMeter(tokenizer.Call{Operation: messages}, tokenizer.Answer{Form: tokenizer.SSE})
		m.Feed(begin)
		for range 200 {
			m.Feed(chunk)
		}
		if !m.Feed(end) || len(m.Close(tokenizer.Complete).Usage) != 1 {
			b.Fatal("not read")
		}
	}
}
