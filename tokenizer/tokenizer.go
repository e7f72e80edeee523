// Package tokenizer turns the bodies of LLM calls into token counts.
//
// A Dialect recognises a call, reads what it asks (a Call) and makes a Meter for
// its answer. A Meter may be fed the answer in any pieces and gives the same
// Reading. Nothing here knows Envoy, prices or teams. A Meter belongs to one
// stream and is not safe for concurrent use; a Dialect is.
package tokenizer

import "time"

// Call is what a request asks, read once. Nothing in it aliases the body.
type Call struct {
	Dialect   string // name of the dialect that read it
	Operation string // chat, completions, responses, embeddings, …
	Model     string // as asked; empty: the body did not say
	Tier      string // service tier asked; empty: none
	Stream    bool   // a streamed answer was asked for
	AsksUsage bool   // the caller itself asked a stream to report usage
	Choices   int    // answers asked for; at least 1
	MaxOutput int64  // output tokens per answer; 0: the caller set no bound
	Shares    Shares

	Schema bool `json:",omitzero"` // the answer must fit a schema
	Stops  bool `json:",omitzero"` // the call names texts that end an answer, which are generated and not shown

	Region     string `json:",omitzero"` // where the call says that it is to be processed; empty: it does not
	Account    string `json:",omitzero"` // the provider's account or project that the path names; empty: none
	Size       string `json:",omitzero"` // of the images asked for, "1024x1024"; empty: not said
	Quality    string `json:",omitzero"` // of the images asked for; empty: not said
	Characters int64  `json:",omitzero"` // of text to be read aloud, in code points; 0: not such a call
	Seconds    int64  `json:",omitzero"` // of sound or video asked for; 0: not such a call

	// Queries is how many queries a call asks that is counted by those: it may have no
	// body, and costs at least as much when nobody saw its answer. 0: not such a call.
	Queries int64 `json:",omitzero"`

	// Of is the provider's id of earlier work that this call asks after, or
	// changes: a response in the background, a batch, a cached content. What its
	// answer reports belongs to whoever began that work. Empty: the call is work.
	Of string `json:",omitzero"`

	// Results says that the results of that work are asked for: lines of JSON,
	// whatever their content type is called. Of may then name a file that holds
	// something else, so that the answer is read only where work is known by it.
	Results bool `json:",omitzero"`
}

// Form is that of an answer to c of this content type.
func (c *Call) Form(contentType string) Form {
	form := FormOf(contentType)
	if form == Opaque && c.Results {
		return NDJSON
	}
	return form
}

// Head is what stands before a body: a header by its lower-case name, "" for what
// is absent. It is valid only during the call that it is given to.
type Head interface{ Header(name string) string }

// NoHead is a Head without headers.
type NoHead struct{}

// Header is always "".
func (NoHead) Header(string) string { return "" }

// Shares says how the bytes of a request's text divide. They are bytes of JSON
// string content as sent (escapes count as written), never tokens.
type Shares struct {
	System  int64 `json:"system"`
	History int64 `json:"history"`
	Last    int64 `json:"last"`
	Tools   int64 `json:"tools"`
	Media   int64 `json:"media"`
}

// Text is every share that is text.
func (s Shares) Text() int64 { return s.System + s.History + s.Last + s.Tools }

// Answer is what is known of an answer when its headers have come.
type Answer struct {
	Status int
	Form   Form // as the answer's content type says, whatever was asked
	Head   Head // of the answer; never nil
}

// End is how an answer ended, as the transport saw it.
type End uint8

// Complete: at the dialect's terminal event, or a clean end of the body.
// Cut: before that. Failed: the provider answered with an error.
const (
	Complete End = iota
	Cut
	Failed
)

var endNames = [...]string{Complete: "complete", Cut: "cut", Failed: "failed"}

func (e End) String() string { return endNames[e] }

// Dialect is one provider's way of speaking, safe for concurrent use. What only
// some can do is a small interface of its own: UsageAsker, Refuser.
type Dialect interface {
	// Name is stable: it is stored in the ledger.
	Name() string
	// Match says whether a request is a metered call of this dialect. path has
	// no query and is percent-decoded; any prefix may stand before the
	// dialect's own part.
	Match(method, path string) (operation string, ok bool)
	// Read reads a whole request body; a call may have none. On error (not JSON,
	// not an object) the Call still names dialect and operation, so that the answer
	// can be metered.
	Read(operation, path string, head Head, body []byte) (Call, error)
	// NewMeter makes the meter of one answer, or nil when an answer of this form
	// tells nothing. The meter of an Opaque answer is closed without being fed.
	NewMeter(Call, Answer) Meter
}

// Meter belongs to one answer. Feed takes the next decoded bytes, keeps no
// reference and allocates nothing in the steady state. complete turns true at
// the dialect's own last event, which is when the call is over, whatever the
// transport still sends. Close ends the metering and may be called once.
type Meter interface {
	Feed(p []byte) (complete bool)
	Close(End) Reading
}

// Early is a Meter that knows all when the head of an answer has come: it is closed
// then, without being fed, whether or not a body follows.
type Early interface {
	Meter
	Early()
}

// Hearer is a Meter that can tell, between pieces, how many bytes of generated text
// it has seen.
type Hearer interface{ Heard() int64 }

// Reading is all that a Meter learned from one answer.
type Reading struct {
	Usage      []Usage // as reported, one per model that worked; empty: nothing was reported
	Model      string  // as answered; empty: not said
	Tier       string  // service tier as served; empty: not said
	Region     string  // where it was processed, as the answer says; empty: not said
	Size       string  // of the images made; empty: not said
	Quality    string  // of the images made, or how much a search put before the model; empty: not said
	ResponseID string  // the provider's id of the answer
	Cost       string  // in USD, where the provider says what it charges: a JSON number; empty: not said
	Finish     string  // finish reason of the last choice that gave one
	Refused    bool    // the text is a refusal, said in a place of its own; told by OpenAI's dialect
	Calls      bool    // the text holds calls of tools; told by OpenAI's dialect

	// Text is the generated text that was seen, as JSON string content with its
	// escapes, kept up to TextKept bytes so that it can be counted when usage was
	// not reported. TextBytes counts all of it, kept or not.
	Text      []byte
	TextBytes int64

	Unreadable int  // events or bodies that could not be read
	Error      bool // the answer carried an error object

	Deferred Deferred
}

// Deferred is work that goes on at the provider after the answer: what it used
// is told by a later answer, see Call.Of.
type Deferred struct {
	ID      string    // the provider's id of the work; empty: nothing is deferred
	Alias   string    // another id under which its usage may be told, as of a file of results; empty: none
	Expires time.Time // when the provider forgets it; zero: not said
	Stored  int64     // tokens that are kept, and paid for by time, until then; 0: none
}

// TextKept bounds Reading.Text, in bytes.
const TextKept = 256 << 10

// Heard adds a piece of generated text.
func (r *Reading) Heard(piece []byte) {
	r.TextBytes += int64(len(piece))
	if room := TextKept - len(r.Text); room > 0 {
		r.Text = append(r.Text, piece[:min(room, len(piece))]...)
	}
}

// Listener is a Dialect that may have no ear for answers: where it does not listen,
// every meter of it is Early.
type Listener interface{ Listens() bool }

// Parter is a Dialect whose paths have parts with names.
type Parter interface {
	// Part is what a path has there, "" for a name that it does not have. path is as
	// Match wants it.
	Part(path, name string) string
}

// UsageAsker is a Dialect whose streams report usage only when asked to.
type UsageAsker interface {
	// AskUsage returns the edits that make call's streamed answer report usage;
	// none when the call is not a stream, asked by itself, or cannot ask.
	AskUsage(call Call, body []byte) []Edit
	// NewHider undoes, in one answer, every visible effect of having asked.
	NewHider() Hider
	// RefusedAsk reports whether an error body complains of the option that
	// AskUsage adds.
	RefusedAsk(body []byte) bool
}

// Hider removes from a stream what would not be there had usage not been asked
// for. It belongs to one answer.
type Hider interface {
	// Hide appends to out the pieces to send in place of p: sub-slices of p and
	// bytes held back earlier, valid until the next call. last says that nothing
	// follows, so that nothing stays held. changed is false when the pieces are
	// p itself, and then out is returned as it came.
	Hide(out [][]byte, p []byte, last bool) (pieces [][]byte, changed bool)
	// Amid reports whether the stream stands within an event: then bytes may be
	// held back, and what follows may have to go. Between two events it may be
	// left to itself.
	Amid() bool
}

// Refuser is a Dialect that can say no in its own error shape.
type Refuser interface {
	// Refuse returns a JSON body. code is a stable machine word, message is for
	// a person; neither may contain anything of the prompt.
	Refuse(status int, code, message string) []byte
}

// StatusRefuser is a Refuser whose clients tell by the status alone whether to try
// again, so that what will be refused for long goes out with another one.
type StatusRefuser interface {
	// RefusedStatus is the status that a refusal of this status and code goes out
	// with, where no retry helps.
	RefusedStatus(status int, code string) int
}

// Stopper is a Refuser that can say so amid a streamed answer.
type Stopper interface {
	// Stop returns a whole event that ends an answer of this form to c, framed as its
	// stream is; nil: such a stream has none.
	Stop(c Call, form Form, status int, code, message string) []byte
}

// Edit replaces body[At:At+Cut] by Put; a list is sorted and disjoint. A 20 MB
// body is never copied to change 30 bytes.
type Edit struct {
	At, Cut int
	Put     []byte
}

// Apply appends to out the pieces of body with edits made, without copying.
func Apply(out [][]byte, body []byte, edits []Edit) [][]byte {
	at := 0
	for _, e := range edits {
		if e.At > at {
			out = append(out, body[at:e.At])
		}
		if len(e.Put) > 0 {
			out = append(out, e.Put)
		}
		at = e.At + e.Cut
	}
	if at < len(body) {
		out = append(out, body[at:])
	}
	return out
}
