package bedrock

import "github.com/farebox/farebox/tokenizer"

// foreign reads the shape of another dialect by that dialect's own meter. Of a
// stream it hands it each event as a server-sent one.
type foreign struct {
	meter    tokenizer.Meter
	beside   *native // reads what Bedrock adds
	complete bool
	opening  []byte // of an event
	closing  []byte
}

func newForeign(m tokenizer.Meter) *foreign {
	return &foreign{meter: m, beside: newNative(&besideScript), opening: []byte("data: "), closing: []byte("\n\n")}
}

func (f *foreign) begin() {
	f.beside.begin()
	f.pass(f.opening)
}

func (f *foreign) feed(p []byte) {
	f.pass(p)
	f.beside.feed(p)
}

func (f *foreign) pass(p []byte) { f.complete = f.meter.Feed(p) || f.complete }

// end: that an event cannot be read is for the meter to count.
func (f *foreign) end() (ok, last bool) {
	f.pass(f.closing)
	_, last = f.beside.end()
	return true, last || f.complete
}

func (f *foreign) distrust() { f.beside.distrust() }

func (f *foreign) done() bool { return f.complete }

// close returns the meter's reading. Bedrock's own counts fill what it lacks:
// where both count, as of Claude's tool calls, the message's are larger, and
// taken, for they are what the same message costs at its maker.
func (f *foreign) close(e ending) (tokenizer.Reading, counts) {
	r := f.meter.Close(e.End)
	if r.Finish == "" {
		r.Finish = f.beside.reading.Finish
	}
	return r, metricsOf(f.beside.metrics)
}
