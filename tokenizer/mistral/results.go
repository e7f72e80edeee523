package mistral

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/results"
	"github.com/tidwall/gjson"
)

// sums adds up what the answered requests of a batch used.
type sums struct {
	all   cells.Sums
	sound bool // they are transcriptions

	// Of the request at hand.
	model string
	usage []byte
}

// value takes a value of one request.
func (r *sums) value(as role, raw []byte) {
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
func (r *sums) add() (unreadable int) {
	u := counts(gjson.ParseBytes(r.usage), tokenizer.Reported)
	u.Model = r.model
	r.usage = r.usage[:0]
	if !u.Known() || !r.all.Add(&u) {
		return 1
	}
	return 0
}

// used is what all of them used. Where a model came behind the first counts, it is
// that of the others.
func (r *sums) used() []tokenizer.Usage {
	all := r.all.All()
	for i := range all {
		u := &all[i]
		if u.Model == "" {
			u.Model = r.model
		}
		if _, told := u.Count(tokenizer.AudioSeconds); told && r.sound {
			waiveTokens(u)
		}
	}
	return all
}

// fileMeter reads the file of a batch's results, a line for each request. One that
// tells of an error counts nothing: it is not billed.
type fileMeter struct {
	*results.Reader
	of   string // the file
	line fileLine
}

// fileLine is the line at hand, and what those before it used.
type fileLine struct {
	sums   sums
	status int64
	failed bool
}

// newFileMeter makes the meter of results, whatever they come as; nil for what has
// no lines.
func newFileMeter(of string, form tokenizer.Form) tokenizer.Meter {
	if !results.Lines(form) {
		return nil
	}
	m := &fileMeter{of: of}
	m.Reader = results.New(lineScript.Plan, &m.line)
	return m
}

// Close ends the metering. Results that were not read to their end, or of which
// nothing could be read, settle nothing: the batch goes on.
func (m *fileMeter) Close(end tokenizer.End) (r tokenizer.Reading) {
	r = m.Tell(end, m.of, m.line.sums.used)
	r.Tier = batch
	return r
}

// Begin forgets the line before.
func (l *fileLine) Begin() { l.status, l.failed, l.sums.usage = 0, false, l.sums.usage[:0] }

// End adds the line to the sums.
func (l *fileLine) End() (unreadable int) {
	if l.failed || l.status >= 300 {
		return 0
	}
	return l.sums.add()
}

// Value takes a value that the scanner found.
func (l *fileLine) Value(watch int, raw []byte) {
	switch as := lineScript.Role(watch); as {
	case errorRole:
		l.failed = l.failed || jsonscan.Says(raw)
	case statusRole:
		l.status = jsonscan.Number(raw)
	default:
		l.sums.value(as, raw)
	}
}
