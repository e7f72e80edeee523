// Package eventstream splits a stream of application/vnd.amazon.eventstream
// messages that arrives in arbitrary pieces.
//
// In come the bytes of the stream, cut anywhere. Out go, message by message, the
// few headers that say what a message is, and the pieces of its payload as they
// pass; a payload is never gathered, so that its size costs no memory. Both
// checksums are verified. The package does not know what a payload means.
//
// A message is, in big-endian order: its total length and the length of its
// headers, four bytes each, and the CRC-32 of these eight bytes; the headers; the
// payload; and the CRC-32 of everything before. A header is a name with a length
// of one byte, the type of its value, and the value. See
// https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
//
// Nothing in a message marks its start, so that after one that is corrupt the
// next cannot be found: a Splitter then stops for good.
//
// A Splitter belongs to one goroutine.
package eventstream

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Limits of a message, in bytes, as its specification has them.
const (
	MaxHeaders = 128 << 10
	MaxPayload = 16 << 20
)

const (
	preludeSize = 12
	sumSize     = 4
	// overhead is what a message has beside headers and payload.
	overhead = preludeSize + sumSize
)

// ErrCorrupt reports a message that is not as its checksums, its lengths or the
// types of its headers say.
var ErrCorrupt = errors.New("split event stream: corrupt message")

// ErrShort reports a stream that ended within a message.
var ErrShort = errors.New("split event stream: ends within a message")

// Handler receives messages. Slices are valid during the call only.
type Handler interface {
	// Begin announces a message whose headers have come.
	Begin(h *Headers)
	// Data gives the next piece of its payload. It may yet turn out to be
	// corrupt.
	Data(piece []byte)
	// End closes the message that was begun. whole is false if its checksum does
	// not hold: what Data gave is not to be believed.
	End(whole bool)
}

type place uint8

const (
	inPrelude place = iota
	inHeaders
	inPayload
	inSum // the message's own checksum
	stopped
)

// Splitter cuts one stream into messages.
type Splitter struct {
	h       Handler
	at      place
	sum     uint32 // CRC-32 of the message so far
	room    [preludeSize]byte
	filled  int // bytes of room that are taken
	headers int // bytes of headers still to come
	payload int // bytes of payload still to come
	read    Headers
}

// New makes a Splitter that reports to h.
func New(h Handler) *Splitter { return &Splitter{h: h} }

// Reset readies s for another stream.
func (s *Splitter) Reset() { *s = Splitter{h: s.h} }

// Err is ErrCorrupt after a message that is, and nil otherwise.
func (s *Splitter) Err() error {
	if s.at == stopped {
		return ErrCorrupt
	}
	return nil
}

// Close says that no more will come. It returns Err, or ErrShort within a
// message.
func (s *Splitter) Close() error {
	if s.at != stopped && (s.at != inPrelude || s.filled > 0) {
		return ErrShort
	}
	return s.Err()
}

// Feed splits the next piece. After an error all further bytes are ignored.
func (s *Splitter) Feed(p []byte) error {
	for len(p) > 0 && s.at != stopped {
		switch s.at {
		case inPrelude:
			p = s.preludePart(p)
		case inHeaders:
			p = s.headersPart(p)
		case inPayload:
			p = s.payloadPart(p)
		case inSum:
			p = s.sumPart(p)
		}
	}
	return s.Err()
}

// fill takes bytes of p into room until it holds size of them.
func (s *Splitter) fill(p []byte, size int) (rest []byte, full bool) {
	n := copy(s.room[s.filled:size], p)
	s.filled += n
	return p[n:], s.filled == size
}

func (s *Splitter) preludePart(p []byte) []byte {
	rest, full := s.fill(p, preludeSize)
	if !full {
		return rest
	}
	s.filled = 0
	total, headers := binary.BigEndian.Uint32(s.room[0:]), binary.BigEndian.Uint32(s.room[4:])
	if crc32.ChecksumIEEE(s.room[:8]) != binary.BigEndian.Uint32(s.room[8:]) ||
		headers > MaxHeaders || total < overhead+headers || total-overhead-headers > MaxPayload {
		s.at = stopped
		return nil
	}
	s.sum = crc32.ChecksumIEEE(s.room[:preludeSize])
	s.headers, s.payload = int(headers), int(total-overhead-headers)
	s.read.reset()
	if s.at = inHeaders; s.headers == 0 {
		s.begin()
	}
	return rest
}

func (s *Splitter) headersPart(p []byte) []byte {
	part := p[:min(len(p), s.headers)]
	s.sum = crc32.Update(s.sum, crc32.IEEETable, part)
	if s.headers -= len(part); !s.read.feed(part) {
		s.at = stopped
		return nil
	}
	if s.headers == 0 {
		s.begin()
	}
	return p[len(part):]
}

// begin opens the payload, once the headers are whole.
func (s *Splitter) begin() {
	if !s.read.whole() {
		s.at = stopped
		return
	}
	if s.at = inPayload; s.payload == 0 {
		s.at = inSum
	}
	s.h.Begin(&s.read)
}

func (s *Splitter) payloadPart(p []byte) []byte {
	part := p[:min(len(p), s.payload)]
	s.sum = crc32.Update(s.sum, crc32.IEEETable, part)
	if s.payload -= len(part); s.payload == 0 {
		s.at = inSum
	}
	s.h.Data(part)
	return p[len(part):]
}

func (s *Splitter) sumPart(p []byte) []byte {
	rest, full := s.fill(p, sumSize)
	if !full {
		return rest
	}
	s.filled = 0
	whole := s.sum == binary.BigEndian.Uint32(s.room[:])
	if s.at = inPrelude; !whole {
		s.at = stopped
	}
	s.h.End(whole)
	return rest
}
