package ollama

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/frames"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// role says what a watched value is good for.
type role uint8

const (
	modelRole role = iota
	doneRole
	finishRole
	errorRole
	inputRole
	outputRole
	textRole
)

func keep(r role) int {
	switch r {
	case textRole:
		return 0
	case errorRole:
		return 16 // there or not is all that matters
	case doneRole, inputRole, outputRole:
		return 24
	default:
		return jsonscan.MaxWord
	}
}

var script = jsonscan.MustScript(keep, map[string]role{
	"model": modelRole, "done": doneRole, "done_reason": finishRole, "error": errorRole,
	"prompt_eval_count": inputRole, "eval_count": outputRole,
	"response": textRole, "thinking": textRole, "message.content": textRole, "message.thinking": textRole,
	"message.tool_calls.*.function.name": textRole,
})

// meter reads one answer.
//
// The counts stand in the last line. prompt_eval_count is absent where the whole
// prompt was in the cache of the server: then the input is not known, which is not
// zero. What of a prompt was in the cache is told nowhere.
type meter struct {
	*frames.Reader
	reading tokenizer.Reading
	usage   tokenizer.Usage
}

// NewMeter makes the meter of one answer.
func (*Dialect) NewMeter(_ tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	if answer.Form != tokenizer.JSON && answer.Form != tokenizer.NDJSON {
		return nil
	}
	m := &meter{}
	m.Reader = frames.New(script.Plan, answer.Form, m)
	return m
}

// Close ends the metering.
func (m *meter) Close(end tokenizer.End) tokenizer.Reading {
	m.reading.Unreadable = m.Reader.Close(end)
	if m.usage.Known() {
		m.usage.Model = m.reading.Model
		m.reading.Usage = []tokenizer.Usage{m.usage}
	}
	return m.reading
}

// Kind readies for a line, which has no name.
func (*meter) Kind([]byte) {}

// Value takes a value that the scanner found.
func (m *meter) Value(watch int, raw []byte) {
	switch script.Role(watch) {
	case modelRole:
		jsonscan.SetWord(&m.reading.Model, raw)
	case doneRole:
		m.Last = string(raw) == "true"
	case finishRole:
		jsonscan.SetWord(&m.reading.Finish, raw)
	case errorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	case inputRole:
		m.count(tokenizer.Input, raw)
	case outputRole:
		m.count(tokenizer.Output, raw)
	case textRole: // passes as Text
	}
}

// count sets a count that is a number.
func (m *meter) count(c tokenizer.Class, raw []byte) {
	const most = 1 << 40
	if n := jsonscan.Number(raw); len(raw) > 0 && raw[0] >= '0' && raw[0] <= '9' && n <= most {
		m.usage.Set(c, n, tokenizer.Reported)
	}
}

// Text takes a piece of generated text.
func (m *meter) Text(_ int, piece []byte) { m.reading.Heard(piece) }

// Heard implements tokenizer.Hearer.
func (m *meter) Heard() int64 { return m.reading.TextBytes }
