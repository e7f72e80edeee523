// Package api is the operator's HTTP: what calls cost, why one call cost what it
// did, and how it turned out.
//
// Requests come in, JSON goes out, and the Client here speaks the same Go types as
// the server. Money is decimal text in US dollars, exact; times are RFC 3339;
// meters and sources are names.
//
//	GET  /api/v1/usage         sums of settled calls
//	GET  /api/v1/interactions  what served people, and all that it took
//	GET  /api/v1/multipliers   what multiplies the cost of calls unseen
//	GET  /api/v1/budgets       how budgets and rate limits stand
//	GET  /api/v1/budgets/topups  by what limits are raised
//	POST /api/v1/budgets/topups  raise one, or ask for it
//	POST /api/v1/budgets/topups/grant  grant what was asked for
//	POST /api/v1/budgets/topups/refuse  refuse it
//	POST /api/v1/budgets/topups/revoke  take back what was granted
//	GET  /api/v1/charges       costs that no call tells
//	POST /api/v1/charges       book one, or reverse it
//	GET  /api/v1/calls         records, newest first
//	GET  /api/v1/calls/{id}    every record that id finds
//	GET  /api/v1/outcomes      what was said of a call or an interaction
//	POST /api/v1/outcomes      say it
//	GET  /api/v1/outcomes/list all that was said, newest first
//	POST /api/v1/prices/rerate price calls anew
//	GET  /api/v1/approvals     who may ask which model by leave, and wants to
//	POST /api/v1/approvals     request that
//	POST /api/v1/approvals/decision  grant or revoke it
//	GET  /api/v1/alerts        what people should know
//	POST /api/v1/alerts/{number}/acknowledge  say that someone knows
//	GET  /api/v1/alerts/mutes  what is muted
//	POST /api/v1/alerts/mutes  mute alerts for a time
//	POST /api/v1/alerts/rearm  have them told anew
//	GET  /api/v1/audit         who changed what
//	GET  /api/v1/openapi.json  this, described (and .yaml)
//
// An error is {"error":{"code","message"}} with its status. Everything asked is
// bounded. Who asks is found out by Options.Identify; what each role may do is
// decided here. The package refuses to know how the ledger is kept, and tokens and
// certificates. Handler and Client are safe for concurrent use.
package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Ledger is the part of ledger.Store that is used here.
type Ledger interface {
	Find(ctx context.Context, id string, limit int) ([]policy.Record, error)
	Usage(ctx context.Context, q ledger.Query) ([]ledger.Row, error)
	Interactions(ctx context.Context, q ledger.Query) ([]ledger.Interactions, error)
	Multipliers(ctx context.Context, q ledger.Query) ([]ledger.Multipliers, error)
	List(ctx context.Context, s ledger.Search) ([]policy.Record, error)
	Note(ctx context.Context, c ledger.Change) (ledger.Change, error)
	Judge(ctx context.Context, v ledger.Verdict, c ledger.Change) (ledger.Change, error)
	Verdict(ctx context.Context, s ledger.Subject) (ledger.Verdict, bool, error)
	Verdicts(ctx context.Context, h ledger.Hearing) ([]ledger.Verdict, error)
	Audit(ctx context.Context, r ledger.Review) ([]ledger.Change, error)
	ledger.Approvals
	ledger.Topups
	ledger.Charges
	Alert(ctx context.Context, number int64) (ledger.Alert, error)
	Alerts(ctx context.Context, s ledger.AlertSearch) ([]ledger.Alert, error)
	Acknowledge(ctx context.Context, number int64, c ledger.Change) (ledger.Alert, error)
	Rearm(ctx context.Context, m ledger.Mute, c ledger.Change) (int, error)
	Mute(ctx context.Context, m ledger.Mute, c ledger.Change) error
	Mutes(ctx context.Context, at time.Time) ([]ledger.Mute, error)
}

var _ Ledger = ledger.Store(nil)

// What one question may ask for.
const (
	MaxBy      = 6                         // names to group by
	MaxName    = 64                        // bytes of one name
	MaxID      = 256                       // bytes of an id
	MaxMatches = 100                       // records of one answer
	MaxRows    = 20_000                    // groups of one answer
	MaxPage    = 500                       // calls, outcomes or changes of one answer
	MaxRange   = 10 * 366 * 24 * time.Hour // from one time to the other
	MaxHourly  = 92 * 24 * time.Hour       // the same, by the hour
)

const (
	usagePath        = "/api/v1/usage"
	interactionsPath = "/api/v1/interactions"
	multipliersPath  = "/api/v1/multipliers"
	budgetsPath      = "/api/v1/budgets"
	topupsPath       = "/api/v1/budgets/topups"
	grantPath        = "/api/v1/budgets/topups/grant"
	refusePath       = "/api/v1/budgets/topups/refuse"
	revokePath       = "/api/v1/budgets/topups/revoke"
	chargesPath      = "/api/v1/charges"
	callsPath        = "/api/v1/calls"
	outcomesPath     = "/api/v1/outcomes"
	outcomeListPath  = "/api/v1/outcomes/list"
	reratePath       = "/api/v1/prices/rerate"
	approvalsPath    = "/api/v1/approvals"
	decisionPath     = "/api/v1/approvals/decision"
	auditPath        = "/api/v1/audit"
	alertsPath       = "/api/v1/alerts"
	mutesPath        = "/api/v1/alerts/mutes"
	rearmPath        = "/api/v1/alerts/rearm"
	openAPIPath      = "/api/v1/openapi"

	maxQuery  = 16 << 10         // bytes of a query string
	maxBody   = 16 << 10         // bytes of what is sent
	maxAnswer = 64 << 20         // bytes that a Client reads
	answerIn  = 30 * time.Second // the ledger's time for one question
	bodyIn    = 5 * time.Second  // the asker's time to send a body
)

// Query asks for sums of the calls completed in [From, To). A zero From is the
// start of the current month in UTC, a zero To is now, an empty By is by team.
type Query struct {
	From, To time.Time
	By       []string // owner attributes and ledger.Dimensions, at most MaxBy
	Zone     string   // of the tz database: whose days and hours; empty: UTC
	Team     string   // only its calls; empty: all that may be seen
	Limit    int      // rows of one page; 0: all, of which there must be no more than MaxRows
	Cursor   string   // UsageAnswer.Next of the page before, to the same question
}

// UsageAnswer is what a Query was taken to mean, and its sums: one row per
// group, the dearest first, and all of them together, those of other pages
// included.
type UsageAnswer struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Zone  string    `json:"tz,omitempty" doc:"Whose days and hours these are; absent: UTC."`
	By    []string  `json:"by"`
	Rows  []Row     `json:"rows" doc:"The dearest first."`
	Total Row       `json:"total" doc:"Of all pages."`
	Next  string    `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

// Row is one group. Keys are by name, and absent in a total; an empty value is
// what a call does not have. Tokens and Units have the meters that are not zero.
type Row struct {
	Keys       map[string]string         `json:"keys,omitempty" doc:"By name; an empty value is what a call does not have."`
	Calls      int64                     `json:"calls"`
	Unpriced   int64                     `json:"unpriced_calls" doc:"Of which at least one line has no price; their cost is in no sum."`
	Tokens     map[tokenizer.Class]int64 `json:"tokens" doc:"By meter; what is absent is zero."`
	Units      map[tokenizer.Class]int64 `json:"units,omitempty" doc:"What is not tokens, by meter: searches, pages, images, seconds; what is absent is zero."`
	List       money.Amount              `json:"list_usd" doc:"Public price."`
	Contracted money.Amount              `json:"contracted_usd" doc:"After the provider's discount."`
	Charged    money.Amount              `json:"charged_usd" doc:"What the owner is charged."`
}

// Quantity is the sum of one meter, of tokens or of another unit.
func (r *Row) Quantity(c tokenizer.Class) int64 {
	if c.IsToken() {
		return r.Tokens[c]
	}
	return r.Units[c]
}

// count adds n to the sum of a meter.
func (r *Row) count(c tokenizer.Class, n int64) {
	into := &r.Tokens
	if !c.IsToken() {
		into = &r.Units
	}
	if *into == nil {
		*into = make(map[tokenizer.Class]int64)
	}
	(*into)[c] += n
}

// CallAnswer is every record that an id found, oldest first. Truncated says
// that there are more than MaxMatches.
type CallAnswer struct {
	Matches   []policy.Record `json:"matches"`
	Truncated bool            `json:"truncated,omitempty"`
}

// CallsQuery asks for records. Its times are those of a Query; what is empty is
// not asked for. A zero Limit is 100.
type CallsQuery struct {
	From, To             time.Time
	Team, Outcome, Model string
	Limit                int
	Cursor               string // CallsAnswer.Next of the page before, to the same question
}

// AuditQuery asks for changes, likewise.
type AuditQuery struct {
	From, To      time.Time
	Actor, Action string
	Limit         int
	Cursor        string // AuditAnswer.Next of the page before, to the same question
}

// CallsAnswer is a page of records, newest first.
type CallsAnswer struct {
	Calls []policy.Record `json:"calls"`
	Next  string          `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

// Outcome says how a call, or an interaction of a team, turned out. One of the two
// is named.
type Outcome struct {
	_           struct{}       `additionalProperties:"false"`
	Call        *policy.CallID `json:"call_id,omitempty" doc:"A settled call."`
	Team        string         `json:"team,omitempty" maxLength:"256" doc:"Whose interaction it is. Not needed by who has one team."`
	Interaction string         `json:"interaction,omitempty" maxLength:"256" doc:"As attribution calls it."`
	Success     bool           `json:"success" doc:"Whether it did its job."`
	Reason      string         `json:"reason,omitempty" maxLength:"1024" doc:"Why, for a person. No prompts."`
}

// OutcomeAnswer is the last word on a subject.
type OutcomeAnswer struct {
	Outcome
	By string    `json:"by" doc:"Who said it."`
	At time.Time `json:"at"`
}

// OutcomesQuery asks for outcomes that were said in [From, To). Its times are those
// of a Query; what is empty is not asked for. A zero Limit is 100.
type OutcomesQuery struct {
	From, To time.Time
	Team     string // of the calls and interactions
	Success  *bool  // nil: both
	Limit    int
	Cursor   string // OutcomesAnswer.Next of the page before, to the same question
}

// OutcomesAnswer is a page of outcomes, newest first: the last word on each.
type OutcomesAnswer struct {
	Outcomes []OutcomeAnswer `json:"outcomes"`
	Next     string          `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

// Change is one entry of the audit.
type Change struct {
	Number  int64           `json:"number" doc:"Grows from entry to entry."`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Role    string          `json:"role" doc:"The actor's at that time; empty: not known."`
	Action  string          `json:"action" example:"outcome.set"`
	Subject string          `json:"subject"`
	Before  json.RawMessage `json:"before" doc:"null: there was nothing."`
	After   json.RawMessage `json:"after" doc:"null: there is nothing any more."`
	Reason  string          `json:"reason"`
	Via     string          `json:"via,omitempty" doc:"The replica that let this one know; absent: this one was told."`
}

// AuditAnswer is a page of the audit, newest first.
type AuditAnswer struct {
	Changes []Change `json:"changes"`
	Next    string   `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}
