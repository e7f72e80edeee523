package openai

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/ndjson"
	"github.com/tidwall/gjson"
)

// resultScript reads a line of the file of a batch's results.
// https://platform.openai.com/docs/api-reference/batch/request-output
var resultScript = jsonscan.MustScript(keep, places{
	"error":                              errorRole,
	"response.status_code":               statusRole,
	"response.body.error":                errorRole,
	"response.body.model":                modelRole,
	"response.body.usage":                usageRole,
	"response.body.data.*.b64_json":      pictureRole,
	"response.body.output.*.type":        itemRole,
	"response.body.output.*.action.type": actionRole,
})

// resultsMeter adds up what the lines of a batch's results say was used. A line
// that tells of an error counts nothing: it is not billed.
type resultsMeter struct {
	of      string // the file
	lines   *ndjson.Splitter
	json    *jsonscan.Scanner
	reading tokenizer.Reading
	sums    cells.Sums
	seen    int  // lines
	torn    bool // the last one was not read

	// Of the line at hand.
	model    string
	usage    []byte
	status   int64
	failed   bool
	pictures int64
	searches tools
}

// newResultsMeter makes the meter of results, whatever they come as; nil for what
// has no lines.
func newResultsMeter(of string, form tokenizer.Form) tokenizer.Meter {
	if form != tokenizer.JSON && form != tokenizer.NDJSON {
		return nil
	}
	m := &resultsMeter{of: of}
	m.json = jsonscan.New(resultScript.Plan, m)
	m.lines = ndjson.New(m)
	return m
}

// Feed takes the next bytes of the answer. Only its end ends a file of lines.
func (m *resultsMeter) Feed(p []byte) (complete bool) {
	m.lines.Feed(p)
	return false
}

// Close ends the metering. Results that were not read to their end, or of which
// nothing could be read, settle nothing: the batch goes on.
func (m *resultsMeter) Close(end tokenizer.End) tokenizer.Reading {
	before, seen := m.reading.Unreadable, m.seen
	m.lines.Flush()
	torn := m.seen > seen && m.torn // of the last line its end is missing
	if end == tokenizer.Cut {
		m.reading.Unreadable = before
	}
	r := m.reading
	r.Tier = tierBatch
	all := m.sums.All()
	if end != tokenizer.Complete || torn || m.seen == 0 || len(all) == 0 && r.Unreadable > 0 {
		r.Deferred.ID = m.of
		return r
	}
	if r.Usage = all; len(all) > 0 {
		r.Model = all[0].Model
	}
	return r
}

// Begin readies for a line.
func (m *resultsMeter) Begin([]byte) {
	m.json.Reset()
	m.model, m.usage, m.status, m.failed, m.pictures, m.searches = "", m.usage[:0], 0, false, 0, tools{}
}

// Data takes a piece of a line.
func (m *resultsMeter) Data(p []byte) { _ = m.json.Feed(p) } // End asks again

// End adds the line to the sums. A success without counts is one that cannot be
// read.
func (m *resultsMeter) End(_ []byte, whole bool) {
	m.seen++
	m.torn = !whole || m.json.Close() != nil
	switch {
	case m.torn:
		m.reading.Unreadable++
		return
	case m.failed || m.status >= 300:
		return
	}
	u := m.counts()
	if !u.Known() || !m.sums.Add(&u) {
		m.reading.Unreadable++
	}
}

// counts is what the line says was used.
func (m *resultsMeter) counts() (u tokenizer.Usage) {
	if len(m.usage) > 0 {
		u = usage(gjson.ParseBytes(m.usage), tokenizer.Reported)
	}
	if m.pictures > 0 {
		u = pictures(u, m.pictures, gjson.ParseBytes(m.usage))
	}
	m.searches.set(&u)
	u.Model = m.model
	return u
}

// Value takes a value that the scanner found.
func (m *resultsMeter) Value(watch int, raw []byte) {
	switch as := resultScript.Role(watch); as {
	case errorRole:
		m.failed = m.failed || jsonscan.Says(raw)
	case statusRole:
		m.status = jsonscan.Number(raw)
	case modelRole:
		jsonscan.SetWord(&m.model, raw)
	case usageRole:
		if len(raw) > 2 && raw[0] == '{' {
			m.usage = append(m.usage[:0], raw...)
		}
	case pictureRole:
		if string(raw) != "null" { // of a picture that is too long to keep nothing is given
			m.pictures++
		}
	case itemRole, actionRole:
		m.searches.count(as, raw)
	default:
	}
}

// Text takes nothing: what was generated was counted.
func (*resultsMeter) Text(int, []byte) {}
