package gemini

import (
	"time"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// work is what an answer says of work that goes on, or of content that is kept.
type work struct {
	name    string
	file    string // in which the results of a batch are
	expires string
	status  string // of an interaction
	done    bool
}

// Close ends the metering.
func (m *meter) Close(end tokenizer.End) tokenizer.Reading {
	m.closeBody(end)
	r := &m.reading
	if r.Model = bare(m.model); r.Model == "" {
		r.Model = m.agent
	}
	if r.Finish == "" {
		r.Finish = m.blocked
	}
	if m.operation == interactions && !isGoingOn(m.work.status) {
		r.Finish = m.work.status
	}
	if m.grounding.each {
		m.closeMany()
	} else {
		m.closeOne(m.source(end))
	}
	m.deferred(end)
	return *r
}

// closeOne sets what one call used.
func (m *meter) closeOne(from tokenizer.Source) {
	u := m.counts(from)
	m.units(&u)
	if u.Known() {
		u.Model = m.reading.Model
		m.reading.Usage = []tokenizer.Usage{u}
	}
}

// closeMany sets what all requests of a batch used; their searches stand with the
// first of its sums.
func (m *meter) closeMany() {
	r := &m.reading
	r.Tier = batch
	r.Usage = m.sums.All()
	for i := range r.Usage {
		r.Usage[i].Model = r.Model
	}
	if len(r.Usage) > 0 {
		m.units(&r.Usage[0])
	}
}

// closeBody judges what was still open. A cut body is short, not wrong, and one
// that was never fed is neither.
func (m *meter) closeBody(end tokenizer.End) {
	before := m.reading.Unreadable
	switch {
	case m.events != nil:
		m.events.Flush()
	case m.lines:
		m.torn = false
		m.endLine()
	case m.unread, m.operation == uncache: // the answer to a deletion may be empty
		return
	case m.json.Err() == nil && end == tokenizer.Cut:
		_ = m.json.Close() // a number at its end is whole
	case m.json.Close() != nil:
		m.reading.Unreadable++
		return
	}
	if end == tokenizer.Cut {
		m.reading.Unreadable = before
	}
}

// source says how far the last usage can be trusted: of an answer that was cut
// before any candidate had finished, it is what had been used so far.
func (m *meter) source(end tokenizer.End) tokenizer.Source {
	if end == tokenizer.Cut && !m.complete && m.reading.Finish == "" {
		return tokenizer.Partial
	}
	return tokenizer.Reported
}

// counts is what was used, in disjoint classes, and sets the tier.
func (m *meter) counts(from tokenizer.Source) (u tokenizer.Usage) {
	m.reading.Tier = tierName(m.tier)
	if len(m.usage) == 0 {
		return u
	}
	g := gjson.ParseBytes(m.usage)
	switch m.operation {
	case cache:
		if m.of == "" { // what is written is paid for, and nothing is generated
			cells.Set(&u, from, cells.First(g, "totalTokenCount").As(tokenizer.CacheWrite), cells.Part{Class: tokenizer.Output, Known: true})
		}
		return u
	case interactions:
		c := interactionCounts(g)
		return c.usage(from)
	}
	if tier := servedTier(g); tier != "" {
		m.reading.Tier = tier
	}
	c := metadata(g)
	return c.usage(from)
}

// units sets what is not paid for by tokens.
//
// Text to embed at Vertex AI is paid by the character, except by models that are
// paid by the token. A video is paid for by its length, which only the request
// tells; that it was made is told to nobody who cannot follow the operation, so
// the length is an estimate.
func (m *meter) units(u *tokenizer.Usage) {
	model := m.reading.Model
	if model == "" {
		model = m.asked
	}
	if u.Known() { // searches without tokens would pass for all that was used
		m.searches(u, model)
	}
	switch {
	case m.operation == content && m.media > 0 && isSong(model):
		u.Set(tokenizer.Images, m.media, tokenizer.Reported)
	case m.operation == images && (m.made > 0 || isPicture(model) && m.complete && !m.reading.Error): // filtered ones are free
		u.Set(tokenizer.Images, m.made, tokenizer.Reported)
	case m.operation == video && m.work.name != "" && !m.reading.Error:
		u.Set(tokenizer.VideoSeconds, m.seconds, tokenizer.Estimated)
		m.reading.ResponseID = m.work.name
	case m.operation == embeddings && m.counted && m.characters > 0 && !paidByToken(model):
		u.Set(tokenizer.Characters, m.characters, tokenizer.Reported)
	case m.operation == embeddings && m.counted:
		u.Set(tokenizer.Input, m.tokens, tokenizer.Reported)
	}
}

// searches sets what hosted searches are paid by.
func (m *meter) searches(u *tokenizer.Usage, model string) {
	if m.operation != interactions || !m.grounding.setTools(u, gjson.ParseBytes(m.usage), model) {
		m.grounding.set(u, model)
	}
}

// deferred says whether work goes on. An answer to a call that asked after some
// says so too, unless it tells how that ended.
func (m *meter) deferred(end tokenizer.End) {
	d := &m.reading.Deferred
	switch m.operation {
	case interactions:
		if m.of == "" && m.events == nil && isGoingOn(m.work.status) {
			d.ID = m.reading.ResponseID
		}
	case cache:
		m.keeps(d)
	case batch:
		if m.of == "" && !m.reading.Error {
			d.ID = within(m.work.name, "batches")
			m.reading.ResponseID = d.ID
		}
		if m.work.file != "" {
			d.Alias = within(m.work.file, "files")
		}
	}
	if m.of != "" && d.ID == "" && !m.over(end) {
		d.ID = m.of
	}
}

// keeps says what is kept until when.
func (m *meter) keeps(d *tokenizer.Deferred) {
	stored := cells.First(gjson.ParseBytes(m.usage), "totalTokenCount")
	if m.work.name == "" || m.reading.Error || m.of == "" && stored.Count == 0 {
		return
	}
	d.ID, d.Stored = within(m.work.name, "cachedContents"), stored.Count
	m.reading.ResponseID = d.ID
	if at, err := time.Parse(time.RFC3339Nano, m.work.expires); err == nil {
		d.Expires = at
	}
}

// over reports whether the answer tells how earlier work ended.
func (m *meter) over(end tokenizer.End) bool {
	switch m.operation {
	case uncache:
		return true
	case interactions:
		return m.work.status != "" && !isGoingOn(m.work.status)
	case batch:
		return m.work.done && (m.items > 0 || m.work.file == "")
	case batchFile:
		return end == tokenizer.Complete && m.items+m.failures > 0 && !m.torn
	}
	return false
}

// isGoingOn reports whether an interaction of that status is still worked on.
// https://ai.google.dev/api/interactions-api
func isGoingOn(status string) bool {
	switch status {
	case "in_progress", "queued", "IN_PROGRESS", "QUEUED":
		return true
	}
	return false
}
