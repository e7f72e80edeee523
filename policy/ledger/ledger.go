// Package ledger remembers what calls cost: openings when they are admitted,
// records when they are settled.
//
// One Writer owns a Store. It commits whatever has queued while the last commit
// ran, with no timer, so a lone record waits for one commit and a flood shares
// commits. Nothing is rounded in the ledger.
package ledger

import (
	"context"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Store keeps the ledger. Write is called by one goroutine at a time; the
// readers may run beside it. Times are kept to the microsecond, in UTC.
type Store interface {
	// Write commits a batch whole or not at all; a crash in its midst may leave its
	// openings only. A record whose (call, attempt, revision)
	// is already there is left as it is: settling twice changes nothing. A record
	// closes the opening of its call, whichever of the two is written first.
	// The slices of b are the caller's again when Write returns. It gives up
	// soon after ctx ends.
	Write(ctx context.Context, b Batch) error
	// Open returns the openings that no record has closed, oldest first.
	Open(ctx context.Context) ([]policy.Opening, error)
	Deferrals
	Spending
	Alerts
	Approvals
	Topups
	Charges
	// Find returns every record whose call id, request id, trace id or response
	// id is id, oldest first, at most limit.
	Find(ctx context.Context, id string, limit int) ([]policy.Record, error)
	// Usage sums records completed in [q.From, q.To), corrections included, in the
	// order of SortRows.
	// More than MaxRows groups are ErrTooManyRows.
	Usage(ctx context.Context, q Query) ([]Row, error)
	// Interactions sums interactions whose last call was completed in [q.From, q.To),
	// in the order of SortInteractions; q.Where and q.By are of that call. More than
	// MaxRows groups are ErrTooManyRows.
	Interactions(ctx context.Context, q Query) ([]Interactions, error)
	// Multipliers sums records like Usage, in the order of SortMultipliers.
	Multipliers(ctx context.Context, q Query) ([]Multipliers, error)
	// List returns the records that s asks for, newest first.
	List(ctx context.Context, s Search) ([]policy.Record, error)
	// Judge keeps v in place of an earlier verdict on its subject and appends c to
	// the audit, whole or not at all. It returns c with its number, the subject, and
	// what was said before and after. It may run beside Write and itself.
	Judge(ctx context.Context, v Verdict, c Change) (Change, error)
	// Note appends c to the audit, and returns it with its number. It may run beside
	// Write, Judge and itself.
	Note(ctx context.Context, c Change) (Change, error)
	// Verdict returns the last verdict on a subject; false: there is none.
	Verdict(ctx context.Context, s Subject) (Verdict, bool, error)
	// Verdicts returns the last verdicts that h asks for, newest first.
	Verdicts(ctx context.Context, h Hearing) ([]Verdict, error)
	// Audit returns the entries that r asks for, newest first.
	Audit(ctx context.Context, r Review) ([]Change, error)
	Close() error
}

// Batch is what one commit writes.
type Batch struct {
	Openings []policy.Opening
	Records  []policy.Record
}

// Query asks for sums of records by completion time.
type Query struct {
	From, To time.Time
	// By names what to group by: any owner attribute, or one of Dimensions, which
	// win over attributes of the same name. An attribute that a record does not
	// have groups as "".
	By []string
	// Where leaves out records that do not fit all of it.
	Where []Match
}

// Dimensions that Query.By knows besides owner attributes. day and hour are UTC
// (2006-01-02, 2006-01-02T15); the others are the fields of the record, not of
// its lines.
var Dimensions = []string{"model", "model_asked", "provider", "dialect", "operation", "outcome", "source", "purpose", "day", "hour"}

// Row is one group of a Query's answer.
type Row struct {
	Keys       []string                 // values in the order of Query.By
	Calls      int64                    // records that are no corrections, whatever their outcome
	Unpriced   int64                    // sum of policy.Record.UnpricedCalls
	Tokens     [tokenizer.Classes]int64 // by meter; of other units, those
	List       money.Amount
	Contracted money.Amount
	Charged    money.Amount
}
