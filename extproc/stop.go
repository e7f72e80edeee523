package extproc

import (
	"bytes"
	"slices"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// halt is how an answer is ended midway, where its owner has nothing left for more.
type halt struct {
	why    *policy.Refusal // nil: it is not
	event  []byte          // what the caller is told last; empty: its stream has no word for it
	local  *wire.Local     // what has Envoy cut the answer off; the caller sees none of it
	waited int             // bytes that passed while the end of an event was waited for
	tail   []byte          // the last of them
}

// haltWithin bounds how much of an answer passes before it is cut within an event.
const haltWithin = 64 << 10

// mayStop reports whether the answer can be ended midway: it comes piece by piece,
// and Envoy waits for what we say of it.
func (st *stream) mayStop() bool {
	streamed := st.gauge.form == tokenizer.SSE || st.gauge.form == tokenizer.NDJSON || st.gauge.form == tokenizer.EventStream
	return streamed && st.shape == wire.Inline && !st.gauge.whole && endOf(st.gauge.status) == tokenizer.Complete
}

// stop settles the call as it is and ends its answer: behind the last whole event the
// caller is told why, and then Envoy cuts it off, which cancels the provider.
func (st *stream) stop(in *wire.Message) {
	h := &st.halt
	h.local = &wire.Local{Status: h.why.Status, Details: "farebox_" + h.why.Code}
	s, can := st.way.dialect.(tokenizer.Stopper)
	if readable := st.gauge.inflater == nil || st.gauge.plain; can && readable {
		h.event = s.Stop(st.request.Call, st.gauge.form, h.why.Status, h.why.Code, h.why.Message)
	}
	st.settle(tokenizer.Cut, "stopped: "+h.why.Rule+" had too little left")
	st.phase = stopping
	st.sayLast(in)
}

// sayLast ends the answer at the end of the last whole event of this piece, with what
// the caller is told last. Without a whole event in it the next piece is waited for.
func (st *stream) sayLast(in *wire.Message) {
	h := &st.halt
	if in.End {
		st.phase = passing // it has ended by itself
		return
	}
	piece := in.Body
	if st.reply.Swap {
		piece = bytes.Join(st.reply.Body, nil)
	}
	text := slices.Concat(h.tail, piece)
	end := max(0, whole(st.gauge.form, text)-len(h.tail))
	switch h.waited += len(in.Body); {
	case len(h.event) == 0:
		end = len(piece)
	case end == 0 && h.waited < haltWithin:
		h.tail = bytes.Clone(text[max(0, len(text)-longestBlank+1):])
		return
	case end == 0:
		h.event = nil
	}
	st.reply.Body, st.reply.Swap = append(st.reply.Body[:0], piece[:end], h.event), true
	st.reply.Cut = h.local
	st.phase = stopped
}

// longestBlank is how many bytes the end of an event has at most.
const longestBlank = 4

// whole is where the last event ends that ends in a piece of a stream; 0: none does.
func whole(form tokenizer.Form, piece []byte) int {
	if form == tokenizer.NDJSON {
		return bytes.LastIndexByte(piece, '\n') + 1
	}
	end := 0
	for _, blank := range [...]string{"\n\n", "\r\n\r\n", "\r\r"} {
		if at := bytes.LastIndex(piece, []byte(blank)); at >= 0 {
			end = max(end, at+len(blank))
		}
	}
	return end
}
