package frames

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

type role uint8

const (
	number role = iota
	kind
)

var script = jsonscan.MustScript(func(role) int { return 16 }, map[string]role{"n": number, "type": kind})

// sum adds the members n; what is called "end" ends the answer.
type sum struct {
	*Reader
	n int64
}

func (s *sum) Kind(name []byte) { s.Last = string(name) == "end" }

func (s *sum) Value(watch int, raw []byte) {
	switch script.Role(watch) {
	case number:
		s.n += jsonscan.Number(raw)
	case kind:
		s.Last = s.Last || string(raw) == `"end"`
	}
}

func (s *sum) Text(int, []byte) {}

// Wherever an answer is cut into pieces, it says the same.
func TestAnswersAtEveryCut(t *testing.T) {
	for _, c := range []struct {
		name, body string
		form       tokenizer.Form
		end        tokenizer.End
		sum        int64
		unreadable int
		complete   bool
	}{
		{"a value", `{"n":3}`, tokenizer.JSON, tokenizer.Complete, 3, 0, true},
		{"half a value", `{"n":3,`, tokenizer.JSON, tokenizer.Complete, 3, 1, false},
		{"half a value of a cut answer", `{"n":3,`, tokenizer.JSON, tokenizer.Cut, 3, 0, false},
		{"no value", `<html>`, tokenizer.JSON, tokenizer.Cut, 0, 1, false},
		{"lines", `{"n":1}` + "\n" + `{"n":2,"type":"end"}` + "\n", tokenizer.NDJSON, tokenizer.Complete, 3, 0, true},
		{"a line that is none", "{]\n" + `{"n":2,"type":"end"}` + "\n", tokenizer.NDJSON, tokenizer.Complete, 2, 1, true},
		{"events", "data: {\"n\":1}\n\nevent: end\ndata: {\"n\":2}\n\n", tokenizer.SSE, tokenizer.Complete, 3, 0, true},
		{"a sign of life", "event: ping\ndata:\n\ndata: {\"type\":\"end\"}\n\n", tokenizer.SSE, tokenizer.Complete, 0, 0, true},
		{"what follows the end", "data: {\"type\":\"end\"}\n\ndata: [DONE]\n\n", tokenizer.SSE, tokenizer.Complete, 0, 0, true},
		{"a stream that was cut", "data: {\"n\":1}\n\ndata: {\"n\":2,", tokenizer.SSE, tokenizer.Cut, 3, 0, false},
	} {
		for cut := range len(c.body) + 1 {
			s := &sum{}
			s.Reader = New(script.Plan, c.form, s)
			s.Feed([]byte(c.body[:cut]))
			s.Feed([]byte(c.body[cut:]))
			unreadable, from := s.Close(c.end), tokenizer.Reported
			if c.end == tokenizer.Cut && !c.complete {
				from = tokenizer.Partial
			}
			if s.n != c.sum || unreadable != c.unreadable || s.Complete != c.complete || s.Source(c.end) != from {
				t.Fatalf("%s, cut at %d: sum %d, %d unreadable, complete %v, from %v", c.name, cut, s.n, unreadable, s.Complete, s.Source(c.end))
			}
		}
	}
}

func TestAnAnswerIsReadWithoutBeingKept(t *testing.T) {
	s := &sum{}
	s.Reader = New(script.Plan, tokenizer.SSE, s)
	event := []byte(`data: {"x":"` + strings.Repeat("y", 4000) + "\",\"n\":1}\n\n")
	if n := testing.AllocsPerRun(100, func() { s.Feed(event) }); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}
