// Package results reads the results of a batch: a file of JSON lines, one for each
// of its requests.
//
// In come the bytes of the file, cut anywhere, and a Line that knows what a
// provider writes on one; out goes whether the file was read to its end, and how
// much of it could not be. It refuses to know what a line means and what the
// batch used: the Line adds that up.
package results

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/ndjson"
)

// Line reads one line after the other.
type Line interface {
	// Begin forgets the line before.
	Begin()
	// Value takes a value that the plan watches.
	Value(watch int, raw []byte)
	// End adds a whole line to the sums; it returns how much of it cannot be read: a
	// success without counts. A request that failed is not billed, and adds nothing.
	End() (unreadable int)
}

// Reader reads one file. It belongs to one goroutine.
type Reader struct {
	line  Line
	lines *ndjson.Splitter
	json  *jsonscan.Scanner

	unreadable int
	seen       int  // lines
	torn       bool // the last one was not read
}

// New makes a Reader whose lines are read by plan.
func New(plan *jsonscan.Plan, line Line) *Reader {
	r := &Reader{line: line}
	r.json = jsonscan.New(plan, sink{line})
	r.lines = ndjson.New(handler{r})
	return r
}

// Lines reports whether results can come in a form.
func Lines(form tokenizer.Form) bool { return form == tokenizer.JSON || form == tokenizer.NDJSON }

// Feed takes the next bytes. Only its end ends a file of lines.
func (r *Reader) Feed(p []byte) (complete bool) {
	r.lines.Feed(p)
	return false
}

// Close ends the file: unreadable is how much of it could not be read, and whole
// is false if it was not read to its end, or is no file of lines. A batch is not
// over by results that are not whole.
func (r *Reader) Close(end tokenizer.End) (unreadable int, whole bool) {
	before, seen := r.unreadable, r.seen
	r.lines.Flush()
	torn := r.seen > seen && r.torn // of the last line its end is missing
	if end == tokenizer.Cut {
		r.unreadable = before
	}
	return r.unreadable, end == tokenizer.Complete && !torn && r.seen > 0
}

// Tell ends a file as Close does, and says what it tells: what its lines used, or,
// where it is not whole or nothing of it could be read, that the batch goes on.
func (r *Reader) Tell(end tokenizer.End, file string, used func() []tokenizer.Usage) (t tokenizer.Reading) {
	unreadable, whole := r.Close(end)
	t.Unreadable = unreadable
	all := used()
	if !whole || len(all) == 0 && unreadable > 0 {
		t.Deferred.ID = file
		return t
	}
	if t.Usage = all; len(all) > 0 {
		t.Model = all[0].Model
	}
	return t
}

// handler takes lines, and sink their values: a dialect's meter, which holds a
// Reader, has no use for either.
type (
	handler struct{ *Reader }
	sink    struct{ Line }
)

// Begin readies for a line.
func (h handler) Begin([]byte) {
	h.json.Reset()
	h.line.Begin()
}

// Data takes a piece of a line.
func (h handler) Data(p []byte) { _ = h.json.Feed(p) } // End asks again

// End adds the line, if it is JSON and whole.
func (h handler) End(_ []byte, whole bool) {
	h.seen++
	if h.torn = !whole || h.json.Close() != nil; h.torn {
		h.unreadable++
		return
	}
	h.unreadable += h.line.End()
}

// Text takes nothing: what was generated was counted.
func (sink) Text(int, []byte) {}
