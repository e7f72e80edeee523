package openai

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// stream writes events as a server does: with marks the option's traces stand
// between « and », and are left out of the stream without the option.
type stream struct{ name, marked string }

func (s stream) with() string {
	return strings.NewReplacer("«", "", "»", "").Replace(s.marked)
}

func (s stream) without() string {
	var b strings.Builder
	for rest := s.marked; ; {
		before, after, ok := strings.Cut(rest, "«")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, rest, _ = strings.Cut(after, "»")
	}
}

const (
	delta    = `data: {"id":"c-1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"a \"usage\":null ]}"},"finish_reason":null}]«,"usage":null»}`
	finish   = `data: {"id":"c-1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]«,"usage":null»}`
	usageEnd = `data: {"id":"c-1","model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0}}}`
)

var hidden = []stream{
	{"openai", delta + "\n\n" + finish + "\n\n«" + usageEnd + "\n\n»data: [DONE]\n\n"},
	{"no final blank line", delta + "\n\n" + finish + "\n\n«" + usageEnd + "\n\n»data: [DONE]"},
	{"nothing after the usage", delta + "\n\n«" + usageEnd + "\n\n»"},
	{"usage event cut short after its JSON", delta + "\n\n«" + usageEnd + "»"},
	{"crlf", delta + "\r\n\r\n" + finish + "\r\n\r\n«" + usageEnd + "\r\n\r\n»data: [DONE]\r\n\r\n"},
	{"cr", delta + "\r\r" + finish + "\r\r«" + usageEnd + "\r\r»data: [DONE]\r\r"},
	{"mixed ends", delta + "\r\n\n«" + usageEnd + "\r\r\n»data: [DONE]\n\r\n"},
	{"event and id lines", "event: chunk\nid: 1\n" + delta + "\n\n«event: chunk\nid: 2\n" + usageEnd + "\nretry: 5\n: x\n\n»id: 3\ndata: [DONE]\n\n"},
	{"comments", ": hello\n\n" + delta + "\n\n: ping\n\n: ping\n«" + usageEnd + "\n\n»: bye\n\ndata: [DONE]\n\n"},
	{"mark at the start", "\xef\xbb\xbf" + delta + "\n\n«" + usageEnd + "\n\n»"},
	{"azure", `data: {"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{"prompt_index":0}]«,"usage":null»}` + "\n\n" + delta + "\n\n«" + usageEnd + "\n\n»data: [DONE]\n\n"},
	{"azure without null", `data: {"choices":[],"id":"","prompt_filter_results":[{}]}` + "\n\n" + delta + "\n\n"},
	{"spaces", `data:{ "a" : 1 «, "usage" : null», "choices" : [ { } ] }` + "\n\n«" + `data:   { "choices" : [ ] , "usage" : { } }` + "\n\n»"},
	{"first member", `data: {«"usage":null,»"choices":[{}]}` + "\n\n" + `data: {«"usage": null, »"id":"x"}` + "\n\n" + `data: {«"usage":null»}` + "\n\n" + `data: {«"usage":null,"usage":null,»"a":1«,"usage":null»}` + "\n\n"},
	{"usage before choices", `data: {"id":"1"«,"usage":null»,"choices":[{}]}` + "\n\n«" + `data: {"usage":{"a":[1]},"choices":[],"x":"}"}` + "\n\n»"},
	{"usage with a choice", `data: {"choices":[{"text":""}],"usage":{"prompt_tokens":3}}` + "\n\n" + `data: {"usage":{"prompt_tokens":3},"choices":[{}]}` + "\n\n"},
	{"no choices at all", `data: {"usage":{"prompt_tokens":3}}` + "\n\n" + `data: {"choices":null,"usage":{}}` + "\n\n" + `data: {"choices":[],"usage":7}` + "\n\n"},
	{"look-alikes", `data: {"use":1,"usag":null,"usages":null,"c":[],"choice":[],"choicess":[],"x":{"usage":null},"usage\u0020":null,"u\"sage":null,"":null}` + "\n\n"},
	{"usage nul", `data: {"a":1,"usage":nul}` + "\n\n" + `data: {"a":1,"usage":` + "\n\n" + `data: {"a":1,"usage":nothing,"choices":[]}` + "\n\n"},
	{"no json", "data: \n\ndata\n\ndata: [1,{\"usage\":null}]\n\ndata: \"usage\"\n\nfoo\n\n\n\n: x\r\n"},
	{"two lines of data", "data: {\"choices\":[],\ndata: \"usage\":{}}\n\n"},
	{"errors", `data: {"error":{"message":"x","usage":null}«,"usage":null»}` + "\n\n"},
	{"events of two", "«" + usageEnd + "\n\n" + usageEnd + "\n\n»" + delta + "\n\n"},
}

// hide feeds in at the given cuts and joins what comes out.
func hide(t testing.TB, in string, cuts ...int) string {
	t.Helper()
	h := newHider()
	var got []byte
	at := 0
	var out [][]byte
	for i, c := range append(cuts, len(in)) {
		p := []byte(in[at:c])
		pieces, changed := h.Hide(out[:0], p, i == len(cuts))
		if !changed {
			if len(pieces) != 0 {
				t.Fatalf("%q: pieces of what did not change", p)
			}
			pieces = [][]byte{p}
		} else if len(pieces) == 1 && len(p) > 0 && &pieces[0][0] == &p[0] && len(pieces[0]) == len(p) {
			t.Fatalf("%q: changed to itself", p)
		}
		for _, piece := range pieces {
			got = append(got, piece...)
		}
		if len(h.held) > maxHeld {
			t.Fatalf("%d bytes held", len(h.held))
		}
		for i := range p { // nothing may be kept of a piece
			p[i] = '!'
		}
		out = pieces
		at = c
	}
	return string(got)
}

func TestHideEveryCut(t *testing.T) {
	for _, s := range hidden {
		in, want := s.with(), s.without()
		for cut := 0; cut <= len(in); cut++ {
			if got := hide(t, in, cut); got != want {
				t.Fatalf("%s cut at %d:\n got %q\nwant %q", s.name, cut, got, want)
			}
		}
		every := make([]int, len(in))
		for i := range every {
			every[i] = i
		}
		if got := hide(t, in, every...); got != want {
			t.Fatalf("%s byte by byte:\n got %q\nwant %q", s.name, got, want)
		}
	}
}

func TestHideTwoCuts(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\r"} {
		s := stream{"", strings.ReplaceAll(`data: {"choices":[{}]«,"usage":null»}|||«id: 1|data: {"choices":[],"usage":{"a":1}}||»data: [DONE]||`, "|", end)}
		in, want := s.with(), s.without()
		for a := 0; a <= len(in); a++ {
			for b := a; b <= len(in); b++ {
				if got := hide(t, in, a, b); got != want {
					t.Fatalf("%q cut at %d and %d: got %q", in, a, b, got)
				}
			}
		}
	}
}

// TestHeldBack says what leaves at once and what waits.
func TestHeldBack(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{`data: {"id":"1","choices":[`, ``},
		{`data: {"id":"1","choices":[{`, `data: {"id":"1","choices":[{`},
		{`data: {"choices":[{}],"usa`, `data: {"choices":[{}]`},
		{`data: {"choices":[{}],"usage" : nul`, `data: {"choices":[{}]`},
		{`data: {"choices":[{}],"model`, `data: {"choices":[{}],"model`},
		{`data: [`, `data: [`},
		{`: pi`, `: pi`},
		{`event: x`, ``},
		{`data: {"choices":[],"usage":{}}`, ``},
		{`data: {"choices":[],"model":"x"}`, `data: {"choices":[],"model":"x"}`},
	} {
		h := newHider()
		p := []byte(c.in)
		pieces, changed := h.Hide(nil, p, false)
		got := string(bytes.Join(pieces, nil))
		if !changed {
			got = string(p)
		}
		if got != c.out {
			t.Errorf("%s: sent %q, want %q", c.in, got, c.out)
		}
	}
}

// TestNothingIsHeldBetweenEvents: what follows may then be left to itself.
func TestNothingIsHeldBetweenEvents(t *testing.T) {
	left := 0
	for _, s := range hidden {
		in := s.with()
		for cut := 0; cut <= len(in); cut++ {
			h := newHider()
			h.Hide(nil, []byte(in[:cut]), false)
			if h.Amid() {
				continue
			}
			left++
			if pieces, changed := h.Hide(nil, nil, true); changed || len(pieces) > 0 {
				t.Fatalf("%s cut at %d: %q was held", s.name, cut, pieces)
			}
		}
	}
	if left < 2*len(hidden) {
		t.Errorf("%d places between events in %d streams", left, len(hidden))
	}
	h := newHider()
	if h.Hide(nil, []byte("data: {"), false); !h.Amid() {
		t.Error("an event has begun")
	}
}

func TestHideBounds(t *testing.T) {
	pad := func(n int) string { return strings.Repeat("x", n) }
	event := func(n int) string {
		in := `data: {"id":"","choices":[],"usage":{}}`
		return strings.Replace(in, `""`, `"`+pad(n-len(in))+`"`, 1)
	}
	for _, s := range []stream{
		{"largest usage event", "«" + event(maxHeld) + "\n\n»data: [DONE]\n\n"},
		{"too large", event(maxHeld+1) + "\n\ndata: [DONE]\n\n"},
		{"large with null", strings.Replace(event(2*maxHeld), `"usage":{}`, `"a":1«,"usage":null»`, 1) + "\n\n"},
		{"wide null", `data: {"a":1,"usage":` + strings.Repeat(" ", maxHeld) + `null,"b":2}` + "\n\n"},
	} {
		in, want := s.with(), s.without()
		for _, step := range []int{len(in), 1, 7, 1000, maxHeld} {
			var cuts []int
			for at := step; at < len(in); at += step {
				cuts = append(cuts, at)
			}
			if got := hide(t, in, cuts...); got != want {
				t.Errorf("%s in steps of %d: %d bytes, want %d", s.name, step, len(got), len(want))
			}
		}
	}
}

func FuzzHide(f *testing.F) {
	for i, s := range hidden {
		f.Add([]byte(s.with()), uint64(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var cuts []int
		for at := 0; at < len(in); at += 1 + rnd.IntN(1+rnd.IntN(40)) {
			cuts = append(cuts, at)
		}
		whole, pieces := hide(t, string(in)), hide(t, string(in), cuts...)
		if whole != pieces {
			t.Fatalf("%q at %v:\n%q whole\n%q in pieces", in, cuts, whole, pieces)
		}
		if !subsequence(whole, string(in)) {
			t.Fatalf("%q: bytes were added in %q", in, whole)
		}
		if !bytes.Contains(in, []byte(`"usage"`)) && whole != string(in) {
			t.Fatalf("%q: became %q without usage", in, whole)
		}
	})
}

// subsequence reports whether short is long with bytes taken out.
func subsequence(short, long string) bool {
	for i := 0; i < len(long) && short != ""; i++ {
		if long[i] == short[0] {
			short = short[1:]
		}
	}
	return short == ""
}

func TestHideAllocatesNothing(t *testing.T) {
	whole := []byte(stream{"", delta}.with() + "\n\n")
	h := newHider()
	out := make([][]byte, 0, 16)
	n := testing.AllocsPerRun(100, func() {
		h.Hide(out, whole, false)
		for cut := 10; cut < len(whole); cut += 40 {
			h.Hide(out, whole[:cut], false)
			h.Hide(out, whole[cut:], false)
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkHide(b *testing.B) {
	for _, null := range []string{``, `,"usage":null`} {
		p := fmt.Appendf(nil, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" the"},"finish_reason":null}]%s}`+"\n\n", null)
		b.Run(fmt.Sprintf("null=%v", null != ""), func(b *testing.B) {
			h := newHider()
			var out [][]byte
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				pieces, _ := h.Hide(out[:0], p, false)
				out = pieces[:0]
			}
		})
	}
}
