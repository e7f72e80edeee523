package relay

import (
	"context"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// What is asked is answered with what others have said by now, if the board answers
// in time: who has asked one replica may go on at another at once.

// Topups returns those of all.
func (s *shared) Topups(ctx context.Context, at time.Time) ([]ledger.Topup, error) {
	s.relay.ask(ctx)
	return s.Adopts.Topups(ctx, at)
}

// Approval returns one of any.
func (s *shared) Approval(ctx context.Context, number int64) (ledger.Approval, bool, error) {
	s.relay.ask(ctx)
	return s.Adopts.Approval(ctx, number)
}

// Approvals returns those of all.
func (s *shared) Approvals(ctx context.Context, p ledger.Petition) ([]ledger.Approval, error) {
	s.relay.ask(ctx)
	return s.Adopts.Approvals(ctx, p)
}

// Alert returns one of any.
func (s *shared) Alert(ctx context.Context, number int64) (ledger.Alert, error) {
	s.relay.ask(ctx)
	return s.Adopts.Alert(ctx, number)
}

// Alerts returns those of all.
func (s *shared) Alerts(ctx context.Context, q ledger.AlertSearch) ([]ledger.Alert, error) {
	s.relay.ask(ctx)
	return s.Adopts.Alerts(ctx, q)
}

// Mutes returns those of all.
func (s *shared) Mutes(ctx context.Context, at time.Time) ([]ledger.Mute, error) {
	s.relay.ask(ctx)
	return s.Adopts.Mutes(ctx, at)
}
