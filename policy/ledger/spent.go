package ledger

import (
	"context"
	"slices"
)

// Spent is what budgets count of one group of calls, or of charges. Money is whole nano-USD,
// rounded half up once a record, as accounts count it.
type Spent struct {
	Keys       []string // values in the order of Query.By
	Calls      int64    // records that are no corrections and were not refused
	Tokens     int64    // input and output
	Charged    int64    // nano-USD
	Contracted int64    // nano-USD
}

// Spending tells budgets what their windows have seen.
type Spending interface {
	// Spent sums records of calls admitted in [q.From, q.To), corrections included, in
	// the order of their keys: a call belongs to the window of its admission. More
	// than MaxRows groups are ErrTooManyRows.
	Spent(ctx context.Context, q Query) ([]Spent, error)
	// Booked sums charges whose moment is in [q.From, q.To), likewise: money alone. What
	// a charge has of a key says Charge.Value. q.Where is not for it.
	Booked(ctx context.Context, q Query) ([]Spent, error)
}

// Freezer is a Spending that can be asked many questions of one moment.
type Freezer interface {
	// Freeze is the Spending of now, whatever is written later. It is one goroutine's,
	// who calls end when all was asked.
	Freeze(ctx context.Context) (asOf Spending, end func(), err error)
}

// SortSpent puts rows in the order of their keys.
func SortSpent(rows []Spent) {
	slices.SortFunc(rows, func(a, b Spent) int { return slices.Compare(a.Keys, b.Keys) })
}
