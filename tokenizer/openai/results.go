package openai

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/results"
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
	*results.Reader
	of   string // the file
	line resultLine
}

// resultLine is the line at hand, and what those before it used.
type resultLine struct {
	sums cells.Sums

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
	if !results.Lines(form) {
		return nil
	}
	m := &resultsMeter{of: of}
	m.Reader = results.New(resultScript.Plan, &m.line)
	return m
}

// Close ends the metering. Results that were not read to their end, or of which
// nothing could be read, settle nothing: the batch goes on.
func (m *resultsMeter) Close(end tokenizer.End) (r tokenizer.Reading) {
	r = m.Tell(end, m.of, m.line.sums.All)
	r.Tier = tierBatch
	return r
}

// Begin forgets the line before.
func (l *resultLine) Begin() {
	l.model, l.usage, l.status, l.failed, l.pictures, l.searches = "", l.usage[:0], 0, false, 0, tools{}
}

// End adds the line to the sums. A success without counts is one that cannot be
// read.
func (l *resultLine) End() (unreadable int) {
	if l.failed || l.status >= 300 {
		return 0
	}
	if u := l.counts(); !u.Known() || !l.sums.Add(&u) {
		return 1
	}
	return 0
}

// counts is what the line says was used.
func (l *resultLine) counts() (u tokenizer.Usage) {
	if len(l.usage) > 0 {
		u = usage(gjson.ParseBytes(l.usage), tokenizer.Reported)
	}
	if l.pictures > 0 {
		u = pictures(u, l.pictures, gjson.ParseBytes(l.usage))
	}
	l.searches.set(&u)
	u.Model = l.model
	return u
}

// Value takes a value that the scanner found.
func (l *resultLine) Value(watch int, raw []byte) {
	switch as := resultScript.Role(watch); as {
	case errorRole:
		l.failed = l.failed || jsonscan.Says(raw)
	case statusRole:
		l.status = jsonscan.Number(raw)
	case modelRole:
		jsonscan.SetWord(&l.model, raw)
	case usageRole:
		if len(raw) > 2 && raw[0] == '{' {
			l.usage = append(l.usage[:0], raw...)
		}
	case pictureRole:
		if string(raw) != "null" { // of a picture that is too long to keep nothing is given
			l.pictures++
		}
	case itemRole, actionRole:
		l.searches.count(as, raw)
	default:
	}
}
