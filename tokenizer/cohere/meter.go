package cohere

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/frames"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/tidwall/gjson"
)

// role says what a watched value is good for.
type role uint8

const (
	idRole    role = iota
	modelRole      // rerankers of other makers say it
	kindRole
	finishRole
	errorRole
	textRole
	pageRole // of a parsed document
	usageRole
)

// maxUsage bounds a usage object, in bytes.
const maxUsage = 4 << 10

func keep(r role) int {
	switch r {
	case textRole:
		return 0
	case usageRole:
		return maxUsage
	case errorRole, pageRole:
		return 16 // there or not is all that matters
	default:
		return jsonscan.MaxWord
	}
}

// script reads whole answers and events of both versions: their members do not
// collide.
var script = jsonscan.MustScript(keep, map[string]role{
	"id": idRole, "response_id": idRole, "generation_id": idRole,
	"model": modelRole, "pages.*": pageRole,
	"type": kindRole, "event_type": kindRole,
	"finish_reason": finishRole, "delta.finish_reason": finishRole,
	"usage": usageRole, "meta": usageRole, "delta.usage": usageRole, "response.meta": usageRole,
	"delta.error": errorRole,

	"text": textRole, "tool_plan": textRole, "message.tool_plan": textRole,
	"message.content.*.text": textRole, "message.content.*.thinking": textRole,
	"message.tool_calls.*.function.arguments": textRole, "message.tool_calls.*.function.name": textRole,
	"delta.message.tool_plan": textRole, "delta.message.content.text": textRole, "delta.message.content.thinking": textRole,
	"delta.message.tool_calls.function.arguments": textRole, "delta.message.tool_calls.function.name": textRole,
	"tool_call_delta.parameters": textRole,
})

// meter reads one answer.
type meter struct {
	*frames.Reader
	whole bool // this event repeats the text of those before it

	reading tokenizer.Reading
	usage   []byte // the last usage seen, raw
	parses  bool   // the answer is a parsed document
	pages   int64  // of it
}

// NewMeter makes the meter of one answer.
func (*Dialect) NewMeter(call tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	if answer.Form == tokenizer.Opaque {
		return nil
	}
	m := &meter{parses: call.Operation == ocr}
	m.Reader = frames.New(script.Plan, answer.Form, m)
	return m
}

// Close ends the metering.
func (m *meter) Close(end tokenizer.End) tokenizer.Reading {
	m.reading.Unreadable = m.Reader.Close(end)
	from := m.Source(end)
	var u tokenizer.Usage
	if len(m.usage) > 0 {
		g := gjson.ParseBytes(m.usage)
		u, m.reading.Cost = counts(g, from), cells.Cost(g)
	}
	if m.parses && m.pages > 0 && from == tokenizer.Reported {
		u.Set(tokenizer.Pages, m.pages, tokenizer.Counted)
	}
	if u.Known() {
		u.Model = m.reading.Model
		m.reading.Usage = []tokenizer.Usage{u}
	}
	return m.reading
}

// Kind readies for an event, which may be called by its name or by a member.
func (m *meter) Kind(name []byte) {
	m.whole = false
	m.kind(name)
}

func (m *meter) kind(name []byte) {
	switch string(name) {
	case "message-end", "stream-end":
		m.Last = true
	case "tool-calls-generation": // what tool-calls-chunk said, again
		m.whole = true
	}
}

// Value takes a value that the scanner found.
func (m *meter) Value(watch int, raw []byte) {
	switch script.Role(watch) {
	case usageRole:
		if len(raw) > 2 && raw[0] == '{' {
			m.usage = append(m.usage[:0], raw...)
		}
	case idRole:
		jsonscan.SetWord(&m.reading.ResponseID, raw)
	case modelRole:
		jsonscan.SetWord(&m.reading.Model, raw)
	case pageRole:
		if jsonscan.Says(raw) {
			m.pages++
		}
	case finishRole:
		jsonscan.SetWord(&m.reading.Finish, raw)
		if m.reading.Finish == "ERROR" {
			m.reading.Error = true
		}
	case errorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	case kindRole:
		if len(raw) > 2 && raw[0] == '"' {
			m.kind(raw[1 : len(raw)-1])
		}
	case textRole: // passes as Text
	}
}

// Text takes a piece of generated text.
func (m *meter) Text(_ int, piece []byte) {
	if !m.whole {
		m.reading.Heard(piece)
	}
}

// Heard implements tokenizer.Hearer.
func (m *meter) Heard() int64 { return m.reading.TextBytes }
