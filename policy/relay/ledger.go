package relay

import (
	"context"

	"github.com/farebox/farebox/policy/ledger"
)

// shared is a ledger of which others are told what changes, and which knows what they
// said when it is asked.
type shared struct {
	ledger.Adopts
	relay *Relay
}

var _ ledger.Store = (*shared)(nil)

// Ledger is the ledger of r, for who decides and who asks what was decided.
func (r *Relay) Ledger() ledger.Adopts { return &shared{r.o.Ledger, r} }

// Topup keeps a top-up under a number that no other replica gives.
func (s *shared) Topup(ctx context.Context, t ledger.Topup, c ledger.Change) (ledger.Topup, error) {
	t.Number = s.relay.number()
	t, err := s.Adopts.Topup(ctx, t, c)
	if err == nil {
		s.relay.tell(ctx, ofTopup(&t))
	}
	return t, err
}

// GrantTopup grants one, whoever was asked for it.
func (s *shared) GrantTopup(ctx context.Context, number int64, c ledger.Change) (ledger.Topup, error) {
	t, err := s.Adopts.GrantTopup(ctx, number, c)
	if err == nil && number >= firstShared {
		s.relay.tell(ctx, ofTopup(&t))
	}
	return t, err
}

// RevokeTopup ends one, whoever was asked for it and whoever granted it.
func (s *shared) RevokeTopup(ctx context.Context, number int64, c ledger.Change) (ledger.Topup, error) {
	t, err := s.Adopts.RevokeTopup(ctx, number, c)
	if err == nil && number >= firstShared {
		s.relay.tell(ctx, ofTopup(&t))
	}
	return t, err
}

// RequestApproval keeps an approval under a number that no other replica gives.
func (s *shared) RequestApproval(ctx context.Context, a ledger.Approval, c ledger.Change) (ledger.Approval, error) {
	a.Number = s.relay.number()
	a, err := s.Adopts.RequestApproval(ctx, a, c)
	if err == nil {
		s.relay.tell(ctx, ofApproval(&a))
	}
	return a, err
}

// DecideApproval decides, whoever was asked for it.
func (s *shared) DecideApproval(ctx context.Context, number int64, d ledger.Decision, c ledger.Change) (ledger.Approval, error) {
	a, err := s.Adopts.DecideApproval(ctx, number, d, c)
	if err == nil && number >= firstShared {
		s.relay.tell(ctx, ofApproval(&a))
	}
	return a, err
}

// Raise keeps an alert under a number that no other replica gives, unless another
// has raised the same.
func (s *shared) Raise(ctx context.Context, a ledger.Alert) (ledger.Alert, bool, error) {
	s.relay.first(ctx, &a)
	a.Number = s.relay.number()
	kept, fresh, err := s.Adopts.Raise(ctx, a)
	if err == nil && fresh {
		s.relay.tell(ctx, ofAlert(&kept))
	}
	return kept, fresh, err
}

// Tell notes how telling someone went.
func (s *shared) Tell(ctx context.Context, numbers []int64, d ledger.Delivery) error {
	if err := s.Adopts.Tell(ctx, numbers, d); err != nil {
		return err
	}
	for _, n := range numbers {
		if n < firstShared {
			continue
		}
		a, err := s.Adopts.Alert(ctx, n)
		if err != nil {
			return err
		}
		s.relay.tell(ctx, ofAlert(&a))
	}
	return nil
}

// Acknowledge notes who knows, whichever replica has raised it.
func (s *shared) Acknowledge(ctx context.Context, number int64, c ledger.Change) (ledger.Alert, error) {
	a, err := s.Adopts.Acknowledge(ctx, number, c)
	if err == nil && number >= firstShared {
		s.relay.tell(ctx, ofAlert(&a))
	}
	return a, err
}

// Rearm has alerts told anew, by all.
func (s *shared) Rearm(ctx context.Context, m ledger.Mute, c ledger.Change) (int, error) {
	n, err := s.Adopts.Rearm(ctx, m, c)
	if err == nil {
		m.At, m.By, m.Why = c.At, c.Actor, c.Reason
		m = m.Kept()
		s.relay.tell(ctx, &paper{Rearm: &m})
	}
	return n, err
}

// Mute mutes alerts of all.
func (s *shared) Mute(ctx context.Context, m ledger.Mute, c ledger.Change) error {
	err := s.Adopts.Mute(ctx, m, c)
	if err == nil {
		m = m.Kept()
		s.relay.tell(ctx, ofMute(&m))
	}
	return err
}
