package anthropic

import (
	"slices"

	"github.com/farebox/farebox/tokenizer"
	"github.com/tidwall/gjson"
)

// Types of an iteration.
const (
	sampled  = "message"          // a turn of the model that answers
	fellBack = "fallback_message" // the last turn of the model that a declined call fell back to
	compact  = "compaction"       // a summary of the conversation
	advised  = "advisor_message"  // a turn of another model that was asked for advice
)

// bill returns the usage of every model that worked on one message: first what
// the top level counts, then, each by itself, the iterations that it leaves out.
// answered is the model that the message names; model is the one that served it.
//
// The top level is the sum of the iterations of the model that answered.
// Compaction and advice are outside of it. So is the turn of a model that declined
// and was followed by another; one that declined before it generated anything is
// not billed, and not returned.
// https://platform.claude.com/docs/en/build-with-claude/compaction
// https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool
// https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback
func (c *counts) bill(answered string, from tokenizer.Source) (all []tokenizer.Usage, model string) {
	iterations := c.parseIterations()
	model = servedBy(iterations, answered)
	top := c.usage(from)
	top.Model = model
	all = append(all, top)
	for i := range iterations {
		it := &iterations[i]
		if c.includes(it, iterations, model) || it.declined() {
			continue
		}
		u := it.usage(from)
		if u.Model = it.model; u.Model == "" {
			u.Model = model
		}
		all = append(all, u)
	}
	return all, model
}

// parseIterations reads the entries. maxUsage bounds how many there are.
func (c *counts) parseIterations() (all []counts) {
	gjson.Parse(c.iterations).ForEach(func(_, entry gjson.Result) bool {
		var it counts
		if it.take([]byte(entry.Raw)); it.known() {
			all = append(all, it)
		}
		return true
	})
	return all
}

// servedBy is the model that gave the answer: a stream names the one that was
// asked before it is known who will.
func servedBy(iterations []counts, answered string) string {
	for _, it := range slices.Backward(iterations) {
		if it.kind == fellBack && it.model != "" {
			return it.model
		}
	}
	return answered
}

// includes reports whether the top level counts an iteration. One of a type that
// is not known is counted there unless the others make up the whole.
func (c *counts) includes(it *counts, all []counts, model string) bool {
	switch it.kind {
	case sampled, fellBack:
		return it.model == "" || it.model == model
	case compact, advised:
		return false
	}
	var own int64
	for i := range all {
		if k := all[i].kind; (k == sampled || k == fellBack) && (all[i].model == "" || all[i].model == model) {
			own += all[i].total()
		}
	}
	return own < c.total()
}

// declined reports whether a model's turn ended before it generated anything.
func (c *counts) declined() bool {
	return c.kind == sampled && c.output.Known && c.output.Count == 0
}
