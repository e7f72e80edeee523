package ollama

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/ndjson"
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
	json     *jsonscan.Scanner
	lines    *ndjson.Splitter // nil: the answer is one JSON value
	complete bool
	done     bool // this line says that it is the last
	begun    bool // something of this line has come
	over     bool // the answer had ended before this line

	reading tokenizer.Reading
	usage   tokenizer.Usage
}

// NewMeter makes the meter of one answer.
func (*Dialect) NewMeter(_ tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	m := &meter{}
	m.json = jsonscan.New(script.Plan, m)
	switch answer.Form {
	case tokenizer.JSON:
	case tokenizer.NDJSON:
		m.lines = ndjson.New(m)
	default:
		return nil
	}
	return m
}

// Feed takes the next bytes of the answer.
func (m *meter) Feed(p []byte) (complete bool) {
	if m.lines != nil {
		m.lines.Feed(p)
		return m.complete
	}
	_ = m.json.Feed(p) // Close asks again
	m.complete = m.json.Done()
	return m.complete
}

// Close ends the metering.
func (m *meter) Close(end tokenizer.End) tokenizer.Reading {
	before := m.reading.Unreadable
	if m.lines != nil {
		m.lines.Flush()
	} else if m.json.Close() != nil {
		m.reading.Unreadable++
	}
	if end == tokenizer.Cut && m.json.Err() == nil {
		m.reading.Unreadable = before // a cut body is short, not wrong
	}
	if m.usage.Known() {
		m.usage.Model = m.reading.Model
		m.reading.Usage = []tokenizer.Usage{m.usage}
	}
	return m.reading
}

// Begin readies for a line.
func (m *meter) Begin([]byte) {
	m.json.Reset()
	m.done, m.begun, m.over = false, false, m.complete
}

// Data takes a piece of a line.
func (m *meter) Data(p []byte) {
	m.begun = m.begun || len(p) > 0
	_ = m.json.Feed(p) // End asks again
	m.complete = m.complete || m.done && m.json.Done()
}

// End judges the line.
func (m *meter) End(_ []byte, whole bool) {
	if m.begun && !m.over && (!whole || m.json.Close() != nil) {
		m.reading.Unreadable++
	}
}

// Value takes a value that the scanner found.
func (m *meter) Value(watch int, raw []byte) {
	switch script.Role(watch) {
	case modelRole:
		jsonscan.SetWord(&m.reading.Model, raw)
	case doneRole:
		m.done = string(raw) == "true"
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
