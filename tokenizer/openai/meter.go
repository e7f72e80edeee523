package openai

import (
	"bytes"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/sse"
	"github.com/tidwall/gjson"
)

// meter reads one answer.
type meter struct {
	script   *jsonscan.Script[role]
	json     *jsonscan.Scanner
	events   *sse.Splitter // nil: the answer is one JSON value
	complete bool

	mark  int  // bytes of the done mark that this event has matched, or a state below
	last  bool // this event is the one that ends a response
	sound bool // this event's deltas are no text
	named bool // the event's name told what it is

	of         string // the response that is asked after
	going      bool   // a response goes on
	background bool   // after its answer
	searches   tools  // of this event's response
	drawn      []byte // the last usage of pictures seen, raw
	draws      string // the model that made them

	reading   tokenizer.Reading
	reason    string // why a response is incomplete
	usage     []byte // the last usage seen, raw
	usageFrom role   // and where it stood
	read      Counts // makes classes of it
}

// Counts reads a usage object: the classes that it tells, known from there.
type Counts func(usage gjson.Result, from tokenizer.Source) tokenizer.Usage

// doneMark is the data of the event that ends a stream of chunks.
const doneMark = "[DONE]"

// Values of mark beside a number of bytes.
const (
	isJSON    = -1
	isNeither = -2
)

// NewMeter makes the meter of one answer.
func (*Dialect) NewMeter(call tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	switch call.Operation {
	case images, transcription, speech, batch:
		return newMediaMeter(call, answer.Form)
	case batchResults:
		return newResultsMeter(call.Of, answer.Form)
	}
	if call.Operation == responses {
		return newMeter(&responsesScript, call.Of, answer.Form, usage)
	}
	return NewChatMeter(answer.Form, usage)
}

// NewChatMeter makes the meter of one answer in the shape of chat, legacy
// completions or embeddings whose usage another provider's counts read. It is nil
// for a form that tells nothing.
func NewChatMeter(form tokenizer.Form, counts Counts) tokenizer.Meter {
	return newMeter(&chatScript, "", form, counts)
}

func newMeter(s *jsonscan.Script[role], of string, form tokenizer.Form, counts Counts) tokenizer.Meter {
	m := &meter{script: s, of: of, read: counts}
	m.json = jsonscan.New(s.Plan, m)
	switch form {
	case tokenizer.JSON:
	case tokenizer.SSE:
		m.events = sse.New(m)
	default:
		return nil
	}
	return m
}

// Feed takes the next bytes of the answer.
func (m *meter) Feed(p []byte) (complete bool) {
	if m.events != nil {
		m.events.Feed(p)
		return m.complete
	}
	_ = m.json.Feed(p) // Close asks again
	m.complete = m.json.Done()
	return m.complete
}

// Close ends the metering.
func (m *meter) Close(end tokenizer.End) tokenizer.Reading {
	if m.events != nil {
		m.closeEvents(end)
	} else if m.json.Close() != nil && (m.json.Err() != nil || end != tokenizer.Cut) {
		m.reading.Unreadable++ // a cut body is short, not wrong
	}
	r := m.reading
	if m.reason != "" {
		r.Finish = m.reason
	}
	if u, tier, ok := m.counts(m.source(end)); ok {
		u.Model, r.Cost, r.Quality = r.Model, m.reading.Cost, m.reading.Quality
		m.searches.set(&u)
		r.Usage = []tokenizer.Usage{u}
		if r.Tier == "" {
			r.Tier = tier
		}
	}
	m.setDrawn(&r, m.source(end))
	m.putOff(&r)
	return r
}

// closeEvents reads an event that lacks its end. In a cut stream it is short,
// not wrong.
func (m *meter) closeEvents(end tokenizer.End) {
	before := m.reading.Unreadable
	m.events.Flush()
	if end == tokenizer.Cut {
		m.reading.Unreadable = before
	}
}

// source says how far the last usage can be trusted: of a stream that was cut
// before any choice had finished, it is what had been used so far.
func (m *meter) source(end tokenizer.End) tokenizer.Source {
	if end == tokenizer.Cut && !m.complete && m.reading.Finish == "" {
		return tokenizer.Partial
	}
	return tokenizer.Reported
}

// Begin readies for an event.
func (m *meter) Begin(name []byte) {
	m.json.Reset()
	m.mark, m.last, m.sound, m.searches = 0, false, false, tools{}
	m.named = len(name) > 0
	m.kind(name)
}

// Data takes a piece of an event's data: a chunk, or the mark that ends them.
func (m *meter) Data(p []byte) {
	if m.mark == 0 {
		p = bytes.TrimLeft(p, " \t\r\n")
		if len(p) > 0 && p[0] == '{' {
			m.mark = isJSON
		}
	}
	if m.mark == isJSON {
		_ = m.json.Feed(p) // End asks again
		m.complete = m.complete || m.last && m.json.Done()
		return
	}
	for _, c := range p {
		switch {
		case m.mark >= 0 && m.mark < len(doneMark) && c == doneMark[m.mark]:
			if m.mark++; m.mark == len(doneMark) {
				m.complete = true
			}
		case m.mark != len(doneMark) || c != ' ':
			m.mark = isNeither
		}
	}
}

// End judges the event. One without data is a sign of life and no more.
func (m *meter) End(name []byte, whole bool) {
	if !m.named {
		m.kind(name)
	}
	switch {
	case m.mark == 0 || m.mark == len(doneMark):
	case m.mark != isJSON, !whole, m.json.Close() != nil:
		m.reading.Unreadable++
		return
	}
	m.complete = m.complete || m.last
}

// kind takes what an event is called, by its name or its type member.
func (m *meter) kind(name []byte) {
	switch string(name) {
	case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
		m.last = true
	case "error":
		m.reading.Error = true
	case "response.audio.delta", "response.output_audio.delta":
		m.sound = true
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		m.reading.Calls = true
	}
}

// Value takes a value that the scanner found.
func (m *meter) Value(watch int, raw []byte) {
	as := m.script.Role(watch)
	switch {
	case as >= timingsRole:
		m.keepUsage(as, raw)
	case as == drawnRole:
		m.drawn = append(m.drawn[:0], raw...)
	case as == backgroundRole:
		m.background = string(raw) == "true"
	case as == errorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	case len(raw) <= 2 || raw[0] != '"': // null, empty, or too long
	case as == kindRole:
		m.kind(raw[1 : len(raw)-1])
	case as == idRole:
		jsonscan.SetWord(&m.reading.ResponseID, raw)
	case as == modelRole:
		jsonscan.SetWord(&m.reading.Model, raw)
	case as == tierRole:
		jsonscan.SetWord(&m.reading.Tier, raw)
	case as == reasonRole:
		jsonscan.SetWord(&m.reason, raw)
	case as == finishRole:
		if m.going = string(raw) == `"in_progress"` || string(raw) == `"queued"`; !m.going {
			jsonscan.SetWord(&m.reading.Finish, raw)
		}
	case as == itemRole || as == actionRole:
		m.searches.count(as, raw)
	case as == drawsRole:
		jsonscan.SetWord(&m.draws, raw)
	}
}

// Text takes a piece of generated text.
func (m *meter) Text(watch int, piece []byte) {
	if m.sound {
		return
	}
	switch m.script.Role(watch) {
	case refusalRole:
		m.reading.Refused = true
	case callRole:
		m.reading.Calls = true
	}
	m.reading.Heard(piece)
}

// Heard implements tokenizer.Hearer.
func (m *meter) Heard() int64 { return m.reading.TextBytes }
