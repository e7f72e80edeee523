package openai

// tape sends on a stream that comes in pieces, except for what is dropped or held
// back. Positions are counted from the start of the stream.
type tape struct {
	base int64  // position of the piece at hand
	sent int64  // everything before has been sent or dropped
	held []byte // ends at base; its last base-sent bytes are still to be sent
	free []byte // the other buffer: what is sent of held stays valid until the next call

	out    [][]byte // what is sent in this call, after what the caller had
	had    int      // slices that the caller had
	piece  []byte
	first  int64 // sent, when the call began
	joined bool  // the last slice of out is of piece and ends at sent
	cut    bool  // something was dropped in this call
}

// open begins a call.
func (t *tape) open(out [][]byte, p []byte) {
	t.out, t.had, t.piece = out, len(out), p
	t.first, t.joined, t.cut = t.sent, false, false
}

// send sends everything before position to that has not been.
func (t *tape) send(to int64) {
	if t.sent < t.base && t.sent < to {
		from := int64(len(t.held)) - (t.base - t.sent)
		n := min(to, t.base) - t.sent
		t.out = append(t.out, t.held[from:from+n])
		t.sent += n
	}
	if t.sent >= to {
		return
	}
	from, end := t.sent-t.base, to-t.base
	if t.joined {
		last := &t.out[len(t.out)-1]
		*last = t.piece[from-int64(len(*last)) : end]
	} else {
		t.out = append(t.out, t.piece[from:end])
	}
	t.sent, t.joined = to, true
}

// drop drops what has not been sent before piece[i].
func (t *tape) drop(i int) {
	if to := t.base + int64(i); t.sent < to {
		t.sent, t.joined, t.cut = to, false, true
	}
}

// close ends a call: what lies before position hold is sent, the rest is kept.
// changed is false when just the piece was sent, and then pieces are what the
// caller had.
func (t *tape) close(hold int64) (pieces [][]byte, changed bool) {
	t.send(hold)
	end := t.base + int64(len(t.piece))
	changed = t.first < t.base || t.cut || t.sent < end
	pieces = t.out
	if !changed {
		pieces = pieces[:t.had]
	}
	t.keep(end)
	t.base, t.out, t.piece = end, nil, nil
	return pieces, changed
}

// keep copies what is still to be sent. The buffer that was sent from is left
// alone.
func (t *tape) keep(end int64) {
	if t.sent >= end {
		t.held = t.held[:0]
		return
	}
	tail := t.piece[max(t.sent-t.base, 0):]
	if t.sent == t.first {
		t.held = append(t.held, tail...)
		return
	}
	rest := t.held[int64(len(t.held))-max(t.base-t.sent, 0):]
	t.held, t.free = append(append(t.free[:0], rest...), tail...), t.held
}
