// Package policy holds the words of money: Owner, Request, Ticket, Outcome,
// Record, Line, Refusal. They have no behaviour worth the name, so that every
// room may use them; what acts on them are the packages below.
package policy

import (
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Owner is who pays: up to MaxAttributes attributes in the order of the
// configuration, each at most once.
type Owner []Attribute

// MaxAttributes bounds an Owner.
const MaxAttributes = 16

// Attribute is one fact about who pays, and the rule that gave it ("header
// x-team", "default", "missing").
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Rule  string `json:"rule"`
}

// Value returns the attribute's value, or "" when the owner has none.
func (o Owner) Value(name string) string {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return ""
}

// Unattributed is the value of an attribute that a call should have had.
const Unattributed = "unattributed"

// Identity is where attribution looks: request headers by lower-case name,
// Envoy's attributes, and members of the request's JSON by their names from the
// top, joined by dots; a text or a number is given as text. Claim finds a claim,
// likewise, in the payload of a token that Envoy has verified and that a provider
// signed; one is false where there is a value that is not one text or number. Part
// is a part of the request's path, by the name that a configured route has for it.
// Each returns "" for what is absent. It is valid only during Admit and Refuse.
type Identity interface {
	Header(name string) string
	Attribute(name string) string
	Body(path string) string
	Claim(provider, name string) (value string, one bool)
	Part(name string) string
}

// Request is one call as it asks to pass.
type Request struct {
	ID       CallID
	Call     tokenizer.Call
	Provider string // who hosts the model; empty: not known from host, route or cluster
	Host     string // :authority as the caller sent it

	// Where and how the model runs, as far as the configuration, the host or the
	// call tells: conditions of prices. Empty: not known.
	Account, Deployment, Region string
	// Tier is the service tier in which its provider serves such calls that ask for
	// none, as the configuration tells. Empty: not known.
	Tier string `json:",omitzero"`

	Identity  Identity `json:"-"` // valid only during Admit
	RequestID string   // x-request-id: searchable, never a key
	TraceID   string   // from traceparent, 32 hex digits, or empty
	KeyHash   string   // keyed hash of the upstream API key, or empty
	Retry     int      // retry number: stated by the client's SDK, or seen; 0: first try
	BodyHash  uint64   `json:"-"` // hash of the body, of this process; 0: none
	Inputs    []uint64 `json:"-"` // hashes, likewise, of what it embeds: of the first MaxInputs; nil: it embeds nothing
	Malformed bool     // the body could not be read
	At        time.Time

	// Content is what bounds its input, where the budgets need that.
	Content tokenizer.Content `json:"-"`

	// Changes are the parts of the call that a Ticket may have changed: none of one
	// whose body is signed, cannot be read, or is of a dialect that knows no way.
	Changes tokenizer.Part `json:"-"`
	Signed  bool           `json:"-"` // with AWS's SigV4, body and path included
}

// MaxInputs bounds Request.Inputs.
const MaxInputs = 2048

// Outcome is how one attempt of a call ended.
type Outcome struct {
	Attempt    int // 0 for the whole exchange seen by a downstream filter
	End        tokenizer.End
	Reading    tokenizer.Reading
	Status     int // of the answer; 0: none came
	Tries      int // upstream tries that Envoy made; 0: not known
	FirstToken time.Time
	At         time.Time
	Reason     string // why it was cut or failed, for a person
	// What the headers of the answer tell of where it is from: organization, project
	// and region of the provider's account, in one text; and that region by itself.
	AccountTold, Region string
	Lost                bool // nothing was seen of the answer, or what was is lost
	Recovered           bool // a restart settles an old opening
	TurnedAway          bool // it was refused after it was admitted, and did not go upstream
}

// Receipt is what Settle tells the caller's answer.
type Receipt struct {
	Cost          money.Amount // charged
	Priced        bool         // what is charged for every line is known
	Input, Output int64        // tokens
	Degraded      string       // CommitWait, LedgerRefused, or empty
}

// What may be short of a Receipt.
const (
	CommitWait    = "commit_wait"    // its record is not committed yet; it will be
	LedgerRefused = "ledger_refused" // the ledger took no record; it is in the log
)

// How a call fared.
const (
	Served  = "served"
	Cached  = "cached"
	Refused = "refused"
	CutOff  = "cut"
	Failed  = "failed"
)

// Why a call was made; a Correction is no call, but what an earlier record of one
// should have said.
const (
	User       = "user"
	Retry      = "retry"
	Correction = "correction"
)

// Record is one settled attempt with its lines, or a correction of one. (ID,
// Attempt, Revision) is its key.
//
// A correction has all that the attempt's first record has, its completion
// included: it belongs to the period of the call. Its Purpose is Correction, its
// Reason says why, and its lines are differences: a quantity of 0, with the moneys
// to add to those before, and the rate and the state that hold from now on. The
// attempt costs the sum of its revisions.
type Record struct {
	ID       CallID `json:"call_id"`
	Attempt  int    `json:"attempt"`            // at most 2^32 - 1, as is Revision
	Revision int    `json:"revision,omitempty"` // 0: the first record; 1, 2, …: corrections
	// Of a correction: when it was made, and whether some line had no price before.
	CorrectedAt time.Time `json:"corrected_at,omitzero"`
	WasUnpriced bool      `json:"was_unpriced,omitempty"`
	// Of a correction: the entry of the audit that says who made it; 0: not known.
	AuditEntry int64 `json:"audit_entry,omitempty"`

	RequestID  string `json:"request_id,omitempty"`
	TraceID    string `json:"trace_id,omitempty"`
	ResponseID string `json:"response_id,omitempty"`
	// What the call is a part of, see InteractionOf.
	Interaction string `json:"interaction,omitempty"`

	Owner       Owner  `json:"owner"`
	Dialect     string `json:"dialect"`
	Operation   string `json:"operation"`
	Provider    string `json:"provider"`  // who hosts the model
	Developer   string `json:"developer"` // who made the model, where the price row says
	Host        string `json:"host,omitempty"`
	AccountTold string `json:"account_told,omitempty"` // organization, project and region of the provider's account, as the answer's headers name them
	KeyHash     string `json:"key_hash,omitempty"`
	ModelAsked  string `json:"model_asked"`
	Model       string `json:"model"` // as answered, else as asked
	TierAsked   string `json:"tier_asked,omitempty"`
	Tier        string `json:"tier,omitempty"` // as served
	// Further conditions of the price, by which it is also found when the call is
	// priced anew; empty: not known. The account is what the configuration or the
	// path says; region, size and quality are the answer's, else the call's.
	Account      string           `json:"account,omitempty"`
	Deployment   string           `json:"deployment,omitempty"`
	Region       string           `json:"region,omitempty"`
	Size         string           `json:"size,omitempty"`
	Quality      string           `json:"quality,omitempty"`
	Stream       bool             `json:"stream"`
	Status       int              `json:"status"`
	Finish       string           `json:"finish_reason,omitempty"`
	Outcome      string           `json:"outcome"`
	Reason       string           `json:"reason,omitempty"` // refusal code, or why it was cut
	Success      bool             `json:"success"`          // see Succeeds
	Purpose      string           `json:"purpose"`
	Tries        int              `json:"tries,omitempty"`
	Source       tokenizer.Source `json:"source"`                      // the weakest of the lines'
	ProviderCost string           `json:"provider_cost_usd,omitempty"` // what the provider says it cost, as it wrote it: a JSON number
	Priced       bool             `json:"priced"`                      // every line has a list price or is free
	Shares       tokenizer.Shares `json:"shares"`
	// What it embedded, of which at most MaxInputs are looked at, and how many of
	// them its team had embedded by the same model within a day, in this call or an
	// earlier one.
	Inputs     int       `json:"inputs,omitempty"`
	Repeated   int       `json:"repeated_inputs,omitempty"`
	Admitted   time.Time `json:"admitted"`
	FirstToken time.Time `json:"first_token,omitzero"`
	// Held is what was held for it of budgets, as the most that it may cost; none: it
	// counts against none, or their store did not answer.
	Held      money.Amount `json:"held_usd,omitzero"`
	Completed time.Time    `json:"completed"`
	Lines     []Line       `json:"lines"`
	Rulings   []Ruling     `json:"rulings,omitempty"` // what rules did to the call, in order
}

// MaxCorrections bounds the corrections of one attempt, so that all of its records
// are found together.
const MaxCorrections = 99

// UnpricedCalls is what r adds to the number of calls with a line that has no
// price: a correction takes back what the record before it added.
func (r *Record) UnpricedCalls() (n int64) {
	for i := range r.Lines {
		if r.Lines[i].State == Unpriced {
			n = 1
		}
	}
	if r.WasUnpriced {
		n--
	}
	return n
}

// Price states of a Line.
const (
	Priced   = "priced"
	Unpriced = "unpriced"
	Free     = "free"
)

// Contracted is what is paid for all lines.
func (r *Record) Contracted() (sum money.Amount) {
	for i := range r.Lines {
		sum = sum.Add(r.Lines[i].Contracted)
	}
	return sum
}

// Line is one priced quantity. The three moneys are exact: list is the public
// price, contracted after the provider's discount, charged the internal price.
type Line struct {
	Model      string           `json:"model"`
	Class      tokenizer.Class  `json:"meter"`
	Quantity   int64            `json:"quantity"`
	Waived     int64            `json:"waived,omitempty"`  // of Quantity: told by the provider, and not billed
	Context    int64            `json:"context,omitempty"` // see tokenizer.Usage.Context
	Source     tokenizer.Source `json:"source"`
	State      string           `json:"state"`             // Priced, Unpriced or Free, of the list price
	RateID     string           `json:"rate_id,omitempty"` // the row of the catalogue
	Unmet      string           `json:"unmet,omitempty"`   // what of the call that row does not know of, see price.Unmet; it may be billed at another price
	Rate       money.Rate       `json:"rate"`              // rounded where the row's has a divisor; the moneys are not
	List       money.Amount     `json:"list_usd"`
	Contracted money.Amount     `json:"contracted_usd"`
	Charged    money.Amount     `json:"charged_usd"`

	ContractID string `json:"contract_id,omitempty"` // the discount that made Contracted; empty: none did
	ChargeID   string `json:"charge_id,omitempty"`   // the row of the rate card that made Charged; empty: none did
	Currency   string `json:"currency,omitempty"`    // of the contract's rates; empty: USD
	FXRate     string `json:"fx_rate,omitempty"`     // USD for one unit of Currency, decimal text
	// The same for the row of the rate card.
	ChargeCurrency string `json:"charge_currency,omitempty"`
	ChargeFXRate   string `json:"charge_fx_rate,omitempty"`
}

// Billed is the quantity that the moneys are of.
func (l *Line) Billed() int64 { return l.Quantity - l.Waived }

// Paid reports whether Contracted is known: a list price is, or the contract
// fixes the rate of what has none.
func (l *Line) Paid() bool { return l.State != Unpriced || l.ContractID != "" }

// Chargeable reports whether Charged is known: what is paid is, or the rate card
// prices what has no other price.
func (l *Line) Chargeable() bool { return l.Paid() || l.ChargeID != "" }

// Opening is a call that was admitted and is not settled: what a restart settles
// as partial.
type Opening struct{ Ticket Ticket }
