package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
)

// Subject is what a verdict is about: a call, or an interaction of a team, which
// is as many calls as its agent made. Interactions are named by callers, so the
// same name in two teams is two interactions.
type Subject struct {
	Call              policy.CallID // zero: the interaction
	Team, Interaction string        // empty with Call
}

func (s Subject) String() string {
	if s.Call != (policy.CallID{}) {
		return "call " + s.Call.String()
	}
	return "interaction " + s.Interaction + " of team " + s.Team
}

// Check reports why s is no subject: it names both or neither.
func (s Subject) Check() error {
	call, interaction := s.Call != policy.CallID{}, s.Interaction != ""
	if call == interaction || call && s.Team != "" {
		return errors.New("name either a call or an interaction and its team")
	}
	return nil
}

// Verdict says whether a subject did its job, as someone judged it at a time.
type Verdict struct {
	Subject
	Success bool
	Reason  string
	At      time.Time
	By      string
}

// Said is what a verdict says, as the audit keeps it.
func (v *Verdict) Said() json.RawMessage {
	said, err := json.Marshal(struct {
		Success bool   `json:"success"`
		Reason  string `json:"reason"`
		By      string `json:"by"`
	}{v.Success, v.Reason, v.By})
	if err != nil {
		panic(err) // two texts and a truth can be written
	}
	return said
}

// Change is one entry of the audit: what someone changed. Entries are never
// changed or removed.
type Change struct {
	Number  int64 // from 1, in the order in which they were made; the store gives it
	At      time.Time
	Actor   string
	Role    string
	Action  string          // what was done, such as "outcome.set"
	Subject string          // to what
	Before  json.RawMessage // nil: there was nothing; the store fills it in
	After   json.RawMessage // nil: there is nothing any more
	Reason  string
	Via     string // the replica that let this one know; empty: this one was told
}

// Actions of the audit that others hear of.
const (
	ActTopup       = "budget.topup"
	ActGrantTopup  = "budget.grant"
	ActRefuseTopup = "budget.refuse"
	ActRevokeTopup = "budget.revoke"
	ActRequest     = "approval.request"
	ActGrant       = "approval.grant"
	ActRevoke      = "approval.revoke"
	ActAcknowledge = "alert.acknowledge"
	ActMute        = "alert.mute"
	ActRearm       = "alert.rearm"
)

// Review asks for entries of the audit, newest first.
type Review struct {
	From, To time.Time // made in [From, To)
	Actor    string    // "": anyone
	Action   string    // "": anything
	Below    int64     // the number of the last of the page before; 0: from the newest on
	Limit    int       // entries at most, 1 to MaxPage
}

// Check reports why r cannot be asked. Stores call it first.
func (r Review) Check() error {
	if r.Limit < 1 || r.Limit > MaxPage {
		return fmt.Errorf("review audit: a limit of %d, want 1 to %d", r.Limit, MaxPage)
	}
	return nil
}
