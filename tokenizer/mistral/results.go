package mistral

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/ndjson"
	"github.com/tidwall/gjson"
)

// results adds up what the answered requests of a batch used.
type results struct {
	sums  cells.Sums
	lost  int  // that could not be added
	sound bool // they are transcriptions

	// Of the request at hand.
	model string
	usage []byte
}

// value takes a value of one request.
func (r *results) value(as role, raw []byte) {
	switch as {
	case resultModelRole:
		jsonscan.SetWord(&r.model, raw)
	case resultUsageRole:
		if len(raw) > 2 && raw[0] == '{' {
			r.usage = append(r.usage[:0], raw...)
		}
	case resultTextRole:
		r.sound = true
	default:
	}
}

// add adds the request at hand. A success without counts is one that cannot be
// read.
func (r *results) add() {
	u := counts(gjson.ParseBytes(r.usage), tokenizer.Reported)
	u.Model = r.model
	if !u.Known() || !r.sums.Add(&u) {
		r.lost++
	}
	r.usage = r.usage[:0]
}

// tell says what all of them used. Where a model came behind the first counts, it
// is that of the others.
func (r *results) tell(to *tokenizer.Reading) {
	to.Unreadable += r.lost
	if to.Model == "" {
		to.Model = r.model
	}
	to.Usage = r.sums.All()
	for i := range to.Usage {
		u := &to.Usage[i]
		if u.Model == "" {
			u.Model = to.Model
		}
		if _, told := u.Count(tokenizer.AudioSeconds); told && r.sound {
			waiveTokens(u)
		}
	}
}

// fileMeter reads the file of a batch's results, a line for each request. One that
// tells of an error counts nothing: it is not billed.
type fileMeter struct {
	of      string // the file
	lines   *ndjson.Splitter
	json    *jsonscan.Scanner
	reading tokenizer.Reading
	results results
	seen    int  // lines
	torn    bool // the last one was not read

	// Of the line at hand.
	status int64
	failed bool
}

// newFileMeter makes the meter of results, whatever they come as; nil for what has
// no lines.
func newFileMeter(of string, form tokenizer.Form) tokenizer.Meter {
	if form != tokenizer.JSON && form != tokenizer.NDJSON {
		return nil
	}
	m := &fileMeter{of: of}
	m.json = jsonscan.New(lineScript.Plan, m)
	m.lines = ndjson.New(m)
	return m
}

// Feed takes the next bytes of the answer. Only its end ends a file of lines.
func (m *fileMeter) Feed(p []byte) (complete bool) {
	m.lines.Feed(p)
	return false
}

// Close ends the metering. Results that were not read to their end, or of which
// nothing could be read, settle nothing: the batch goes on.
func (m *fileMeter) Close(end tokenizer.End) tokenizer.Reading {
	before, seen := m.reading.Unreadable, m.seen
	m.lines.Flush()
	torn := m.seen > seen && m.torn // of the last line its end is missing
	if end == tokenizer.Cut {
		m.reading.Unreadable = before
	}
	r := m.reading
	r.Tier = batch
	m.results.tell(&r)
	if end != tokenizer.Complete || torn || m.seen == 0 || len(r.Usage) == 0 && r.Unreadable > 0 {
		r.Model, r.Usage, r.Deferred.ID = "", nil, m.of
	}
	return r
}

// Begin readies for a line.
func (m *fileMeter) Begin([]byte) {
	m.json.Reset()
	m.status, m.failed, m.results.usage = 0, false, m.results.usage[:0]
}

// Data takes a piece of a line.
func (m *fileMeter) Data(p []byte) { _ = m.json.Feed(p) } // End asks again

// End adds the line to the sums.
func (m *fileMeter) End(_ []byte, whole bool) {
	m.seen++
	m.torn = !whole || m.json.Close() != nil
	switch {
	case m.torn:
		m.reading.Unreadable++
	case !m.failed && m.status < 300:
		m.results.add()
	}
}

// Value takes a value that the scanner found.
func (m *fileMeter) Value(watch int, raw []byte) {
	switch as := lineScript.Role(watch); as {
	case errorRole:
		m.failed = m.failed || jsonscan.Says(raw)
	case statusRole:
		m.status = jsonscan.Number(raw)
	default:
		m.results.value(as, raw)
	}
}

// Text takes nothing: what was generated was counted.
func (*fileMeter) Text(int, []byte) {}
