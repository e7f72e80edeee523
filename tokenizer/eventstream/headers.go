package eventstream

import "encoding/binary"

// MaxValue is the longest value of a header that is kept, in bytes. A longer one
// reads as empty.
const MaxValue = 64

// The headers that are kept, all of them strings.
const (
	messageType = iota
	eventType
	exceptionType
	errorCode
	keptHeaders
	notKept
)

var headerNames = [keptHeaders]string{
	messageType: ":message-type", eventType: ":event-type", exceptionType: ":exception-type", errorCode: ":error-code",
}

// maxName is the longest name of a header that is kept, in bytes.
const maxName = len(":exception-type")

// Headers are those headers of a message that say what it is. What they return is
// valid until the message ends, and empty for a header that is absent.
type Headers struct {
	values [keptHeaders][MaxValue]byte
	sizes  [keptHeaders]uint8

	st    headerPlace
	which uint8 // the header whose value is passing
	left  int   // bytes of the passing part that are still to come
	size  [2]byte
	nameN int
	name  [maxName]byte
}

// MessageType is "event", "exception" or "error".
func (h *Headers) MessageType() []byte { return h.value(messageType) }

// EventType names an event.
func (h *Headers) EventType() []byte { return h.value(eventType) }

// ExceptionType names an exception that the service models.
func (h *Headers) ExceptionType() []byte { return h.value(exceptionType) }

// ErrorCode names an error that it does not.
func (h *Headers) ErrorCode() []byte { return h.value(errorCode) }

func (h *Headers) value(which int) []byte { return h.values[which][:h.sizes[which]] }

type headerPlace uint8

const (
	nameSize headerPlace = iota
	inName
	valueKind
	valueSize // the two bytes that say how long a value is
	inValue
)

// Kinds of value, by the number that stands for them.
const (
	kindBytes  = 6
	kindString = 7
	varying    = -1
)

// kindSizes is how long a value of a kind is, in bytes: true, false, byte, short,
// integer, long, bytes, string, timestamp, uuid.
var kindSizes = [...]int{0, 0, 1, 2, 4, 8, kindBytes: varying, kindString: varying, 8, 16}

func (h *Headers) reset() {
	h.sizes = [keptHeaders]uint8{}
	h.st = nameSize
}

// whole reports whether what was fed ends with a header's end.
func (h *Headers) whole() bool { return h.st == nameSize }

// feed reads the next bytes of the headers; false if they are malformed.
func (h *Headers) feed(p []byte) bool {
	for len(p) > 0 {
		n := 1
		switch h.st {
		case nameSize:
			h.st, h.left, h.nameN = inName, int(p[0]), 0
			if p[0] == 0 {
				return false
			}
		case inName:
			n = h.namePart(p)
		case valueKind:
			if !h.kind(p[0]) {
				return false
			}
		case valueSize:
			h.size[2-h.left] = p[0]
			if h.left--; h.left == 0 {
				h.open(int(binary.BigEndian.Uint16(h.size[:])))
			}
		case inValue:
			n = h.valuePart(p)
		}
		p = p[n:]
	}
	return true
}

func (h *Headers) namePart(p []byte) int {
	part := p[:min(len(p), h.left)]
	if h.nameN+len(part) > maxName {
		h.nameN = maxName + 1
	} else {
		h.nameN += copy(h.name[h.nameN:], part)
	}
	if h.left -= len(part); h.left == 0 {
		h.st = valueKind
	}
	return len(part)
}

// kind takes the number that says of what kind the value is.
func (h *Headers) kind(k byte) bool {
	if int(k) >= len(kindSizes) {
		return false
	}
	h.which = notKept
	if k == kindString && h.nameN <= maxName {
		for i, name := range headerNames {
			if string(h.name[:h.nameN]) == name {
				h.which, h.sizes[i] = uint8(i), 0
			}
		}
	}
	if size := kindSizes[k]; size != varying {
		h.open(size)
		return true
	}
	h.st, h.left = valueSize, 2
	return true
}

// open readies for a value of that many bytes.
func (h *Headers) open(size int) {
	h.st, h.left = inValue, size
	if size > MaxValue {
		h.which = notKept
	}
	if size == 0 {
		h.st = nameSize
	}
}

func (h *Headers) valuePart(p []byte) int {
	part := p[:min(len(p), h.left)]
	if h.which < keptHeaders {
		h.sizes[h.which] += uint8(copy(h.values[h.which][h.sizes[h.which]:], part))
	}
	if h.left -= len(part); h.left == 0 {
		h.st = nameSize
	}
	return len(part)
}
