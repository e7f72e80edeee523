// Package frames reads answers of JSON: one value, or one for each server-sent
// event, or for each line.
//
// In come the bytes of an answer, cut anywhere, and what of its values is watched;
// out go those values, and whether the answer has ended and how much of it could not
// be read. It refuses to know what a value means: whoever reads it says which event
// is the last.
//
// A Reader belongs to one goroutine.
package frames

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/ndjson"
	"github.com/farebox/farebox/tokenizer/sse"
)

// Meaning knows what values mean.
type Meaning interface {
	jsonscan.Sink
	// Kind forgets the event or line before, and takes what the next one is called;
	// empty: nothing, or that comes later. It is not called of one value.
	Kind(name []byte)
}

// Reader reads one answer.
type Reader struct {
	Complete bool // the answer has ended
	Last     bool // the event at hand ends it; Meaning sets it

	json   *jsonscan.Scanner
	events *sse.Splitter    // nil: no server-sent events
	lines  *ndjson.Splitter // nil: no lines
	means  Meaning

	begun      bool // something of this event has come
	over       bool // the answer had ended before this event
	unreadable int
}

// New makes the Reader of an answer of a form; what is neither of events nor of
// lines is one value.
func New(plan *jsonscan.Plan, form tokenizer.Form, means Meaning) *Reader {
	r := &Reader{json: jsonscan.New(plan, means), means: means}
	switch form {
	case tokenizer.SSE:
		r.events = sse.New(frame{r})
	case tokenizer.NDJSON:
		r.lines = ndjson.New(frame{r})
	default:
	}
	return r
}

// Feed takes the next bytes of the answer.
func (r *Reader) Feed(p []byte) (complete bool) {
	switch {
	case r.events != nil:
		r.events.Feed(p)
	case r.lines != nil:
		r.lines.Feed(p)
	default:
		_ = r.json.Feed(p) // Close asks again
		r.Complete = r.json.Done()
	}
	return r.Complete
}

// Close ends the answer, and returns how many of its events, lines or values could
// not be read. What lacks its end in an answer that was cut is short, not wrong.
func (r *Reader) Close(end tokenizer.End) (unreadable int) {
	before := r.unreadable
	switch {
	case r.events != nil:
		r.events.Flush()
	case r.lines != nil:
		r.lines.Flush()
	case r.json.Close() != nil:
		r.unreadable++
	}
	if end == tokenizer.Cut && r.json.Err() == nil {
		r.unreadable = before
	}
	return r.unreadable
}

// Source is where counts of the answer come from: of one that was cut before its end
// they are partial.
func (r *Reader) Source(end tokenizer.End) tokenizer.Source {
	if end == tokenizer.Cut && !r.Complete {
		return tokenizer.Partial
	}
	return tokenizer.Reported
}

// frame takes events and lines: a dialect's meter, which holds a Reader, has no use
// for them.
type frame struct{ *Reader }

// Begin readies for an event or a line.
func (f frame) Begin(name []byte) {
	f.json.Reset()
	f.Last, f.begun, f.over = false, false, f.Complete
	f.means.Kind(name)
}

// Data takes a piece of it.
func (f frame) Data(p []byte) {
	f.begun = f.begun || len(p) > 0
	_ = f.json.Feed(p) // End asks again
	f.Complete = f.Complete || f.Last && f.json.Done()
}

// End judges it. One without data is a sign of life and no more.
func (f frame) End(_ []byte, whole bool) {
	if f.begun && !f.over && (!whole || f.json.Close() != nil) {
		f.unreadable++
		return
	}
	f.Complete = f.Complete || f.Last
}
