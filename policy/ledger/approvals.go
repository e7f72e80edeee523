package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Approval is a team's leave to ask a model until a time: one requests it, and
// another decides.
type Approval struct {
	Number int64     `json:"-"` // from 1, in the order in which they were requested; 0: the store gives it
	Team   string    `json:"team"`
	Model  string    `json:"model"` // a name, or a pattern in which * stands for any characters
	Until  time.Time `json:"until"` // just before then it ends
	Note   string    `json:"note,omitempty"`
	By     string    `json:"by"` // who requests it
	At     time.Time `json:"at"`

	State       string    `json:"state"`
	DecidedBy   string    `json:"decided_by,omitempty"` // empty: nobody has
	DecidedAt   time.Time `json:"decided_at,omitzero"`
	DecidedNote string    `json:"decided_note,omitempty"`
}

// States of an Approval. A granted one is in force until it ends.
const (
	ApprovalRequested = "requested"
	ApprovalGranted   = "granted"
	ApprovalRevoked   = "revoked" // refused, or taken back
)

// ApprovalStates are all of them.
var ApprovalStates = []string{ApprovalRequested, ApprovalGranted, ApprovalRevoked}

// Decision is what someone says to an Approval.
type Decision struct {
	Grant bool // false: revoke it
	By    string
	At    time.Time
	Note  string
}

// Why a decision is not taken.
var (
	ErrNoApproval  = errors.New("there is no such approval")
	ErrOwnApproval = errors.New("who requests an approval cannot grant it")
	ErrDecided     = errors.New("it is decided already")
	ErrEnded       = errors.New("it has ended")
)

func (a *Approval) String() string {
	return fmt.Sprintf("approval %d of model %s for team %s", a.Number, a.Model, a.Team)
}

// Said is an approval as the audit keeps it.
func (a *Approval) Said() json.RawMessage {
	said, err := json.Marshal(a)
	if err != nil {
		panic(err) // texts and times can be written
	}
	return said
}

// Kept is a with its times as the ledger keeps them.
func (a Approval) Kept() Approval {
	for _, at := range []*time.Time{&a.Until, &a.At, &a.DecidedAt} {
		if !at.IsZero() {
			*at = at.UTC().Truncate(time.Microsecond)
		}
	}
	return a
}

// Decide is what d makes of a. One that is requested is granted by anyone else, as
// long as it has not ended; one that is requested or granted is revoked by anyone.
func (a Approval) Decide(d Decision) (Approval, error) {
	switch {
	case a.State == ApprovalRevoked, d.Grant && a.State == ApprovalGranted:
		return a, ErrDecided
	case d.Grant && d.By == a.By:
		return a, ErrOwnApproval
	case d.Grant && !d.At.Before(a.Until):
		return a, ErrEnded
	}
	a.State = ApprovalRevoked
	if d.Grant {
		a.State = ApprovalGranted
	}
	a.DecidedBy, a.DecidedAt, a.DecidedNote = d.By, d.At, d.Note
	return a.Kept(), nil
}

// Petition asks for approvals, newest first.
type Petition struct {
	Team  string // "": any
	State string // "": any
	Below int64  // the number of the last of the page before; 0: from the newest on
	Limit int    // at most, 1 to MaxPage
}

// Check reports why p cannot be asked. Stores call it first.
func (p Petition) Check() error {
	if p.Limit < 1 || p.Limit > MaxPage {
		return fmt.Errorf("list approvals: a limit of %d, want 1 to %d", p.Limit, MaxPage)
	}
	return nil
}

// Approvals is the part of a Store that keeps approvals. Its methods may run beside
// Write and each other. What changes is audited, whole or not at all: the store
// fills in the subject of the change, and what was before and after.
type Approvals interface {
	// RequestApproval keeps a, which is requested, and returns it with its number.
	RequestApproval(ctx context.Context, a Approval, c Change) (Approval, error)
	// DecideApproval changes an approval as Approval.Decide has it, whose errors it
	// returns, or ErrNoApproval.
	DecideApproval(ctx context.Context, number int64, d Decision, c Change) (Approval, error)
	// Approval returns the approval of that number; false: there is none.
	Approval(ctx context.Context, number int64) (Approval, bool, error)
	// Approvals returns those that p asks for, newest first.
	Approvals(ctx context.Context, p Petition) ([]Approval, error)
}
