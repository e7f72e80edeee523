package policy

import (
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Ticket is the answer to Admit and all that Settle needs. A Ticket with a
// Refusal did not pass; its Record is already written.
type Ticket struct {
	Request // with Identity cleared
	Owner   Owner
	Refusal *Refusal
	Hold    Hold
	Rulings []Ruling `json:",omitempty"` // in the order of the steps
	// Ahead is by how much At, and all times of its record, are ahead of the clock of
	// this process: they are those of the clock that windows of accounts are cut by.
	Ahead time.Duration `json:",omitzero"`
	By    any           `json:"-"` // the rules of accounts that it was admitted by, for who did so; nil: an earlier run

	// How the call goes to its provider where that is not as it was asked; of
	// Request.Changes only.
	Model     string `json:",omitzero"` // another model; empty: as asked
	MaxOutput int64  `json:",omitzero"` // most tokens of each answer, set or lowered; 0: as asked
	ToolCalls int64  `json:",omitzero"` // most calls of hosted tools, set or lowered; 0: as asked
	Hint      string `json:"-"`         // a sentence for the model, behind the system's text; empty: none

	// Must are those of these changes without which the call must not go, as where
	// they cannot be written into its request; Otherwise is what it gets then.
	Must      tokenizer.Part `json:"-"`
	Otherwise *Refusal       `json:"-"`

	// Unclaimed says that the call asks for results of work that nobody waits for:
	// its answer need not be read, and there is nothing to settle.
	Unclaimed bool `json:",omitzero"`
}

// Sent is the call as it goes to its provider.
func (t *Ticket) Sent() tokenizer.Call {
	c := t.Call
	if t.Model != "" {
		c.Model = t.Model
	}
	if t.MaxOutput > 0 && (c.MaxOutput == 0 || c.MaxOutput > t.MaxOutput) {
		c.MaxOutput = t.MaxOutput
	}
	return c
}

// Time is a moment of this process by the clock that At is of; zero stays zero.
func (t *Ticket) Time(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(t.Ahead)
}

// Hold is what a call may consume at most, as far as admission can tell.
type Hold struct {
	Input  int64 // tokens, estimated from the request
	Output int64 // tokens, all choices; what the call may still cost when nothing is known of its answer

	// How it counts against accounts: it was taken from them; or it could not be, as
	// their store did not answer, and is spent when the call settles. Neither: it
	// counts against none.
	Taken, Uncounted bool `json:",omitzero"`
	// Repeated says that the store was asked for it more than once, without an answer at
	// first: it may be taken once more, when that comes late.
	Repeated bool `json:",omitzero"`
	// Elsewhere says that it was taken for another record of the call, which settles it.
	Elsewhere bool `json:",omitzero"`
	// Until then, if it is longer than calls are held for: its work goes on at the
	// provider.
	Until time.Time  `json:",omitzero"`
	Most  money.Nano `json:",omitzero"` // what it may be charged at most
	// MostTokens are input and output at most.
	MostTokens int64 `json:",omitzero"`
	// Reach is how many bytes of generated text what is held is surely enough for;
	// 0: more of them change nothing.
	Reach int64 `json:"-"`
	// Tokens that are held for now; of output of all choices.
	HeldInput, HeldOutput int64 `json:"-"`
}

// Refusal says why a call does not pass. Message never contains anything of the
// prompt.
type Refusal struct {
	Code    string // missing_metadata, request_too_large, unavailable, …
	Status  int
	Message string
	Retry   time.Duration // 0: retrying does not help, and the answer says so
	Reset   time.Time     // when what was short is there again; zero: not known, or never
	Rule    string        // of the configuration, that says so; empty: none does
}

// Ruling is what a rule of the configuration did to a call.
type Ruling struct {
	Rule string `json:"rule" doc:"Where it stands, or its name: access[0], shape[2], runaway, budget month."`
	Did  string `json:"did" doc:"refused, would_refuse, passed, changed, would_change, not_possible, stopped, would_stop, runaway_input, runaway_output, hold_exceeded."`
	Why  string `json:"why,omitempty" doc:"For a person; nothing of a prompt."`
}

// What a rule does to a call, beside Refused.
const (
	WouldRefuse   = "would_refuse"   // in observe mode
	Passed        = "passed"         // an approval lifted it
	Changed       = "changed"        // the call went otherwise than it was asked
	WouldChange   = "would_change"   // in observe mode
	NotPossible   = "not_possible"   // the call cannot be changed, and went as it was asked
	Stopped       = "stopped"        // its streamed answer was ended midway
	WouldStop     = "would_stop"     // in observe mode
	RunawayInput  = "runaway_input"  // it took more tokens of input than is right for one call
	RunawayOutput = "runaway_output" // the same of output
	HoldExceeded  = "hold_exceeded"  // it took more than was held for it
)
