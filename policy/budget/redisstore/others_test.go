package redisstore

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// few is an empty store of few accounts for each rule and window.
func few(t *testing.T, most int) *Store {
	t.Helper()
	s := ready(t, Options{Addresses: []string{startServer(t).address}, Org: newOrg()})
	s.most = most
	return s
}

func ask(t *testing.T, s *Store, h budget.Hold) budget.Short {
	t.Helper()
	short, err := s.Reserve(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return short
}

// january is an account of a month that is far off.
func january(of string) budget.Account {
	start := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	return budget.Account{Rule: "month}:a:", Of: of, Unit: budget.Tokens, Limit: 100, Start: start, End: start.AddDate(0, 1, 0)}
}

// found counts the keys of a kind.
func found(t *testing.T, s *Store, kind string) int {
	t.Helper()
	client, err := s.link.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := client.Do(t.Context(), client.B().Keys().Pattern(s.prefix+kind+":*").Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	return len(keys)
}

// Values that come when a rule has its most accounts share one, as in memory.
func TestValuesBeyondTheMostShareOneAccount(t *testing.T) {
	s := few(t, 2)
	named, february := january("named"), january("e")
	named.Named = true
	february.Start, february.End = february.End, february.End.AddDate(0, 1, 0)
	for n, a := range []budget.Account{january("a"), january("b"), named, february, january("")} {
		if short := ask(t, s, holdOf(s, n, 60, a)); !short.OK() {
			t.Fatalf("%q: %+v", a.Of, short)
		}
	}
	asked := holdOf(s, 10, 60, january("c"))
	if short := ask(t, s, asked); !short.OK() {
		t.Fatalf("the first beyond: %+v", short)
	}
	for n, of := range []string{"c", "d", budget.Others} {
		if short := ask(t, s, holdOf(s, 11+n, 50, january(of))); short.OK() || short.Left != 40 || !short.Shared {
			t.Errorf("%q: %+v, want 40 left of what they share", of, short)
		}
	}
	for n, a := range []budget.Account{january("a"), named} {
		if short := ask(t, s, holdOf(s, 20+n, 50, a)); short.OK() || short.Shared {
			t.Errorf("%q: %+v, want its own account", a.Of, short)
		}
		if short := ask(t, s, holdOf(s, 30+n, 40, a)); !short.OK() {
			t.Errorf("%q: %+v, want what is left", a.Of, short)
		}
	}
	if short, err := s.Extend(t.Context(), asked.ID, 0, budget.Amounts{budget.Tokens: 101}); err != nil || short.OK() || !short.Shared || short.Left != 40 {
		t.Errorf("extended: %+v, %v", short, err)
	}
	crossed, ok, err := s.Settle(t.Context(), asked.ID, 0, budget.Amounts{budget.Tokens: 55}, []int{50})
	if err != nil || !ok || len(crossed) != 1 || crossed[0].Of != budget.Others || crossed[0].Rule != asked.Accounts[0].Rule {
		t.Errorf("settled: %+v, %v, %v", crossed, ok, err)
	}
	crossed, err = s.Spend(t.Context(), holdOf(s, 50, 10, january("f")), []int{65})
	if err != nil || len(crossed) != 1 || crossed[0].Of != budget.Others || crossed[0].Spent != 65 {
		t.Errorf("spent: %+v, %v", crossed, err)
	}
	states, err := s.States(t.Context(), []budget.Account{january("g"), january("b"), january("a")})
	if err != nil || states[0].Spent != 65 || states[1].Held != 60 || states[2].Held != 100 {
		t.Errorf("states: %+v, %v", states, err)
	}
	if s.Shared() != 2 {
		t.Errorf("shared %d times", s.Shared())
	}
	if n, counts := found(t, s, "a"), found(t, s, "n"); n != 6 || counts != 2 {
		t.Errorf("%d accounts and %d counts", n, counts)
	}
}

// Of each kind there are no more than may be made, in a span of moving windows and a
// minute of rates; calls under way, which leave none behind, are not counted.
func TestAccountsOfEachKindAreBounded(t *testing.T) {
	s := few(t, 3)
	for kind, a := range []budget.Account{
		january(""), {Rule: "all", Unit: budget.Tokens, Limit: 1000}, {Rule: "day", Unit: budget.Tokens, Limit: 1000, Rolling: 24 * time.Hour},
		{Rule: "burst", Unit: budget.Tokens, Limit: 1000, Rate: time.Hour}, {Rule: "calls", Unit: budget.Concurrency, Limit: 1000},
	} {
		before := found(t, s, "a")
		least, most := 4, 4
		switch {
		case a.Unit == budget.Concurrency:
			least, most = 20, 20
		case a.Rolling > 0 || a.Rate > 0:
			most = 7 // the next span, or minute, may begin meanwhile
		}
		for n := range 20 {
			a.Of = strconv.Itoa(n)
			if short := ask(t, s, holdOf(s, 100*kind+n, 1, a)); !short.OK() {
				t.Fatalf("%s: %+v", a.Rule, short)
			}
		}
		if got := found(t, s, "a") - before; got < least || got > most {
			t.Errorf("%s: %d accounts, want %d to %d", a.Rule, got, least, most)
		}
	}
}

// What is refused makes no account, nor is it counted; and what an account is called
// does not matter.
func TestRefusedCallsLeaveNoAccount(t *testing.T) {
	s := few(t, 2)
	for n := range 10 {
		if short := ask(t, s, holdOf(s, n, 101, january(strconv.Itoa(n)))); short.OK() || short.Shared {
			t.Fatalf("%+v", short)
		}
	}
	if n, counts := found(t, s, "a"), found(t, s, "n"); n != 0 || counts != 0 {
		t.Fatalf("%d accounts and %d counts are left", n, counts)
	}
	odd := []string{"}:a:x\x00tokens", "(others", "\x00\x00", "é", strings.Repeat("x", 1000)}
	for n, of := range odd {
		if short := ask(t, s, holdOf(s, n, 60, january(of))); short.OK() != (n < 3) || short.Shared != (n > 2) {
			t.Errorf("%.10q: %+v", of, short)
		}
	}
}

// A ledger that is added after a loss fills accounts as calls do, all of it, also in
// several goes.
func TestWhatLedgersHaveIsAddedWithinTheBound(t *testing.T) {
	s := few(t, 5)
	var all []budget.State
	random, want := rand.New(rand.NewPCG(4, 5)), int64(0)
	for n := range 40 {
		for range 1 + random.IntN(3) {
			spent := random.Int64N(50)
			all, want = append(all, budget.State{Account: january(strconv.Itoa(n)), Spent: spent}), want+spent
		}
	}
	half := len(all) / 2
	for half < len(all) && all[half].Of == all[half-1].Of {
		half++
	}
	for i, some := range [][]budget.State{all[:half], all[half:]} {
		if err := s.Add(t.Context(), []string{strconv.Itoa(i)}, some); err != nil {
			t.Fatal(err)
		}
	}
	if n := found(t, s, "a"); n != 6 {
		t.Errorf("%d accounts, want 5 and what others share", n)
	}
	var got int64
	seen := map[string]bool{}
	for i := range all {
		a := all[i].Account
		if seen[a.Of] {
			continue
		}
		seen[a.Of] = true
		client, err := s.link.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		there, err := client.Do(t.Context(), client.B().Exists().Key(s.account(&a)).Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		if there == 1 {
			got += spentOf(t, s, a)
		}
	}
	if got += spentOf(t, s, january(budget.Others)); got != want {
		t.Errorf("%d were spent, want %d", got, want)
	}
}

func spentOf(t *testing.T, s *Store, a budget.Account) int64 {
	t.Helper()
	states, err := s.States(t.Context(), []budget.Account{a})
	if err != nil {
		t.Fatal(err)
	}
	return states[0].Spent
}
