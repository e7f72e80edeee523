package jsonscan

import "errors"

// Sink receives what a Scanner finds. Slices are valid during the call only.
type Sink interface {
	// Value gives the raw JSON of a captured value, strings with their quotes.
	// raw is nil when the value was longer than its Keep. A key that comes twice
	// is given twice: the last one counts for most readers.
	Value(watch int, raw []byte)
	// Text gives the next piece of the raw content of a watched string, escapes
	// as written and possibly cut within one.
	Text(watch int, piece []byte)
}

// ErrMalformed reports text that is not JSON.
var ErrMalformed = errors.New("scan json: malformed")

type state uint8

const (
	value      state = iota // a value must come
	firstValue              // a value, or the end of an empty array
	firstKey                // a key, or the end of an empty object
	nextKey                 // a key
	inKey
	keyEscape // after a backslash in a key
	keyHex    // in the four digits of a \u in a key
	colon
	after // a comma, or the end of the container
	inString
	stringEscape
	scalar // in a number, true, false or null
	skip   // inside a container that nobody watches, or that is captured whole
	done
	bad
)

// frame is one open container on a watched path.
type frame struct {
	node   int16
	object bool
}

// Scanner reads one JSON value at a time.
type Scanner struct {
	plan *Plan
	sink Sink

	st    state
	depth int // open frames
	stack [maxDepth + 1]frame
	below int   // open brackets while skipping
	at    int16 // node of the value that comes or is passing; none: not watched
	text  bool  // the passing string is delivered
	ended bool  // the value is whole

	hex    uint8 // digits still to come
	code   rune  // value of the digits so far
	keyLen int   // bytes of the key so far; beyond maxKey: no watched key
	key    [maxKey]byte

	taking bool   // a capture is running
	over   bool   // and has outgrown its Keep
	from   int    // where it starts in the piece at hand
	kept   []byte // what it holds of earlier pieces
}

// New makes a Scanner for plan that reports to sink.
func New(plan *Plan, sink Sink) *Scanner { return &Scanner{plan: plan, sink: sink} }

// Reset readies s for another value.
func (s *Scanner) Reset() {
	s.st, s.depth, s.below, s.at = value, 0, 0, 0
	s.text, s.taking, s.ended = false, false, false
}

// Done reports whether the value has ended, whatever came after it. A bare number
// or literal ends only at a space or at Close.
func (s *Scanner) Done() bool { return s.ended }

// Err is ErrMalformed after text that is not JSON, and nil otherwise.
func (s *Scanner) Err() error {
	if s.st == bad {
		return ErrMalformed
	}
	return nil
}

// Close says that no more will come, and returns ErrMalformed unless the value
// is whole.
func (s *Scanner) Close() error {
	if s.st == scalar && s.depth == 0 {
		s.from = 0
		s.endValue(nil, 0)
	}
	if s.st != done {
		return ErrMalformed
	}
	return nil
}

// Feed scans the next piece. After an error all further bytes are ignored.
func (s *Scanner) Feed(p []byte) error {
	s.from = 0
	for i := 0; i < len(p); {
		switch s.st {
		case inString:
			i = s.stringPart(p, i)
		case skip:
			i = s.skipPart(p, i)
		case inKey:
			i = s.keyPart(p, i)
		case scalar:
			i = s.scalarPart(p, i)
		case bad:
			return ErrMalformed
		default:
			i = s.step(p, i)
		}
	}
	if s.taking {
		s.take(p[s.from:])
	}
	return s.Err()
}

// step handles the states in which one byte decides. It returns the index of
// the next byte to look at.
func (s *Scanner) step(p []byte, i int) int {
	c := p[i]
	switch s.st {
	case stringEscape:
		s.textPart(p[i : i+1])
		s.st = inString
		return i + 1
	case keyEscape:
		s.escapedKey(c)
		return i + 1
	case keyHex:
		s.hexDigit(c)
		return i + 1
	}
	if c == ' ' || c == '\n' || c == '\r' || c == '\t' {
		return i + 1
	}
	switch {
	case s.st == value, s.st == firstValue && c != ']':
		return s.begin(p, i)
	case s.st == firstKey && c == '"', s.st == nextKey && c == '"':
		s.st, s.keyLen = inKey, 0
	case s.st == colon && c == ':':
		s.st = value
	case s.st == after && c == ',':
		s.next()
	case c == '}' && s.open(true) && (s.st == firstKey || s.st == after),
		c == ']' && s.open(false) && (s.st == firstValue || s.st == after):
		s.depth--
		s.endValue(p, i+1)
	default:
		s.st = bad
	}
	return i + 1
}

// open reports whether the innermost container is an object, or an array.
func (s *Scanner) open(object bool) bool {
	return s.depth > 0 && s.stack[s.depth-1].object == object
}

// next readies for what follows a comma.
func (s *Scanner) next() {
	f := &s.stack[s.depth-1]
	if f.object {
		s.st = nextKey
		return
	}
	s.st, s.at = value, s.plan.nodes[f.node].each
}

// begin starts the value whose first byte is p[i].
func (s *Scanner) begin(p []byte, i int) int {
	var n *node
	if s.at != none {
		n = &s.plan.nodes[s.at]
		if n.keep > 0 {
			s.taking, s.over, s.from, s.kept = true, false, i, s.kept[:0]
		}
	}
	switch c := p[i]; c {
	case '"':
		s.st, s.text = inString, n != nil && n.watch != none && n.keep == 0
	case '{', '[':
		s.enter(n, c == '{')
	default:
		if !scalarByte[c] {
			s.st = bad
			return i
		}
		s.st = scalar
		return i
	}
	return i + 1
}

// enter opens a container: on the stack if the plan goes on below it, and
// otherwise to be skipped.
func (s *Scanner) enter(n *node, object bool) {
	if n == nil || object && len(n.keys) == 0 || !object && n.each == none {
		s.st, s.below = skip, 1
		return
	}
	s.stack[s.depth] = frame{s.at, object}
	s.depth++
	if object {
		s.st = firstKey
		return
	}
	s.st, s.at = firstValue, n.each
}

// endValue ends the value that ends before p[end].
func (s *Scanner) endValue(p []byte, end int) {
	if s.taking {
		s.deliver(p[s.from:end])
	}
	s.text = false
	if s.depth == 0 {
		s.st, s.ended = done, true
		return
	}
	s.st = after
}

// deliver gives the sink the capture whose last part is rest.
func (s *Scanner) deliver(rest []byte) {
	s.taking = false
	n := &s.plan.nodes[s.at]
	switch {
	case s.over || len(s.kept)+len(rest) > n.keep:
		s.sink.Value(int(n.watch), nil)
	case len(s.kept) == 0:
		s.sink.Value(int(n.watch), rest)
	default:
		s.kept = append(s.kept, rest...)
		s.sink.Value(int(n.watch), s.kept)
	}
}

// take keeps part of a capture that goes on in the next piece.
func (s *Scanner) take(part []byte) {
	if s.over = s.over || len(s.kept)+len(part) > s.plan.nodes[s.at].keep; !s.over {
		s.kept = append(s.kept, part...)
	}
}

// skipPart passes what lies in a container that is skipped.
func (s *Scanner) skipPart(p []byte, i int) int {
	for ; i < len(p); i++ {
		switch structure[p[i]] {
		case quote:
			s.st, s.text = inString, false
			return i + 1
		case opening:
			s.below++
		case closing:
			if s.below--; s.below == 0 {
				s.endValue(p, i+1)
				return i + 1
			}
		}
	}
	return i
}

// scalarPart passes a number or literal up to the byte that ends it.
func (s *Scanner) scalarPart(p []byte, i int) int {
	for ; i < len(p); i++ {
		if !scalarByte[p[i]] {
			s.endValue(p, i)
			return i
		}
	}
	return i
}

const (
	quote = 1 + iota
	opening
	closing
)

var structure = [256]uint8{'"': quote, '{': opening, '[': opening, '}': closing, ']': closing}

var scalarByte = func() (t [256]bool) {
	for _, c := range []byte("+-.0123456789aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ") {
		t[c] = true
	}
	return t
}()
