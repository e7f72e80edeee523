package budget

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/names"
)

// facts are a call's, by key.
func facts(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func compiledRules(t testing.TB, rules ...Rule) *Rules {
	t.Helper()
	r, err := Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAccounts(t *testing.T) {
	month := Window{Every: Month}
	rules := compiledRules(t,
		Rule{Name: "support", Match: map[string][]string{"team": {"support"}}, Limit: 5, Window: month},
		Rule{Name: "each", Per: []string{"team", "project"}, Limit: 6, Window: Window{Every: Day}, Except: map[string]int64{"research/llm": 7, "a%2Fb%25/": 8}},
		Rule{Name: "pool", Match: map[string][]string{"project": {"exp-*", "try"}}, Limit: 9, Window: Window{Every: Total}, OnExhausted: Allow},
		Rule{Name: "dear", Match: map[string][]string{Model: {"GPT-4o"}, Provider: {"OpenAI", "azure"}}, Unit: Tokens, Limit: 10, Window: Window{Every: Rolling, Length: time.Hour}},
		Rule{Name: "burst", Per: []string{"team"}, Unit: Requests, Limit: 11, Rate: time.Minute, Window: Window{Every: Total}},
		Rule{Name: "over", Limit: 12, Window: month, Until: moment(t, "2026-01-01T00:00:00Z")},
		Rule{Name: "known", Match: map[string][]string{"user": {"*"}}, Per: []string{Model}, Limit: 13, Window: month},
	)
	now := moment(t, "2026-03-15T10:00:00Z")
	for _, test := range []struct {
		name string
		of   func(string) string
		want string
	}{
		{"a call without facts", facts(), "each=/:6 burst=:11"},
		{"a team", facts("team", "support"), "support=:5 each=support/:6 burst=support:11"},
		{"an exception", facts("team", "research", "project", "llm"), "each=research/llm:7 burst=research:11"},
		{"an exception with what is escaped", facts("team", "a/b%"), "each=a%2Fb%25/:8 burst=a%2Fb%25:11"},
		{"a glob", facts("project", "exp-1"), "each=/exp-1:6 pool=:9 burst=:11"},
		{"a snapshot of a family", facts("model", "gpt-4o-2024-08-06", "provider", "azure"), "each=/:6 dear=:10 burst=:11"},
		{"another provider", facts("model", "gpt-4o", "provider", "openrouter"), "each=/:6 burst=:11"},
		{"a user, and a model with a slash", facts("user", "u", "model", "meta/llama"), "each=/:6 burst=:11 known=meta%2Fllama:13"},
		{"a long value", facts("user", "u", "model", strings.Repeat("é", 200)), "each=/:6 burst=:11 known=" + strings.Repeat("é", 128) + ":13"},
		{"a long value that would be cut within a character", facts("user", "u", "model", "x"+strings.Repeat("é", 200)), "each=/:6 burst=:11 known=x" + strings.Repeat("é", 127) + ":13"},
	} {
		var got []string
		for _, a := range rules.Accounts(test.of, now) {
			got = append(got, fmt.Sprintf("%s=%s:%d", a.Rule, a.Of, a.Limit))
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s: Accounts = %s, want %s", test.name, got, test.want)
		}
	}
}

// Charges count where they are included, and calls where they are.
func TestAccountsOfCharges(t *testing.T) {
	month := Window{Every: Month}
	rules := compiledRules(t,
		Rule{Name: "calls", Per: []string{"team"}, Limit: 1, Window: month},
		Rule{Name: "both", Match: map[string][]string{"team": {"a"}}, Include: CallsAndCharges, Limit: 1, Window: month},
		Rule{Name: "seats", Per: []string{"team"}, Include: Charges, Unit: Contracted, Limit: 1, Window: month},
		Rule{Name: "azure", Match: map[string][]string{Provider: {"azure"}}, Include: Charges, Limit: 1, Window: month},
		Rule{Name: "over", Include: Charges, Limit: 1, Window: month, Until: moment(t, "2026-01-01T00:00:00Z")},
	)
	now := moment(t, "2026-03-15T10:00:00Z")
	names := func(accounts []Account) (text string) {
		for i := range accounts {
			text += accounts[i].Rule + "=" + accounts[i].Of + " "
		}
		return strings.TrimSpace(text)
	}
	for _, test := range []struct {
		of             func(string) string
		calls, charges string
	}{
		{facts("team", "a", "provider", "azure"), "calls=a both=", "both= seats=a azure="},
		{facts("team", "b"), "calls=b", "seats=b"},
		{facts(), "calls=", "seats="},
	} {
		if got := names(rules.Accounts(test.of, now)); got != test.calls {
			t.Errorf("a call counts against %q, want %q", got, test.calls)
		}
		if got := names(rules.AccountsOfCharge(test.of, now)); got != test.charges {
			t.Errorf("a charge counts against %q, want %q", got, test.charges)
		}
	}
}

func TestAccountsOfWindows(t *testing.T) {
	rules := compiledRules(t,
		Rule{Name: "day", Limit: 1, Window: Window{Every: Day, Location: zone(t, "Europe/Berlin")}},
		Rule{Name: "rolling", Limit: 2, Unit: Tokens, Window: Window{Every: Rolling, Length: time.Hour}, OnExhausted: Allow},
		Rule{Name: "rate", Limit: 3, Unit: Requests, Rate: time.Minute, Window: Window{Every: Total}},
		Rule{Name: "total", Limit: 4, Unit: Contracted, Window: Window{Every: Total}},
	)
	for _, day := range []int{14, 15, 14} { // and back
		now := time.Date(2026, 3, day, 23, 30, 0, 0, time.UTC)
		want := []Account{
			{Rule: "day", Limit: 1, Start: time.Date(2026, 3, day, 23, 0, 0, 0, time.UTC), End: time.Date(2026, 3, day+1, 23, 0, 0, 0, time.UTC)},
			{Rule: "rolling", Limit: 2, Unit: Tokens, Rolling: time.Hour, Soft: true},
			{Rule: "rate", Limit: 3, Unit: Requests, Rate: time.Minute},
			{Rule: "total", Limit: 4, Unit: Contracted},
		}
		got := rules.Accounts(facts(), now)
		for i := range got {
			if addsUp := got[i].Rule != "rate"; (got[i].Series != 0) != addsUp {
				t.Errorf("series of %+v", got[i])
			}
			got[i].Series = 0
		}
		if !slices.Equal(got, want) {
			t.Errorf("Accounts = %+v, want %+v", got, want)
		}
	}
	if r := rules.Rule("rate"); r == nil || r.Limit != 3 || rules.Rule("none") != nil {
		t.Errorf("Rule = %+v, %+v", r, rules.Rule("none"))
	}
	if all := rules.Rules(); len(all) != 4 || all[1].Name != "rolling" {
		t.Errorf("Rules = %v", all)
	}
}

func TestKeysTellAccountsApart(t *testing.T) {
	at := moment(t, "2026-03-15T00:00:00Z")
	accounts := []Account{
		{Rule: "a"}, {Rule: "a", Of: "b"}, {Rule: "ab"}, {Rule: "a", Unit: Tokens}, {Rule: "a", Start: at, End: at.Add(time.Hour)},
		{Rule: "a", Rolling: time.Hour}, {Rule: "a", Rolling: time.Minute}, {Rule: "a", Rate: time.Hour}, {Rule: "a", Rate: time.Minute},
	}
	seen := map[string]Account{}
	for _, a := range accounts {
		if other, there := seen[a.Key()]; there {
			t.Errorf("%+v and %+v are one account", a, other)
		}
		seen[a.Key()] = a
		changed := a
		changed.Limit, changed.Soft = 17, true
		if changed.Key() != a.Key() {
			t.Errorf("another limit of %+v is another account", a)
		}
	}
}

// The index finds what trying every rule finds, in its order.
func TestTheIndexFindsWhatTryingFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := []string{"a", "b", "ab", "a*", "*", "*b", "c"}
	pick := func() string { return values[random.IntN(len(values))] }
	var rules []Rule
	for i := range 300 {
		r := Rule{Name: fmt.Sprint("r", i), Limit: 1, Window: Window{Every: Total}, Match: map[string][]string{}}
		for _, key := range []string{"team", "project", Provider, Model} {
			for range random.IntN(3) {
				r.Match[key] = append(r.Match[key], pick())
			}
		}
		rules = append(rules, r)
	}
	compiled := compiledRules(t, rules...)
	for range 500 {
		of := facts("team", pick(), "project", pick(), Provider, pick(), Model, pick())
		var want, got []string
		for _, r := range rules {
			all := true
			for key, patterns := range r.Match {
				all = all && names.OneFits(patterns, of(key))
			}
			if all {
				want = append(want, r.Name)
			}
		}
		for _, a := range compiled.Accounts(of, time.Unix(0, 0)) {
			got = append(got, a.Rule)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("Accounts of %s/%s = %v, want %v", of("team"), of("project"), got, want)
		}
	}
}

func TestAccountsAllocateTheirResultAlone(t *testing.T) {
	rules := compiledRules(t,
		Rule{Name: "a", Match: map[string][]string{"team": {"red"}}, Limit: 1, Window: Window{Every: Month}},
		Rule{Name: "b", Per: []string{"team"}, Limit: 1, Window: Window{Every: Day}},
		Rule{Name: "c", Match: map[string][]string{Model: {"gpt-*"}}, Limit: 1, Window: Window{Every: Rolling, Length: time.Hour}},
	)
	of, now := facts("team", "red", "model", "gpt-5"), moment(t, "2026-03-15T10:00:00Z")
	if n := testing.AllocsPerRun(100, func() { rules.Accounts(of, now) }); n != 1 {
		t.Errorf("Accounts allocates %v times, want 1", n)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		with func(*Rule)
		want string
	}{
		{"no name", func(r *Rule) { r.Name = "" }, "a name has 1 to"},
		{"a name with a space", func(r *Rule) { r.Name = "a b" }, "no spaces"},
		{"no such unit", func(r *Rule) { r.Unit = units }, "no unit"},
		{"charges of tokens", func(r *Rule) { r.Include, r.Unit = CallsAndCharges, Tokens }, "charges are money"},
		{"a rate of charges", func(r *Rule) { r.Include, r.Rate, r.Window.Every = Charges, time.Minute, Total }, "charges are money"},
		{"nothing to include", func(r *Rule) { r.Include = includes }, "nothing to include"},
		{"no limit", func(r *Rule) { r.Limit = 0 }, "limit 0"},
		{"a key that is no attribute", func(r *Rule) { r.Match = map[string][]string{"Te am": {"x"}} }, "no attribute"},
		{"a key without patterns", func(r *Rule) { r.Match = map[string][]string{"team": nil} }, "1 to 1000 patterns"},
		{"an empty pattern", func(r *Rule) { r.Match = map[string][]string{"team": {""}} }, "1 to 256 bytes"},
		{"per nothing", func(r *Rule) { r.Per = []string{""} }, "per: \"\" is no attribute"},
		{"per the same twice", func(r *Rule) { r.Per = []string{"team", "team"} }, "twice"},
		{"an exception of nothing", func(r *Rule) { r.Except = map[string]int64{"a": 1} }, "want the values of per"},
		{"an exception with too few values", func(r *Rule) { r.Per, r.Except = []string{"team", "user"}, map[string]int64{"a": 1} }, "want the values of per"},
		{"an exception that is not escaped", func(r *Rule) { r.Per, r.Except = []string{"team"}, map[string]int64{"50%": 1} }, "%25 for %"},
		{"an exception without a limit", func(r *Rule) { r.Per, r.Except = []string{"team"}, map[string]int64{"a": -1} }, "limit -1"},
		{"thresholds that do not ascend", func(r *Rule) { r.Thresholds = []int{50, 50} }, "threshold 50 does not ascend"},
		{"a threshold of nothing", func(r *Rule) { r.Thresholds = []int{0} }, "threshold 0"},
		{"no such action", func(r *Rule) { r.OnExhausted = "explode" }, "no action"},
		{"no such window", func(r *Rule) { r.Window.Every = "fortnight" }, "no window"},
		{"a short rolling window", func(r *Rule) { r.Window = Window{Every: Rolling, Length: time.Second} }, "a minute long"},
		{"a length of a month", func(r *Rule) { r.Window.Length = time.Hour }, "only a rolling window"},
		{"a thirteenth month", func(r *Rule) { r.Window.FirstMonth = 13 }, "month 1 to 12"},
		{"an eighth day", func(r *Rule) { r.Window.WeekStart = 7 }, "on a day of it"},
		{"a rate by the month", func(r *Rule) { r.Rate = time.Minute }, "a rate has no window"},
		{"a rate below 0", func(r *Rule) { r.Rate = -1 }, "a rate is above 0"},
		{"calls under way by the month", func(r *Rule) { r.Unit = Concurrency }, "calls under way have no window"},
		{"a rate of calls under way", func(r *Rule) { r.Unit, r.Rate, r.Window.Every = Concurrency, time.Minute, Total }, "have no rate"},
	} {
		good := Rule{Name: "good", Limit: 1, Window: Window{Every: Month}}
		bad := good
		bad.Name = "bad"
		test.with(&bad)
		rules, err := Compile([]Rule{good, bad})
		if err == nil || rules != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Compile = %v, want %q", test.name, err, test.want)
		}
	}
	same := Rule{Name: "same", Limit: 1, Window: Window{Every: Month}}
	if _, err := Compile([]Rule{same, same}); err == nil || !strings.Contains(err.Error(), "another has that name") {
		t.Errorf("a name twice: Compile = %v", err)
	}
	if _, err := Compile(make([]Rule, MaxRules+1)); err == nil {
		t.Error("too many rules were taken")
	}
}

func TestCompileKeepsWhatACallerChanges(t *testing.T) {
	r := Rule{Name: "r", Limit: 1, Per: []string{"team"}, Match: map[string][]string{"team": {"a"}}, Except: map[string]int64{"a": 2}, Window: Window{Every: Total}}
	rules := compiledRules(t, r)
	r.Per[0], r.Match["team"][0], r.Except["a"] = "user", "b", 3
	got := rules.Accounts(facts("team", "a"), time.Time{})
	if len(got) != 1 || got[0].Of != "a" || got[0].Limit != 2 {
		t.Errorf("Accounts = %+v", got)
	}
}

func BenchmarkAccounts(b *testing.B) {
	rules := []Rule{
		{Name: "month", Match: map[string][]string{"team": {"red"}}, Limit: 1, Window: Window{Every: Month}},
		{Name: "day", Per: []string{"team"}, Limit: 1, Window: Window{Every: Day}},
		{Name: "each", Per: []string{"team", "project"}, Limit: 1, Window: Window{Every: Day}},
		{Name: "pool", Limit: 1, Window: Window{Every: Rolling, Length: time.Hour}},
		{Name: "rate", Per: []string{"team"}, Unit: Tokens, Limit: 1, Rate: time.Minute, Window: Window{Every: Total}},
	}
	for i := range 1000 { // of others
		rules = append(rules, Rule{Name: fmt.Sprint("other-", i), Match: map[string][]string{"team": {fmt.Sprint("t", i)}}, Limit: 1, Window: Window{Every: Month}})
	}
	r := compiledRules(b, rules...)
	of, now := facts("team", "red", "project", "x"), moment(b, "2026-03-15T10:00:00Z")
	b.ReportAllocs()
	for b.Loop() {
		if len(r.Accounts(of, now)) != 5 {
			b.Fatal("not five")
		}
	}
}

// Rules that count as before go on with their accounts, whatever else is changed; all
// others begin anew, also those that were there earlier.
func TestRulesContinue(t *testing.T) {
	rule := Rule{Name: "r", Per: []string{"team"}, Limit: 10, Window: Window{Every: Month}}
	rate := Rule{Name: "rate", Unit: Requests, Limit: 3, Rate: time.Minute, Window: Window{Every: Total}}
	key := func(r *Rules, name string) string {
		a, _ := r.Account(name, facts("team", "a"), time.Unix(1e9, 0))
		return a.Key()
	}
	first := compiledRules(t, rule, rate)
	if again := compiledRules(t, rule, rate); key(again, "r") != key(first, "r") {
		t.Error("another process has another account")
	}
	limit, match, per, window := rule, rule, rule, rule
	limit.Limit, limit.Thresholds = 20, []int{50}
	match.Match = map[string][]string{"team": {"a"}}
	per.Per = []string{"project", "team"}
	window.Window = Window{Every: Quarter}
	seen := map[string]bool{}
	for what, changed := range map[string]Rule{"limit": limit, "match": match, "per": per, "window": window} {
		r := compiledRules(t, changed, rate)
		if anew := r.Continue(first, 1); (len(anew) == 0) != (what == "limit") {
			t.Errorf("%s: %d rules begin anew", what, len(anew))
		}
		if same := key(r, "r") == key(first, "r"); same != (what == "limit") || key(r, "rate") != key(first, "rate") {
			t.Errorf("%s: same account %v", what, same)
		}
		seen[key(r, "r")] = true
	}
	out := compiledRules(t, rate)
	out.Continue(first, 2)
	back := compiledRules(t, rule, rate)
	if anew := back.Continue(out, 3); len(anew) != 1 || key(back, "r") == key(first, "r") || len(seen) != 4 {
		t.Errorf("put back: %d begin anew, of %d accounts", len(anew), len(seen))
	}
}
