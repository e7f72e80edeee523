package cohere

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

type sample struct {
	name, body       string
	form             tokenizer.Form
	in, cached, out  int64
	waivedIn, waived int64
	search, pages    int64
	text, finish     string
	model, cost      string
	fails            bool
}

const v2Stream = `event: message-start
data: {"id":"m-1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}

event: content-start
data: {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}

event: content-delta
data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"The ferry"}}}}

event: content-delta
data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" \"sails\"."}}}}

event: message-end
data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":12,"output_tokens":7},"tokens":{"input_tokens":507,"output_tokens":10},"cached_tokens":448}}}

`

var samples = []sample{
	{name: "v2 stream", body: v2Stream, form: tokenizer.SSE, in: 59, cached: 448, out: 10, waivedIn: 47, waived: 3, text: `The ferry \"sails\".`, finish: "COMPLETE"},
	{name: "v2 tools", form: tokenizer.SSE, body: `data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I look"}}}

data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","type":"function","function":{"name":"find","arguments":""}}}}}

data: {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\":1}"}}}}}

data: {"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":20,"output_tokens":4}}}}`, in: 20, out: 4, text: `I lookfind{\"a\":1}`, finish: "TOOL_CALL"},
	{name: "v2 answer", form: tokenizer.JSON, body: `{"id":"m-1","message":{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Yes"}],"citations":[{"text":"no"}]},"finish_reason":"MAX_TOKENS",
		"usage":{"billed_units":{"input_tokens":5,"output_tokens":2},"tokens":{"input_tokens":5,"output_tokens":2}}}`, in: 5, out: 2, text: "hmYes", finish: "MAX_TOKENS"},
	{name: "v1 answer", form: tokenizer.JSON, body: `{"response_id":"m-1","text":"Yes","generation_id":"g","chat_history":[{"message":"Yes"}],"finish_reason":"COMPLETE",
		"meta":{"billed_units":{"input_tokens":58,"output_tokens":119},"tokens":{"input_tokens":69,"output_tokens":119}}}`, in: 69, out: 119, waivedIn: 11, text: "Yes", finish: "COMPLETE"},
	{name: "v1 lines", form: tokenizer.NDJSON, body: `{"is_finished":false,"event_type":"stream-start","generation_id":"m-1"}
{"is_finished":false,"event_type":"text-generation","text":"Ye"}
{"is_finished":false,"event_type":"text-generation","text":"s"}
{"is_finished":true,"event_type":"stream-end","response":{"text":"Yes","generation_id":"m-1","finish_reason":"COMPLETE","meta":{"billed_units":{"input_tokens":7,"output_tokens":2},"tokens":{"input_tokens":9,"output_tokens":3}}},"finish_reason":"COMPLETE"}
`, in: 9, out: 3, waivedIn: 2, waived: 1, text: "Yes", finish: "COMPLETE"},
	{name: "rerank", form: tokenizer.JSON, body: `{"id":"m-1","results":[{"index":1,"relevance_score":0.1}],"meta":{"billed_units":{"search_units":3}}}`, search: 3},
	{name: "embed", form: tokenizer.JSON, body: `{"id":"m-1","texts":["a"],"embeddings":{"float":[[0.1]]},"meta":{"billed_units":{"input_tokens":10}}}`, in: 10},
	{name: "rerank of another maker", form: tokenizer.JSON, body: `{"object":"list","data":[{"relevance_score":0.5,"index":1}],"model":"r-2","usage":{"total_tokens":43}}`, in: 43, model: "r-2"},
	{name: "rerank resold", form: tokenizer.JSON, body: `{"id":"m-1","model":"r-3","results":[{"index":0,"document":{"text":"no"}}],"usage":{"prompt_tokens":16,"total_tokens":17,"cost":3.4e-7}}`, in: 16, model: "r-3", cost: "3.4e-7"},
	{name: "parse", form: tokenizer.JSON, body: `{"id":"m-1","pages":[{"markdown":{"content":"# No"}},null,{}, {"blocks":[{"pages":[1]}]}]}`, pages: 2},
	{name: "failed stream", form: tokenizer.SSE, body: `data: {"type":"message-end","delta":{"finish_reason":"ERROR","error":"overloaded"}}` + "\n\n", finish: "ERROR", fails: true},
}

func feed(t *testing.T, s sample, cuts ...int) (r tokenizer.Reading, complete bool) {
	t.Helper()
	op := chat
	if s.pages > 0 {
		op = ocr
	}
	m := New().NewMeter(tokenizer.Call{Operation: op}, tokenizer.Answer{Status: 200, Form: s.form, Head: tokenizer.NoHead{}})
	at := 0
	for _, c := range append(cuts, len(s.body)) {
		p := []byte(s.body[at:c])
		complete = m.Feed(p) || complete
		for i := range p { // nothing may be kept of a piece
			p[i] = '!'
		}
		at = c
	}
	r = m.Close(tokenizer.Complete)
	r.Text = bytes.Clone(r.Text)
	return r, complete
}

func TestMeterAtEveryCut(t *testing.T) {
	for _, s := range samples {
		want, complete := feed(t, s)
		check(t, s, want, complete || s.body[len(s.body)-1] == '}' && s.form == tokenizer.SSE)
		every := make([]int, len(s.body))
		for cut := range s.body {
			every[cut] = cut
			if got, _ := feed(t, s, cut); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s cut at %d: %+v, want %+v", s.name, cut, got, want)
			}
		}
		if got, _ := feed(t, s, every...); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s byte by byte: %+v, want %+v", s.name, got, want)
		}
	}
}

func check(t *testing.T, s sample, r tokenizer.Reading, complete bool) {
	t.Helper()
	var u tokenizer.Usage
	if len(r.Usage) == 1 {
		u = r.Usage[0]
	}
	count := func(c tokenizer.Class) int64 { n, _ := u.Count(c); return n }
	if !complete || r.Unreadable != 0 || r.Error != s.fails || string(r.Text) != s.text || r.Finish != s.finish {
		t.Errorf("%s: complete %v, %+v", s.name, complete, r)
	}
	if count(tokenizer.Input) != s.in || count(tokenizer.CacheRead) != s.cached || count(tokenizer.Output) != s.out || count(tokenizer.RerankUnits) != s.search {
		t.Errorf("%s: %+v", s.name, u)
	}
	if count(tokenizer.Pages) != s.pages || r.Model != s.model || u.Model != s.model || r.Cost != s.cost {
		t.Errorf("%s: %+v", s.name, r)
	}
	if u.Waived(tokenizer.Input) != s.waivedIn || u.Waived(tokenizer.CacheRead) != s.cached || u.Waived(tokenizer.Output) != s.waived {
		t.Errorf("%s: waived %d, %d, %d", s.name, u.Waived(tokenizer.Input), u.Waived(tokenizer.CacheRead), u.Waived(tokenizer.Output))
	}
}

func TestACutStreamIsPartial(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
	m.Feed([]byte(v2Stream[:300]))
	if r := m.Close(tokenizer.Cut); r.Unreadable != 0 || len(r.Usage) != 0 {
		t.Errorf("%+v", r)
	}
	m = New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
	m.Feed([]byte(`data: {"type":"message-end","delta":{"usage":{"tokens":{"input_tokens":20,"output_tokens":4}},"fin`))
	if r := m.Close(tokenizer.Cut); len(r.Usage) != 1 || r.Usage[0].Source(tokenizer.Output) != tokenizer.Partial {
		t.Errorf("cut within the last event: %+v", r)
	}
	m = New().NewMeter(tokenizer.Call{Operation: ocr}, tokenizer.Answer{Head: tokenizer.NoHead{}})
	m.Feed([]byte(`{"pages":[{"markdown":{}},{`))
	if r := m.Close(tokenizer.Cut); len(r.Usage) != 0 {
		t.Errorf("pages of a cut document: %+v", r)
	}
	if New().NewMeter(tokenizer.Call{}, tokenizer.Answer{Form: tokenizer.Opaque}) != nil {
		t.Error("an opaque answer has a meter")
	}
}

func TestDeltasAllocateNothing(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
	delta := []byte(`data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"x"}}}}` + "\n\n")
	for range tokenizer.TextKept + 10 {
		m.Feed(delta)
	}
	if n := testing.AllocsPerRun(100, func() { m.Feed(delta) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzMeter(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s.body), uint8(s.form), 7)
	}
	f.Fuzz(func(t *testing.T, body []byte, form uint8, cut int) {
		s := sample{body: string(body), form: tokenizer.Form(form % 3)}
		if len(body) == 0 {
			return
		}
		cut = min(max(cut, 0), len(body))
		whole, _ := feed(t, s)
		if got, _ := feed(t, s, cut); !reflect.DeepEqual(got, whole) {
			t.Fatalf("cut at %d: %+v, whole %+v", cut, got, whole)
		}
	})
}

func BenchmarkMeter(b *testing.B) {
	delta := []byte("event: content-delta\ndata: " + `{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" the"}}}}` + "\n\n")
	end := []byte("event: message-end\ndata: " + `{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":12,"output_tokens":200},"tokens":{"input_tokens":507,"output_tokens":203},"cached_tokens":448}}}` + "\n\n")
	b.SetBytes(int64(200*len(delta) + len(end)))
	b.ReportAllocs()
	for b.Loop() {
		m := New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
		for range 200 {
			m.Feed(delta)
		}
		if !m.Feed(end) || len(m.Close(tokenizer.Complete).Usage) != 1 {
			b.Fatal("not read")
		}
	}
}
