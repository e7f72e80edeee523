// Package api is the operator's HTTP: what calls cost, and why one call cost
// what it did.
//
// GET requests come in, JSON goes out, and the Client here speaks the same Go
// types as the server. Money is decimal text in US dollars, exact; times are
// RFC 3339; meters and sources are names.
//
//	GET /api/v1/usage?from=&to=&by=team,project   sums of settled calls
//	GET /api/v1/calls/{id}                        every record that id finds
//
// An error is {"error":{"code","message"}} with its status. Everything asked is
// bounded. The package refuses to know how the ledger is kept, and who asks:
// whoever reaches the handler may read. Handler and Client are safe for
// concurrent use.
package api

import (
	"context"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Ledger is the part of ledger.Store that is read here.
type Ledger interface {
	Find(ctx context.Context, id string, limit int) ([]policy.Record, error)
	Usage(ctx context.Context, q ledger.Query) ([]ledger.Row, error)
}

var _ Ledger = ledger.Store(nil)

// What one question may ask for.
const (
	MaxBy      = 6                         // names to group by
	MaxName    = 64                        // bytes of one name
	MaxID      = 256                       // bytes of an id
	MaxMatches = 100                       // records of one answer
	MaxRows    = 20_000                    // groups of one answer
	MaxRange   = 10 * 366 * 24 * time.Hour // from one time to the other
	MaxHourly  = 92 * 24 * time.Hour       // the same, by the hour
)

const (
	usagePath = "/api/v1/usage"
	callsPath = "/api/v1/calls/" // and the id

	maxQuery  = 4 << 10          // bytes of a query string
	maxAnswer = 64 << 20         // bytes that a Client reads
	answerIn  = 30 * time.Second // the ledger's time for one question
)

// Query asks for sums of the calls completed in [From, To). A zero From is the
// start of the current month in UTC, a zero To is now, an empty By is by team.
type Query struct {
	From, To time.Time
	By       []string // owner attributes and ledger.Dimensions, at most MaxBy
}

// UsageAnswer is what a Query was taken to mean, and its sums: one row per
// group as the ledger orders them, and all of them together.
type UsageAnswer struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	By    []string  `json:"by"`
	Rows  []Row     `json:"rows"`
	Total Row       `json:"total"`
}

// Row is one group. Keys are by name, and absent in a total; an empty value is
// what a call does not have. Tokens has the meters that are not zero.
type Row struct {
	Keys       map[string]string         `json:"keys,omitempty"`
	Calls      int64                     `json:"calls"`
	Unpriced   int64                     `json:"unpriced_calls"` // at least one line has no price
	Tokens     map[tokenizer.Class]int64 `json:"tokens"`
	List       money.Amount              `json:"list_usd"`
	Contracted money.Amount              `json:"contracted_usd"`
	Charged    money.Amount              `json:"charged_usd"`
}

// CallAnswer is every record that an id found, oldest first. Truncated says
// that there are more than MaxMatches.
type CallAnswer struct {
	Matches   []policy.Record `json:"matches"`
	Truncated bool            `json:"truncated,omitempty"`
}

// Codes of an Error.
const (
	InvalidQuery     = "invalid_query"
	NotFound         = "not_found"
	MethodNotAllowed = "method_not_allowed"
	TooManyRows      = "too_many_rows"
	Unavailable      = "unavailable"
	Internal         = "internal"
)

// Error is an answer that is no answer: Code for a program, Message for a
// person, Status of HTTP.
type Error struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%s, status %d)", e.Message, e.Code, e.Status) }

// failure is an Error as it is sent.
type failure struct {
	Error *Error `json:"error"`
}
