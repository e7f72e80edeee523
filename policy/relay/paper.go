package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/ledger"
)

// Topics of the board. Alerts have their own, so that many of them take no room from
// what people decide; nobody reads who is raising one.
const (
	decisions = "decisions"
	alerts    = "alerts"
	raising   = "raising"
)

// How long notes are kept beyond what they are of.
const (
	keepDecision = 31 * 24 * time.Hour // after it ended
	keepAlert    = 31 * 24 * time.Hour // after it was raised
)

// paper is what a note says: one of the five, as the ledger of From has it.
type paper struct {
	From     string           `json:"from"`
	Number   int64            `json:"number,omitempty"` // of a top-up, an approval or an alert
	Topup    *ledger.Topup    `json:"topup,omitempty"`
	Approval *ledger.Approval `json:"approval,omitempty"`
	Alert    *ledger.Alert    `json:"alert,omitempty"`
	Mute     *ledger.Mute     `json:"mute,omitempty"`
	Rearm    *ledger.Mute     `json:"rearm,omitempty"` // of what was raised before its At
}

func ofTopup(t *ledger.Topup) *paper       { return &paper{Number: t.Number, Topup: t} }
func ofApproval(a *ledger.Approval) *paper { return &paper{Number: a.Number, Approval: a} }
func ofMute(m *ledger.Mute) *paper         { return &paper{Mute: m} }

// ofAlert leaves out whether this ledger has it from elsewhere.
func ofAlert(a *ledger.Alert) *paper {
	told := a.Kept()
	told.Elsewhere = false
	return &paper{Number: a.Number, Alert: &told}
}

// readPaper reads a note.
func readPaper(text []byte) (*paper, error) {
	p := &paper{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, err
	}
	kinds := 0
	for _, is := range []bool{p.Topup != nil, p.Approval != nil, p.Alert != nil, p.Mute != nil, p.Rearm != nil} {
		if is {
			kinds++
		}
	}
	numbered := p.Mute == nil && p.Rearm == nil
	if kinds != 1 || numbered && p.Number < firstShared {
		return nil, ledger.ErrUnsound
	}
	for _, m := range []*ledger.Mute{p.Mute, p.Rearm} {
		if m == nil {
			continue
		}
		if err := m.Check(); err != nil {
			return nil, err
		}
	}
	switch {
	case p.Topup != nil:
		p.Topup.Number = p.Number
	case p.Approval != nil:
		p.Approval.Number = p.Number
	case p.Alert != nil:
		p.Alert.Number = p.Number
	}
	return p, nil
}

func (p *paper) topic() string {
	if p.Alert != nil {
		return alerts
	}
	return decisions
}

// name is the same for all that is of one thing.
func (p *paper) name() string {
	switch {
	case p.Topup != nil:
		return fmt.Sprintf("topup %d", p.Number)
	case p.Approval != nil:
		return fmt.Sprintf("approval %d", p.Number)
	case p.Alert != nil:
		return fmt.Sprintf("alert %d", p.Number)
	case p.Mute != nil:
		return "mute " + hashOf(p.Mute)
	}
	return "rearm " + hashOf(p.Rearm)
}

// hashOf is of what a mute is of, whose names may be longer than those of a note.
func hashOf(m *ledger.Mute) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{m.Rule, m.Of, m.Team}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// keep is how long the note is of use.
func (p *paper) keep(now time.Time) time.Duration {
	var end time.Time
	switch {
	case p.Topup != nil && p.Topup.Until.IsZero():
		return board.MaxKeep
	case p.Topup != nil:
		end = p.Topup.Until
	case p.Approval != nil:
		end = p.Approval.Until
	case p.Alert != nil:
		return max(p.Alert.At.Add(keepAlert).Sub(now), time.Hour)
	case p.Mute != nil:
		end = p.Mute.Until
	}
	if end.Before(now) {
		end = now
	}
	return min(end.Sub(now)+keepDecision, board.MaxKeep)
}

// note is p as a replica posts it.
func (p *paper) note(from string, now time.Time) board.Note {
	told := *p
	told.From = from
	return board.Note{Name: p.name(), Text: textOf(&told), Keep: p.keep(now)}
}

func textOf(p *paper) []byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts, numbers and times can be written
	}
	return text
}

// lacks reports whether p says less than the ledger has, which is has.
func (p *paper) lacks(has *paper) bool {
	ours, theirs := *has, *p
	ours.From, theirs.From = "", ""
	if theirs.Alert != nil && ours.Alert != nil { // the key may be that of another alert here
		alert := *ours.Alert
		alert.Key, alert.Family = theirs.Alert.Key, theirs.Alert.Family
		ours.Alert = ofAlert(&alert).Alert
		theirs.Alert = ofAlert(theirs.Alert).Alert
	}
	return !bytes.Equal(textOf(&ours), textOf(&theirs))
}

// change is what the audit says of p when it is adopted.
func (p *paper) change(now time.Time) ledger.Change {
	c := ledger.Change{At: now, Via: p.From}
	switch {
	case p.Topup != nil:
		c.Actor, c.Action, c.Reason = p.Topup.By, ledger.ActTopup, p.Topup.Why
		switch t := p.Topup; {
		case t.RevokedBy != "" && t.GrantedBy == "":
			c.Actor, c.Action, c.Reason = t.RevokedBy, ledger.ActRefuseTopup, t.RevokedWhy
		case t.RevokedBy != "":
			c.Actor, c.Action, c.Reason = t.RevokedBy, ledger.ActRevokeTopup, t.RevokedWhy
		case t.GrantedBy != "" && (t.GrantedBy != t.By || !t.GrantedAt.Equal(t.At)):
			c.Actor, c.Action, c.Reason = t.GrantedBy, ledger.ActGrantTopup, ""
		}
	case p.Approval != nil:
		c.Actor, c.Action, c.Reason = p.Approval.DecidedBy, ledger.ActGrant, p.Approval.DecidedNote
		switch p.Approval.State {
		case ledger.ApprovalRequested:
			c.Actor, c.Action, c.Reason = p.Approval.By, ledger.ActRequest, p.Approval.Note
		case ledger.ApprovalRevoked:
			c.Action = ledger.ActRevoke
		}
	case p.Alert != nil:
		c.Actor, c.Action, c.Reason = p.Alert.AcknowledgedBy, ledger.ActAcknowledge, p.Alert.Note
	case p.Mute != nil:
		c.Actor, c.Action, c.Reason = p.Mute.By, ledger.ActMute, p.Mute.Why
	default:
		c.Actor, c.Action, c.Reason = p.Rearm.By, ledger.ActRearm, p.Rearm.Why
	}
	return c
}
