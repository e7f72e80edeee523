package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
)

// tell has all tell how fast they spend.
func (f *fellows) tell(all ...*fellow) { f.inTurn((*engine.Engine).TellPace, all) }

// inTurn has all tell, a minute apart; who tells first hears of the others then.
func (f *fellows) inTurn(tell func(*engine.Engine, context.Context), all []*fellow) {
	for range 2 {
		f.now = f.now.Add(time.Minute)
		for _, one := range all {
			tell(one.Engine, f.t.Context())
		}
	}
}

// wantBurnt checks what one says is spent of a budget lately, by what accounts are of;
// what is not wanted is 0.
func wantBurnt(t *testing.T, one *fellow, when, name string, want map[string]int64) {
	t.Helper()
	all, err := one.Standings(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		s := &all[i]
		if s.Burnt != want[s.Of] {
			t.Errorf("%s, %s: %q burnt %d, want %d", when, one.ledger, s.Of, s.Burnt, want[s.Of])
		}
		delete(want, s.Of)
	}
	if len(want) > 0 {
		t.Errorf("%s, %s: no accounts of %v", when, one.ledger, want)
	}
}

// TestPaceIsOfAllReplicas: of what all ledgers have, whichever is asked.
func TestPaceIsOfAllReplicas(t *testing.T) {
	f := newFellows(t, day(3, 15))
	rule := month("month", 10_000)
	a := f.join("ledger-a", spends(day(3, 14).Add(20*time.Hour), "a", 30), rule)
	b := f.join("ledger-b", spends(day(3, 14).Add(23*time.Hour), "a", 50), rule)
	b.spend(day(3, 14).Add(5*time.Hour), "b", 130)
	b.spend(day(3, 13).Add(5*time.Hour), "b", 1000) // longer ago than the rate is taken from
	wantBurnt(t, a, "before any has told", "month", map[string]int64{"a": 30})
	f.tell(a, b)
	for _, one := range []*fellow{a, b} {
		wantBurnt(t, one, "when all have told", "month", map[string]int64{"a": 80, "b": 130})
	}
	all, err := a.Standings(t.Context(), "month", "")
	if err != nil {
		t.Fatal(err)
	}
	if got, known := all[0].Projected(); !known || got != 80*17-1 { // 16 days, 23 hours and 58 minutes are left
		t.Errorf("projected %d, %t", got, known)
	}
	a.spend(f.now, "a", 5)
	b.spend(f.now, "c", 7)
	f.tell(a, b)
	for _, one := range []*fellow{a, b} {
		wantBurnt(t, one, "when there is more", "month", map[string]int64{"a": 85, "b": 130, "c": 7})
	}
	f.board.Lose()
	f.now = f.now.Add(10 * time.Minute)
	f.tell(a, b)
	c := f.join("ledger-c", &history{}, rule)
	f.tell(c)
	// What was read a while ago slides out of the day as if it had been spent evenly.
	wantBurnt(t, c, "of a new one, after the board had lost all", "month", map[string]int64{"a": 84, "b": 129, "c": 7})
}

// TestWhatAReplicaToldThatStopped counts as far as it was spent in the time that is
// asked for.
func TestWhatAReplicaToldThatStopped(t *testing.T) {
	f := newFellows(t, day(3, 15))
	daily := month("daily", 10_000)
	daily.Window = budget.Window{Every: budget.Day}
	rules := []budget.Rule{month("month", 10_000), daily}
	a := f.join("ledger-a", &history{}, rules...)
	b := f.join("ledger-b", spends(day(3, 14).Add(23*time.Hour+30*time.Minute), "a", 480), rules...)
	f.now = f.now.Add(23*time.Hour - time.Minute)
	b.spend(day(3, 15).Add(22*time.Hour), "b", 230)
	f.tell(a, b)
	f.tell(a)
	f.now = day(3, 15).Add(23 * time.Hour)
	wantBurnt(t, a, "when it has told", "daily", map[string]int64{"b": 230})
	f.now = day(3, 16).Add(11 * time.Hour)
	wantBurnt(t, a, "after 12 hours", "month", map[string]int64{"a": 240, "b": 115})
	wantBurnt(t, a, "in the next window", "daily", map[string]int64{})
	f.now = day(3, 16).Add(23 * time.Hour)
	wantBurnt(t, a, "after a day", "month", map[string]int64{})
}

// TestOneThatLeavesTellsItsPace, though it told a moment before.
func TestOneThatLeavesTellsItsPace(t *testing.T) {
	f := newFellows(t, day(3, 15))
	rule := month("month", 10_000)
	a := f.join("ledger-a", &history{}, rule)
	b := f.join("ledger-b", &history{}, rule)
	f.tell(a, b)
	b.spend(f.now, "a", 9)
	b.TellPace(t.Context())
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.tell(a)
	wantBurnt(t, a, "when another has left", "month", map[string]int64{"a": 9})
}

// TestPaceReadsLittle: what was read before is read again within the hour only where
// calls may have ended since, and at most each minute.
func TestPaceReadsLittle(t *testing.T) {
	f := newFellows(t, day(3, 15))
	rule := month("month", 10_000)
	a := f.join("ledger-a", &history{}, rule)
	b := f.join("ledger-b", &history{}, rule)
	f.tell(a, b)
	asked := b.asked
	b.TellPace(t.Context())
	if b.asked != asked {
		t.Error("it read again at once")
	}
	b.spend(day(3, 14).Add(12*time.Hour), "a", 3)                // known as corrections are: within the hour
	b.spend(day(3, 14).Add(24*time.Hour-5*time.Minute), "a", 40) // a call that came to its end
	f.tell(b, a)
	if b.asked != asked+2 {
		t.Errorf("it read %d times", b.asked-asked)
	}
	wantBurnt(t, a, "within the hour", "month", map[string]int64{"a": 40})
	f.now = f.now.Add(time.Hour)
	f.tell(b, a)
	wantBurnt(t, a, "after it", "month", map[string]int64{"a": 43})
	b.shut = true
	f.tell(b)
	f.tell(b)
	if said := b.log.String(); strings.Count(said, "it will be asked for again") != 1 {
		t.Errorf("it said %s", said)
	}
}

// TestPaceIsOfAllReplicasOverRedis, from ledgers in files.
func TestPaceIsOfAllReplicasOverRedis(t *testing.T) {
	address, _ := startRedis(t)
	rule := month("day", 10_000)
	rule.Unit, rule.Window = budget.Tokens, budget.Window{Every: budget.Rolling, Length: 24 * time.Hour}
	now := time.Now()
	late, long := now.Add(-time.Hour), now.Add(-25*time.Hour)
	a, _ := member(t, address, "ledger-a", written(t, map[string][]time.Time{"a": {late, long}}), rule)
	b, _ := member(t, address, "ledger-b", written(t, map[string][]time.Time{"a": {late, late}, "b": {late}}), rule)
	fill(t, a, b)
	b.TellPace(t.Context())
	a.TellPace(t.Context())
	all, err := a.Standings(t.Context(), "day", "")
	if err != nil || len(all) != 2 || all[0].Burnt != 3*18 || all[1].Burnt != 18 {
		t.Errorf("it stands as %+v, %v", all, err)
	}
}
