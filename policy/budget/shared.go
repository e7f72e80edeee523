package budget

import (
	"context"
	"errors"
)

// ErrFresh says that a store has not all yet that ledgers have: it is new, or has
// lost it. Until it has, nothing is reserved, charged or told.
var ErrFresh = errors.New("the store of budgets does not have all yet that was spent: it is being read from the ledger")

// Shared is a Store that several processes keep, each of which has a part of the
// ledger. Where the store has lost all, each adds its part, once; none takes of it
// before its own part is there and others had time to add theirs.
type Shared interface {
	Store
	// Missing tells which marks of this process the store does not have, and whether
	// this process may take of it.
	Missing(ctx context.Context, marks []string) (missing []string, open bool, err error)
	// Add adds the states to what accounts have spent, as of this process, and keeps
	// marks. States of an account that an Add began with and did not end are left out
	// of the next.
	Add(ctx context.Context, marks []string, states []State) error
	// Hold takes a hold again that was lost, also before Open. All its accounts must
	// be soft.
	Hold(ctx context.Context, h Hold) error
	// Open lets this process take of the store; false: others may not have added what
	// they have yet.
	Open(ctx context.Context) (bool, error)
}
