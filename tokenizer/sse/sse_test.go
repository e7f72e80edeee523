package sse

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// heard writes down what a Splitter says.
type heard struct {
	events []string
	first  string // event name at Begin
	data   []byte
	open   bool
	wrong  string
}

func (h *heard) Begin(name []byte) {
	if h.open {
		h.wrong = "begun twice"
	}
	h.first, h.data, h.open = string(name), nil, true
}

func (h *heard) Data(p []byte) {
	if !h.open {
		h.wrong = "data outside an event"
	}
	h.data = append(h.data, p...)
}

func (h *heard) End(name []byte, whole bool) {
	if !h.open {
		h.wrong = "ended twice"
	}
	h.open = false
	if h.first != "" && h.first != string(name) && !whole {
		h.wrong = "name lost"
	}
	h.events = append(h.events, fmt.Sprintf("%s|%s|%v", name, h.data, whole))
}

func split(in []byte, cuts ...int) (events []string, wrong string) {
	h := &heard{}
	s := New(h)
	at := 0
	for _, c := range append(cuts, len(in)) {
		s.Feed(bytes.Clone(in[at:c]))
		at = c
	}
	s.Flush()
	return h.events, h.wrong
}

// reference splits a whole stream line by line.
func reference(in string) (events []string) {
	in = strings.TrimPrefix(in, byteOrderMark)
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	var data []string
	name, long := "", false
	for _, line := range append(strings.Split(in, "\n"), "") {
		if line == "" {
			all := strings.Join(data, "\n")
			whole := len(all) <= MaxEvent && !long
			if len(data) > 0 {
				events = append(events, fmt.Sprintf("%s|%s|%v", name, all[:min(len(all), MaxEvent)], whole))
			}
			data, name, long = nil, "", false
			continue
		}
		field, val, _ := strings.Cut(line, ":")
		val = strings.TrimPrefix(val, " ")
		switch field {
		case "data":
			data = append(data, val)
		case "event":
			name, long = val, len(val) > maxName
			if long {
				name = ""
			}
		}
	}
	return events
}

var streams = []struct{ in, want string }{
	{"", ""},
	{"\n\n\n", ""},
	{": hi\n\n", ""},
	{"data: a\n\n", "|a|true"},
	{"data:a\n\n", "|a|true"},
	{"data:  a\n\n", "| a|true"},
	{"data: a\r\n\r\n", "|a|true"},
	{"data: a\r\r", "|a|true"},
	{"data: a\r\n\ndata: b\r\r\ndata: c\n\r", "|a|true |b|true |c|true"},
	{"data: a", "|a|true"},
	{"data: a\n", "|a|true"},
	{"data", "||true"},
	{"data\n\n", "||true"},
	{"data:\n\n", "||true"},
	{"data: \n\n", "||true"},
	{"data: a\ndata\ndata: b\n\n", "|a\n\nb|true"},
	{"event: x\ndata: a\n\ndata: b\n\n", "x|a|true |b|true"},
	{"event:x\nevent: y\nid: 7\nretry: 5\ndata: a\n: c\n\n", "y|a|true"},
	{"data: a\nevent: late\n\n", "late|a|true"},
	{"event: x\n\ndata: a\n\n", "|a|true"},
	{"event\ndata: a\n\n", "|a|true"},
	{byteOrderMark + "data: a\n\n", "|a|true"},
	{byteOrderMark + byteOrderMark + "data: a\n\n", ""},
	{"\xef\xbbdata: a\n\ndata: b\n\n", "|b|true"},
	{" data: a\n\ndatas: b\n\ndat: c\n\nDATA: d\n\n", ""},
	{"data: [DONE]\n\n", "|[DONE]|true"},
	{"event: " + strings.Repeat("n", maxName+1) + "\ndata: a\n\n", "|a|false"},
}

func TestEveryCut(t *testing.T) {
	for _, c := range streams {
		for cut := 0; cut <= len(c.in); cut++ {
			for second := cut; second <= len(c.in); second++ {
				got, wrong := split([]byte(c.in), cut, second)
				if strings.Join(got, " ") != c.want || wrong != "" {
					t.Fatalf("%q cut at %d and %d: got %q, want %q (%s)", c.in, cut, second, got, c.want, wrong)
				}
			}
		}
		every := make([]int, len(c.in))
		for i := range every {
			every[i] = i
		}
		if got, _ := split([]byte(c.in), every...); strings.Join(got, " ") != c.want {
			t.Errorf("%q byte by byte: got %q, want %q", c.in, got, c.want)
		}
		if ref := strings.Join(reference(c.in), " "); ref != c.want {
			t.Errorf("%q: the reference says %q, want %q", c.in, ref, c.want)
		}
	}
}

func TestLargeEvent(t *testing.T) {
	for _, c := range []struct {
		size  int
		whole bool
	}{{MaxEvent - 1, true}, {MaxEvent, true}, {MaxEvent + 1, false}, {3 * MaxEvent, false}} {
		in := []byte("data: " + strings.Repeat("x", c.size-10) + "\ndata: 123456789\n\ndata: after\n\n")
		want := reference(string(in))
		for _, step := range []int{len(in), 4096, 777} {
			var cuts []int
			for at := step; at < len(in); at += step {
				cuts = append(cuts, at)
			}
			got, _ := split(in, cuts...)
			if len(got) != 2 || got[0] != want[0] || got[1] != "|after|true" {
				t.Errorf("%d bytes in steps of %d: wrong events", c.size, step)
			}
			if strings.HasSuffix(got[0], "|true") != c.whole {
				t.Errorf("%d bytes: not reported as whole=%v", c.size, c.whole)
			}
		}
	}
}

func TestReset(t *testing.T) {
	h := &heard{}
	s := New(h)
	s.Feed([]byte("event: x\ndata: half"))
	s.Reset()
	h.open = false
	s.Feed([]byte("data: a\n\n"))
	if got := strings.Join(h.events, " "); got != "|a|true" {
		t.Fatalf("got %q", got)
	}
}

func FuzzSplit(f *testing.F) {
	for i, c := range streams {
		f.Add([]byte(c.in), uint64(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var cuts []int
		for at := 0; at < len(in); at += 1 + rnd.IntN(1+rnd.IntN(20)) {
			cuts = append(cuts, at)
		}
		got, wrong := split(in, cuts...)
		if wrong != "" {
			t.Fatalf("%q: %s", in, wrong)
		}
		if want := reference(string(in)); strings.Join(got, "\x00") != strings.Join(want, "\x00") {
			t.Fatalf("%q at %v: got %q, want %q", in, cuts, got, want)
		}
	})
}

type nothing struct{ n int }

func (h *nothing) Begin([]byte)     {}
func (h *nothing) Data(p []byte)    { h.n += len(p) }
func (h *nothing) End([]byte, bool) {}

func TestNothingAllocated(t *testing.T) {
	s := New(&nothing{})
	p := []byte("event: x\r\ndata: {\"a\":1}\r\n\r\n: ping\n\ndata: [DO")
	if n := testing.AllocsPerRun(100, func() { s.Feed(p); s.Flush() }); n != 0 {
		t.Fatalf("%v allocations a piece", n)
	}
}

func BenchmarkSplit(b *testing.B) {
	s := New(&nothing{})
	p := []byte(strings.Repeat(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" the"}}]}`+"\n\n", 50))
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		s.Feed(p)
	}
}
