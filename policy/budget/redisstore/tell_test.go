package redisstore

import (
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// looked are the accounts that a Look of s gives.
func looked(t *testing.T, s *Store) (all []budget.Watched) {
	t.Helper()
	mine, err := s.Look(t.Context(), func(some []budget.Watched) error {
		all = append(all, some...)
		return nil
	})
	if err != nil || !mine {
		t.Fatalf("look: %v, %v", mine, err)
	}
	return all
}

// An account that a replica of an older version began is looked at from when one that
// knows it says so, and one that is gone no more.
func TestAccountsOfAnOlderVersionAreWatched(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	old := budget.Account{Rule: "old", Of: "a", Unit: budget.Charged, Limit: 100, Start: time.Now().Truncate(time.Hour), End: time.Now().Add(time.Hour)}
	gone := budget.Account{Rule: "gone", Unit: budget.Charged, Limit: 100}
	reserveOne(t, s, 1, 60, old, gone)
	at.command("HDEL", s.watched, old.Key())
	at.command("DEL", s.account(&gone))
	if got := looked(t, s); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if n := at.command("HLEN", s.watched); n != ":0" {
		t.Errorf("%s are watched, want none", n)
	}
	if err := s.Watch(t.Context(), []budget.Account{old, gone}); err != nil {
		t.Fatal(err)
	}
	if got := looked(t, s); len(got) != 1 || got[0].Rule != "old" || got[0].Held != 60 {
		t.Errorf("%+v", got)
	}
}

// ttl is for how long a server keeps a key; below 0: for ever, or it has none.
func ttl(t *testing.T, at *server, key string) time.Duration {
	t.Helper()
	left, err := time.ParseDuration(strings.TrimPrefix(at.command("PTTL", key), ":") + "ms")
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// Who looks has it for a time, and then another may.
func TestAnotherLooksWhenTheFirstIsGone(t *testing.T) {
	at := startServer(t)
	o := Options{Addresses: []string{at.address}, Org: newOrg()}
	first, second := ready(t, o), open(t, o)
	reserveOne(t, first, 1, 60, budget.Account{Rule: "a", Unit: budget.Charged, Limit: 100})
	if len(looked(t, first)) != 1 {
		t.Error("nothing is looked at")
	}
	if left := ttl(t, at, first.looking); left == -time.Millisecond || left > budget.LookFor {
		t.Errorf("it is theirs for %v", left)
	}
	at.command("DEL", first.looking) // as when its time is over
	if len(looked(t, second)) != 1 {
		t.Error("another does not look")
	}
}

// A store that has lost all is not looked at before it has all that ledgers have, and
// keeps meanwhile what people are told.
func TestNothingIsLookedAtBeforeTheStoreHasAll(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	at.command("FLUSHALL")
	if mine, err := s.Look(t.Context(), nil); mine || err == nil || !strings.Contains(err.Error(), ErrFresh.Error()) {
		t.Errorf("look: %v, %v", mine, err)
	}
	a := budget.Account{Rule: "a", Unit: budget.Charged, Limit: 100}
	if err := s.Tell(t.Context(), []budget.Crossed{{Account: a, Percent: 50, Spent: 55}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	reserveOne(t, s, 1, 60, a)
	if got := looked(t, s); len(got) != 1 || len(got[0].Told) != 1 {
		t.Errorf("%+v", got)
	}
}

// What people were told is forgotten with its account.
func TestWhatWasToldIsForgottenInTime(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, test := range []struct {
		name     string
		a        budget.Account
		from, to time.Duration // below 0: it stays
	}{
		{"a window", budget.Account{Rule: "w", Limit: 1, Start: end.Add(-time.Hour), End: end}, keptFor, keptFor + time.Hour},
		{"a moving window", budget.Account{Rule: "m", Limit: 1, Rolling: time.Hour}, time.Hour - time.Minute, time.Hour + time.Second},
		{"a total", budget.Account{Rule: "t", Limit: 1}, -time.Millisecond, -time.Millisecond},
	} {
		if err := s.Tell(t.Context(), []budget.Crossed{{Account: test.a, Percent: 50}}); err != nil {
			t.Fatal(err)
		}
		if left := ttl(t, at, s.told(test.a.Key())); left < test.from || left > test.to {
			t.Errorf("%s: %v, want %v to %v", test.name, left, test.from, test.to)
		}
	}
}
