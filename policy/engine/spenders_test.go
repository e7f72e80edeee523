package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
)

// tellWho has all tell who spent.
func (f *fellows) tellWho(all ...*fellow) { f.inTurn((*engine.Engine).TellWho, all) }

// whoSpent is what one says of the month by user: of each team, who and how much.
func whoSpent(t *testing.T, one *fellow) (says string, atLeast bool) {
	t.Helper()
	all, err := one.Standings(t.Context(), "month", "user")
	if err != nil {
		t.Fatal(err)
	}
	var teams []string
	for i := range all {
		team := all[i].Of
		for _, w := range all[i].Who {
			team += fmt.Sprint(" ", w.Name, " ", w.Spent)
		}
		teams = append(teams, team)
		atLeast = atLeast || all[i].WhoAtLeast
	}
	return strings.Join(teams, ", "), atLeast
}

// wantWho wants all to say the same, and that it is all.
func wantWho(t *testing.T, when, want string, all ...*fellow) {
	t.Helper()
	for _, one := range all {
		if says, atLeast := whoSpent(t, one); says != want || atLeast {
			t.Errorf("%s, %s says %q (at least: %t), want %q", when, one.ledger, says, atLeast, want)
		}
	}
}

// TestWhoSpentIsOfAllReplicas: of what all ledgers have, whichever is asked, also of
// replicas that are gone.
func TestWhoSpentIsOfAllReplicas(t *testing.T) {
	f := newFellows(t, day(3, 15))
	rule := month("month", 10_000)
	a, b := f.join("ledger-a", &history{}, rule), f.join("ledger-b", &history{}, rule)
	a.spendBy(day(3, 1), "a", "ann", 30)
	b.spendBy(day(3, 2), "a", "bob", 50)
	b.spendBy(day(3, 14), "a", "ann", 25)
	b.spendBy(day(3, 14), "b", "eve", 130)
	b.spendBy(day(2, 28), "b", "eve", 1000) // of the window before
	wantWho(t, "before any has told", "a ann 30", a)
	f.tellWho(a, b)
	wantWho(t, "when all have told", "a ann 55 bob 50, b eve 130", a, b)
	a.spendBy(f.now, "a", "ann", 2)
	b.spendBy(f.now, "c", "ann", 7)
	f.tellWho(a, b)
	wantWho(t, "when there is more", "a ann 57 bob 50, b eve 130, c ann 7", a, b)
	f.board.Lose()
	f.now = f.now.Add(10 * time.Minute)
	f.tellWho(a, b)
	c := f.join("ledger-c", &history{}, rule)
	wantWho(t, "of a new one, after the board had lost all", "a ann 57 bob 50, b eve 130, c ann 7", c)
	b.spendBy(f.now, "a", "bob", 100)
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.now = day(3, 31)
	f.tellWho(a, c)
	wantWho(t, "when one has left", "a bob 150 ann 57, b eve 130, c ann 7", a, c)
	f.now = day(4, 1).Add(time.Hour)
	a.spendBy(f.now, "a", "ann", 57)
	f.tellWho(a, c)
	wantWho(t, "in the next window", "a ann 57", a, c)
}

// TestOneWhoAsksWaitsForThoseThatAreThere, and is told where one does not answer.
func TestOneWhoAsksWaitsForThoseThatAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFellows(t, day(3, 15))
		f.clock = time.Now
		rule := month("month", 10_000)
		a, b, silent := f.join("ledger-a", &history{}, rule), f.join("ledger-b", &history{}, rule), f.join("ledger-c", &history{}, rule)
		b.spendBy(time.Now(), "b", "bob", 50)
		done := make(chan struct{})
		stopped := make(chan struct{})
		b.TellWho(t.Context()) // it is there
		go func() {
			defer close(stopped)
			for {
				select {
				case <-time.After(2 * time.Second):
					b.TellWho(t.Context())
				case <-done:
					return
				}
			}
		}()
		wantWho(t, "at once", "b bob 50", a)
		silent.TellWho(t.Context())
		all, err := a.Standings(t.Context(), "month", "team")
		if err != nil || len(all) != 1 || !all[0].WhoAtLeast || len(all[0].Who) != 1 || all[0].Who[0].Spent != 50 {
			t.Errorf("while one is silent, it says %+v, %v", all, err)
		}
		time.Sleep(20 * time.Minute)
		wantWho(t, "when that is taken for gone", "b bob 50", a)
		close(done)
		<-stopped
		f.board.Lose()
		wantWho(t, "of those that told before the board lost all", "b bob 50", a)
	})
}

// TestWhatNobodyAsksForIsNotRead, and what was read is read again only where calls may
// have ended since.
func TestWhatNobodyAsksForIsNotRead(t *testing.T) {
	f := newFellows(t, day(3, 15))
	rule, rate := month("month", 10_000), budget.Rule{Name: "burst", Limit: 5, Rate: time.Minute, Window: budget.Window{Every: budget.Total}}
	a, b := f.join("ledger-a", &history{}, rule, rate), f.join("ledger-b", &history{}, rule, rate)
	asked := b.asked
	f.tellWho(b, a)
	if b.asked != asked {
		t.Errorf("it read %d times", b.asked-asked)
	}
	f.now = f.now.Add(20 * time.Minute) // a takes b for gone, and does not wait
	wantWho(t, "of nobody", "", a)
	f.now = f.now.Add(time.Hour)
	f.tellWho(b)
	if b.asked != asked+2+1 {
		t.Errorf("it read %d times", b.asked-asked)
	}
	b.spendBy(f.now.Add(-15*time.Minute), "b", "bob", 9) // known as corrections are: within the hour
	b.spendBy(f.now.Add(-5*time.Minute), "b", "bob", 20)
	f.tellWho(b)
	wantWho(t, "within the hour", "b bob 20", a)
	f.now = f.now.Add(time.Hour)
	f.tellWho(b)
	wantWho(t, "after it", "b bob 29", a)
	b.shut = true
	f.tellWho(b)
	f.tellWho(b)
	if said := b.log.String(); strings.Count(said, "they will be asked again") != 1 {
		t.Errorf("it said %s", said)
	}
}

// TestNewNamesAreNotReadAllTheTime, whoever makes them up.
func TestNewNamesAreNotReadAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFellows(t, day(3, 15))
		f.clock = time.Now
		rule := month("month", 10_000)
		a, b := f.join("ledger-a", &history{}, rule), f.join("ledger-b", &history{slow: 10 * time.Second}, rule)
		asked := b.asked
		for n := range 20 {
			if _, err := a.Standings(t.Context(), "month", fmt.Sprint("name-", n)); err != nil {
				t.Fatal(err)
			}
			b.TellWho(t.Context())
		}
		if read := b.asked - asked; read < 1 || read > 12 {
			t.Errorf("it read %d times", read)
		}
		time.Sleep(time.Hour)
		b.TellWho(t.Context())
		wantWho(t, "in the end", "", a)
	})
}

// TestOfManySpendersThoseAreToldThatSpentMost of each account.
func TestOfManySpendersThoseAreToldThatSpentMost(t *testing.T) {
	f := newFellows(t, day(3, 15))
	rule := month("month", 10_000)
	a, b := f.join("ledger-a", &history{}, rule), f.join("ledger-b", &history{}, rule)
	for n := range 25_000 {
		b.spendBy(day(3, 2), "a", fmt.Sprintf("user-%05d", n), int64(1+n))
	}
	b.spendBy(day(3, 2), "b", "/ \"\x00", 25_000)
	b.spendBy(day(3, 2), "", "bob", 25_001)
	wantWho(t, "of nobody", "", a)
	f.tellWho(b)
	wantWho(t, "of all", ` bob 25001, a user-24999 25000 user-24998 24999 user-24997 24998 user-24996 24997 user-24995 24996, b / "`+"\x00 25000", a)
}

// TestWhoSpentIsOfAllReplicasOverRedis, from ledgers in files.
func TestWhoSpentIsOfAllReplicasOverRedis(t *testing.T) {
	address, _ := startRedis(t)
	rule := month("month", 10_000)
	rule.Unit, rule.Window = budget.Tokens, budget.Window{Every: budget.Rolling, Length: 24 * time.Hour}
	now := time.Now()
	late, long := now.Add(-time.Hour), now.Add(-25*time.Hour)
	a, _ := member(t, address, "ledger-a", written(t, map[string][]time.Time{"a": {late, long}}), rule)
	b, _ := member(t, address, "ledger-b", written(t, map[string][]time.Time{"a": {late, late}, "b": {late}}), rule)
	fill(t, a, b)
	want := func(when string, want int64, whole bool) {
		t.Helper()
		all, err := a.Standings(t.Context(), "month", "model")
		if err != nil || len(all) == 0 || all[0].Of != "a" || all[0].WhoAtLeast == whole {
			t.Fatalf("%s, it stands as %+v, %v", when, all, err)
		}
		if diff := cmp.Diff([]budget.Spender{{Name: "gpt-4o", Spent: want}}, all[0].Who); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	want("before the other has begun", 18, true)
	b.TellWho(t.Context())
	want("when it has told", 3*18, true)
}
