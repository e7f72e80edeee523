package provider

import (
	"net/http"
	"time"
)

// Scenario is how one call is answered. The zero value is a plain, quick, right
// answer of eight chunks.
type Scenario struct {
	Model  string // as answered; empty: as asked
	Usage  *Usage // nil: 11 in and one out for each chunk
	Report Report // when a stream carries its usage
	Chunks int    // content events of a stream; 0 is 8
	Text   int    // bytes of text in a content event; 0: one word
	Size   int    // exact bytes of a JSON answer, by its text; 0: as it comes

	First time.Duration // wait before the head of the answer
	Pace  time.Duration // wait before each content event
	Last  time.Duration // wait before the last event: [DONE], response.completed, or with NoDone the one before

	// Cuts are the offsets in the body as sent at which one write ends and the
	// next begins. Nil: a write for each event. Every waits force a cut too.
	Cuts []int
	// Hold stops the body at each of Cuts until it is closed. With it a caller
	// who has seen what went before says when to go on, so that no two pieces are
	// ever read together. Nil: no stop.
	Hold <-chan struct{}
	// CutEvery cuts after every so many bytes; 0: not.
	CutEvery int
	Framing  Framing
	Trailers http.Header // sent behind the body; with HTTP/1.1 only when it is chunked
	Gzip     bool        // content-encoding: gzip, whatever the caller accepts

	NoDone       bool // a stream ends without data: [DONE]
	NoFinalBlank bool // a stream's last event is not closed by a blank line
	CRLF         bool // lines of a stream end in \r\n

	Status int         // an error with this status instead of an answer; 0: none
	Body   string      // of that error; empty: an error object in the dialect
	Header http.Header // added to every answer

	// RefuseStreamOptions answers 400 to a call that carries stream_options.
	RefuseStreamOptions bool

	Fault Fault

	// Then is what the next call that asks for the same is answered. Nil: the same.
	Then *Scenario
}

// Usage is what the provider says that a call consumed, in tokens.
type Usage struct {
	Prompt     int // input, cached included
	Cached     int
	Completion int // output, reasoning included
	Reasoning  int
}

// Report says when a stream of chat or text completions carries its usage.
type Report int

// As OpenAI does: only when include_usage was asked, as an event of its own with
// no choices, and every other event then carries "usage": null.
const (
	WhenAsked     Report = iota
	Always               // as WhenAsked does, whether asked or not
	WithFinish           // always, in the event that carries finish_reason
	Never                // not even in JSON
	InEveryChunk         // always, in every event, the counts so far
	BesideContent        // in the last event with content, nothing after it but [DONE]
)

// Framing is how the length of the body is told.
type Framing int

// Natural is a length for JSON and none for streams.
const (
	Natural Framing = iota
	Chunked         // never a content-length
	Length          // always a content-length, streams too
)

// Fault is what goes wrong, after so many bytes of the body.
type Fault struct {
	Kind  FaultKind
	After int // 0: before the head of the answer
}

// FaultKind is a way of failing.
type FaultKind int

// NoFault goes on to the end.
const (
	NoFault FaultKind = iota
	Reset             // the connection (HTTP/1.1) or the stream (HTTP/2) is reset
	Hang              // nothing more comes until the client goes away
)

func (s Scenario) chunks() int {
	if s.Chunks == 0 {
		return 8
	}
	return s.Chunks
}

func (s Scenario) usage() Usage {
	if s.Usage == nil {
		return Usage{Prompt: 11, Completion: s.chunks()}
	}
	return *s.Usage
}
