// Package sse splits an event stream (WHATWG HTML, "Server-sent events") that
// arrives in arbitrary pieces.
//
// In come the bytes of the stream, cut anywhere. Out go, event by event, the
// pieces of its data as they pass; an event is never gathered, so that its size
// costs no memory. Line ends may be LF, CR or CRLF. Ids, retry times and
// comments are passed over. The package does not know what the data means.
//
// A Splitter belongs to one goroutine.
package sse

import "bytes"

// MaxEvent is the most data of one event that is delivered, in bytes. What comes
// beyond is dropped, and End is told.
const MaxEvent = 1 << 20

// maxName is the longest event name that is kept, in bytes.
const maxName = 64

// Handler receives events. Slices are valid during the call only.
type Handler interface {
	// Begin announces the first data line of an event. name is its event name if
	// that came before the data, else empty.
	Begin(name []byte)
	// Data gives the next piece of its data, lines joined by "\n".
	Data(piece []byte)
	// End closes the event that was begun. whole is false if it had more than
	// MaxEvent bytes of data or a name too long to keep.
	End(name []byte, whole bool)
}

type place uint8

const (
	inField    place = iota // at the start of a line, or in a field's name
	afterColon              // where one space is left out
	inData
	inName
	inOther // in a line that says nothing to us
)

// Splitter cuts one stream into events.
type Splitter struct {
	h       Handler
	at      place
	begun   bool // Begin was called for the event at hand
	cr      bool // the last byte was a CR, so that a LF now belongs to it
	bom     uint8
	size    int // data of this event that was delivered or dropped
	fieldN  int // bytes of the field's name so far; beyond len(field): unknown
	field   [5]byte
	nameN   int // bytes of the event's name so far; beyond maxName: too long
	name    [maxName]byte
	newline [1]byte
}

const byteOrderMark = "\xef\xbb\xbf"

// New makes a Splitter that reports to h.
func New(h Handler) *Splitter { return &Splitter{h: h, newline: [1]byte{'\n'}} }

// Reset readies s for another stream.
func (s *Splitter) Reset() { *s = Splitter{h: s.h, newline: s.newline} }

// Feed splits the next piece.
func (s *Splitter) Feed(p []byte) {
	if s.bom < uint8(len(byteOrderMark)) {
		p = s.skipMark(p)
	}
	for len(p) > 0 {
		if s.cr {
			s.cr = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		switch s.at {
		case inField:
			p = s.fieldPart(p)
		case afterColon:
			p = s.colonPart(p)
		default:
			p = s.linePart(p)
		}
	}
}

// Flush ends the stream: a line or an event that lacks its end is taken to end
// here. The standard would drop it; providers leave out the last blank line.
func (s *Splitter) Flush() {
	if s.at != inField || s.fieldN > 0 {
		s.endLine()
	}
	s.endEvent()
}

// skipMark leaves out a byte order mark at the start of the stream.
func (s *Splitter) skipMark(p []byte) []byte {
	for len(p) > 0 && s.bom < uint8(len(byteOrderMark)) {
		if p[0] != byteOrderMark[s.bom] {
			if s.bom > 0 { // part of a mark is the name of no field we know
				s.fieldN = len(s.field) + 1
			}
			s.bom = uint8(len(byteOrderMark))
			return p
		}
		s.bom++
		p = p[1:]
	}
	return p
}

// fieldPart reads a field's name up to the colon or the end of the line.
func (s *Splitter) fieldPart(p []byte) []byte {
	for i, c := range p {
		switch {
		case c == ':':
			s.at = afterColon
			return p[i+1:]
		case c == '\n' || c == '\r':
			s.cr = c == '\r'
			s.endLine()
			return p[i+1:]
		case s.fieldN < len(s.field):
			s.field[s.fieldN] = c
			s.fieldN++
		default:
			s.fieldN = len(s.field) + 1
			s.at = inOther
			return p[i+1:]
		}
	}
	return nil
}

// colonPart leaves out one space after the colon and opens the field's value.
func (s *Splitter) colonPart(p []byte) []byte {
	s.openField()
	if p[0] == ' ' {
		return p[1:]
	}
	return p
}

// openField readies for the value of the field that was named.
func (s *Splitter) openField() {
	s.at = inOther
	if s.fieldN > len(s.field) {
		return
	}
	switch string(s.field[:s.fieldN]) {
	case "data":
		s.at = inData
		s.openData()
	case "event":
		s.at, s.nameN = inName, 0
	}
}

func (s *Splitter) openData() {
	if s.begun {
		s.data(s.newline[:])
		return
	}
	s.begun, s.size = true, 0
	s.h.Begin(s.eventName())
}

// linePart reads a field's value up to the end of the line.
func (s *Splitter) linePart(p []byte) []byte {
	line, rest, ended := cutLine(p)
	switch s.at {
	case inData:
		s.data(line)
	case inName:
		if s.nameN+len(line) > maxName {
			s.nameN = maxName + 1
		} else {
			s.nameN += copy(s.name[s.nameN:], line)
		}
	}
	if ended {
		s.cr = p[len(line)] == '\r'
		s.endLine()
	}
	return rest
}

// cutLine cuts p around its first line end.
func cutLine(p []byte) (line, rest []byte, ended bool) {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		end = len(p)
	}
	if cr := bytes.IndexByte(p[:end], '\r'); cr >= 0 {
		end = cr
	}
	if end == len(p) {
		return p, nil, false
	}
	return p[:end], p[end+1:], true
}

func (s *Splitter) data(piece []byte) {
	if room := MaxEvent - s.size; len(piece) > room {
		s.size = MaxEvent + 1
		piece = piece[:max(room, 0)]
	} else {
		s.size += len(piece)
	}
	if len(piece) > 0 {
		s.h.Data(piece)
	}
}

// endLine ends the line at hand; a blank one ends the event.
func (s *Splitter) endLine() {
	blank := s.at == inField && s.fieldN == 0
	if s.at == inField && s.fieldN > 0 || s.at == afterColon {
		s.openField() // a field without a value
	}
	s.at, s.fieldN = inField, 0
	if blank {
		s.endEvent()
	}
}

func (s *Splitter) endEvent() {
	if s.begun {
		s.h.End(s.eventName(), s.size <= MaxEvent && s.nameN <= maxName)
	}
	s.begun, s.nameN = false, 0
}

// eventName is the name so far, or empty if it is too long to keep.
func (s *Splitter) eventName() []byte {
	if s.nameN > maxName {
		return nil
	}
	return s.name[:s.nameN]
}
