package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/ledger"
)

func topups(t *testing.T, s ledger.Store) {
	by := func(who string, at time.Time) ledger.Change {
		return ledger.Change{At: at, Actor: who, Role: "owner", Action: "budget.topup", Reason: "a fair"}
	}
	keep := func(u ledger.Topup) ledger.Topup {
		t.Helper()
		got, err := s.Topup(t.Context(), u, by(u.By, u.At))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	local := Start.In(time.FixedZone("", 7200)).Add(999)
	waits := ledger.Topup{Rule: "month", Of: "a/b", Unit: "usd", Amount: 1 << 62, Until: local.Add(time.Hour), By: "owner", At: local, Why: "a fair"}
	first := keep(waits)
	want := waits
	want.Number, want.Until, want.At = 1, Start.Add(time.Hour), Start
	if d := cmp.Diff(want, first); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
	forever := keep(ledger.Topup{Rule: "total", Unit: "tokens", Amount: 1, By: "boss", At: Start, GrantedBy: "boss", GrantedAt: Start})
	grant := func(number int64, who string, at time.Time, want error) ledger.Topup {
		t.Helper()
		got, err := s.GrantTopup(t.Context(), number, by(who, at))
		if !errors.Is(err, want) {
			t.Fatalf("grant %d by %s: %v, want %v", number, who, err, want)
		}
		return got
	}
	grant(1, "owner", Start, ledger.ErrOwnTopup)
	grant(1, "boss", first.Until, ledger.ErrEnded)
	grant(9, "boss", Start, ledger.ErrNoTopup)
	grant(2, "other", Start, ledger.ErrDecided)
	granted := grant(1, "boss", local, nil)
	want.GrantedBy, want.GrantedAt = "boss", Start
	if d := cmp.Diff(want, granted); d != "" {
		t.Errorf("granted (-want +got):\n%s", d)
	}
	grant(1, "boss", Start, ledger.ErrDecided)
	for at, want := range map[time.Time][]ledger.Topup{
		Start: {granted, forever}, first.Until.Add(-time.Microsecond): {granted, forever}, first.Until: {forever}, Start.AddDate(50, 0, 0): {forever},
	} {
		got, err := s.Topups(t.Context(), at)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("at %v: %v (-want +got):\n%s", at, err, d)
		}
	}
	entries, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(time.Hour), Limit: 10})
	if err != nil || len(entries) != 3 {
		t.Fatalf("the audit has %d entries, %v", len(entries), err)
	}
	if e := entries[0]; e.Subject != "top-up 1 of budget month of a/b" || string(e.Before) != string(first.Said()) || string(e.After) != string(granted.Said()) || e.Actor != "boss" {
		t.Errorf("%+v", e)
	}
}

// revokedTopups: what waits is refused, what is granted is taken back, and neither is
// undone.
func revokedTopups(t *testing.T, s ledger.Store) {
	by := func(who, action string, at time.Time) ledger.Change {
		return ledger.Change{At: at, Actor: who, Role: "approver", Action: action, Reason: "no fair"}
	}
	for range 2 {
		u := ledger.Topup{Rule: "month", Unit: "usd", Amount: 5, Until: Start.Add(time.Hour), By: "owner", At: Start}
		if _, err := s.Topup(t.Context(), u, by("owner", ledger.ActTopup, Start)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.GrantTopup(t.Context(), 2, by("boss", ledger.ActGrantTopup, Start)); err != nil {
		t.Fatal(err)
	}
	end := func(number int64, action string, after time.Duration, want error) (got ledger.Topup) {
		t.Helper()
		got, err := s.RevokeTopup(t.Context(), number, by("owner", action, Start.Add(after)))
		if !errors.Is(err, want) {
			t.Fatalf("%s of %d: %v, want %v", action, number, err, want)
		}
		return got
	}
	end(3, ledger.ActRefuseTopup, 0, ledger.ErrNoTopup)
	end(1, ledger.ActRevokeTopup, 0, ledger.ErrWaits)
	end(2, ledger.ActRefuseTopup, 0, ledger.ErrGranted)
	end(2, ledger.ActRevokeTopup, time.Hour, ledger.ErrEnded)
	refused := end(1, ledger.ActRefuseTopup, time.Minute+1, nil)
	revoked := end(2, ledger.ActRevokeTopup, time.Minute+1, nil)
	for _, u := range []ledger.Topup{refused, revoked} {
		if u.RevokedBy != "owner" || !u.RevokedAt.Equal(Start.Add(time.Minute)) || u.RevokedWhy != "no fair" || u.InForce() {
			t.Errorf("%+v", u)
		}
	}
	end(1, ledger.ActRefuseTopup, time.Minute, ledger.ErrDecided)
	end(2, ledger.ActRevokeTopup, time.Minute, ledger.ErrDecided)
	if _, err := s.GrantTopup(t.Context(), 1, by("boss", ledger.ActGrantTopup, Start)); !errors.Is(err, ledger.ErrDecided) {
		t.Errorf("what was refused is granted: %v", err)
	}
	got, err := s.Topups(t.Context(), Start.Add(30*time.Minute))
	if d := cmp.Diff([]ledger.Topup{refused, revoked}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	entries, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(time.Hour), Action: ledger.ActRevokeTopup, Limit: 10})
	if err != nil || len(entries) != 1 || string(entries[0].After) != string(revoked.Said()) || entries[0].Reason != "no fair" {
		t.Errorf("the audit has %+v, %v", entries, err)
	}
}
