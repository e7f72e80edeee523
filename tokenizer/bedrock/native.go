package bedrock

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// reader reads the values of one answer: the one value of a JSON body, or the
// events of a stream one by one.
type reader interface {
	begin()
	feed(p []byte)
	// end ends an event. It returns whether it could be read, and whether it was
	// the stream's last.
	end() (ok, last bool)
	// distrust says that the event that ended was corrupt, whatever it said.
	distrust()
	// done reports whether the one value of a JSON body has ended.
	done() bool
	close(e ending) (tokenizer.Reading, counts)
}

// ending is how an answer ended.
type ending struct {
	tokenizer.End
	stream   bool
	complete bool // its terminal event was seen
}

// native reads the shapes that are Bedrock's own, or of makers that have no
// dialect elsewhere.
type native struct {
	script *jsonscan.Script[role]
	json   *jsonscan.Scanner

	reading       tokenizer.Reading
	usage         []byte // the last usage seen, raw
	metrics       []byte // Bedrock's counts of a stream, raw
	input, output cells.Part
	results       cells.Part // sum over the results of a JSON body
	images        int64
	latency       string
	routed        string
}

func newNative(script *jsonscan.Script[role]) *native {
	n := &native{script: script}
	n.json = jsonscan.New(script.Plan, n)
	return n
}

func (n *native) begin()        { n.json.Reset() }
func (n *native) feed(p []byte) { _ = n.json.Feed(p) } // end asks again
func (n *native) done() bool    { return n.json.Done() }

// end: the last event of Converse is its metadata, which come after the stop; that
// of InvokeModel is the one with Bedrock's metrics.
func (n *native) end() (ok, last bool) {
	ok = n.json.Close() == nil
	return ok, ok && (len(n.metrics) > 0 || len(n.usage) > 0 && n.reading.Finish != "")
}

func (n *native) distrust() {
	n.usage, n.metrics, n.input, n.output = n.usage[:0], n.metrics[:0], cells.Part{}, cells.Part{}
}

// Value takes a value that the scanner found.
func (n *native) Value(watch int, raw []byte) {
	switch as := n.script.Role(watch); as {
	case usageRole:
		n.usage = keepObject(n.usage, raw)
	case metricsRole:
		n.metrics = keepObject(n.metrics, raw)
	case inputRole:
		numeral(&n.input, raw)
	case outputRole:
		numeral(&n.output, raw)
	case resultRole:
		var one cells.Part
		numeral(&one, raw)
		n.results = cells.Sum(n.results, one)
	case imageRole:
		n.images++
	case errorRole:
		n.reading.Error = n.reading.Error || jsonscan.Says(raw)
	case objectRole:
		n.reading.Heard(raw)
	default:
		n.word(as, raw)
	}
}

// word takes a short string.
func (n *native) word(as role, raw []byte) {
	switch as {
	case idRole:
		jsonscan.SetWord(&n.reading.ResponseID, raw)
	case modelRole:
		jsonscan.SetWord(&n.reading.Model, raw)
	case routedRole:
		jsonscan.SetWord(&n.routed, raw)
	case tierRole:
		jsonscan.SetWord(&n.reading.Tier, raw)
	case latencyRole:
		jsonscan.SetWord(&n.latency, raw)
	case finishRole:
		jsonscan.SetWord(&n.reading.Finish, raw)
	}
}

// Text takes a piece of generated text.
func (n *native) Text(_ int, piece []byte) { n.reading.Heard(piece) }

// close ends the reading. What a cut body lacks is short, not wrong.
func (n *native) close(e ending) (tokenizer.Reading, counts) {
	if !e.stream && n.json.Close() != nil && (n.json.Err() != nil || e.End != tokenizer.Cut) {
		n.reading.Unreadable++
	}
	r := n.reading
	from := tokenizer.Reported
	if e.End == tokenizer.Cut && !e.complete && r.Finish == "" {
		from = tokenizer.Partial
	}
	var u tokenizer.Usage
	read(&u, n.usage, from)
	if n.results.Known {
		n.output = n.results
	}
	counts{input: n.input, output: n.output}.fill(&u, from)
	metricsOf(n.metrics).fill(&u, from)
	if u.Known() {
		r.Usage = []tokenizer.Usage{u}
	}
	r.Tier = tier(r.Tier, n.latency)
	if n.routed != "" {
		r.Model = aim(n.routed).model
	}
	return r, counts{}
}

// keepObject keeps raw in room if it is an object that says something; else what
// was kept stays.
func keepObject(room, raw []byte) []byte {
	if len(raw) <= 2 || raw[0] != '{' {
		return room
	}
	return append(room[:0], raw...)
}

// numeral keeps a raw number that is believable; else what was kept stays.
func numeral(to *cells.Part, raw []byte) {
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return
	}
	if n := jsonscan.Number(raw); n <= cells.MaxCount {
		to.Count, to.Known = n, true
	}
}
