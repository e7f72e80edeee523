package mistral

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/openai"
	"github.com/farebox/farebox/tokenizer/sse"
	"github.com/tidwall/gjson"
)

// meter reads one answer that is not shaped as OpenAI's.
type meter struct {
	call     tokenizer.Call
	json     *jsonscan.Scanner
	events   *sse.Splitter // nil: the answer is one JSON value, or no text at all
	complete bool
	last     bool // this event ends the answer
	repeats  bool // this event tells text that was told before
	begun    bool // something of this event has come
	over     bool // the answer had ended before this event

	reading      tokenizer.Reading
	conversation string
	usage        []byte // the last usage seen, raw
	pages        int64  // that stand in the answer
	job          job
}

// NewMeter makes the meter of one answer. Sound that is made is paid by what was
// to be said, whatever the answer is.
func (*Dialect) NewMeter(call tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	switch call.Operation {
	case chat, agents, fim, embeddings:
		return openai.NewChatMeter(answer.Form, counts)
	case batchResults:
		return newFileMeter(call.Of, answer.Form)
	}
	m := &meter{call: call}
	m.json = jsonscan.New(script.Plan, m)
	switch {
	case answer.Form == tokenizer.JSON:
	case answer.Form == tokenizer.SSE:
		m.events = sse.New(m)
	case call.Operation != speech:
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

// Begin readies for an event.
func (m *meter) Begin(name []byte) {
	m.json.Reset()
	m.last, m.repeats, m.begun, m.over = false, false, false, m.complete
	m.kind(name)
}

// Data takes a piece of an event's data.
func (m *meter) Data(p []byte) {
	m.begun = m.begun || len(p) > 0
	_ = m.json.Feed(p) // End asks again
	m.complete = m.complete || m.last && m.json.Done()
}

// End judges the event. One without data is a sign of life and no more.
func (m *meter) End(_ []byte, whole bool) {
	if m.begun && !m.over && (!whole || m.json.Close() != nil) {
		m.reading.Unreadable++
		return
	}
	m.complete = m.complete || m.last
}

// kind takes what an event is called, by its name or its type member.
func (m *meter) kind(name []byte) {
	switch string(name) {
	case "conversation.response.done", "speech.audio.done":
		m.last = true
	case "conversation.response.error":
		m.last, m.reading.Error = true, true
	case "transcription.done":
		m.last, m.repeats = true, true
	case "transcription.segment":
		m.repeats = true
	}
}

// Value takes a value that the scanner found.
func (m *meter) Value(watch int, raw []byte) {
	switch as := script.Role(watch); as {
	case usageRole:
		if len(raw) > 2 && raw[0] == '{' {
			m.usage = append(m.usage[:0], raw...)
		}
	case pageRole:
		if jsonscan.Says(raw) {
			m.pages++
		}
	case errorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	case kindRole:
		if m.events != nil && len(raw) > 2 && raw[0] == '"' {
			m.kind(raw[1 : len(raw)-1])
		}
	case idRole:
		jsonscan.SetWord(&m.reading.ResponseID, raw)
	case conversationRole:
		jsonscan.SetWord(&m.conversation, raw)
	case modelRole:
		jsonscan.SetWord(&m.reading.Model, raw)
	default:
		if m.call.Operation == batch {
			m.job.value(as, raw)
		}
	}
}

// Text takes a piece of text.
func (m *meter) Text(_ int, piece []byte) {
	if !m.repeats {
		m.reading.Heard(piece)
	}
}

// Close ends the metering.
func (m *meter) Close(end tokenizer.End) tokenizer.Reading {
	m.finish(end)
	r := m.reading
	if m.conversation != "" {
		r.ResponseID = m.conversation
	}
	if m.call.Operation == batch {
		m.job.settle(&r, m.call.Of)
		return r
	}
	u := m.told(end, &r)
	switch m.call.Operation {
	case ocr:
		if !u.Known() && m.pages > 0 && end == tokenizer.Complete {
			u.Set(tokenizer.Pages, m.pages, tokenizer.Counted)
		}
	case transcription:
		if _, told := u.Count(tokenizer.AudioSeconds); told {
			waiveTokens(&u)
		}
	case speech:
		if m.call.Characters > 0 && end != tokenizer.Failed && !r.Error {
			waiveTokens(&u)
			u.Set(tokenizer.Characters, m.call.Characters, tokenizer.Reported)
		}
	}
	if u.Known() {
		u.Model = r.Model
		r.Usage = []tokenizer.Usage{u}
	}
	return r
}

// told is what the usage that was kept says.
func (m *meter) told(end tokenizer.End, r *tokenizer.Reading) (u tokenizer.Usage) {
	if len(m.usage) == 0 {
		return u
	}
	from := tokenizer.Reported
	if end == tokenizer.Cut && !m.complete {
		from = tokenizer.Partial
	}
	g := gjson.ParseBytes(m.usage)
	r.Tier = g.Get("service_tier").Str
	return counts(g, from)
}

// finish reads what lacks its end: in a cut answer it is short, not wrong.
func (m *meter) finish(end tokenizer.End) {
	before := m.reading.Unreadable
	switch {
	case m.events != nil:
		m.events.Flush()
	case m.call.Operation != speech && m.json.Close() != nil:
		m.reading.Unreadable++
	}
	if end == tokenizer.Cut && m.json.Err() == nil {
		m.reading.Unreadable = before
	}
}

// Heard implements tokenizer.Hearer.
func (m *meter) Heard() int64 { return m.reading.TextBytes }
