package extproc

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// changes are the parts of a call that may be changed. A signed request is left as
// it is: its signature covers the body and the path.
func (st *stream) changes(call tokenizer.Call, body []byte) tokenizer.Part {
	changer, can := st.way.dialect.(tokenizer.Changer)
	if !can || body == nil || st.request.Malformed || st.request.Signed {
		return 0
	}
	return changer.Changes(call, st.path)
}

// change returns the edits that make the call go as its ticket says, and sets the
// path, of which raw is as it came. What a body does not allow goes as it was
// asked, and the ticket no longer says otherwise; done are the parts that are changed.
func (st *stream) change(body []byte, raw string) (edits []tokenizer.Edit, done tokenizer.Part) {
	t := &st.ticket
	want := tokenizer.Change{Model: t.Model, MaxOutput: t.MaxOutput, Hint: t.Hint, ToolCalls: t.ToolCalls, Provider: st.way.provider}
	parts := want.Parts()
	if parts == 0 {
		return nil, 0
	}
	var made tokenizer.Rewrite
	if changer, can := st.way.dialect.(tokenizer.Changer); can && st.request.Changes != 0 {
		made = changer.Change(t.Call, st.path, body, want)
	}
	if made.Path != "" {
		st.reply.Set = append(st.reply.Set, wire.Pair{Name: ":path", Value: made.Path + queryOf(raw)})
	}
	if !made.Done.Has(parts) {
		st.degrade(unchangedRequest, nil)
		t.Rulings = append(t.Rulings, policy.Ruling{Rule: "request", Did: policy.NotPossible, Why: "its members are not those that a change is written in"})
	}
	if !made.Done.Has(tokenizer.ModelPart) {
		t.Model = ""
	}
	if !made.Done.Has(tokenizer.CapPart) {
		t.MaxOutput = 0
	}
	if !made.Done.Has(tokenizer.ToolsPart) {
		t.ToolCalls = 0
	}
	st.request.Call = t.Sent() // its answer is read as that of the model that was asked
	return made.Edits, made.Done
}

// queryOf is the query of a path, with its question mark, or empty.
func queryOf(path string) string {
	if i := strings.IndexByte(path, '?'); i >= 0 {
		return path[i:]
	}
	return ""
}

// askUsage returns the edits that make a stream report its usage when the caller
// did not ask for it. A signed request is left as it is.
func (st *stream) askUsage(body []byte) []tokenizer.Edit {
	asker, can := st.way.dialect.(tokenizer.UsageAsker)
	if !can || st.shape != wire.Inline || !st.rules.InjectUsage || !st.way.asks || st.request.Signed || st.request.Malformed || st.srv.refusals.has(st.upstream(), st.now()) {
		return nil
	}
	edits := asker.AskUsage(st.ticket.Call, body)
	st.asked = len(edits) > 0
	return edits
}

// edit has the request go on with edits made; sized says that its length was told.
func (st *stream) edit(body []byte, edits []tokenizer.Edit, sized bool) {
	if len(edits) == 0 {
		return
	}
	slices.SortStableFunc(edits, func(a, b tokenizer.Edit) int { return cmp.Compare(a.At, b.At) })
	st.reply.Body, st.reply.Swap = tokenizer.Apply(st.reply.Body, body, edits), true
	if sized {
		n := 0
		for _, piece := range st.reply.Body {
			n += len(piece)
		}
		st.reply.Set = append(st.reply.Set, wire.Pair{Name: "content-length", Value: strconv.Itoa(n)})
	}
}
