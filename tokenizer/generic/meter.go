package generic

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// NewMeter makes the meter of one answer, of any form. What tells nothing more than
// the request did is a tokenizer.Early.
func (d *Dialect) NewMeter(call tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	if d.usage == nil || answer.Form != tokenizer.JSON {
		return &asked{call.Queries, d.usage != nil}
	}
	m := &meter{told: newTallies(d.usage), queries: call.Queries, counted: d.counted}
	m.json = jsonscan.New(d.usage.scan, m.told)
	return m
}

// asked is the meter of an answer of which the request has said all.
type asked struct {
	queries int64
	untold  bool // the answer should have said more, and is of no form that can
}

var _ tokenizer.Early = (*asked)(nil)

// Early says that the answer need not be read.
func (*asked) Early() {}

// Feed takes no notice.
func (*asked) Feed([]byte) (complete bool) { return false }

// Close gives what the request asked, but where the answer is an error.
func (m *asked) Close(end tokenizer.End) (r tokenizer.Reading) {
	if end == tokenizer.Failed {
		return r
	}
	if m.untold {
		r.Unreadable++
	}
	r.Usage = []tokenizer.Usage{queried(m.queries)}
	return r
}

// queried is the usage of a call of which only the request is known.
func queried(n int64) (u tokenizer.Usage) {
	u.Set(tokenizer.Requests, n, tokenizer.Counted)
	return u
}

// meter reads an answer that tells its usage.
type meter struct {
	json    *jsonscan.Scanner
	told    *tallies
	queries int64
	counted bool // the queries are counted in any case
}

// Feed takes the next bytes of the answer.
func (m *meter) Feed(p []byte) (complete bool) {
	_ = m.json.Feed(p) // Close asks again
	return m.json.Done()
}

// Close gives what the answer told. What it should have told and did not is one
// thing that could not be read; where it told nothing, the request counts.
func (m *meter) Close(end tokenizer.End) (r tokenizer.Reading) {
	whole := m.json.Close() == nil
	if end == tokenizer.Failed {
		return r
	}
	from, short := tokenizer.Reported, !whole
	if end == tokenizer.Cut && !whole {
		from = tokenizer.Partial
	}
	var u tokenizer.Usage
	for i := range m.told.plan.entries {
		n, known := m.told.units(i)
		if !known {
			short = true
			continue
		}
		u.Set(m.told.plan.entries[i].meter, n, from)
	}
	if short && (end != tokenizer.Cut || m.json.Err() != nil) { // a cut body is short, not wrong
		r.Unreadable++
	}
	if m.counted || !u.Known() {
		u.Set(tokenizer.Requests, m.queries, tokenizer.Counted)
	}
	r.Usage = []tokenizer.Usage{u}
	return r
}
