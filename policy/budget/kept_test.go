package budget

import (
	"reflect"
	"testing"
	"time"
)

// What is noted of a rule is all that its accounts depend on.
func TestARuleIsReadAsItWasNoted(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, rule := range map[string]Rule{
		"a month":  {Name: "month", Per: []string{"team", "model"}, Limit: 5, Window: Window{Every: Month, Location: berlin}, Include: CallsAndCharges},
		"a week":   {Name: "week", Unit: Tokens, Match: map[string][]string{"team": {"a", "b*"}}, Limit: 5, Window: Window{Every: Week, WeekStart: time.Friday}},
		"a year":   {Name: "year", Unit: Contracted, Limit: 5, Window: Window{Every: Year, FirstMonth: time.April, Location: time.UTC}},
		"moving":   {Name: "moving", Unit: Requests, Limit: 5, Window: Window{Every: Rolling, Length: 36 * time.Hour}},
		"a charge": {Name: "seats", Limit: 5, Include: Charges, Window: Window{Every: Total}},
	} {
		text, err := rule.Written(until)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadNote(rule.Mark(), text)
		want := rule
		want.Until, want.OnExhausted = until, Allow
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v, %v, want %+v", name, got, err, want)
		}
		if _, err := ReadNote(rule.Mark()+" and more", text); err == nil {
			t.Errorf("%s: it is read as a rule that counts otherwise", name)
		}
	}
	if _, err := ReadNote("", "1767000000000000"); err == nil {
		t.Error("a number is read as a rule")
	}
}

// Rules that are kept count beside those in use, in accounts that are marked so.
func TestKeptRulesCount(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rules, err := Compile([]Rule{{Name: "day", Limit: 5, Window: Window{Every: Day}}})
	if err != nil {
		t.Fatal(err)
	}
	of := func(key string) string { return map[string]string{"team": "a"}[key] }
	rules.Keep([]Rule{
		{Name: "day", Per: []string{"team"}, Limit: 5, Window: Window{Every: Day}, OnExhausted: Allow},
		{Name: "seats", Limit: 5, Include: Charges, Window: Window{Every: Day}, OnExhausted: Allow},
		{Name: "over", Limit: 5, Until: now, Window: Window{Every: Day}, OnExhausted: Allow},
	})
	all := rules.Accounts(of, now)
	if len(all) != 2 || all[0].Kept || !all[1].Kept || !all[1].Soft || all[1].Of != "a" || all[0].Key() == all[1].Key() {
		t.Errorf("a call counts against %+v", all)
	}
	if all := rules.AccountsOfCharge(of, now); len(all) != 1 || all[0].Rule != "seats" || !all[0].Kept {
		t.Errorf("a charge counts against %+v", all)
	}
	if len(rules.Rules()) != 1 || len(rules.Kept()) != 3 || rules.Rule("seats") != nil {
		t.Error("a rule that is kept is in use")
	}
	for _, rule := range rules.Kept() {
		if a, fits := rules.AccountBy(rule, of, now); fits == rule.Over(now) || !a.Kept {
			t.Errorf("%s: %+v, %v", rule.Name, a, fits)
		}
	}
}
