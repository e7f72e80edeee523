package ndjson

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// lines gathers what a Splitter says.
type lines struct {
	open  bool
	at    strings.Builder
	all   []string
	short int
	calls string // of a line: what was called out of turn
}

func (l *lines) Begin(name []byte) {
	if l.open || name != nil {
		l.calls += "begin "
	}
	l.open = true
	l.at.Reset()
}

func (l *lines) Data(p []byte) {
	if !l.open || len(p) == 0 {
		l.calls += "data "
	}
	l.at.Write(p)
}

func (l *lines) End(name []byte, whole bool) {
	if !l.open || name != nil {
		l.calls += "end "
	}
	l.open = false
	if !whole {
		l.short++
	}
	l.all = append(l.all, l.at.String())
}

func split(t testing.TB, in string, cuts ...int) *lines {
	t.Helper()
	l := &lines{}
	s := New(l)
	at := 0
	for _, c := range append(cuts, len(in)) {
		p := []byte(in[at:c])
		s.Feed(p)
		clear(p) // nothing may be kept of a piece
		at = c
	}
	s.Flush()
	s.Flush() // ends nothing twice
	if l.calls != "" || l.open {
		t.Fatalf("%q at %v: called out of turn: %s", in, cuts, l.calls)
	}
	return l
}

func TestEveryCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"\n\r\n \t\n", nil},
		{"{}\n{}", []string{"{}", "{}"}},
		{"{\"a\":1}\r\n\r\n  {\"b\":2}\r\n", []string{`{"a":1}`, `{"b":2}`}},
		{"a\rb\r\r\n\r\rc", []string{"a\rb\r", "c"}},
		{"\rx", []string{"x"}},
		{"last \r", []string{"last "}},
	} {
		every := make([]int, len(c.in))
		for i := range every {
			every[i] = i
			if got := split(t, c.in, i); strings.Join(got.all, "|") != strings.Join(c.want, "|") {
				t.Fatalf("%q cut at %d: %q", c.in, i, got.all)
			}
		}
		if got := split(t, c.in, every...); strings.Join(got.all, "|") != strings.Join(c.want, "|") || got.short > 0 {
			t.Errorf("%q byte by byte: %q", c.in, got.all)
		}
	}
}

func TestLongLine(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for in, short := range map[string]int{long + "\ny": 0, long + "z\ny": 1, long + "\r\ny": 0} {
		got := split(t, in, 7, MaxLine-1)
		if len(got.all) != 2 || got.all[0] != long || got.all[1] != "y" || got.short != short {
			t.Errorf("%d lines, %d bytes in the first, %d short", len(got.all), len(got.all[0]), got.short)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("{\"a\":1}\r\n\r\n  {\"b\":2}\r\n", uint64(1))
	f.Add("a\r\r\nb", uint64(2))
	f.Fuzz(func(t *testing.T, in string, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var cuts []int
		for at := 0; at < len(in); at += 1 + rnd.IntN(8) {
			cuts = append(cuts, at)
		}
		var want []string
		for line := range bytes.Lines([]byte(in)) {
			l := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
			if l = strings.TrimLeft(l, " \t\r"); l != "" {
				want = append(want, l)
			}
		}
		whole, pieces := split(t, in), split(t, in, cuts...)
		if strings.Join(whole.all, "\n") != strings.Join(want, "\n") || strings.Join(pieces.all, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q at %v: %q whole, %q in pieces, want %q", in, cuts, whole.all, pieces.all, want)
		}
	})
}

func TestAllocatesNothing(t *testing.T) {
	s := New(&nothing{})
	line := []byte("{\"a\":1}\r\n")
	if n := testing.AllocsPerRun(100, func() { s.Feed(line[:3]); s.Feed(line[3:]) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

type nothing struct{ n int }

func (n *nothing) Begin([]byte)     { n.n++ }
func (n *nothing) Data([]byte)      { n.n++ }
func (n *nothing) End([]byte, bool) { n.n++ }
