package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/schedule"
)

// TestTheThreeRowsOfThePage takes docs/rules.md at its word: what may run at which of
// the hours that its table has.
func TestTheThreeRowsOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, ok := strings.Cut(text, "```\n")
	if !ok {
		t.Fatal("the page shows no schedule")
	}
	s, err := schedule.New(mustParse(t, text).ScheduleRules())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		at  string
		may string
	}{
		{"2026-03-18T11:00:00+01:00", "interactive"},                // business hours
		{"2026-03-18T20:00:00+01:00", "interactive batch"},          // the evening
		{"2026-03-18T23:00:00+01:00", "interactive batch training"}, // the night
		{"2026-03-21T11:00:00+01:00", "interactive batch training"}, // the weekend
	} {
		at, err := time.Parse(time.RFC3339, row.at)
		if err != nil {
			t.Fatal(err)
		}
		var may []string
		for _, kind := range []string{"interactive", "batch", "training"} {
			of := func(string) string { return kind }
			if s.Look(of, at) == nil {
				may = append(may, kind)
			}
		}
		if got := strings.Join(may, " "); got != row.may {
			t.Errorf("%s: %s may run, want %s", row.at, got, row.may)
		}
	}
}

func TestCheckFindsRulesThatCanBeEvadedOrAreOver(t *testing.T) {
	const rules = `access:
  - {deny: [a], except: [{team: b, until: 2020-01-01}]}
  - {match: {model: "*"}, above: "5", approval: required}
schedule: [{match: {request_type: batch}, allow: [{days: sat-sun}]}, {match: {user: "*"}, allow: [{days: sat-sun}]}]
shape: [{concise: true}]
`
	var keys []string
	for _, f := range checkGates(mustParse(t, rules), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		keys = append(keys, string(f.Severity)+" "+f.Key)
	}
	want := "warning access[0].except[0].until, warning access[0], warning access[1], warning schedule[1], note mode"
	if got := strings.Join(keys, ", "); got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if found := checkGates(mustParse(t, "mode: enforce\n"), time.Now()); found != nil {
		t.Errorf("of the defaults: %v", found)
	}
}
