package bedrock

import "github.com/farebox/farebox/tokenizer/jsonscan"

// chunkPlan finds the event in a chunk, {"bytes": base64, "p": padding}.
var chunkPlan = jsonscan.MustCompile(jsonscan.Watch{Path: "bytes"})

// chunk takes the event out of an InvokeModel stream's chunk, piece by piece.
type chunk struct {
	to   reader
	json *jsonscan.Scanner
	bits uint32 // of the characters so far of four that make three bytes
	n    int    // how many there are
	bad  bool
	room [768]byte // bytes that are decoded, until they are sent on
	size int
}

func newChunk(to reader) *chunk {
	c := &chunk{to: to}
	c.json = jsonscan.New(chunkPlan, c)
	return c
}

// begin readies for a chunk.
func (c *chunk) begin() {
	c.json.Reset()
	c.bits, c.n, c.bad, c.size = 0, 0, false, 0
}

// feed takes its next bytes.
func (c *chunk) feed(p []byte) { _ = c.json.Feed(p) } // end asks again

// end ends it and reports whether it was well-formed.
func (c *chunk) end() bool {
	switch c.n { // what is left stands for one byte or two
	case 1:
		c.bad = true
	case 2:
		c.put(byte(c.bits >> 4))
	case 3:
		c.put(byte(c.bits >> 10))
		c.put(byte(c.bits >> 2))
	}
	c.flush()
	return c.json.Close() == nil && !c.bad
}

// Value is never called: the plan captures nothing.
func (*chunk) Value(int, []byte) {}

// Text decodes a piece of base64. A solidus may be escaped, and padding says
// nothing that the end does not.
func (c *chunk) Text(_ int, piece []byte) {
	for _, b := range piece {
		v := sextets[b]
		switch {
		case v < outside:
			c.bits = c.bits<<6 | uint32(v)
			if c.n++; c.n == 4 {
				c.put(byte(c.bits >> 16))
				c.put(byte(c.bits >> 8))
				c.put(byte(c.bits))
				c.bits, c.n = 0, 0
			}
		case b != '=' && b != '\\':
			c.bad = true
		}
	}
	c.flush()
}

// put adds a decoded byte. A control character can only stand between the values
// of JSON, where it is as good as a space, which it becomes: then an event has no
// line ends.
func (c *chunk) put(b byte) {
	if c.size == len(c.room) {
		c.flush()
	}
	c.room[c.size] = max(b, ' ')
	c.size++
}

func (c *chunk) flush() {
	if c.size > 0 {
		c.to.feed(c.room[:c.size])
		c.size = 0
	}
}

// outside is the value of what is no character of base64.
const outside = 64

var sextets = func() (t [256]uint8) {
	for i := range t {
		t[i] = outside
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = uint8(i)
	}
	return t
}()
