package budget

import (
	"testing"
	"time"
)

func TestRaise(t *testing.T) {
	now := time.Date(2026, 4, 10, 0, 0, 0, 0, time.UTC)
	r := compiledRules(t, Rule{Name: "b", Per: []string{"team"}, Limit: 5, Except: map[string]int64{"b": 7}, Window: Window{Every: Day}},
		Rule{Name: "rate", Limit: 5, Unit: Requests, Rate: time.Minute, Window: Window{Every: Total}})
	limit := func(rule, team string, at time.Time) int64 {
		t.Helper()
		a, fits := r.Account(rule, facts("team", team), at)
		if !fits {
			t.Fatal("it does not fit")
		}
		return a.Limit
	}
	r.Raise([]Extra{
		{Rule: "b", Of: "a", Amount: 10, From: now, Until: now.Add(time.Hour)}, {Rule: "b", Of: "a", Amount: 100, From: now.Add(time.Minute)},
		{Rule: "b", Of: "b", Amount: 1, From: now}, {Rule: "b", Of: "c", Unit: Tokens, Amount: 1, From: now},
		{Rule: "rate", Unit: Requests, Amount: 1, From: now}, {Rule: "none", Amount: 1, From: now},
	})
	for _, c := range []struct {
		rule, team string
		after      time.Duration
		want       int64
	}{
		{"b", "a", -1, 5}, {"b", "a", 0, 15}, {"b", "a", time.Minute, 115}, {"b", "a", time.Hour, 105}, {"b", "a", 48 * time.Hour, 105},
		{"b", "b", 0, 8}, {"b", "c", 0, 5}, {"b", "", 0, 5}, {"rate", "a", 0, 5},
	} {
		if got := limit(c.rule, c.team, now.Add(c.after)); got != c.want {
			t.Errorf("%s of %q after %v: %d, want %d", c.rule, c.team, c.after, got, c.want)
		}
	}
	if a, _ := r.Of("b", "a", now); a.Limit != 15 {
		t.Errorf("by its name: %d", a.Limit)
	}
	r.Raise(nil)
	if got := limit("b", "a", now); got != 5 {
		t.Errorf("given back: %d", got)
	}
}
