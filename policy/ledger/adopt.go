package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// ErrOther says that two ledgers have different things under one number.
var ErrOther = errors.New("the ledger has another of that number")

// ErrUnsound says that something cannot be what another ledger has.
var ErrUnsound = errors.New("no ledger has such a thing")

// Adopts is a Store that takes what another ledger has of the same
// thing, by its number: of both it keeps what Meet makes of them. So all ledgers
// come to have the same, in whatever order they hear of it, and however often. What
// changes is audited, as the store does it for a change of its own; what does not is
// not. It may all run beside Write and itself, and is whole or not at all.
type Adopts interface {
	Store
	// AdoptTopup keeps t, and returns what the ledger has then, and whether it changed.
	AdoptTopup(ctx context.Context, t Topup, c Change) (Topup, bool, error)
	// AdoptApproval does so of an approval.
	AdoptApproval(ctx context.Context, a Approval, c Change) (Approval, bool, error)
	// AdoptAlert does so of an alert, of which nobody is told by this ledger. Where the
	// ledger has raised one of its key itself, both are kept. Only who acknowledges it
	// is audited.
	AdoptAlert(ctx context.Context, a Alert, c Change) (Alert, bool, error)
	// AdoptMute does so of a mute, by its rule, of and team.
	AdoptMute(ctx context.Context, m Mute, c Change) (Mute, bool, error)
	// AdoptRearm takes the keys from alerts as Rearm does, of those that were raised
	// before m.At. It returns how many there were.
	AdoptRearm(ctx context.Context, m Mute, c Change) (int, error)
	// Mutings returns the mutes that were said after at, also those that mute nothing.
	Mutings(ctx context.Context, at time.Time) ([]Mute, error)
}

// Sound reports why t cannot be what another ledger has: nobody grants what they
// asked for, unless they may raise limits, and did so in asking.
func (t *Topup) Sound() error {
	switch {
	case t.Number < 1 || t.Rule == "" || t.Amount < 1 || t.By == "" || t.At.IsZero():
		return ErrUnsound
	case (t.RevokedBy == "") != t.RevokedAt.IsZero():
		return ErrUnsound
	case t.GrantedBy != "" && t.GrantedBy == t.By && !t.GrantedAt.Equal(t.At):
		return ErrOwnTopup
	}
	return nil
}

// Meet is what two ledgers have of t together: it is granted if it is so in one, and
// revoked if it is so in one, and by whom it was first. So what one refuses and
// another grants is revoked. Else it is ErrOther, or why o is not Sound.
func (t Topup) Meet(o Topup) (Topup, error) {
	o = o.Kept()
	if err := o.Sound(); err != nil {
		return t, err
	}
	same := o
	same.GrantedBy, same.GrantedAt = t.GrantedBy, t.GrantedAt
	same.RevokedBy, same.RevokedAt, same.RevokedWhy = t.RevokedBy, t.RevokedAt, t.RevokedWhy
	if t.Number != o.Number || !bytes.Equal(same.Said(), t.Said()) {
		return t, ErrOther
	}
	if t.GrantedBy == "" && o.GrantedBy == t.By {
		return t, ErrOwnTopup // who may raise at once never waits
	}
	if o.GrantedBy != "" && (t.GrantedBy == "" || earlier(o.GrantedAt, o.GrantedBy, t.GrantedAt, t.GrantedBy)) {
		t.GrantedBy, t.GrantedAt = o.GrantedBy, o.GrantedAt
	}
	if o.RevokedBy != "" && (t.RevokedBy == "" || earlier(o.RevokedAt, o.RevokedBy+"\x00"+o.RevokedWhy, t.RevokedAt, t.RevokedBy+"\x00"+t.RevokedWhy)) {
		t.RevokedBy, t.RevokedAt, t.RevokedWhy = o.RevokedBy, o.RevokedAt, o.RevokedWhy
	}
	return t, nil
}

// earlier orders what was said by when and by whom.
func earlier(at time.Time, by string, than time.Time, of string) bool {
	return cmp.Or(at.Compare(than), cmp.Compare(by, of)) < 0
}

// Sound reports why a cannot be what another ledger has: nobody grants what they
// requested.
func (a *Approval) Sound() error {
	asked := a.State == ApprovalRequested
	switch {
	case a.Number < 1 || a.Team == "" || a.Model == "" || a.By == "" || !slices.Contains(ApprovalStates, a.State) || asked != (a.DecidedBy == ""):
		return ErrUnsound
	case a.State == ApprovalGranted && a.DecidedBy == a.By:
		return ErrOwnApproval
	}
	return nil
}

// Meet is what two ledgers have of a together: the state that is further on, and
// of one state by whom it was first. So what one revokes and another grants is
// revoked. Else it is ErrOther, or why o is not Sound.
func (a Approval) Meet(o Approval) (Approval, error) {
	o = o.Kept()
	if err := o.Sound(); err != nil {
		return a, err
	}
	same := o
	same.State, same.DecidedBy, same.DecidedAt, same.DecidedNote = a.State, a.DecidedBy, a.DecidedAt, a.DecidedNote
	if a.Number != o.Number || !bytes.Equal(same.Said(), a.Said()) {
		return a, ErrOther
	}
	switch d := slices.Index(ApprovalStates, o.State) - slices.Index(ApprovalStates, a.State); {
	case d > 0, d == 0 && earlier(o.DecidedAt, o.DecidedBy, a.DecidedAt, a.DecidedBy):
		return o, nil
	}
	return a, nil
}

// Meet is what two ledgers have of a together: who acknowledged it first, and how
// far those who are told of it are. Else it is ErrOther.
func (a Alert) Meet(o Alert) (Alert, error) {
	a, o = a.Kept(), o.Kept()
	if a.Number != o.Number || !bytes.Equal(a.lasting(), o.lasting()) {
		return a, ErrOther
	}
	a.Muted, a.Outdone, a.Rearmed = a.Muted || o.Muted, a.Outdone || o.Outdone, a.Rearmed || o.Rearmed
	if !o.Acknowledged.IsZero() && (a.Acknowledged.IsZero() || earlier(o.Acknowledged, o.AcknowledgedBy, a.Acknowledged, a.AcknowledgedBy)) {
		a.Acknowledged, a.AcknowledgedBy, a.Note = o.Acknowledged, o.AcknowledgedBy, o.Note
	}
	if !a.Acknowledged.IsZero() {
		a.Silence()
		o.Silence()
	}
	if furtherOn(o.Deliveries, a.Deliveries) {
		a.Deliveries = o.Deliveries
	}
	return a, nil
}

// lasting is what of a never changes, and all ledgers have alike.
func (a Alert) lasting() []byte {
	a.Key, a.Family, a.Elsewhere, a.Deliveries = "", "", false, nil
	a.Muted, a.Outdone, a.Rearmed, a.Acknowledged, a.AcknowledgedBy, a.Note = false, false, false, time.Time{}, "", ""
	return text(a)
}

// furtherOn orders what became of telling people: by tries, then by how few are still
// to be told.
func furtherOn(a, than []Delivery) bool {
	count := func(all []Delivery) (tries, open int) {
		for i := range all {
			tries += all[i].Tries
			if all[i].State == AlertNew {
				open++
			}
		}
		return tries, open
	}
	tries, open := count(a)
	thanTries, thanOpen := count(than)
	return cmp.Or(cmp.Compare(tries, thanTries), cmp.Compare(thanOpen, open), bytes.Compare(text(a), text(than))) > 0
}

func text(v any) []byte {
	t, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, numbers and times can be written
	}
	return t
}

// Kept is m with its times as ledgers keep them.
func (m Mute) Kept() Mute {
	m.At, m.Until = kept(m.At), kept(m.Until)
	return m
}

// Meet is the later of two mutes of the same.
func (m Mute) Meet(o Mute) Mute {
	m, o = m.Kept(), o.Kept()
	if cmp.Or(o.At.Compare(m.At), bytes.Compare(text(o), text(m))) > 0 {
		return o
	}
	return m
}

// Lifted reports whether m takes back what it takes the place of.
func (m *Mute) Lifted() bool { return !m.Until.After(m.At) }
