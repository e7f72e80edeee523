package budget

import (
	"math"
	"testing"
	"time"
)

func TestCarry(t *testing.T) {
	half, all := Rollover{Percent: 50}, Rollover{Percent: 100}
	capped, debts, both := Rollover{Percent: 50, Cap: 20}, Rollover{Negative: true}, Rollover{Percent: 50, Negative: true}
	for name, c := range map[string]struct {
		of   Rollover
		past []Past
		want int64
	}{
		"no window before":                   {half, nil, 0},
		"a share of what was left":           {half, []Past{{Limit: 100, Spent: 40}}, 30},
		"a share is rounded down":            {half, []Past{{Limit: 100, Spent: 41}}, 29},
		"all spent":                          {both, []Past{{Limit: 100, Spent: 100}}, 0},
		"a cap":                              {capped, []Past{{Limit: 100, Spent: 40}}, 20},
		"below the cap":                      {capped, []Past{{Limit: 100, Spent: 90}}, 5},
		"too much spent, and not taken":      {half, []Past{{Limit: 100, Spent: 130}}, 0},
		"too much spent, and taken":          {both, []Past{{Limit: 100, Spent: 130}}, -30},
		"only what was too much":             {debts, []Past{{Limit: 100, Spent: 10}}, 0},
		"what was carried is left too":       {all, []Past{{Limit: 100, Spent: 40}, {Limit: 100, Spent: 0}}, 160},
		"half of half":                       {half, []Past{{Limit: 100}, {Limit: 100}, {Limit: 100}}, 87},
		"a cap in each window":               {capped, []Past{{Limit: 100}, {Limit: 100, Spent: 110}}, 5},
		"what was carried is spent too":      {half, []Past{{Limit: 100, Spent: 0}, {Limit: 100, Spent: 150}}, 0},
		"a debt is paid":                     {both, []Past{{Limit: 100, Spent: 130}, {Limit: 100, Spent: 50}}, 10},
		"a debt above the limit stays":       {debts, []Past{{Limit: 100, Spent: 350}, {Limit: 100}}, -150},
		"a debt that is not taken ends":      {half, []Past{{Limit: 100, Spent: 350}, {Limit: 100}}, 50},
		"what a top-up that ended paid for":  {both, []Past{{Limit: 100, Ended: 50, Spent: 140}}, 0},
		"more than a top-up that ended":      {both, []Past{{Limit: 100, Ended: 50, Spent: 170}}, -20},
		"a top-up that ended leaves nothing": {both, []Past{{Limit: 100, Ended: 50, Spent: 40}}, 30},
		"more than can be counted":           {all, []Past{{Limit: math.MaxInt64}, {Limit: math.MaxInt64}}, math.MaxInt64},
	} {
		if got := c.of.Carry(c.past); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// What was carried is of one window alone, down to its last moment.
func TestCarriedIsOfItsWindow(t *testing.T) {
	start := time.Date(2026, 4, 10, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 0, 1)
	r := compiledRules(t,
		Rule{Name: "b", Per: []string{"team"}, Limit: 5, Except: map[string]int64{"b": 7}, Window: Window{Every: Day}, Rollover: &Rollover{Negative: true}},
		Rule{Name: "none", Limit: 5, Window: Window{Every: Day}})
	carried := Carried{Start: start, End: end, Of: map[string]int64{"a": 10, "b": -3, "c": -9}, Others: 2}
	r.Carry("b", carried)
	r.Carry("none", carried)
	r.Carry("unknown", carried)
	r.Raise([]Extra{{Rule: "b", Of: "c", Amount: 1, From: start}, {Rule: "b", Of: "d", Amount: 1, From: start}})
	for _, c := range []struct {
		rule, team string
		at         time.Time
		want       int64
	}{
		{"b", "a", start.Add(-1), 5}, {"b", "a", start, 15}, {"b", "a", end.Add(-1), 15}, {"b", "a", end, 5},
		{"b", "b", start, 4}, {"b", "c", start, 0}, {"b", "d", start, 8}, {"b", "", start, 7}, {"none", "a", start, 5},
	} {
		a, fits := r.Account(c.rule, facts("team", c.team), c.at)
		if !fits || a.Limit != c.want {
			t.Errorf("%s of %q at %v: %d, %v, want %d", c.rule, c.team, c.at, a.Limit, fits, c.want)
		}
	}
	if got := [...]int64{r.Carried("b", "c", start), r.Carried("b", "c", end), r.Carried("none", "a", start), r.Carried("unknown", "a", start)}; got != [...]int64{-9, 0, 0, 0} {
		t.Errorf("carried: %v", got)
	}
}

func TestRolloverMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		of    *Rollover
		every Every
		want  int
	}{
		"none":                {nil, Total, 0},
		"an hour":             {&Rollover{Percent: 1}, Hour, 0},
		"only what is owed":   {&Rollover{Negative: true}, Year, 0},
		"a window at an end":  {&Rollover{Percent: 1}, Total, 1},
		"a window that moves": {&Rollover{Percent: 1}, Rolling, 1},
		"nothing":             {&Rollover{}, Day, 1},
		"a cap of nothing":    {&Rollover{Cap: 1, Negative: true}, Day, 1},
		"too much":            {&Rollover{Percent: 101}, Day, 1},
		"too little":          {&Rollover{Percent: -1, Cap: -1}, Day, 2},
	} {
		if got := c.of.Mistakes(&Window{Every: c.every}); len(got) != c.want {
			t.Errorf("%s: %v, want %d", name, got, c.want)
		}
	}
	if _, err := Compile([]Rule{{Name: "b", Limit: 1, Window: Window{Every: Total}, Rollover: &Rollover{Percent: 1}}}); err == nil {
		t.Error("it was compiled")
	}
}
