package anthropic

import (
	"github.com/farebox/farebox/tokenizer"
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
	sums    sums

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
	before := m.reading.Unreadable
	m.lines.Flush()
	if end == tokenizer.Cut {
		m.reading.Unreadable = before
	}
	r := m.reading
	r.ResponseID, r.Tier = m.of, batch
	if len(m.sums.all) == 0 && r.Unreadable > 0 || r.Error || end != tokenizer.Complete {
		r.Deferred.ID = m.of
		return r
	}
	r.Usage = m.sums.all
	if len(r.Usage) > 0 {
		r.Model = r.Usage[0].Model
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
	if !whole || m.json.Close() != nil || m.succeed && !m.counts.known() {
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
		if !m.sums.add(&used[i]) {
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

// longContext is the input, in tokens, beyond which models have a long context
// that may have a price of its own.
// https://platform.claude.com/docs/en/about-claude/pricing
const longContext = 200_000

// Bounds of sums.
const (
	maxSums   = 4096 // usages
	maxGroups = 64   // models, of short and of long context
)

// sums adds up the usage of many answers, by model. What a context costs depends
// on its own length, not on that of all: short ones are put together only as far
// as they stay short together, and long ones apart from them.
type sums struct {
	all    []tokenizer.Usage
	groups []group
}

// group is the answers that are added to one usage at present.
type group struct {
	model string
	long  bool
	at    int   // in all
	input int64 // tokens so far
}

// add adds u; false: there are too many models.
func (s *sums) add(u *tokenizer.Usage) bool {
	input, _ := u.Totals()
	g := s.group(u.Model, input > longContext)
	if g == nil {
		return false
	}
	if g.at < 0 || !g.long && g.input+input > longContext && len(s.all) < maxSums {
		g.at, g.input = len(s.all), 0
		s.all = append(s.all, tokenizer.Usage{Model: u.Model})
	}
	g.input += input
	to := &s.all[g.at]
	for class, n := range u.All {
		have, _ := to.Count(class)
		to.Set(class, have+n, u.Source(class))
	}
	return true
}

func (s *sums) group(model string, long bool) *group {
	for i := range s.groups {
		if g := &s.groups[i]; g.model == model && g.long == long {
			return g
		}
	}
	if len(s.groups) == maxGroups {
		return nil
	}
	s.groups = append(s.groups, group{model: model, long: long, at: -1})
	return &s.groups[len(s.groups)-1]
}
