package ollama

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

const unknown = -1

type sample struct {
	name, body   string
	form         tokenizer.Form
	in, out      int64 // unknown: not told
	text, finish string
	fails        bool
}

var samples = []sample{
	{name: "chat lines", form: tokenizer.NDJSON, body: `{"model":"m","message":{"role":"assistant","content":"Yes","thinking":"hm"},"done":false}
{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"find","arguments":{"a":1}}}]},"done":false}
{"model":"m","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"total_duration":1,"prompt_eval_count":17,"eval_count":63}
`, in: 17, out: 63, text: "Yeshmfind", finish: "stop"},
	{name: "generate lines, prompt in the cache", form: tokenizer.NDJSON, body: `{"model":"m","response":"Yes","done":false}
{"model":"m","response":"","done":true,"context":[1,2],"eval_count":58}`, in: unknown, out: 58, text: "Yes"},
	{name: "chat", form: tokenizer.JSON, body: `{"model":"m","message":{"role":"assistant","content":"Yes"},"done":true,"done_reason":"length","prompt_eval_count":4,"eval_count":1}`, in: 4, out: 1, text: "Yes", finish: "length"},
	{name: "embed", form: tokenizer.JSON, body: `{"model":"m","embeddings":[[0.1,0.2]],"prompt_eval_count":12}`, in: 12, out: unknown},
	{name: "error", form: tokenizer.JSON, body: `{"error":"model not found"}`, in: unknown, out: unknown, fails: true},
	{name: "error amid lines", form: tokenizer.NDJSON, body: `{"model":"m","response":"Ye","done":false}
{"error":"out of memory"}
`, in: unknown, out: unknown, text: "Ye", fails: true},
}

func feed(s sample, cuts ...int) (r tokenizer.Reading, complete bool) {
	m := New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Status: 200, Form: s.form, Head: tokenizer.NoHead{}})
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
		want, complete := feed(s)
		var u tokenizer.Usage
		if len(want.Usage) == 1 {
			u = want.Usage[0]
		}
		for class, n := range map[tokenizer.Class]int64{tokenizer.Input: s.in, tokenizer.Output: s.out} {
			if got, known := u.Count(class); known != (n != unknown) || known && got != n {
				t.Errorf("%s: %v is %d, %v", s.name, class, got, known)
			}
		}
		if in, out := u.Totals(); in != max(s.in, 0) || out != max(s.out, 0) {
			t.Errorf("%s: the classes sum to %d and %d", s.name, in, out)
		}
		if want.Unreadable != 0 || want.Error != s.fails || string(want.Text) != s.text || want.Finish != s.finish || complete == (s.name == "error amid lines") {
			t.Errorf("%s: complete %v, %+v", s.name, complete, want)
		}
		every := make([]int, len(s.body))
		for cut := range s.body {
			every[cut] = cut
			if got, _ := feed(s, cut); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s cut at %d: %+v, want %+v", s.name, cut, got, want)
			}
		}
		if got, _ := feed(s, every...); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s byte by byte: %+v, want %+v", s.name, got, want)
		}
	}
}

func TestALineAllocatesNothing(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.NDJSON, Head: tokenizer.NoHead{}})
	line := []byte(`{"model":"m","message":{"role":"assistant","content":"x"},"done":false}` + "\n")
	for range tokenizer.TextKept + 10 {
		m.Feed(line)
	}
	if n := testing.AllocsPerRun(100, func() { m.Feed(line) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzMeter(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s.body), s.form == tokenizer.NDJSON, 7)
	}
	f.Fuzz(func(t *testing.T, body []byte, lines bool, cut int) {
		s := sample{body: string(body)}
		if lines {
			s.form = tokenizer.NDJSON
		}
		cut = min(max(cut, 0), len(body))
		whole, _ := feed(s)
		if got, _ := feed(s, cut); !reflect.DeepEqual(got, whole) {
			t.Fatalf("cut at %d: %+v, whole %+v", cut, got, whole)
		}
	})
}

func BenchmarkMeter(b *testing.B) {
	line := []byte(`{"model":"m","created_at":"2026-01-02T03:04:05.678901Z","message":{"role":"assistant","content":" the"},"done":false}` + "\n")
	end := []byte(`{"model":"m","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"prompt_eval_count":17,"eval_count":200}` + "\n")
	b.SetBytes(int64(200*len(line) + len(end)))
	b.ReportAllocs()
	for b.Loop() {
		m := New().NewMeter(tokenizer.Call{Operation: chat}, tokenizer.Answer{Form: tokenizer.NDJSON, Head: tokenizer.NoHead{}})
		for range 200 {
			m.Feed(line)
		}
		if !m.Feed(end) || len(m.Close(tokenizer.Complete).Usage) != 1 {
			b.Fatal("not read")
		}
	}
}
