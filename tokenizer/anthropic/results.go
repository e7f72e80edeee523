package anthropic

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/ndjson"
)

// resultRole says what a value of a line of results is good for.
type resultRole uint8

const (
	resultModelRole resultRole = iota
	resultUsageRole
	resultTypeRole
	fileErrorRole // of an error that stands in the place of results
)

var resultKeeps = [...]int{resultModelRole: jsonscan.MaxWord, resultUsageRole: maxUsage, resultTypeRole: 32, fileErrorRole: 16}

var resultScript = jsonscan.MustScript(func(r resultRole) int { return resultKeeps[r] }, map[string]resultRole{
	"result.type":          resultTypeRole,
	"result.message.model": resultModelRole,
	"result.message.usage": resultUsageRole,
	"error":                fileErrorRole,
})

// resultsMeter adds up what the results of a batch say was used. A batch of
// requests that did not succeed has lines without usage: they are not billed.
type resultsMeter struct {
	of      string
	lines   *ndjson.Splitter
	json    *jsonscan.Scanner
	reading tokenizer.Reading
	sums    cells.Sums

	seen int  // lines
	torn bool // the last one was not read

	// Of the line at hand.
	counts  counts
	model   string
	succeed bool
}

func newResultsMeter(of string) *resultsMeter {
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

// Close ends the metering. Results that were not read to their end, or not at all,
// tell nothing that a later answer would not: the batch goes on.
func (m *resultsMeter) Close(end tokenizer.End) tokenizer.Reading {
	before, seen := m.reading.Unreadable, m.seen
	m.lines.Flush()
	torn := m.seen > seen && m.torn // of the last line its end is missing
	if end == tokenizer.Cut {
		m.reading.Unreadable = before
	}
	r := m.reading
	r.ResponseID, r.Tier = m.of, batch
	all := m.sums.All()
	if len(all) == 0 && r.Unreadable > 0 || r.Error || torn || m.seen == 0 || end != tokenizer.Complete {
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
	m.counts, m.succeed, m.model = counts{}, false, ""
}

// Data takes a piece of a line.
func (m *resultsMeter) Data(p []byte) { _ = m.json.Feed(p) } // End asks again

// End adds the line to the sums. A success without counts is one that cannot be
// read.
func (m *resultsMeter) End(_ []byte, whole bool) {
	m.seen++
	m.torn = !whole || m.json.Close() != nil
	if m.torn || m.succeed && !m.counts.known() {
		m.reading.Unreadable++
		return
	}
	if !m.succeed {
		return
	}
	if at := geography(m.counts.region); at != "" {
		m.reading.Region = at
	}
	used, _ := m.counts.bill(m.model, tokenizer.Reported)
	for i := range used {
		if !m.sums.Add(&used[i]) {
			m.reading.Unreadable++
		}
	}
}

// Value takes a value that the scanner found.
func (m *resultsMeter) Value(watch int, raw []byte) {
	switch resultScript.Role(watch) {
	case resultTypeRole:
		m.succeed = string(raw) == `"succeeded"`
	case resultModelRole:
		jsonscan.SetWord(&m.model, raw)
	case resultUsageRole:
		m.counts.take(raw)
	case fileErrorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	}
}

// Text takes nothing: what was generated was counted.
func (*resultsMeter) Text(int, []byte) {}
