// Package ndjson splits newline-delimited JSON that arrives in arbitrary pieces.
//
// In come the bytes of a stream, or of a file of JSON lines, cut anywhere. Out go,
// line by line, the pieces of each value as they pass; a line is never gathered,
// so that its size costs no memory. Blank lines are passed over, and a CR before
// the line's end is left out. The package does not know what a line means, nor
// whether it is JSON.
//
// A Splitter belongs to one goroutine.
package ndjson

import "bytes"

// MaxLine is the most of one line that is delivered, in bytes. What comes beyond
// is dropped, and End is told.
const MaxLine = 16 << 20

// Handler receives lines, as that of package sse receives events, so that one
// reader can take either: lines have no name, and name is always nil. Slices are
// valid during the call only.
type Handler interface {
	// Begin announces a line that is not blank.
	Begin(name []byte)
	// Data gives its next piece.
	Data(piece []byte)
	// End closes the line that was begun; whole is false if it was longer than
	// MaxLine.
	End(name []byte, whole bool)
}

// Splitter cuts one stream into lines.
type Splitter struct {
	h     Handler
	begun bool
	cr    bool // the line so far ends with a CR that was held back
	size  int  // of this line, delivered or dropped
	held  [1]byte
}

// New makes a Splitter that reports to h.
func New(h Handler) *Splitter { return &Splitter{h: h, held: [1]byte{'\r'}} }

// Feed splits the next piece.
func (s *Splitter) Feed(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.part(p)
			return
		}
		s.part(p[:end])
		s.endLine()
		p = p[end+1:]
	}
}

// Flush ends the stream: a line that lacks its end is taken to end here.
func (s *Splitter) Flush() { s.endLine() }

// part takes a piece of the line at hand, without its end.
func (s *Splitter) part(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.cr {
		s.cr = false
		s.data(s.held[:])
	}
	if p[len(p)-1] == '\r' {
		s.cr = true
		p = p[:len(p)-1]
	}
	if !s.begun {
		p = bytes.TrimLeft(p, " \t\r")
	}
	s.data(p)
}

func (s *Splitter) data(p []byte) {
	if len(p) == 0 {
		return
	}
	if !s.begun {
		if p[0] == '\r' {
			return
		}
		s.begun, s.size = true, 0
		s.h.Begin(nil)
	}
	if room := MaxLine - s.size; len(p) > room {
		s.size = MaxLine + 1
		p = p[:max(room, 0)]
	} else {
		s.size += len(p)
	}
	if len(p) > 0 {
		s.h.Data(p)
	}
}

func (s *Splitter) endLine() {
	if s.begun {
		s.h.End(nil, s.size <= MaxLine)
	}
	s.begun, s.cr = false, false
}
