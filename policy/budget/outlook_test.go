package budget

import (
	"slices"
	"testing"
	"time"
)

func TestOutlook(t *testing.T) {
	now := time.Date(2026, 4, 10, 0, 0, 0, 0, time.UTC)
	may := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	month := Account{Limit: 1000, Start: now.AddDate(0, 0, -9), End: may}
	total := Account{Limit: 1000}
	rolling := Account{Limit: 1000, Rolling: day}
	rate := Account{Limit: 1000, Unit: Tokens, Rate: time.Minute}
	const none = -1
	for _, c := range []struct {
		name               string
		account            Account
		spent, held, burnt int64
		over               time.Duration
		perHour, projected int64
		empty              time.Time
	}{
		{"runs out in ten days", month, 400, 100, 50, day, 2, 400 + 21*50, now.Add(10 * day)},
		{"lasts until the end", month, 400, 0, 24, day, 1, 400 + 21*24, time.Time{}},
		{"at the end is not before it", month, 0, 0, 1, 21 * day / 1000, 1, 1000, time.Time{}},
		{"nothing is spent", month, 400, 0, 0, day, 0, 400, time.Time{}},
		{"corrections gave back", month, 400, 0, -7, day, 0, 400, time.Time{}},
		{"nothing is left", month, 950, 50, 0, day, 0, 950, now},
		{"overspent in a window that has just begun", month, 1200, 0, 0, 0, none, none, now},
		{"just begun", month, 10, 0, 0, 0, none, none, time.Time{}},
		{"never ends", total, 0, 0, 10, day, 0, none, now.Add(100 * day)},
		{"rather never", total, 0, 0, 1, 365 * day, 0, none, time.Time{}},
		{"moves with the clock", rolling, 10, 0, 240, day, 10, none, time.Time{}},
		{"is refilled", rate, 1000, 0, 0, 0, none, none, time.Time{}},
	} {
		s := Standing{State: State{Account: c.account, Spent: c.spent, Held: c.held}, Now: now, Burnt: c.burnt, Over: c.over}
		if n, known := s.PerHour(); known != (c.perHour != none) || known && n != c.perHour {
			t.Errorf("%s: %d an hour, %v; want %d", c.name, n, known, c.perHour)
		}
		if n, known := s.Projected(); known != (c.projected != none) || known && n != c.projected {
			t.Errorf("%s: %d at the end, %v; want %d", c.name, n, known, c.projected)
		}
		if at, does := s.RunsOut(); does == c.empty.IsZero() || does && !at.Equal(c.empty) {
			t.Errorf("%s: runs out at %v, %v; want %v", c.name, at, does, c.empty)
		}
	}
}

func TestReached(t *testing.T) {
	s := Standing{State: State{Account: Account{Limit: 3}}}
	for spent, want := range [][]int{nil, nil, {50}, {50, 100}, {50, 100}, {50, 100}, {50, 100, 200}} {
		s.Spent = int64(spent)
		if got := s.Reached([]int{50, 100, 200}); !slices.Equal(got, want) {
			t.Errorf("%d of 3 reached %v, want %v", spent, got, want)
		}
	}
}

// TestAnAccountByItsName: what Accounts calls an account finds the same one.
func TestAnAccountByItsName(t *testing.T) {
	now := time.Date(2026, 4, 10, 0, 0, 0, 0, time.UTC)
	rule := Rule{Name: "b", Per: []string{"team", "project"}, Match: map[string][]string{"user": {"ann"}, "model": {"m*"}}, Limit: 5, Window: Window{Every: Day}}
	rule.Except = map[string]int64{"a%2Fb/x%25": 7}
	rules, err := Compile([]Rule{rule, {Name: "all", Limit: 1, Window: Window{Every: Total}}})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := rules.Account("b", facts("team", "a/b", "project", "x%", "user", "ann", "model", "m1"), now)
	if got, is := rules.Of("b", a.Of, now); !is || got != a || a.Limit != 7 {
		t.Errorf("Of(%q) = %+v, %v; want %+v", a.Of, got, is, a)
	}
	for _, wrong := range [][2]string{{"b", "a"}, {"b", "a/b/c"}, {"b", "%/x"}, {"all", "a"}, {"none", ""}} {
		if got, is := rules.Of(wrong[0], wrong[1], now); is {
			t.Errorf("Of(%q) = %+v", wrong, got)
		}
	}
	b := rules.Rule("b")
	for key, want := range map[string]string{"team": "a/b", "project": "x%", "user": "ann"} {
		if got, one := b.Value(a.Of, key); !one || got != want {
			t.Errorf("its %s is %q, %v", key, got, one)
		}
	}
	for _, key := range []string{"model", "other"} {
		if got, one := b.Value(a.Of, key); one {
			t.Errorf("its %s is %q", key, got)
		}
	}
}
