package anthropic

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/results"
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
	*results.Reader
	of   string
	line resultLine
}

// resultLine is the line at hand, and what those before it tell.
type resultLine struct {
	sums   cells.Sums
	region string // of the last that says one
	failed bool   // an error stands in the place of results

	counts  counts
	model   string
	succeed bool
}

func newResultsMeter(of string) *resultsMeter {
	m := &resultsMeter{of: of}
	m.Reader = results.New(resultScript.Plan, &m.line)
	return m
}

// Close ends the metering. Results that were not read to their end, or not at all,
// tell nothing that a later answer would not: the batch goes on.
func (m *resultsMeter) Close(end tokenizer.End) (r tokenizer.Reading) {
	r = m.Tell(end, m.of, m.line.sums.All)
	r.Error, r.Region, r.ResponseID, r.Tier = m.line.failed, m.line.region, m.of, batch
	if r.Error {
		r.Usage, r.Model, r.Deferred.ID = nil, "", m.of
	}
	return r
}

// Begin forgets the line before.
func (l *resultLine) Begin() { l.counts, l.succeed, l.model = counts{}, false, "" }

// End adds the line to the sums. A success without counts is one that cannot be
// read.
func (l *resultLine) End() (unreadable int) {
	if !l.succeed {
		return 0
	}
	if !l.counts.known() {
		return 1
	}
	if at := geography(l.counts.region); at != "" {
		l.region = at
	}
	used, _ := l.counts.bill(l.model, tokenizer.Reported)
	for i := range used {
		if !l.sums.Add(&used[i]) {
			unreadable++
		}
	}
	return unreadable
}

// Value takes a value that the scanner found.
func (l *resultLine) Value(watch int, raw []byte) {
	switch resultScript.Role(watch) {
	case resultTypeRole:
		l.succeed = string(raw) == `"succeeded"`
	case resultModelRole:
		jsonscan.SetWord(&l.model, raw)
	case resultUsageRole:
		l.counts.take(raw)
	case fileErrorRole:
		l.failed = l.failed || jsonscan.Says(raw)
	}
}
