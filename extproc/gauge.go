package extproc

import (
	"time"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/inflate"
)

// gauge measures one answer from its bytes, and undoes what asking for usage
// shows. It looks at each byte once.
type gauge struct {
	meter    tokenizer.Meter
	hearer   tokenizer.Hearer  // the same; nil: it does not tell amid an answer
	inflater *inflate.Inflater // nil: the answer is not compressed
	hider    tokenizer.Hider   // nil: nothing is hidden
	plain    bool              // the caller gets the inflated bytes
	whole    bool              // the answer comes in one piece
	body     bool              // keep the beginning of the answer in errorBody
	unread   bool              // the answer cannot be read, or not to its end
	owes     bool              // the hider may hold bytes that the caller has yet to get

	form      tokenizer.Form
	status    int
	tries     int
	account   string    // the provider's, where the answer names it
	region    string    // likewise
	first     time.Time // of the first piece
	errorBody []byte

	complete bool
	read     tokenizer.Reading // where no meter reads: what Envoy counted
	broken   error
	scratch  [][]byte
	hidden   []byte // inflated and hidden bytes of this piece
	sink     func([]byte)
}

// keptError bounds errorBody.
const keptError = 4 << 10

func (g *gauge) open(d tokenizer.Dialect, c tokenizer.Call, a tokenizer.Answer) {
	g.meter = d.NewMeter(c, a)
	g.hearer, _ = g.meter.(tokenizer.Hearer) // nil where it is none
}

// decode prepares for a content-encoding; an unknown one is an error.
func (g *gauge) decode(encoding string) error {
	if encoding == "" || encoding == "identity" {
		return nil
	}
	in, err := inflate.New(encoding)
	if err != nil {
		return err
	}
	g.inflater, g.sink = in, g.inflated
	return nil
}

// take measures a piece and writes into out what the caller shall get in its
// place. complete is true from the dialect's own last event on.
func (g *gauge) take(in *wire.Message, out *wire.Reply) (complete bool, err error) {
	g.hidden = g.hidden[:0]
	switch {
	case g.broken != nil:
	case g.inflater != nil:
		g.broken = g.inflater.Feed(in.Body, g.sink)
		if g.broken == nil && in.End {
			g.broken = g.inflater.End(g.sink)
		}
		if g.broken != nil {
			err, g.unread = g.broken, true
		}
	default:
		g.feed(in.Body)
	}
	switch {
	case g.plain:
		g.passPlain(in, out)
	case g.hider != nil:
		out.Body, out.Swap = g.hider.Hide(out.Body, in.Body, in.End)
	}
	// What we inflate must be inflated to its end; what we hide, to the event's.
	g.owes = !in.End && (g.plain || g.hider != nil && g.hider.Amid())
	return g.complete, err
}

func (g *gauge) feed(p []byte) {
	if g.body && len(g.errorBody) < keptError {
		g.errorBody = append(g.errorBody, p[:min(len(p), keptError-len(g.errorBody))]...)
	}
	if g.meter != nil && g.meter.Feed(p) {
		g.complete = true
	}
}

// inflated takes bytes out of the inflater, which are only lent.
func (g *gauge) inflated(p []byte) {
	g.feed(p)
	if g.plain {
		g.hide(p, false)
	}
}

func (g *gauge) passPlain(in *wire.Message, out *wire.Reply) {
	if in.End {
		g.hide(nil, true)
	}
	out.Body, out.Swap = append(out.Body, g.hidden), true
}

func (g *gauge) hide(p []byte, last bool) {
	pieces, changed := g.hider.Hide(g.scratch[:0], p, last)
	if !changed {
		g.hidden = append(g.hidden, p...)
		return
	}
	for _, piece := range pieces {
		g.hidden = append(g.hidden, piece...)
	}
	g.scratch = pieces
}

// close ends the measuring; the answer's bytes may still pass.
func (g *gauge) close(end tokenizer.End) tokenizer.Reading {
	if g.meter == nil {
		return g.read
	}
	r := g.meter.Close(end)
	g.meter, g.hearer = nil, nil
	return r
}

// free releases what the gauge holds when the exchange is over.
func (g *gauge) free() {
	if g.inflater != nil {
		_ = g.inflater.Close() // what it could not read was said when it was fed
		g.inflater = nil
	}
}
