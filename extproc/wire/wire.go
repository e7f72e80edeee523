// Package wire reads and writes the messages of Envoy's external processing
// protocol. It is the only room that knows the generated types; what leaves it
// are Message and Reply, and it knows nothing of tokens or money.
//
// A Conn belongs to one gRPC stream and is not safe for concurrent use.
package wire

// Kind is the phase of an HTTP exchange that a Message or Reply speaks of.
type Kind uint8

// Unknown is a message of a kind that this build does not know. Envoy waits for
// an answer to it all the same.
const (
	Unknown Kind = iota
	RequestHeaders
	RequestBody
	RequestTrailers
	ResponseHeaders
	ResponseBody
	ResponseTrailers
)

// BodyMode is how Envoy sends a body.
type BodyMode uint8

// Keep leaves the configured mode alone.
const (
	Keep BodyMode = iota
	None
	Streamed
	Buffered
)

// Mode overrides the rest of one exchange.
type Mode struct {
	RequestBody     BodyMode
	ResponseBody    BodyMode
	SkipResponse    bool // response headers are not sent
	RequestTrailer  bool // response or request trailers are sent
	ResponseTrailer bool
}

// Pair is one header.
type Pair struct{ Name, Value string }

// Reply answers one Message. Set, Drop, Body and Mode go on with changes; Local
// answers the client instead of the upstream.
type Reply struct {
	Kind  Kind
	Set   []Pair   // replace or add
	Drop  []string // remove; lower-case names
	Body  [][]byte // the new body in pieces, written without joining where the codec can; nil leaves it alone, see ClearBody
	Clear bool     // the body becomes empty
	Mode  *Mode
	Local *Local
}

// Reset makes r the plain "go on" answer to a message of kind k and keeps its
// slices' memory.
func (r *Reply) Reset(k Kind) {
	*r = Reply{Kind: k, Set: r.Set[:0], Drop: r.Drop[:0], Body: r.Body[:0]}
}

// Local is an answer given in place of the upstream's.
type Local struct {
	Status  int
	Set     []Pair
	Body    []byte
	Details string // shows in Envoy's access log as RESPONSE_CODE_DETAILS
}

// Conn is the seam: the stock generated messages satisfy it now, a codec of our
// own can later.
type Conn interface {
	// Recv reads the next message into m, overwriting it. Views that m gave out
	// are valid until the next Recv. io.EOF means that Envoy closed its side.
	Recv(m *Message) error
	// Send writes r once; r may be reused afterwards.
	Send(r *Reply) error
}
