package openai

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/sse"
	"github.com/tidwall/gjson"
)

// tierBatch is what a batch is served at.
const tierBatch = "batch"

// mediaScript reads answers with pictures, words of sound, sound itself, and the
// objects of batches.
var mediaScript = jsonscan.MustScript(keep, places{
	"id": idRole, "model": modelRole, "error": errorRole, "usage": usageRole,
	"size": sizeRole, "quality": qualityRole, "data.*.b64_json": pictureRole, "data.*.url": pictureRole,
	"duration": durationRole, "text": textRole, "delta": textRole, "type": kindRole,
	"status": statusRole, "output_file_id": aliasRole, "request_counts.completed": countRole,
})

// mediaMeter reads one such answer.
type mediaMeter struct {
	operation  string
	of         string
	characters int64
	json       *jsonscan.Scanner
	events     *sse.Splitter // nil: the answer is one JSON value, or no text at all
	last       bool
	complete   bool

	reading  tokenizer.Reading
	usage    []byte // the last usage seen, raw
	pictures int64
	duration gjson.Result
	status   string
	alias    string
	answered int64 // requests of a batch; 0: not said
}

func newMediaMeter(call tokenizer.Call, form tokenizer.Form) tokenizer.Meter {
	m := &mediaMeter{operation: call.Operation, of: call.Of, characters: call.Characters}
	m.json = jsonscan.New(mediaScript.Plan, m)
	switch {
	case form == tokenizer.JSON:
	case form == tokenizer.SSE:
		m.events = sse.New(m)
	case call.Operation == speech: // sound is paid by what was to be said
	default:
		return nil
	}
	return m
}

// Feed takes the next bytes of the answer.
func (m *mediaMeter) Feed(p []byte) (complete bool) {
	if m.events != nil {
		m.events.Feed(p)
		return m.complete
	}
	_ = m.json.Feed(p) // Close asks again
	m.complete = m.json.Done()
	return m.complete
}

// Begin readies for an event.
func (m *mediaMeter) Begin(name []byte) {
	m.json.Reset()
	m.last = false
	m.kind(name)
}

// Data takes a piece of an event's data.
func (m *mediaMeter) Data(p []byte) {
	_ = m.json.Feed(p) // End asks again
	m.complete = m.complete || m.last && m.json.Done()
}

// End judges the event; what comes after the last one is no matter.
func (m *mediaMeter) End(_ []byte, whole bool) {
	if !m.complete && (!whole || m.json.Close() != nil) {
		m.reading.Unreadable++
	}
}

// kind takes what an event is called, by its name or its type member.
func (m *mediaMeter) kind(name []byte) {
	switch string(name) {
	case "image_generation.completed", "image_edit.completed":
		m.last = true
		m.pictures++
	case "transcript.text.done", "speech.audio.done":
		m.last = true
	}
}

// Value takes a value that the scanner found.
func (m *mediaMeter) Value(watch int, raw []byte) {
	switch mediaScript.Role(watch) {
	case usageRole:
		if len(raw) > 2 && raw[0] == '{' {
			m.usage = append(m.usage[:0], raw...)
		}
	case pictureRole:
		if string(raw) != "null" { // of a picture that is too long to keep nothing is given
			m.pictures++
		}
	case errorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	case kindRole:
		if m.events != nil && len(raw) > 2 && !m.last {
			m.kind(raw[1 : len(raw)-1])
		}
	case durationRole:
		m.duration = gjson.Parse(string(raw))
	case idRole:
		jsonscan.SetWord(&m.reading.ResponseID, raw)
	case modelRole:
		jsonscan.SetWord(&m.reading.Model, raw)
	case sizeRole:
		jsonscan.SetWord(&m.reading.Size, raw)
	case qualityRole:
		jsonscan.SetWord(&m.reading.Quality, raw)
	case statusRole:
		jsonscan.SetWord(&m.status, raw)
	case aliasRole:
		jsonscan.SetWord(&m.alias, raw)
	case countRole:
		m.answered = jsonscan.Number(raw)
	default:
	}
}

// Text takes a piece of what was heard; the last event of a stream repeats it.
func (m *mediaMeter) Text(_ int, piece []byte) {
	if !m.last {
		m.reading.Heard(piece)
	}
}

// Close ends the metering.
func (m *mediaMeter) Close(end tokenizer.End) tokenizer.Reading {
	r := &m.reading
	before := r.Unreadable
	switch {
	case m.events != nil:
		m.events.Flush()
	case m.operation != speech && m.json.Close() != nil:
		r.Unreadable++
	}
	if end == tokenizer.Cut && m.json.Err() == nil {
		r.Unreadable = before // a cut body is short, not wrong
	}
	u := m.counts()
	if m.operation == speech && m.characters > 0 && !u.Known() && end != tokenizer.Failed {
		u.Set(tokenizer.Characters, m.characters, tokenizer.Reported)
	}
	if m.operation == batch {
		m.closeBatch(&u)
	}
	if u.Known() {
		u.Model = r.Model
		r.Usage = []tokenizer.Usage{u}
	}
	return *r
}

// closeBatch says whether the batch is over. Its usage stands in it once it is;
// where it does not, or says zero, the file of its results tells.
func (m *mediaMeter) closeBatch(u *tokenizer.Usage) {
	r := &m.reading
	r.Tier = tierBatch
	r.Finish = m.status
	id := m.of
	if id == "" {
		id = r.ResponseID
	}
	switch m.status {
	case "failed", "expired", "cancelled", "completed":
		in, out := u.Totals()
		if in+out == 0 && m.alias != "" { // nothing that was used is not that nothing was
			*u = tokenizer.Usage{}
			r.Deferred = tokenizer.Deferred{ID: id, Alias: m.alias}
			return
		}
		if m.answered > 0 { // long ones are not told from short ones
			u.Context = (in + m.answered - 1) / m.answered
		}
	case "":
		if m.of != "" {
			r.Deferred = tokenizer.Deferred{ID: id}
		}
	default:
		*u = tokenizer.Usage{} // so far
		r.Deferred = tokenizer.Deferred{ID: id, Alias: m.alias}
	}
}

// counts is what the answer reports.
//
// Pictures of the newer models are paid by tokens, of the older by the picture;
// both are told where they are known, and the price decides. Words of sound are
// paid by tokens or by the second, as their usage says by its type. Where only the
// length of the sound is told, it counts, begun seconds whole.
// https://platform.openai.com/docs/api-reference/images, …/audio
func (m *mediaMeter) counts() (u tokenizer.Usage) {
	const from = tokenizer.Reported
	g := gjson.ParseBytes(m.usage)
	m.reading.Cost = cells.Cost(g)
	seconds := cells.First(g, "seconds")
	switch {
	case g.Get("type").Str == "duration":
		cells.Set(&u, from, seconds.As(tokenizer.AudioSeconds))
	case len(m.usage) > 0:
		u = usage(g, from)
	case m.duration.Type == gjson.Number && m.duration.Num > 0 && m.duration.Num < cells.MaxCount:
		whole := int64(m.duration.Num)
		if float64(whole) < m.duration.Num {
			whole++
		}
		u.Set(tokenizer.AudioSeconds, whole, from)
	}
	if m.operation == images {
		u = pictures(u, m.pictures, g)
	}
	return u
}

// pictures is u with so many pictures, of which usage tells the parts of the
// output where there are any.
func pictures(u tokenizer.Usage, made int64, usage gjson.Result) tokenizer.Usage {
	if out, known := u.Count(tokenizer.Output); known && !usage.Get("output_tokens_details").Exists() && !usage.Get("completion_tokens_details").Exists() {
		u = asPictures(u, out)
	}
	if made > 0 {
		u.Set(tokenizer.Images, made, tokenizer.Reported)
	}
	return u
}

// asPictures is u with its output taken for pictures: what a model of pictures
// generates, where the parts are not told.
func asPictures(u tokenizer.Usage, out int64) (v tokenizer.Usage) {
	for c, n := range u.All {
		if c != tokenizer.Output {
			v.Set(c, n, u.Source(c))
		}
	}
	v.Set(tokenizer.OutputImage, out, u.Source(tokenizer.Output))
	return v
}
