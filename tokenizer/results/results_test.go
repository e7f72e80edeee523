package results

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

type role uint8

var script = jsonscan.MustScript(func(role) int { return 16 }, map[string]role{"n": 0})

// sum adds the members n of lines; a line without one cannot be read.
type sum struct {
	n   int64
	at  int64
	has bool
}

func (s *sum) Begin() { s.at, s.has = 0, false }

func (s *sum) Value(_ int, raw []byte) { s.at, s.has = jsonscan.Number(raw), true }

func (s *sum) End() (unreadable int) {
	s.n += s.at
	if !s.has {
		return 1
	}
	return 0
}

// Wherever a file is cut into pieces, it says the same.
func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name, file string
		end        tokenizer.End
		sum        int64
		unreadable int
		whole      bool
	}{
		{"two lines", `{"n":1}` + "\n" + `{"n":2}` + "\n", tokenizer.Complete, 3, 0, true},
		{"no end of line", `{"n":1}` + "\r\n\n" + `{"n":2}`, tokenizer.Complete, 3, 0, true},
		{"a line that says nothing", `{"n":1}` + "\n" + `{"m":2}` + "\n", tokenizer.Complete, 1, 1, true},
		{"a line that is no JSON", `{"n":1}` + "\n" + `no` + "\n" + `{"n":4}` + "\n", tokenizer.Complete, 5, 1, true},
		{"torn", `{"n":1}` + "\n" + `{"n":`, tokenizer.Complete, 1, 1, false},
		{"cut", `{"n":1}` + "\n" + `{"n":2}` + "\n" + `{"n`, tokenizer.Cut, 3, 0, false},
		{"refused", `{"n":1}` + "\n", tokenizer.Failed, 1, 0, false},
		{"empty", "", tokenizer.Complete, 0, 0, false},
	} {
		for cut := range len(c.file) + 1 {
			s := &sum{}
			r := New(script.Plan, s)
			for _, piece := range []string{c.file[:cut], c.file[cut:]} {
				if r.Feed([]byte(piece)) {
					t.Fatalf("%s: it is over before its end", c.name)
				}
			}
			if unreadable, whole := r.Close(c.end); s.n != c.sum || unreadable != c.unreadable || whole != c.whole {
				t.Fatalf("%s, cut at %d: sum %d, %d unreadable, whole %v", c.name, cut, s.n, unreadable, whole)
			}
		}
	}
}

func TestAFileIsReadWithoutBeingKept(t *testing.T) {
	r := New(script.Plan, &sum{})
	line := []byte(`{"x":"` + strings.Repeat("y", 4000) + `","n":1}` + "\n")
	if n := testing.AllocsPerRun(100, func() { r.Feed(line) }); n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}
