package ledger

import (
	"context"

	"github.com/farebox/farebox/policy"
)

// Deferrals keep the work that goes on at providers, so that a restart does not
// forget whose it is.
type Deferrals interface {
	// Defer keeps d in place of an earlier one of its call. It may run beside Write
	// and itself.
	Defer(ctx context.Context, d policy.Deferral) error
	// Deferred returns the deferrals whose attempt no record has settled, oldest
	// call first.
	Deferred(ctx context.Context) ([]policy.Deferral, error)
}
