package anthropic

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/sse"
)

// NewMeter makes the meter of one answer.
func (*Dialect) NewMeter(call tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	switch call.Operation {
	case batch, batchResults:
		return aboutBatch(call, answer.Form)
	}
	return MessageMeter(answer.Form)
}

// aboutBatch makes the meter of an answer about a batch. Lines of results that are
// called JSON are lines all the same, and so is an error in their place.
func aboutBatch(call tokenizer.Call, form tokenizer.Form) tokenizer.Meter {
	switch {
	case call.Operation == batchResults && (form == tokenizer.NDJSON || form == tokenizer.JSON):
		return newResultsMeter(call.Of)
	case form == tokenizer.JSON:
		return newBatchMeter(call.Of)
	case call.Of != "":
		return &unreadMeter{call.Of}
	}
	return nil
}

// MessageMeter makes the meter of one message, or of the error in its place, that
// comes as JSON or as SSE; nil for every other form.
func MessageMeter(form tokenizer.Form) tokenizer.Meter {
	switch form {
	case tokenizer.JSON:
		return &bodyMeter{newMessage()}
	case tokenizer.SSE:
		e := NewEvents()
		return &streamMeter{events: e, split: sse.New(e)}
	}
	return nil
}

// bodyMeter reads an answer that is one JSON value.
type bodyMeter struct{ *message }

// Feed takes the next bytes of the answer.
func (m *bodyMeter) Feed(p []byte) (complete bool) {
	_ = m.json.Feed(p) // Close asks again
	return m.json.Done()
}

// Close ends the metering. Counts that were seen are the last ones, cut or not.
func (m *bodyMeter) Close(end tokenizer.End) tokenizer.Reading {
	if m.json.Close() != nil && (m.json.Err() != nil || end != tokenizer.Cut) {
		m.reading.Unreadable++ // a cut body is short, not wrong
	}
	m.final = true
	return m.close()
}

// streamMeter reads an answer that is a stream of server-sent events.
type streamMeter struct {
	events *Events
	split  *sse.Splitter
}

// Feed takes the next bytes of the answer.
func (m *streamMeter) Feed(p []byte) (complete bool) {
	m.split.Feed(p)
	return m.events.Complete()
}

// Close ends the metering. An event that lacks its end is read; in a cut stream it
// is short, not wrong.
func (m *streamMeter) Close(end tokenizer.End) tokenizer.Reading {
	reading := &m.events.message.reading
	before := reading.Unreadable
	m.split.Flush()
	if end == tokenizer.Cut {
		reading.Unreadable = before
	}
	return m.events.Close()
}

// Heard implements tokenizer.Hearer.
func (m *streamMeter) Heard() int64 { return m.events.message.Heard() }
