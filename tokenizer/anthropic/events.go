package anthropic

import (
	"bytes"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/sse"
)

// message gathers what is said of one message, in one value or in events.
type message struct {
	json    *jsonscan.Scanner
	counts  counts
	begun   bool // the counts at hand are those that it began with
	final   bool // the counts at hand are the last ones
	reading tokenizer.Reading
	kind    func(name []byte) // takes the type of the value at hand; nil: it says nothing
}

func newMessage() *message {
	m := &message{}
	m.json = jsonscan.New(script.Plan, m)
	return m
}

// Value takes a value that the scanner found.
func (m *message) Value(watch int, raw []byte) {
	switch role := script.Role(watch); role {
	case errorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	case startUsageRole:
		m.counts, m.begun, m.final, m.reading.Finish = counts{}, true, false, ""
		m.takeUsage(raw)
	case usageRole:
		m.begun = false
		m.takeUsage(raw)
	case objectRole:
		if len(raw) > len("{}") {
			m.reading.Heard(raw)
		}
	case kindRole:
		if m.kind != nil && len(raw) > 2 && raw[0] == '"' {
			m.kind(raw[1 : len(raw)-1])
		}
	case idRole:
		jsonscan.SetWord(&m.reading.ResponseID, raw)
	case modelRole:
		jsonscan.SetWord(&m.reading.Model, raw)
	case finishRole:
		jsonscan.SetWord(&m.reading.Finish, raw)
		m.final = m.reading.Finish != ""
	}
}

// takeUsage reads a usage object; one that is longer than any should be is told.
func (m *message) takeUsage(raw []byte) {
	if raw == nil {
		m.reading.Unreadable++
	}
	m.counts.take(raw)
}

// Text takes a piece of generated text.
func (m *message) Text(_ int, piece []byte) { m.reading.Heard(piece) }

// close makes the Reading. The counts of a message that did not come to its end
// are what had been used so far. Of the output, those that it began with count next
// to nothing: where text was heard, it tells better.
func (m *message) close() tokenizer.Reading {
	r := m.reading
	c := m.counts
	from := tokenizer.Reported
	if !m.final {
		from = tokenizer.Partial
		if m.begun && r.TextBytes > 0 {
			c.output.Known = false
		}
	}
	r.Tier, r.Region = c.servedTier(), geography(c.region)
	if c.known() {
		r.Usage, r.Model = c.bill(r.Model, from)
	}
	return r
}

// Events reads the events of one streamed message, whatever frames them: it takes
// the JSON of each event in pieces. It belongs to one answer.
type Events struct {
	message  *message
	shape    shape
	last     bool // this event ends the message
	old      bool // this event is one of an old text completion
	complete bool
}

// shape is what the first byte of an event tells.
type shape uint8

const (
	empty  shape = iota // nothing but space has come
	object              // as every event is
	other
)

var _ sse.Handler = (*Events)(nil)

// NewEvents makes the reader of one stream.
func NewEvents() *Events {
	e := &Events{message: newMessage()}
	e.message.kind = e.kind
	return e
}

// Complete reports whether the message's own last event has come.
func (e *Events) Complete() bool { return e.complete }

// Begin readies for an event. name may be empty: its type tells as much.
func (e *Events) Begin(name []byte) {
	e.message.json.Reset()
	e.shape, e.last, e.old = empty, false, false
	e.kind(name)
}

// Data takes a piece of the event's JSON.
func (e *Events) Data(p []byte) {
	if e.shape == empty {
		if p = bytes.TrimLeft(p, " \t\r\n"); len(p) == 0 {
			return
		}
		if e.shape = other; p[0] == '{' {
			e.shape = object
		}
	}
	if e.shape == object {
		_ = e.message.json.Feed(p) // End asks again
		e.settle()
	}
}

// End judges the event; whole is false when bytes of it are missing. One without
// data is a sign of life and no more, and what follows the last event, as the
// "[DONE]" of some proxies, is nobody's loss.
func (e *Events) End(name []byte, whole bool) {
	e.kind(name)
	switch {
	case e.shape == empty:
	case e.shape == other, !whole, e.message.json.Close() != nil:
		if !e.complete {
			e.message.reading.Unreadable++
		}
		return
	}
	if e.last {
		e.complete = true
	}
}

// settle notices that the value at hand is whole and was the last one.
func (e *Events) settle() {
	if !e.message.json.Done() {
		return
	}
	e.complete = e.complete || e.last || e.old && e.message.final
}

// kind takes what an event is called, by its name or its type member.
func (e *Events) kind(name []byte) {
	switch string(name) {
	case "message_stop":
		e.last, e.message.final = true, true
	case "error":
		e.last, e.message.reading.Error = true, true
	case "completion":
		e.old = true
	}
}

// Close returns what the events said. It may be called once.
func (e *Events) Close() tokenizer.Reading { return e.message.close() }

// Heard is how many bytes of generated text were seen.
func (m *message) Heard() int64 { return m.reading.TextBytes }
