package bedrock

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/anthropic"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/eventstream"
	"github.com/farebox/farebox/tokenizer/openai"
	"github.com/farebox/farebox/tokenizer/sse"
)

// meter reads one answer: it takes the framing off and gives what is in it to a
// reader.
type meter struct {
	body   reader // nil: only the headers tell
	frames *eventstream.Splitter
	events *sse.Splitter // both nil: the answer is one JSON value
	chunk  *chunk

	wrapped  bool // the message at hand is a chunk
	aside    bool // it is an exception, or nothing that is read
	complete bool

	operation  string
	hidden     bool // the call does not name a model
	searches   int  // of a reranker
	said       said
	unreadable int
	failed     bool
}

// NewMeter makes the meter of one answer.
func (*Dialect) NewMeter(call tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	m := &meter{operation: call.Operation, hidden: hides(call.Model), searches: call.Choices, said: listen(answer)}
	if answer.Form == tokenizer.Opaque {
		return m
	}
	if answer.Form == tokenizer.NDJSON {
		return nil
	}
	var direct bool
	if m.body, direct = readerOf(call, answer); m.body == nil {
		return nil
	}
	switch {
	case direct:
	case answer.Form == tokenizer.SSE:
		m.events = sse.New(lines{m})
	case answer.Form == tokenizer.EventStream:
		m.chunk = newChunk(m.body)
		m.frames = eventstream.New(frames{m})
	}
	return m
}

// readerOf returns the reader of an answer's shape; direct says that it takes the
// answer as it comes, framing and all.
func readerOf(call tokenizer.Call, answer tokenizer.Answer) (body reader, direct bool) {
	direct = answer.Form == tokenizer.JSON
	var lender tokenizer.Dialect
	path := "/v1/chat/completions"
	switch op := call.Operation; {
	case op == messages, op == invoke && made(call.Model, "anthropic."):
		lender, path = anthropic.New(), "/v1/messages"
	case op == chat:
		lender = openai.New()
	case op == converse:
		return newNative(&converseScript), direct
	default:
		return newNative(&makersScript), direct
	}
	call.Operation, _ = lender.Match("POST", path)
	direct = answer.Form != tokenizer.EventStream
	if !direct {
		answer.Form = tokenizer.SSE
	}
	m := lender.NewMeter(call, answer)
	if m == nil {
		return nil, false
	}
	return newForeign(m), direct
}

// Feed takes the next bytes of the answer.
func (m *meter) Feed(p []byte) (complete bool) {
	switch {
	case m.frames != nil:
		_ = m.frames.Feed(p) // Close asks again
	case m.events != nil:
		m.events.Feed(p)
	case m.body != nil:
		m.body.feed(p)
		m.complete = m.body.done()
	}
	return m.complete
}

// Close ends the metering.
func (m *meter) Close(end tokenizer.End) tokenizer.Reading {
	m.closeFraming(end)
	var r tokenizer.Reading
	var more counts
	if m.body != nil {
		r, more = m.body.close(ending{End: end, stream: m.frames != nil || m.events != nil, complete: m.complete})
	}
	r.Unreadable += m.unreadable
	r.Error = r.Error || m.failed || m.said.status >= 400
	if r.ResponseID == "" {
		r.ResponseID = m.said.requestID
	}
	if m.said.tier != "" {
		r.Tier = m.said.tier
	}
	r.Tier = tier(r.Tier, m.said.latency)
	m.forgetModel(&r)
	if m.said.status < 400 {
		m.fill(&r, end, more)
	}
	return r
}

// closeFraming ends what an answer is framed in. In a cut stream an event that
// lacks its end is short, not wrong.
func (m *meter) closeFraming(end tokenizer.End) {
	switch {
	case m.frames != nil:
		err := m.frames.Close()
		if m.frames.Err() != nil || err != nil && end != tokenizer.Cut {
			m.unreadable++
		}
	case m.events != nil:
		before := m.unreadable
		m.events.Flush()
		if end == tokenizer.Cut {
			m.unreadable = before
		}
	}
}

// forgetModel leaves the model that was asked for as the one that answered, where
// the call names it: makers answer with a name of their own, which no price on
// Bedrock goes by, and which lacks the profile's region.
func (m *meter) forgetModel(r *tokenizer.Reading) {
	n, ours := m.body.(*native)
	if m.hidden || ours && n.routed != "" {
		return
	}
	for i := range r.Usage {
		if u := &r.Usage[i]; u.Model == r.Model {
			u.Model = ""
		}
	}
	r.Model = ""
}

// fill adds to the usage of the model that was asked what the body did not count:
// by Bedrock's metrics, else by its headers, else by what was made.
func (m *meter) fill(r *tokenizer.Reading, end tokenizer.End, metrics counts) {
	var first tokenizer.Usage
	if len(r.Usage) > 0 {
		first = r.Usage[0]
	}
	metrics.fill(&first, tokenizer.Reported)
	m.said.counts.fill(&first, tokenizer.Reported)
	if end == tokenizer.Complete {
		m.units(&first)
	}
	switch {
	case len(r.Usage) > 0:
		r.Usage[0] = first
	case first.Known():
		r.Usage = []tokenizer.Usage{first}
	}
}

// units sets what is billed that is no token.
func (m *meter) units(u *tokenizer.Usage) {
	n, ours := m.body.(*native)
	switch {
	case m.operation == images && ours && m.complete:
		cells.Set(u, tokenizer.Reported, cells.Part{Class: tokenizer.Images, Count: n.images, Known: true})
	case m.operation == rerank && ours && m.complete:
		u.Set(tokenizer.RerankUnits, int64(m.searches), tokenizer.Reported)
	}
}

// frames are the messages of AWS's event stream.
type frames struct{ *meter }

// Begin readies for a message: an event of Converse, a chunk that an InvokeModel
// event is wrapped in, or an exception.
func (f frames) Begin(h *eventstream.Headers) {
	f.wrapped = string(h.EventType()) == "chunk"
	f.aside = false
	if kind := string(h.MessageType()); kind != "event" && kind != "" {
		f.aside, f.failed = true, true
		return
	}
	if f.body.begin(); f.wrapped {
		f.chunk.begin()
	}
}

// Data takes a piece of a message's payload.
func (f frames) Data(p []byte) {
	switch {
	case f.aside:
	case f.wrapped:
		f.chunk.feed(p)
	default:
		f.body.feed(p)
	}
}

// End judges the message.
func (f frames) End(whole bool) {
	if f.aside {
		return
	}
	unwrapped := !f.wrapped || f.chunk.end()
	ok, last := f.body.end()
	switch {
	case !whole: // the splitter stopped, and is asked why at the end
		f.body.distrust()
		return
	case !ok || !unwrapped:
		f.unreadable++
	}
	f.complete = f.complete || last
}

// lines are server-sent events, as gateways make of Converse's.
type lines struct{ *meter }

// Begin readies for an event.
func (l lines) Begin([]byte) { l.body.begin() }

// Data takes a piece of its data.
func (l lines) Data(p []byte) { l.body.feed(p) }

// End judges the event.
func (l lines) End(_ []byte, whole bool) {
	ok, last := l.body.end()
	if !ok || !whole {
		l.unreadable++
	}
	l.complete = l.complete || last
}
