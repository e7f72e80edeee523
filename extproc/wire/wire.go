// Package wire reads and writes the messages of Envoy's external processing
// protocol (envoy.service.ext_proc.v3). It is the only room that knows the
// generated types; what leaves it are Message and Reply, and it knows nothing of
// tokens or money.
//
// A Conn belongs to one gRPC stream and is not safe for concurrent use.
package wire

// Kind is the phase of an HTTP exchange that a Message or a Reply speaks of.
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

var kindNames = [...]string{"unknown", "request headers", "request body", "request trailers", "response headers", "response body", "response trailers"}

func (k Kind) String() string { return kindNames[k] }

// Usage is what Envoy itself counted of an answer, on routes with native
// metering. Counts are inclusive: Cached, CacheWrite and Tool are parts of Input,
// Reasoning of Output. Below 0: not told.
type Usage struct {
	Model                                              string // as answered
	Input, Output, Cached, CacheWrite, Tool, Reasoning int64
	Partial                                            bool // some of what told the usage was lost
	Failed                                             bool // all of it was
}

// Mode changes how Envoy sends the rest of one exchange. Only the reply to
// request headers (LetGo) or response headers (the others) may carry one.
type Mode uint8

// Response trailers are sent in StreamAnswer and BufferAnswer: an upstream that
// sends trailers ends its body without an end-of-stream piece.
const (
	Keep         Mode = iota // as configured
	LetGo                    // nothing more is sent: Envoy closes the gRPC stream at once
	StreamAnswer             // the answer's body comes in pieces as it arrives
	BufferAnswer             // the answer's body comes whole
	SkipAnswer               // no more of the answer is sent
)

// Pair is one header; the name is lower-case.
type Pair struct{ Name, Value string }

// Reply answers one Message. Set, Drop, Body and Mode go on with changes; Local
// answers the client in place of the upstream.
type Reply struct {
	Kind  Kind
	Set   []Pair   // replaced or added
	Drop  []string // removed; lower-case names
	Body  [][]byte // the new body in pieces, used before Send returns
	Swap  bool     // Body takes the place of the body, even when it is empty
	Mode  Mode
	Local *Local
	Cut   *Local // behind the reply to a piece of an answer: the rest of it is cut off, and its provider cancelled; nil: it is not
	Call  string // told to the filters that observe this call's tries; empty: nothing
}

// Reset makes r the plain "go on" answer to a message of kind k and keeps the
// memory of its slices.
func (r *Reply) Reset(k Kind) {
	*r = Reply{Kind: k, Set: r.Set[:0], Drop: r.Drop[:0], Body: r.Body[:0]}
}

// Local is an answer given in place of the upstream's.
type Local struct {
	Status  int
	Set     []Pair
	Body    []byte
	Details string // shown in Envoy's access log as RESPONSE_CODE_DETAILS
}

// Conn is the seam: the stock generated messages satisfy it now, a codec of our
// own can later.
type Conn interface {
	// Recv reads the next message into m, overwriting it. What m gave out is
	// valid until m is received into again. io.EOF: Envoy closed its side.
	Recv(m *Message) error
	// Send writes r; r and what it points to may be reused afterwards.
	Send(r *Reply) error
}
