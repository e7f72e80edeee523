package access

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy/money"
)

var noon = time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC)

func rate(t *testing.T, usd string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(usd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ask is a call of a team for a model that costs usd, or has no price.
func ask(t *testing.T, team, model, usd string) *Asked {
	return &Asked{
		Of:   func(key string) string { return map[string]string{"team": team, "model": model}[key] },
		Team: team, Model: model, At: noon,
		Price: func() (money.Rate, bool) {
			if usd == "" {
				return 0, false
			}
			return rate(t, usd), true
		},
	}
}

func TestWhoMayAskWhich(t *testing.T) {
	team := func(names ...string) map[string][]string { return map[string][]string{"team": names} }
	approvals := &Approvals{}
	approvals.Set([]Grant{
		{Number: 4, Team: "support", Model: "o3", Until: noon.Add(time.Hour)},
		{Number: 5, Team: "support", Model: "gpt-5*", Until: noon.Add(-time.Hour)},
		{Number: 6, Team: "support", Model: "gpt-5*", Until: noon},
		{Number: 7, Team: "research", Model: "GPT-5*", Until: noon.Add(time.Nanosecond)},
	})
	a, err := New([]Rule{
		{Name: "listed", Match: team("*"), Deny: []string{"GPT-4-turbo", "claude-3-opus*"}, Except: []Exception{
			{Match: team("research"), Until: noon.Add(time.Hour)}, {Match: team("late"), Until: noon}, {Match: team("platform")},
		}, Ask: "platform@example.com"},
		{Name: "few", Match: team("interns"), Allow: []string{"*-mini", "smollm*"}},
		{Name: "o", Deny: []string{"o3", "gpt-5-pro"}, Approval: true},
		{Name: "dear", Match: team("support", "research", "late"), Above: rate(t, "15"), Approval: true},
	}, approvals)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, team, model, usd string
		want                   Verdict
	}{
		{"any other model", "support", "gpt-4o", "10", Verdict{}},
		{"a listed one", "support", "gpt-4-turbo", "10", Verdict{Refused: true, Rule: "listed", Cause: Denied, Ask: "platform@example.com"}},
		{"a snapshot of it", "support", "openai/GPT-4-Turbo-2024-04-09", "10", Verdict{Refused: true, Rule: "listed", Cause: Denied, Ask: "platform@example.com"}},
		{"by its glob", "support", "claude-3-opus-20240229", "1", Verdict{Refused: true, Rule: "listed", Cause: Denied, Ask: "platform@example.com"}},
		{"an exception", "research", "gpt-4-turbo", "10", Verdict{}},
		{"an exception that has ended", "late", "gpt-4-turbo", "10", Verdict{Refused: true, Rule: "listed", Cause: Denied, Ask: "platform@example.com"}},
		{"an exception for good", "platform", "gpt-4-turbo", "10", Verdict{}},
		{"an owner that the rule is not for", "", "gpt-4-turbo", "10", Verdict{}},
		{"among the allowed", "interns", "gpt-4o-mini", "1", Verdict{}},
		{"not among the allowed", "interns", "gpt-4o", "1", Verdict{Refused: true, Rule: "few", Cause: Unlisted}},
		{"no model at all", "interns", "", "1", Verdict{Refused: true, Rule: "few", Cause: Nameless}},
		{"without approval", "sales", "o3", "2", Verdict{Refused: true, Rule: "o", Cause: Denied, Approvable: true}},
		{"with approval", "support", "o3", "2", Verdict{Rule: "o", Cause: Denied, Approvable: true, Approval: 4}},
		{"a cheap model", "support", "gpt-4o", "15", Verdict{}},
		{"a dear model", "support", "gpt-4o", "15.01", Verdict{Refused: true, Rule: "dear", Cause: TooDear, Bound: rate(t, "15"), Approvable: true}},
		{"a dear model, with approval", "research", "gpt-5", "20", Verdict{Rule: "dear", Cause: TooDear, Bound: rate(t, "15"), Approvable: true, Approval: 7}},
		{"a model without a price", "support", "new", "", Verdict{Refused: true, Rule: "dear", Cause: NoPrice, Bound: rate(t, "15"), Approvable: true}},
		{"an approval that has ended", "support", "gpt-5", "20", Verdict{Refused: true, Rule: "dear", Cause: TooDear, Bound: rate(t, "15"), Approvable: true, Ended: noon}},
		{"for another owner any price is right", "sales", "gpt-4.5", "150", Verdict{}},
	} {
		if got := a.Look(ask(t, c.team, c.model, c.usd)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// An approval lifts the rules that take one, and no others.
func TestAnApprovalLiftsNoRuleThatTakesNone(t *testing.T) {
	approvals := &Approvals{}
	approvals.Set([]Grant{{Number: 1, Team: "a", Model: "*", Until: noon.Add(time.Hour)}})
	a, err := New([]Rule{{Name: "lifted", Deny: []string{"m"}, Approval: true}, {Name: "flat", Deny: []string{"m"}}}, approvals)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Look(ask(t, "a", "m", "1")); !got.Refused || got.Rule != "flat" {
		t.Errorf("%+v", got)
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	none := map[string][]string{"team": {}}
	for name, r := range map[string]Rule{
		"nothing":                     {},
		"below 0":                     {Above: -1},
		"a match of none":             {Deny: []string{"m"}, Match: none},
		"an exception's":              {Deny: []string{"m"}, Except: []Exception{{Match: none}}},
		"more patterns than may be":   {Deny: make([]string, MaxPatterns+1)},
		"more exceptions than may be": {Deny: []string{"m"}, Except: make([]Exception, MaxExceptions+1)},
	} {
		if _, err := New([]Rule{r}, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(make([]Rule, MaxRules+1), nil); err == nil {
		t.Error("too many rules: no error")
	}
}

func BenchmarkLook(b *testing.B) {
	a, err := New([]Rule{
		{Name: "a", Deny: []string{"gpt-4-turbo", "claude-3-opus*"}}, {Name: "b", Match: map[string][]string{"team": {"interns"}}, Allow: []string{"*-mini"}},
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	q := &Asked{Of: func(string) string { return "support" }, Team: "support", Model: "gpt-4o-2024-08-06", At: noon}
	b.ReportAllocs()
	for b.Loop() {
		a.Look(q)
	}
}
