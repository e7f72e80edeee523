package openai

import "bytes"

// maxHeld is the most that a hider holds back of one stream, in bytes.
const maxHeld = 4 << 10

// hider takes the traces of include_usage out of a stream: the event with no
// choices and a usage object, whole, and "usage":null in any other event. What
// goes out is, byte for byte, what the provider sends without the option.
//
// It holds back only what may still be one of the two: an event from its first
// byte until it shows a choice (or anything else that event does not have), and
// in any event a member from its comma while it may still read "usage":null. An
// event or member of more than maxHeld bytes is taken for something else. Only
// JSON on one data line is looked into, and only keys without escapes are known,
// as every server writes them.
//
// Positions are counted from the start of the stream, so that they mean the same
// whatever the pieces are.
type hider struct {
	tape

	line  linePlace
	cr    bool // the last byte was a CR, so that a LF now belongs to it
	mark  int  // bytes of a byte order mark that are still possible at the start
	match int  // bytes of the field name "data" that matched

	inEvent  bool  // the event's first line has begun
	unsure   bool  // it may still be the usage event
	dropping bool  // it is, and goes out of the stream with all its lines
	sawData  bool  // its data line has begun
	event    int64 // where it began
	eventLF  bool  // a LF now would end an event that was dropped

	object object
}

type linePlace uint8

const (
	lineStart linePlace = iota
	lineField           // in the name of a field, which may be "data"
	lineOther           // in a line of no interest
	lineColon           // before the one space after the colon
	lineData            // in the JSON
)

func newHider() *hider { return &hider{mark: 3, object: object{member: nowhere}} }

// Hide takes the next piece. See tokenizer.Hider.
func (h *hider) Hide(out [][]byte, p []byte, last bool) (pieces [][]byte, changed bool) {
	h.open(out, p)
	for i := 0; i < len(p); {
		i = h.step(i)
	}
	if h.dropping {
		h.drop(len(p))
	}
	return h.close(h.holdFrom(last))
}

// Amid reports whether an event has begun and not ended. See tokenizer.Hider.
func (h *hider) Amid() bool { return h.inEvent || h.eventLF }

// holdFrom returns the position from which bytes must be held. What has grown
// beyond maxHeld is given up.
func (h *hider) holdFrom(last bool) int64 {
	end := h.base + int64(len(h.piece))
	if h.unsure && end-h.event > maxHeld {
		h.unsure = false
	}
	if h.object.member != nowhere && end-h.object.member > maxHeld {
		h.object.member = nowhere
	}
	switch {
	case last:
	case h.unsure:
		return h.event
	case h.object.member != nowhere:
		return h.object.member
	}
	return end
}

// step reads on from p[i] and returns the index of the next byte.
func (h *hider) step(i int) int {
	c := h.piece[i]
	if h.mark > 0 && h.line == lineStart {
		if c == "\xef\xbb\xbf"[3-h.mark] {
			h.mark--
			return i + 1
		}
		if h.mark < 3 { // part of a mark is the name of no field
			h.line = lineOther
		}
		h.mark = 0
	}
	if h.cr {
		h.cr = false
		if c == '\n' {
			if h.eventLF {
				h.drop(i + 1)
			}
			h.eventLF = false
			return i + 1
		}
	}
	h.eventLF = false
	if c == '\n' || c == '\r' {
		h.cr = c == '\r'
		h.endLine(i + 1)
		return i + 1
	}
	return h.linePart(i)
}

// linePart reads on within a line, from a byte that does not end it.
func (h *hider) linePart(i int) int {
	c := h.piece[i]
	switch h.line {
	case lineStart:
		h.startLine(i)
		return i
	case lineField:
		switch {
		case c == ':' && h.match == len("data"):
			h.line = lineColon
		case h.match < len("data") && c == "data"[h.match]:
			h.match++
		default:
			h.line = lineOther
		}
		return i + 1
	case lineColon:
		h.line = lineData
		if h.sawData || h.dropping {
			h.settle() // a second line of data
			h.line = lineOther
		}
		h.sawData = true
		h.object = object{member: nowhere}
		if c == ' ' {
			return i + 1
		}
		return i
	}
	end := i + lineLength(h.piece[i:])
	if h.line == lineData && !h.dropping {
		h.json(i, end)
	}
	return end
}

// startLine decides what a line may be by its first byte. A comment between
// events belongs to none.
func (h *hider) startLine(i int) {
	h.line, h.match = lineField, 0
	if h.inEvent {
		return
	}
	if h.piece[i] == ':' {
		h.line = lineOther
		return
	}
	h.inEvent, h.unsure, h.sawData, h.dropping = true, true, false, false
	h.event = h.base + int64(i)
}

// endLine ends the line whose end is before p[i]; a blank one ends the event.
func (h *hider) endLine(i int) {
	blank := h.line == lineStart
	if h.line == lineData {
		h.settle()
	}
	h.line, h.object.member = lineStart, nowhere
	if h.dropping {
		h.drop(i)
	}
	if blank {
		h.eventLF = h.dropping && h.cr
		h.settle()
		h.inEvent, h.dropping = false, false
	}
}

// lineLength is the number of bytes of p before a line end.
func lineLength(p []byte) int {
	n := bytes.IndexByte(p, '\n')
	if n < 0 {
		n = len(p)
	}
	if cr := bytes.IndexByte(p[:n], '\r'); cr >= 0 {
		return cr
	}
	return n
}

// settle decides that the event at hand is not the usage event.
func (h *hider) settle() { h.unsure = false }
