package ledgertest

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy/ledger"
)

// RunAdopts holds a store to what it does with what other ledgers have. open makes
// an empty one that ends with t.
func RunAdopts(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	for _, test := range []struct {
		name string
		hold func(*testing.T, func(t *testing.T) ledger.Adopts)
	}{
		{"top-ups meet", topupsMeet},
		{"approvals meet", approvalsMeet},
		{"alerts meet", alertsMeet},
		{"mutes meet", mutesMeet},
		{"what comes from elsewhere is audited once", adoptsAudited},
		{"nobody grants their own", adoptsSound},
		{"an alert of elsewhere is told there", toldElsewhere},
		{"alerts are re-armed up to a time", adoptsRearm},
	} {
		t.Run(test.name, func(t *testing.T) { test.hold(t, open) })
	}
}

// fromElsewhere is a number that no store gives by itself.
const fromElsewhere = 1_700_000_000_000_000

var viaOther = ledger.Change{At: Start.Add(time.Hour), Actor: "ann", Role: "owner", Action: "x", Via: "other"}

// meets adopts all in some orders, some of them twice: every store has the same in
// the end, whatever it heard of first.
func meets[T any](t *testing.T, open func(t *testing.T) ledger.Adopts, all []T, want T, adopt func(ledger.Adopts, T) (T, bool, error)) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		s := open(t)
		order := append(random.Perm(len(all)), random.Perm(len(all))...)
		var last T
		for i, n := range order {
			met, changed, err := adopt(s, all[n])
			if err != nil {
				t.Fatalf("order %v, step %d: %v", order, i, err)
			}
			if i >= len(all) && changed {
				t.Errorf("order %v, step %d: what was adopted before changes something", order, i)
			}
			last = met
		}
		if diff := cmp.Diff(want, last, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("order %v (-want +got):\n%s", order, diff)
		}
	}
}

func waitingTopup() ledger.Topup {
	return ledger.Topup{Number: fromElsewhere, Rule: "month", Of: "a", Unit: "usd", Amount: 5, Until: Start.Add(time.Hour), By: "owner", At: Start, Why: "a fair"}
}

func topupsMeet(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	asked := waitingTopup()
	granted := func(by string, after time.Duration) ledger.Topup {
		g := asked
		g.GrantedBy, g.GrantedAt = by, Start.Add(after)
		return g
	}
	adopt := func(s ledger.Adopts, u ledger.Topup) (ledger.Topup, bool, error) {
		return s.AdoptTopup(t.Context(), u, viaOther)
	}
	all := []ledger.Topup{asked, granted("bob", 2*time.Second), granted("ann", 2*time.Second), granted("eve", 3*time.Second)}
	meets(t, open, all, all[2], adopt)
	revoked := func(u ledger.Topup, by string, after time.Duration) ledger.Topup {
		u.RevokedBy, u.RevokedAt, u.RevokedWhy = by, Start.Add(after), "no fair"
		return u
	}
	want := revoked(all[2], "eve", time.Second)
	meets(t, open, append(all, revoked(all[1], "bob", 4*time.Second), revoked(asked, "eve", time.Second), revoked(asked, "owner", 2*time.Second)), want, adopt)
	s := open(t)
	mine, err := s.Topup(t.Context(), asked, changeBy("budget.topup"))
	if err != nil || mine.Number != fromElsewhere {
		t.Fatalf("%+v, %v", mine, err)
	}
	if met, changed, err := s.AdoptTopup(t.Context(), all[1], viaOther); err != nil || !changed || met.GrantedBy != "bob" {
		t.Errorf("%+v, %v, %v", met, changed, err)
	}
	if _, err := s.GrantTopup(t.Context(), fromElsewhere, changeBy("budget.grant")); !errors.Is(err, ledger.ErrDecided) {
		t.Errorf("granted again: %v", err)
	}
	next, err := s.Topup(t.Context(), ledger.Topup{Rule: "r", Unit: "usd", Amount: 1, By: "a", At: Start}, changeBy("budget.topup"))
	if err != nil || next.Number != fromElsewhere+1 {
		t.Errorf("the next is %d, %v", next.Number, err)
	}
	other := asked
	other.Amount++
	if _, changed, err := s.AdoptTopup(t.Context(), other, viaOther); changed || !errors.Is(err, ledger.ErrOther) {
		t.Errorf("another of its fromElsewhere: %v, %v", changed, err)
	}
}

func requestedApproval() ledger.Approval {
	return ledger.Approval{Number: fromElsewhere, Team: "a", Model: "o3", Until: Start.Add(time.Hour), By: "owner", At: Start, State: ledger.ApprovalRequested}
}

func approvalsMeet(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	asked := requestedApproval()
	decided := func(grant bool, by string, after time.Duration) ledger.Approval {
		a, err := asked.Decide(ledger.Decision{Grant: grant, By: by, At: Start.Add(after)})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	early, late := decided(true, "bob", time.Second), decided(true, "ann", 2*time.Second)
	adopt := func(s ledger.Adopts, a ledger.Approval) (ledger.Approval, bool, error) {
		return s.AdoptApproval(t.Context(), a, viaOther)
	}
	meets(t, open, []ledger.Approval{asked, early, late}, early, adopt)
	revoked := decided(false, "eve", 3*time.Second)
	meets(t, open, []ledger.Approval{asked, early, late, revoked, decided(false, "owner", 4*time.Second)}, revoked, adopt)
	s := open(t)
	if _, _, err := adopt(s, early); err != nil {
		t.Fatal(err)
	}
	got, err := s.Approvals(t.Context(), ledger.Petition{State: ledger.ApprovalGranted, Limit: 5})
	if diff := cmp.Diff([]ledger.Approval{early}, got); err != nil || diff != "" {
		t.Errorf("listed: %v (-want +got):\n%s", err, diff)
	}
	other := asked
	other.Team = "b"
	if _, changed, err := adopt(s, other); changed || !errors.Is(err, ledger.ErrOther) {
		t.Errorf("another of its fromElsewhere: %v, %v", changed, err)
	}
}

func alertsMeet(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	raised := alertOf(50)
	raised.Number = fromElsewhere
	told := raised
	told.Tell(ledger.Delivery{Receiver: "mail", To: "lead@example.com", State: ledger.AlertSent, At: Start})
	rearmed := raised
	rearmed.Rearmed = true
	acknowledged := func(by string, after time.Duration) ledger.Alert {
		a := raised
		a.Acknowledge(&ledger.Change{At: Start.Add(after), Actor: by, Reason: "known to " + by})
		return a
	}
	want := told
	want.Silence()
	want.Rearmed, want.Elsewhere = true, true
	want.Acknowledged, want.AcknowledgedBy, want.Note = Start.Add(time.Second), "bob", "known to bob"
	all := []ledger.Alert{raised, told, rearmed, acknowledged("ann", 2*time.Second), acknowledged("bob", time.Second)}
	meets(t, open, all, want.Kept(), func(s ledger.Adopts, a ledger.Alert) (ledger.Alert, bool, error) {
		return s.AdoptAlert(t.Context(), a, viaOther)
	})
	s := open(t)
	mine := raise(t, s, raised)
	if _, changed, err := s.AdoptAlert(t.Context(), all[4], viaOther); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if mine.Acknowledge(&ledger.Change{At: Start.Add(time.Second), Actor: "bob", Reason: "known to bob"}); mine.Number != fromElsewhere {
		t.Errorf("raised under %d", mine.Number)
	}
	wantAlert(t, s, mine.Kept())
	wantUntold(t, s, "") // someone knows
	other := raised
	other.Text = "another"
	if _, changed, err := s.AdoptAlert(t.Context(), other, viaOther); changed || !errors.Is(err, ledger.ErrOther) {
		t.Errorf("another of its fromElsewhere: %v, %v", changed, err)
	}
}

func mutesMeet(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	said := func(after, until time.Duration, by string) ledger.Mute {
		return ledger.Mute{Rule: "month", Team: "a", At: Start.Add(after), Until: Start.Add(until), By: by, Why: "w"}
	}
	adopt := func(s ledger.Adopts, m ledger.Mute) (ledger.Mute, bool, error) {
		return s.AdoptMute(t.Context(), m, viaOther)
	}
	first, lifted := said(0, time.Hour, "ann"), said(time.Second, 0, "bob")
	meets(t, open, []ledger.Mute{first, lifted}, lifted, adopt)
	again := said(2*time.Second, time.Minute, "eve")
	meets(t, open, []ledger.Mute{first, lifted, again}, again, adopt)
	s := open(t)
	if err := s.Mute(t.Context(), lifted, changeBy("alert.mute")); err != nil {
		t.Fatal(err)
	}
	if _, changed, err := adopt(s, first); changed || err != nil {
		t.Errorf("a mute that was lifted is back: %v, %v", changed, err)
	}
	if got, err := s.Mutes(t.Context(), Start.Add(-time.Hour)); len(got) > 0 || err != nil {
		t.Errorf("a mute that was lifted mutes: %+v, %v", got, err)
	}
	got, err := s.Mutings(t.Context(), Start)
	if diff := cmp.Diff([]ledger.Mute{lifted}, got); err != nil || diff != "" {
		t.Errorf("said after the first: %v (-want +got):\n%s", err, diff)
	}
	if got, err := s.Mutings(t.Context(), lifted.At); len(got) > 0 || err != nil {
		t.Errorf("said after the last: %+v, %v", got, err)
	}
	if _, _, err := adopt(s, ledger.Mute{}); err == nil {
		t.Error("a mute of nothing is adopted")
	}
}

func adoptsAudited(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	s := open(t)
	granted := waitingTopup()
	granted.GrantedBy, granted.GrantedAt = "boss", Start.Add(time.Second)
	approval := requestedApproval()
	alert := alertOf(50)
	alert.Number = fromElsewhere
	alert.Acknowledge(&ledger.Change{At: Start, Actor: "ann"})
	mute := ledger.Mute{Rule: "month", At: Start, Until: Start.Add(time.Hour), By: "ann"}
	for range 2 {
		_, _, err1 := s.AdoptTopup(t.Context(), waitingTopup(), viaOther)
		_, _, err2 := s.AdoptTopup(t.Context(), granted, viaOther)
		_, _, err3 := s.AdoptApproval(t.Context(), approval, viaOther)
		_, _, err4 := s.AdoptAlert(t.Context(), alert, viaOther)
		_, _, err5 := s.AdoptMute(t.Context(), mute, viaOther)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
	}
	want := viaOther
	want.Number, want.Subject, want.After = 5, mute.String(), mute.Said()
	if diff := cmp.Diff(want, lastChange(t, s)); diff != "" {
		t.Errorf("the last of five (-want +got):\n%s", diff)
	}
	all, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(2 * time.Hour), Limit: 10})
	if err != nil || len(all) != 5 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	asked := waitingTopup()
	if grant := all[3]; grant.Via != "other" || string(grant.Before) != string(asked.Said()) || string(grant.After) != string(granted.Said()) {
		t.Errorf("the grant: %+v", grant)
	}
	if got := all[1]; string(got.Before) != `"new"` || string(got.After) != `"acknowledged"` {
		t.Errorf("who knows: %+v", got)
	}
}

func adoptsSound(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	own := waitingTopup()
	own.GrantedBy, own.GrantedAt = own.By, own.At.Add(time.Second)
	approval := requestedApproval()
	approval.State, approval.DecidedBy, approval.DecidedAt = ledger.ApprovalGranted, approval.By, Start
	for round := range 2 {
		s := open(t)
		if round == 1 { // what was asked for is there
			_, _, err1 := s.AdoptTopup(t.Context(), waitingTopup(), viaOther)
			_, _, err2 := s.AdoptApproval(t.Context(), requestedApproval(), viaOther)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := s.AdoptTopup(t.Context(), own, viaOther); !errors.Is(err, ledger.ErrOwnTopup) {
			t.Errorf("top-up: %v", err)
		}
		if _, _, err := s.AdoptApproval(t.Context(), approval, viaOther); !errors.Is(err, ledger.ErrOwnApproval) {
			t.Errorf("approval: %v", err)
		}
		if _, _, err := s.AdoptTopup(t.Context(), ledger.Topup{Number: 7}, viaOther); !errors.Is(err, ledger.ErrUnsound) {
			t.Errorf("nothing as a top-up: %v", err)
		}
		if _, _, err := s.AdoptApproval(t.Context(), ledger.Approval{Number: 7}, viaOther); !errors.Is(err, ledger.ErrUnsound) {
			t.Errorf("nothing as an approval: %v", err)
		}
	}
	atOnce := waitingTopup()
	atOnce.GrantedBy, atOnce.GrantedAt = atOnce.By, atOnce.At
	if _, changed, err := open(t).AdoptTopup(t.Context(), atOnce, viaOther); err != nil || !changed {
		t.Errorf("raised at once: %v, %v", changed, err)
	}
}

func toldElsewhere(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	s := open(t)
	mine := raise(t, s, alertOf(50))
	theirs := alertOf(50)
	theirs.Number, theirs.Text = fromElsewhere, "theirs"
	got, changed, err := s.AdoptAlert(t.Context(), theirs, viaOther)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	want := theirs
	want.Key, want.Family, want.Elsewhere = "", "", true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("beside one of its key (-want +got):\n%s", diff)
	}
	wantUntold(t, s, "", mine)
	if got.State() != ledger.AlertNew {
		t.Errorf("it is %s", got.State())
	}
	alone := alertOf(75)
	alone.Number = fromElsewhere + 1
	if _, _, err := s.AdoptAlert(t.Context(), alone, viaOther); err != nil {
		t.Fatal(err)
	}
	if kept, fresh, err := s.Raise(t.Context(), alertOf(75)); fresh || err != nil || kept.Number != alone.Number {
		t.Errorf("what another has raised is raised again: %+v, %v, %v", kept, fresh, err)
	}
}

func adoptsRearm(t *testing.T, open func(t *testing.T) ledger.Adopts) {
	s := open(t)
	old, young := alertOf(50), alertOf(75)
	old.Family, young.Family = "", ""
	old, young = raise(t, s, old), raise(t, s, young)
	m := ledger.Mute{Rule: "month", At: young.At}
	for round, want := range []int{1, 0} {
		if n, err := s.AdoptRearm(t.Context(), m, viaOther); n != want || err != nil {
			t.Errorf("round %d: re-armed %d, %v, want %d", round, n, err, want)
		}
	}
	old.Rearmed = true
	wantAlert(t, s, old)
	wantAlert(t, s, young)
	want := viaOther
	want.Number, want.Subject, want.After = 1, m.String(), json.RawMessage(`{"rearmed":1}`)
	if diff := cmp.Diff(want, lastChange(t, s)); diff != "" {
		t.Errorf("the audit (-want +got):\n%s", diff)
	}
}
