package gemini

import (
	"bytes"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/sse"
	"github.com/tidwall/gjson"
)

// tierHeader names the tier that an answer of the Gemini API was served at.
// https://ai.google.dev/gemini-api/docs/priority-inference
const tierHeader = "x-gemini-service-tier"

// meter reads one answer.
type meter struct {
	operation string
	asked     string // the model that was
	choices   int
	seconds   int64 // of video that was asked for
	of        string

	script   *jsonscan.Script[role]
	json     *jsonscan.Scanner
	events   *sse.Splitter // nil: the answer is one JSON value, or lines of them
	lines    bool
	amid     bool // something of this line has come
	unread   bool // the answer is of a form that tells nothing
	complete bool

	mark     int  // bytes of the done mark that this event has matched, or a state below
	last     bool // this event ends an interaction
	told     bool // this event said what was used
	finished int  // candidates that have finished

	reading   tokenizer.Reading
	model     string // with its collection before it
	agent     string
	blocked   string
	tier      string // as a header says, or an interaction
	usage     []byte // the last usage seen, raw
	items     int    // usages of single requests of a batch
	failures  int    // of them that were not answered
	keyed     bool   // this line names its request
	failed    bool   // and says why it was not answered
	torn      bool   // the last line was not read
	sums      cells.Sums
	grounding grounding
	work      work

	media, made, tokens, characters int64
	counted                         bool // tokens or characters of a prediction were told
}

// doneMark is the data of the event that ends a stream of an interaction.
const doneMark = "[DONE]"

// Values of mark beside a number of bytes.
const (
	isJSON    = -1
	isNeither = -2
)

// NewMeter makes the meter of one answer.
func (*Dialect) NewMeter(call tokenizer.Call, answer tokenizer.Answer) tokenizer.Meter {
	m := &meter{
		operation: call.Operation, asked: call.Model, choices: call.Choices, seconds: call.Seconds, of: call.Of,
		script: scriptOf(call.Operation), lines: call.Operation == batchFile, tier: tierName(answer.Head.Header(tierHeader)),
	}
	m.grounding.each = call.Operation == batch || call.Operation == batchFile
	m.json = jsonscan.New(m.script.Plan, m)
	switch answer.Form {
	case tokenizer.JSON:
	case tokenizer.NDJSON:
		m.lines = true
	case tokenizer.SSE:
		m.events = sse.New(m)
	default:
		if call.Of == "" {
			return nil
		}
		m.unread = true
	}
	return m
}

func scriptOf(operation string) *jsonscan.Script[role] {
	switch operation {
	case interactions:
		return &interactionScript
	case batch, cache, uncache:
		return &workScript
	case batchFile:
		return &lineScript
	}
	return &answerScript
}

// Feed takes the next bytes of the answer.
func (m *meter) Feed(p []byte) (complete bool) {
	switch {
	case m.events != nil:
		m.events.Feed(p)
	case m.lines:
		m.feedLines(p)
	default:
		_ = m.json.Feed(p) // Close asks again
		m.complete = m.json.Done()
	}
	return m.complete
}

// feedLines reads lines of JSON, which hold no line ends within.
func (m *meter) feedLines(p []byte) {
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		m.amid = m.amid || len(bytes.TrimSpace(line)) > 0
		_ = m.json.Feed(line) // endLine asks again
		if ended {
			m.endLine()
		}
		p = rest
	}
}

func (m *meter) endLine() {
	m.torn = m.amid && m.json.Close() != nil
	if m.torn {
		m.reading.Unreadable++
	}
	if m.keyed && m.failed { // without a name it is an error in the place of results
		m.failures++
	}
	m.amid, m.keyed, m.failed = false, false, false
	m.json.Reset()
}

// Begin readies for an event.
func (m *meter) Begin(name []byte) {
	m.json.Reset()
	m.mark, m.last, m.told = 0, false, false
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
		m.complete = m.complete || m.json.Done() && m.ends()
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

// ends reports whether the event at hand is the last. Streams of contents have no
// end mark; the chunk that says how the last candidate finished, and what was
// used, is the last one.
func (m *meter) ends() bool {
	if m.operation == interactions {
		return m.last
	}
	return m.told && (m.finished >= m.choices || m.blocked != "")
}

// End judges the event. One without data is a sign of life and no more.
func (m *meter) End(name []byte, whole bool) {
	m.kind(name)
	switch {
	case m.mark == 0 || m.mark == len(doneMark):
	case m.mark != isJSON, !whole, m.json.Close() != nil:
		m.reading.Unreadable++
		return
	}
	m.complete = m.complete || m.mark == isJSON && m.ends()
}

// kind takes what an event of an interaction is called, by its name or its
// member event_type.
func (m *meter) kind(name []byte) {
	switch string(name) {
	case "interaction.completed", "interaction.complete", "interaction.failed", "interaction.cancelled", "interaction.incomplete":
		m.last = true
	case "error":
		m.reading.Error = true
	}
}

// Value takes a value that the scanner found.
func (m *meter) Value(watch int, raw []byte) {
	switch as := m.script.Role(watch); as {
	case usageRole, itemRole:
		m.keepUsage(as, raw)
	case mediaRole, madeRole, webRole, mapsRole, errorRole, doneRole, failedRole, keyRole:
		m.note(as, raw)
	case tokensRole:
		m.tokens, m.counted = m.tokens+jsonscan.Number(raw), true
	case charactersRole:
		m.characters, m.counted = jsonscan.Number(raw), true
	case queriesRole:
		m.grounding.search(raw)
	case argsRole:
		m.arguments(raw)
	case finishRole:
		m.finish(raw)
	default:
		m.word(as, raw)
	}
}

// note takes what matters by being there.
func (m *meter) note(as role, raw []byte) {
	if raw != nil && !jsonscan.Says(raw) {
		return
	}
	switch as {
	case mediaRole:
		m.media++
	case madeRole:
		m.made++
	case webRole:
		m.grounding.web = true
	case mapsRole:
		m.grounding.maps = true
	case doneRole:
		m.work.done = true
	case failedRole:
		m.failed = true
	case keyRole:
		m.keyed = true
	case errorRole:
		m.reading.Error = true
	}
}

// word takes a short text.
func (m *meter) word(as role, raw []byte) {
	switch as {
	case idRole:
		jsonscan.SetWord(&m.reading.ResponseID, raw)
	case modelRole:
		jsonscan.SetWord(&m.model, raw)
	case agentRole:
		jsonscan.SetWord(&m.agent, raw)
	case tierRole:
		jsonscan.SetWord(&m.tier, raw)
	case blockRole:
		jsonscan.SetWord(&m.blocked, raw)
	case statusRole:
		jsonscan.SetWord(&m.work.status, raw)
	case nameRole:
		jsonscan.SetWord(&m.work.name, raw)
	case fileRole:
		jsonscan.SetWord(&m.work.file, raw)
	case expireRole:
		jsonscan.SetWord(&m.work.expires, raw)
	case kindRole:
		if len(raw) > 2 {
			m.kind(raw[1 : len(raw)-1])
		}
	case stepRole:
		if string(raw) == `"google_search_call"` {
			m.grounding.step()
		}
	}
}

// finish takes how a candidate finished.
func (m *meter) finish(raw []byte) {
	if len(raw) > 0 && raw[0] == '"' {
		jsonscan.SetWord(&m.reading.Finish, raw)
	} else if n := int(jsonscan.Number(raw)); n > 0 && n < len(finishes) {
		m.reading.Finish = finishes[n]
	} else {
		return
	}
	m.finished++
}

// finishes are the first reasons by their numbers; further ones differ between
// the two servers.
var finishes = [...]string{"", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"}

// arguments takes those of a call as generated text: an object, or a piece of
// one as a string.
func (m *meter) arguments(raw []byte) {
	if len(raw) > 1 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	if string(raw) != "{}" && string(raw) != "null" {
		m.reading.Heard(raw)
	}
}

// keepUsage keeps a usage object: the last one counts whole, and nothing is added
// up but what single requests of a batch used.
func (m *meter) keepUsage(as role, raw []byte) {
	if len(raw) <= 2 || raw[0] != '{' {
		return
	}
	if as == usageRole {
		m.usage, m.told = append(m.usage[:0], raw...), true
		return
	}
	m.items++
	c := metadata(gjson.ParseBytes(raw))
	u := c.usage(tokenizer.Reported)
	if u.Known() && !m.sums.Add(&u) {
		m.reading.Unreadable++
	}
}

// Text takes a piece of generated text.
func (m *meter) Text(_ int, piece []byte) { m.reading.Heard(piece) }

// isSong reports whether a model is paid by the piece of music that it makes.
func isSong(model string) bool { return strings.HasPrefix(model, "lyria") }

// isPicture reports whether a model makes pictures and nothing else.
func isPicture(model string) bool { return strings.HasPrefix(model, "imagen") }

// Heard implements tokenizer.Hearer.
func (m *meter) Heard() int64 { return m.reading.TextBytes }
