package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Topup is more of one account of a budget, until a time. One that waits is in
// force once somebody else than who asked has granted it, and until it is revoked.
type Topup struct {
	Number int64     `json:"-"` // from 1, in the order in which they were asked for; 0: the store gives it
	Rule   string    `json:"rule"`
	Of     string    `json:"of,omitempty"`
	Unit   string    `json:"unit"`
	Amount int64     `json:"amount"`         // in units; nano-USD where it is money
	Until  time.Time `json:"until,omitzero"` // just before then it ends; zero: never
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Why    string    `json:"reason,omitempty"`

	GrantedBy string    `json:"granted_by,omitempty"` // empty: it waits
	GrantedAt time.Time `json:"granted_at,omitzero"`  // since when it is in force

	RevokedBy  string    `json:"revoked_by,omitempty"` // who refused it, or took it back; empty: nobody has
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	RevokedWhy string    `json:"revoked_reason,omitempty"`
}

// MaxTopups bounds those that are not over.
const MaxTopups = 10_000

// Why a top-up is not decided on; besides there are ErrDecided and ErrEnded.
var (
	ErrNoTopup  = errors.New("there is no such top-up")
	ErrOwnTopup = errors.New("who asks for a top-up cannot grant it")
	ErrGranted  = errors.New("it is granted: revoke it")
	ErrWaits    = errors.New("it waits to be granted: refuse it")
)

func (t *Topup) String() string {
	name := t.Rule
	if t.Of != "" {
		name += " of " + t.Of
	}
	return fmt.Sprintf("top-up %d of budget %s", t.Number, name)
}

// Said is a top-up as the audit keeps it.
func (t *Topup) Said() json.RawMessage {
	said, err := json.Marshal(t)
	if err != nil {
		panic(err) // texts, numbers and times can be written
	}
	return said
}

// Kept is t with its times as the ledger keeps them.
func (t Topup) Kept() Topup {
	t.Until, t.At, t.GrantedAt, t.RevokedAt = kept(t.Until), kept(t.At), kept(t.GrantedAt), kept(t.RevokedAt)
	return t
}

// Over reports whether t has come to its Until at a time.
func (t *Topup) Over(at time.Time) bool { return !t.Until.IsZero() && !at.Before(t.Until) }

// InForce reports whether t raises its account until it is over.
func (t *Topup) InForce() bool { return t.GrantedBy != "" && t.RevokedBy == "" }

// Raised is when t raised its account: from it was granted to just before until;
// zero: without end. Of one that never did both are the same.
func (t *Topup) Raised() (from, until time.Time) {
	from, until = t.GrantedAt, t.Until
	if t.RevokedBy != "" && !t.Over(t.RevokedAt) {
		until = t.RevokedAt
	}
	if t.GrantedBy == "" || !until.IsZero() && until.Before(from) {
		return t.At, t.At
	}
	return from, until
}

// Grant is t as c.Actor grants it at c.At.
func (t Topup) Grant(c *Change) (Topup, error) {
	switch {
	case t.GrantedBy != "" || t.RevokedBy != "":
		return t, ErrDecided
	case c.Actor == t.By:
		return t, ErrOwnTopup
	case t.Over(c.At):
		return t, ErrEnded
	}
	t.GrantedBy, t.GrantedAt = c.Actor, c.At
	return t.Kept(), nil
}

// Revoke is t as c.Actor ends it at c.At: ActRefuseTopup is of one that waits, and
// ActRevokeTopup of one that is granted.
func (t Topup) Revoke(c *Change) (Topup, error) {
	granted := t.GrantedBy != ""
	switch refuse := c.Action == ActRefuseTopup; {
	case t.RevokedBy != "":
		return t, ErrDecided
	case granted && refuse:
		return t, ErrGranted
	case !granted && !refuse:
		return t, ErrWaits
	case t.Over(c.At):
		return t, ErrEnded
	}
	t.RevokedBy, t.RevokedAt, t.RevokedWhy = c.Actor, c.At, c.Reason
	return t.Kept(), nil
}

// Topups keep top-ups. Their methods may run beside Write and each other. What
// changes is audited, whole or not at all: the store fills in the subject of the
// change, and what was before and after.
type Topups interface {
	// Topup keeps t, and returns it with its number.
	Topup(ctx context.Context, t Topup, c Change) (Topup, error)
	// GrantTopup changes one as Topup.Grant has it, whose errors it returns, or
	// ErrNoTopup.
	GrantTopup(ctx context.Context, number int64, c Change) (Topup, error)
	// RevokeTopup changes one as Topup.Revoke has it, whose errors it returns, or
	// ErrNoTopup.
	RevokeTopup(ctx context.Context, number int64, c Change) (Topup, error)
	// Topups returns those that are not over at a time, whether they wait, are in force
	// or were revoked, the oldest first, at most MaxTopups.
	Topups(ctx context.Context, at time.Time) ([]Topup, error)
}
