package mistral

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/frames"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/openai"
	"github.com/tidwall/gjson"
)

// meter reads one answer that is not shaped as OpenAI's.
type meter struct {
	*frames.Reader
	call    tokenizer.Call
	form    tokenizer.Form
	repeats bool // this event tells text that was told before

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
	if answer.Form != tokenizer.JSON && answer.Form != tokenizer.SSE && call.Operation != speech {
		return nil
	}
	m := &meter{call: call, form: answer.Form}
	m.Reader = frames.New(script.Plan, answer.Form, m)
	return m
}

// Kind readies for an event, which may be called by its name or by its type member.
func (m *meter) Kind(name []byte) {
	m.repeats = false
	m.kind(name)
}

func (m *meter) kind(name []byte) {
	switch string(name) {
	case "conversation.response.done", "speech.audio.done":
		m.Last = true
	case "conversation.response.error":
		m.Last, m.reading.Error = true, true
	case "transcription.done":
		m.Last, m.repeats = true, true
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
		if m.form == tokenizer.SSE && len(raw) > 2 && raw[0] == '"' {
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
	r := m.reading
	if unreadable := m.Reader.Close(end); m.form == tokenizer.SSE || m.call.Operation != speech {
		r.Unreadable = unreadable // of sound that is made nothing is read
	}
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
	g := gjson.ParseBytes(m.usage)
	r.Tier = g.Get("service_tier").Str
	return counts(g, m.Source(end))
}

// Heard implements tokenizer.Hearer.
func (m *meter) Heard() int64 { return m.reading.TextBytes }
