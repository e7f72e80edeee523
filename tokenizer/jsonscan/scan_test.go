package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var watches = []Watch{
	{Path: "usage", Keep: 64},
	{Path: "model", Keep: 16},
	{Path: "choices.*.delta.content"},
	{Path: "choices.*.delta.content.*.text"},
	{Path: "choices.*.finish_reason", Keep: 32},
	{Path: "a.b", Keep: 8},
	{Path: "list.*.*.deep"},
	{Path: "text"},
}

// found is a Sink that writes down what it is told. Pieces of one text are
// joined, since cuts may fall anywhere.
type found struct {
	said []string
	text int // watch of the text that is being joined, or none
}

func (f *found) Value(w int, raw []byte) {
	f.text = none
	if raw == nil {
		f.said = append(f.said, fmt.Sprintf("%d over", w))
		return
	}
	f.said = append(f.said, fmt.Sprintf("%d = %s", w, raw))
}

func (f *found) Text(w int, piece []byte) {
	if f.text != w {
		f.said = append(f.said, fmt.Sprintf("%d ~ ", w))
		f.text = w
	}
	f.said[len(f.said)-1] += string(piece)
}

// scan feeds in at the given cuts and returns what was found and the outcome.
func scan(s *Scanner, f *found, in []byte, cuts ...int) (said string, err error) {
	s.Reset()
	f.said, f.text = nil, none
	at := 0
	for _, c := range append(cuts, len(in)) {
		s.Feed(bytes.Clone(in[at:c])) // the error shows in Close
		at = c
	}
	err = s.Close()
	return strings.Join(f.said, "\n"), err
}

func newScanner(t testing.TB, ws ...Watch) (*Scanner, *found) {
	t.Helper()
	plan, err := Compile(ws...)
	if err != nil {
		t.Fatal(err)
	}
	f := &found{}
	return New(plan, f), f
}

func TestScan(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{}`, ""},
		{` { } `, ""},
		{`17`, ""},
		{`"model"`, ""},
		{`[{"model":"x"}]`, ""},
		{`{"model":"gpt"}`, `1 = "gpt"`},
		{`{"mod\u0065l":"gpt"}`, `1 = "gpt"`},
		{`{"\u006D\u006f\u0064\u0065\u006c":"gpt"}`, `1 = "gpt"`},
		{`{"mod\u00e9l":"gpt","model\u0000":1,"mode\\l":2,"mode\/l":3}`, ""},
		{`{"model":"a much longer name","model":"ok"}`, "1 over\n1 = \"ok\""},
		{`{"x":{"model":"no"},"model":"yes"}`, `1 = "yes"`},
		{`{"usage":null,"usage":{"prompt_tokens": 3, "d":{"c":[1,2]}}}`, "0 = null\n0 = {\"prompt_tokens\": 3, \"d\":{\"c\":[1,2]}}"},
		{`{"usage":12 ,"model":true}`, "0 = 12\n1 = true"},
		{`{"choices":[{"delta":{"content":"a\"b\\"}},{"delta":{"content":"c"},"finish_reason":"stop"}]}`, "2 ~ a\\\"b\\\\c\n4 = \"stop\""},
		{`{"choices":[{"delta":{"content":[{"type":"text","text":"hé"},7]}}]}`, "3 ~ hé"},
		{`{"choices":[{"delta":{"content":null}},{"delta":[]}],"model":1}`, "1 = 1"},
		{`{"choices":{"delta":{"content":"no array"}}}`, ""},
		{`{"a":{"b":[[[]]],"c":{"b":1}}}`, "5 = [[[]]]"},
		{`{"list":[[{"deep":"1"}],[],[{"deep":"2"},{"deep":"3"}]]}`, "6 ~ 123"},
		{`{"text":"","model":0}`, "1 = 0"},
		{`{"` + strings.Repeat("k", 100) + `":1,"model":2}`, "1 = 2"},
		{`{"skip":"\\\"}","skip2":{"}":"]\"","z":["{"]},"model":2}`, "1 = 2"},
	} {
		s, f := newScanner(t, watches...)
		for cut := 0; cut <= len(c.in); cut++ {
			got, err := scan(s, f, []byte(c.in), cut)
			if got != c.want || err != nil {
				t.Fatalf("%s cut at %d: got %q, %v; want %q", c.in, cut, got, err, c.want)
			}
		}
		every := make([]int, len(c.in))
		for i := range every {
			every[i] = i
		}
		if got, err := scan(s, f, []byte(c.in), every...); got != c.want || err != nil {
			t.Fatalf("%s byte by byte: got %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, in := range []string{
		``, ` `, `{`, `[`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"choices":[}`, `{"choices":[1,]}`, `{"choices":[1}`,
		`{"choices" 1}`, `{model:1}`, `}`, `]`, `{}}`, `{} x`, `1 2`, `{"model":,}`, `{"mo\u00zz":1}`, `{"mo\x":1}`, `{"text":"`, `{"text":"\`, `<html>`,
		`{"usage":{"a":[}`,
	} {
		s, f := newScanner(t, watches...)
		for cut := 0; cut <= len(in); cut++ {
			if _, err := scan(s, f, []byte(in), cut); err == nil {
				t.Errorf("%s cut at %d: no error", in, cut)
			}
		}
	}
}

func TestDeepText(t *testing.T) {
	s, f := newScanner(t, watches...)
	in := `{"x":` + strings.Repeat(`[{"a":`, 100_000) + `1` + strings.Repeat(`}]`, 100_000) + `,"model":"m"}`
	if got, err := scan(s, f, []byte(in), 1000, 300_000); got != `1 = "m"` || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, ws := range [][]Watch{
		{{Path: ""}}, {{Path: "a..b"}}, {{Path: `a"b`}}, {{Path: "é"}},
		{{Path: "a", Keep: 1}, {Path: "a"}},
		{{Path: "a", Keep: 1}, {Path: "a.b"}},
		{{Path: "a.*"}, {Path: "a", Keep: 1}},
		{{Path: "a", Keep: -1}},
		{{Path: "a", Keep: maxCapture + 1}},
		{{Path: strings.Repeat("a.", maxDepth) + "a"}},
		{{Path: strings.Repeat("a", maxKey+1)}},
	} {
		if _, err := Compile(ws...); err == nil {
			t.Errorf("%+v: no error", ws)
		}
	}
}

// reference says what a Scanner should find in valid JSON, with encoding/json.
func reference(in []byte) string {
	f := &found{text: none}
	dec := json.NewDecoder(bytes.NewReader(in))
	dec.UseNumber()
	walk(dec, nil, f)
	return strings.Join(f.said, "\n")
}

func walk(dec *json.Decoder, path []string, f *found) {
	var raw json.RawMessage
	if dec.Decode(&raw) != nil {
		return
	}
	for i, w := range watches {
		if w.Path != strings.Join(path, ".") {
			continue
		}
		switch {
		case w.Keep > 0 && len(raw) > w.Keep:
			f.Value(i, nil)
		case w.Keep > 0:
			f.Value(i, raw)
		case raw[0] == '"' && len(raw) > 2:
			f.Text(i, raw[1:len(raw)-1])
		}
	}
	sub := json.NewDecoder(bytes.NewReader(raw))
	switch open, _ := sub.Token(); open {
	case json.Delim('{'):
		for sub.More() {
			key, err := sub.Token()
			if k, ok := key.(string); ok && err == nil && k != "*" {
				walk(sub, append(path[:len(path):len(path)], k), f)
			} else {
				walk(sub, []string{"*", "nowhere"}, f)
			}
		}
	case json.Delim('['):
		for sub.More() {
			walk(sub, append(path[:len(path):len(path)], "*"), f)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"model":"gpt","choices":[{"delta":{"content":"a\u0041\"","role":"x"},"finish_reason":null}],"usage":{"a":1}}`), uint64(1))
	f.Add([]byte(`{"usage":null,"text":"\\","list":[[{"deep":"x"}]],"a":{"b":-1.5e3}}`), uint64(7))
	f.Add([]byte(`{"choices":[{"delta":{"content":[{"text":"x"}]}}]} `), uint64(9))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		s, sink := newScanner(t, watches...)
		whole, wholeErr := scan(s, sink, in)
		rnd := rand.New(rand.NewPCG(seed, 1))
		var cuts []int
		for at := 0; at < len(in); at += 1 + rnd.IntN(1+rnd.IntN(20)) {
			cuts = append(cuts, at)
		}
		pieces, piecesErr := scan(s, sink, in, cuts...)
		if !errors.Is(wholeErr, piecesErr) {
			t.Fatalf("%q: %v whole, %v in pieces", in, wholeErr, piecesErr)
		}
		if whole != pieces {
			t.Fatalf("%q: %q whole, %q in pieces", in, whole, pieces)
		}
		if !json.Valid(in) {
			return
		}
		if wholeErr != nil {
			t.Fatalf("%q: %v", in, wholeErr)
		}
		if want := reference(in); whole != want {
			t.Fatalf("%q: got %q, want %q", in, whole, want)
		}
	})
}

type nowhere struct{ n int }

func (s *nowhere) Value(_ int, raw []byte) { s.n += len(raw) }
func (s *nowhere) Text(_ int, raw []byte)  { s.n += len(raw) }

const chunk = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" the"},"logprobs":null,"finish_reason":null}],"usage":null}`

func TestNothingAllocated(t *testing.T) {
	s, _ := newScanner(t, watches...)
	s.sink = &nowhere{}
	in := []byte(chunk)
	feed := func() {
		s.Reset()
		s.Feed(in[:50])
		s.Feed(in[50:118]) // within the model
		s.Feed(in[118:])
	}
	feed()
	if n := testing.AllocsPerRun(100, feed); n != 0 || !s.Done() {
		t.Fatalf("%v allocations a text, done %v", n, s.Done())
	}
}

func BenchmarkChunk(b *testing.B) {
	s, _ := newScanner(b, watches...)
	s.sink = &nowhere{}
	in := []byte(chunk)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.Feed(in)
	}
}

func BenchmarkNumbers(b *testing.B) {
	s, _ := newScanner(b, watches...)
	s.sink = &nowhere{}
	in := []byte(`{"data":[{"embedding":[` + strings.Repeat("-0.01234567,", 8000) + `0]}],"usage":{"prompt_tokens":3}}`)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.Feed(in)
	}
}
