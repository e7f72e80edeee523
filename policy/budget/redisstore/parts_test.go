package redisstore

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
)

// ledgerOf opens the accounts of org as the owner of one ledger of several.
func ledgerOf(t *testing.T, at *server, org, name string) *Store {
	return open(t, Options{Addresses: []string{at.address}, Org: org, Part: name})
}

// ahead moves the server's clock.
func ahead(t *testing.T, s *Store, d time.Duration) {
	t.Helper()
	micros := strconv.FormatInt(d.Microseconds(), 10)
	client, err := s.link.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Do(t.Context(), client.B().Arbitrary("INCRBY").Keys(s.prefix+"ahead").Args(micros).Build()).Error(); err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T, s *Store) bool {
	t.Helper()
	ok, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func absent(t *testing.T, s *Store, marks ...string) ([]string, bool) {
	t.Helper()
	gone, open, err := s.Missing(t.Context(), marks)
	if err != nil {
		t.Fatal(err)
	}
	return gone, open
}

// Each ledger is added once, whoever comes first, and nobody takes before all had
// time; after a loss, once more.
func TestPartsAreAddedOnce(t *testing.T) {
	at := startServer(t)
	org := newOrg()
	parts := map[string]*Store{"one": ledgerOf(t, at, org, "one"), "two": ledgerOf(t, at, org, "two")}
	window := budget.Account{Rule: "month", Of: "a", Unit: budget.Charged, Limit: 100, Start: time.Unix(1e9, 0), End: time.Now().Add(time.Hour)}
	rolling := budget.Account{Rule: "hour", Of: "a", Unit: budget.Charged, Limit: 100, Rolling: time.Hour}
	now := parts["one"].Now()
	states := []budget.State{
		{Account: rolling, Spent: 3, At: now.Add(-10 * time.Minute)}, {Account: window, Spent: 10},
		{Account: rolling, Spent: 4, At: now.Add(-20 * time.Minute)}, {Account: rolling, Spent: 50, At: now.Add(-2 * time.Hour)},
	}
	for round := range 2 {
		for name, s := range parts {
			if gone, open := absent(t, s, "", "month", "hour"); open || len(gone) != 3 {
				t.Fatalf("round %d, part %s: missing %q, open %v", round, name, gone, open)
			}
			if opened(t, s) {
				t.Fatalf("part %s: open before anything was added", name)
			}
			for range 2 { // the second finds its marks, and would not be called
				if gone, _ := absent(t, s, "", "month", "hour"); len(gone) == 0 {
					continue
				}
				if err := s.Add(t.Context(), []string{"", "month", "hour"}, states); err != nil {
					t.Fatal(err)
				}
			}
			ahead(t, s, -time.Minute) // so that the other has time, however slow this is
			if _, err := s.Reserve(t.Context(), holdOf(s, 1, 1, window)); !errors.Is(err, ErrFresh) {
				t.Errorf("part %s: reserve before it is open: %v", name, err)
			}
		}
		ahead(t, parts["one"], 2*time.Minute+othersHave)
		for name, s := range parts {
			if gone, open := absent(t, s, "day", ""); open || !slices.Equal(gone, []string{"day"}) {
				t.Errorf("part %s: missing %q, open %v", name, gone, open)
			}
			if !opened(t, s) {
				t.Errorf("part %s: not open in time", name)
			}
			if got := state(t, s, window); got.Spent != 20 {
				t.Errorf("part %s: %+v", name, got)
			}
			if got := state(t, s, rolling); got.Spent != 14 {
				t.Errorf("part %s: %+v", name, got)
			}
		}
		reserveOne(t, parts["two"], 10+round, 80, window)
		late := ledgerOf(t, at, org, "late")
		if err := late.Add(t.Context(), []string{""}, nil); err != nil || !opened(t, late) {
			t.Errorf("one who comes later waits: %v", err)
		}
		at.command("FLUSHALL")
	}
}

// What an Add began with is not added again by the next, which one that was cut
// off is followed by.
func TestAnAddThatWasCutOffIsGoneOnWith(t *testing.T) {
	at := startServer(t)
	org := newOrg()
	s := ledgerOf(t, at, org, "one")
	a := budget.Account{Rule: "a", Unit: budget.Charged, Limit: 100}
	b := budget.Account{Rule: "b", Unit: budget.Charged, Limit: 100}
	if _, err := s.run(t.Context(), s.do.add, []string{s.adding, s.account(&a)}, packState(&budget.State{Account: a, Spent: 5})); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(t.Context(), []string{""}, []budget.State{{Account: b, Spent: 7}, {Account: a, Spent: 5}}); err != nil {
		t.Fatal(err)
	}
	ahead(t, s, othersHave)
	if !opened(t, s) || state(t, s, a).Spent != 5 || state(t, s, b).Spent != 7 {
		t.Errorf("%+v, %+v", state(t, s, a), state(t, s, b))
	}
}

// Holds that were lost are taken again before anybody may take what they need.
func TestHoldsAreTakenAgainBeforeTheStoreOpens(t *testing.T) {
	at := startServer(t)
	s := ledgerOf(t, at, newOrg(), "one")
	a := budget.Account{Rule: "a", Unit: budget.Charged, Limit: 100}
	soft := a
	soft.Soft = true
	if err := s.Hold(t.Context(), holdOf(s, 1, 90, soft)); !errors.Is(err, ErrFresh) {
		t.Errorf("before anything was added: %v", err)
	}
	if err := s.Add(t.Context(), []string{""}, []budget.State{{Account: a, Spent: 20}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Hold(t.Context(), holdOf(s, 1, 90, soft)); err != nil {
		t.Fatal(err)
	}
	ahead(t, s, othersHave)
	if !opened(t, s) {
		t.Fatal("not open")
	}
	if short, err := s.Reserve(t.Context(), holdOf(s, 2, 1, a)); err != nil || short.OK() || short.Left != 0 {
		t.Errorf("%+v, %v", short, err)
	}
	if _, found, err := s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{30}, nil); err != nil || !found {
		t.Error(found, err)
	}
	if got := state(t, s, a); got.Spent != 50 || got.Held != 0 {
		t.Errorf("%+v", got)
	}
}

// What is noted of budgets is of one part, as long as it has their marks.
func TestWhatIsNotedOfBudgets(t *testing.T) {
	at := startServer(t)
	org := newOrg()
	one, two := ledgerOf(t, at, org, "one"), ledgerOf(t, at, org, "two")
	want := func(s *Store, texts map[string]string) {
		t.Helper()
		if noted, err := s.Noted(t.Context()); err != nil || !maps.Equal(noted, texts) {
			t.Errorf("noted %q, %v, want %q", noted, err, texts)
		}
	}
	note := func(texts map[string]string) {
		t.Helper()
		if err := one.Note(t.Context(), texts); err != nil {
			t.Fatal(err)
		}
	}
	note(map[string]string{"month": "of a month", "day": "of a day", "not added": "of nothing"})
	want(one, map[string]string{})
	if err := one.Add(t.Context(), []string{"", "month", "day"}, nil); err != nil {
		t.Fatal(err)
	}
	note(map[string]string{"day": "of another day"})
	want(one, map[string]string{"month": "of a month", "day": "of another day"})
	want(two, map[string]string{})
	if err := one.Forget(t.Context(), []string{"day"}); err != nil {
		t.Fatal(err)
	}
	want(one, map[string]string{"month": "of a month"})
	if gone, _ := absent(t, one, "", "month", "day"); !slices.Equal(gone, []string{"day"}) {
		t.Errorf("missing %q, want the day alone", gone)
	}
	at.command("FLUSHALL")
	want(one, map[string]string{})
}
