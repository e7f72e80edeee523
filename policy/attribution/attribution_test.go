package attribution

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
)

// caller is an Identity of headers only.
type caller map[string]string

func (c caller) Header(name string) string { return c[name] }
func (caller) Attribute(string) string     { return "" }
func (caller) Body(string) string          { return "" }
func (caller) Claim(string, string) (string, bool) {
	return "", true
}
func (caller) Part(string) string { return "" }

// ask resolves a call with these headers.
func (c caller) ask(a *Attribution) Answer { return a.Resolve(&policy.Request{Identity: c}) }

func header(name string) []Source { return []Source{{Header: name}} }

func usual() Options {
	return Options{
		Rules: []Rule{
			{Name: "team", Sources: []Source{{Header: "X-Team"}, {Header: "x-group"}}},
			{Name: "project", Sources: header("x-project")},
			{Name: "user", Sources: header("x-user")},
			{Name: "request_type", Sources: header("x-request-type"), OneOf: []string{"interactive", "batch"}, Default: "interactive"},
			{Name: "size", Sources: header("x-size"), OneOf: []string{"s", "m"}},
		},
		Require: []string{"project"},
	}
}

func mustNew(t testing.TB, o Options) *Attribution {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestResolve(t *testing.T) {
	interactive := policy.Attribute{Name: "request_type", Value: "interactive", Rule: "default"}
	support := policy.Attribute{Name: "team", Value: "support", Rule: "header x-team"}
	bot := policy.Attribute{Name: "project", Value: "bot", Rule: "header x-project"}
	unpaid := policy.Attribute{Name: "team", Value: policy.Unattributed, Rule: "missing"}
	for name, tc := range map[string]struct {
		in      caller
		want    policy.Owner
		missing []string
	}{
		"nothing given": {caller{}, policy.Owner{
			unpaid, {Name: "project", Value: policy.Unattributed, Rule: "missing"}, interactive,
		}, []string{"project"}},
		"all given": {caller{"x-team": "support", "x-project": "bot", "x-user": "ann", "x-request-type": "batch", "x-size": "m"}, policy.Owner{
			support, bot, {Name: "user", Value: "ann", Rule: "header x-user"},
			{Name: "request_type", Value: "batch", Rule: "header x-request-type"}, {Name: "size", Value: "m", Rule: "header x-size"},
		}, nil},
		"the first source wins": {caller{"x-team": "support", "x-group": "sales", "x-project": "bot"},
			policy.Owner{support, bot, interactive}, nil},
		"the second source when the first is blank": {caller{"x-team": " \t", "x-group": "sales", "x-project": "bot"},
			policy.Owner{{Name: "team", Value: "sales", Rule: "header x-group"}, bot, interactive}, nil},
		"the second source when the first is unusable": {caller{"x-team": "a\x00b", "x-group": "sales", "x-project": "bot"},
			policy.Owner{{Name: "team", Value: "sales", Rule: "header x-group; header x-team unusable"}, bot, interactive}, nil},
		"trimmed": {caller{"x-team": "  support ", "x-project": "bot\t"}, policy.Owner{support, bot, interactive}, nil},
		"outside the list, with a default": {caller{"x-team": "support", "x-project": "bot", "x-request-type": "urgent"}, policy.Owner{
			support, bot, {Name: "request_type", Value: "interactive", Rule: "default; header x-request-type not one of the values allowed"},
		}, nil},
		"outside the list, without a default": {caller{"x-team": "support", "x-project": "bot", "x-size": "xl"},
			policy.Owner{support, bot, interactive}, nil},
		"unusable and required": {caller{"x-team": "support", "x-project": strings.Repeat("p", MaxValue+1)}, policy.Owner{
			support, {Name: "project", Value: policy.Unattributed, Rule: "missing; header x-project unusable"}, interactive,
		}, []string{"project"}},
		"unattributed is not for the caller to say": {caller{"x-team": "unattributed", "x-project": "bot"}, policy.Owner{
			{Name: "team", Value: policy.Unattributed, Rule: "missing; header x-team unusable"}, bot, interactive,
		}, nil},
		"two flaws name the first": {caller{"x-team": "\xff", "x-group": "\x7f", "x-project": "bot"}, policy.Owner{
			{Name: "team", Value: policy.Unattributed, Rule: "missing; header x-team unusable"}, bot, interactive,
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			who := tc.in.ask(mustNew(t, usual()))
			if diff := cmp.Diff(tc.want, who.Owner); diff != "" {
				t.Errorf("Resolve(%v) owner (-want +got):\n%s", tc.in, diff)
			}
			if !slices.Equal(who.Missing, tc.missing) || who.Unknown != "" {
				t.Errorf("Resolve(%v) missing = %q, want %q; unknown %q", tc.in, who.Missing, tc.missing, who.Unknown)
			}
		})
	}
}

func TestNoRules(t *testing.T) {
	if who := (caller{"x-team": "support"}).ask(mustNew(t, Options{})); who.Owner != nil || who.Missing != nil {
		t.Errorf("Resolve = %+v, want nothing", who)
	}
}

func TestClean(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		state    State
	}{
		{"", "", Absent},
		{" \t ", "", Absent},
		{"support", "support", Usable},
		{" two words ", "two words", Usable},
		{"équipe", "équipe", Usable},
		{strings.Repeat("x", MaxValue), strings.Repeat("x", MaxValue), Usable},
		{strings.Repeat("x", MaxValue+1), "", Unusable},
		{"a\nb", "", Unusable},
		{"a\x7fb", "", Unusable},
		{"a\u0085b", "", Unusable},
		{"a\u202eb", "", Unusable}, // right-to-left override
		{"a\u200bb", "", Unusable}, // zero-width space
		{"a\u2028b", "", Unusable},
		{"a\xffb", "", Unusable},
		{"a\ufffdb", "", Unusable},
		{"unattributed", "", Unusable},
		{"Unattributed", "Unattributed", Usable},
	} {
		if got, state := Clean(tc.in); got != tc.want || state != tc.state {
			t.Errorf("Clean(%q) = %q, %v, want %q, %v", tc.in, got, state, tc.want, tc.state)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	many := make([]Rule, policy.MaxAttributes+1)
	for i := range many {
		many[i] = Rule{Name: "a" + strings.Repeat("b", i), Sources: header("x-a")}
	}
	ok := Rule{Name: "team", Sources: header("x-team")}
	for name, tc := range map[string]struct {
		in   Options
		want string
	}{
		"too many":             {Options{Rules: many}, "17 attributes, at most 16"},
		"twice":                {Options{Rules: []Rule{ok, ok}}, `"team" has two rules`},
		"bad name":             {Options{Rules: []Rule{{Name: "Team", Sources: header("x")}}}, "must match"},
		"long name":            {Options{Rules: []Rule{{Name: strings.Repeat("a", 33), Sources: header("x")}}}, "must match"},
		"no source":            {Options{Rules: []Rule{{Name: "team"}}}, "0 sources"},
		"too many sources":     {Options{Rules: []Rule{{Name: "team", Sources: make([]Source, MaxSources+1)}}}, "9 sources"},
		"source twice":         {Options{Rules: []Rule{{Name: "team", Sources: []Source{{Header: "x-a"}, {Header: "X-A"}}}}}, "named twice"},
		"pseudo header":        {Options{Rules: []Rule{{Name: "team", Sources: header(":authority")}}}, `":authority" is not`},
		"no header":            {Options{Rules: []Rule{{Name: "team", Sources: header("")}}}, "names 0 places"},
		"default not listed":   {Options{Rules: []Rule{{Name: "a", Sources: header("x"), OneOf: []string{"b"}, Default: "c"}}}, `"c" is not one of`},
		"default unusable":     {Options{Rules: []Rule{{Name: "a", Sources: header("x"), Default: "unattributed"}}}, "is no value"},
		"list with blank":      {Options{Rules: []Rule{{Name: "a", Sources: header("x"), OneOf: []string{" b"}}}}, "no caller can give"},
		"list too long":        {Options{Rules: []Rule{{Name: "a", Sources: header("x"), OneOf: make([]string, MaxOneOf+1)}}}, "65 values"},
		"requires the unknown": {Options{Rules: []Rule{ok}, Require: []string{"project"}}, `"project" is required`},
		"strips host":          {Options{Rules: []Rule{ok}, Strip: []string{"Host"}}, `"Host" is not`},
		"strips no header":     {Options{Rules: []Rule{ok}, Strip: []string{"x team"}}, `"x team" is not`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("New = %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestDropAndRefuses(t *testing.T) {
	a := mustNew(t, Options{Refuse: true, Strip: []string{"X-Team", "x-user", "x-team"}})
	if want := []string{"x-team", "x-user"}; !slices.Equal(a.Drop(), want) {
		t.Errorf("Drop() = %q, want %q", a.Drop(), want)
	}
	if !a.Refuses() || mustNew(t, Options{}).Refuses() {
		t.Error("Refuses() does not say what was configured")
	}
}

func TestHow(t *testing.T) {
	a := mustNew(t, usual())
	for name, want := range map[string]string{"team": "header x-team or header x-group", "project": "header x-project", "region": ""} {
		if got := a.How(name); got != want {
			t.Errorf("How(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestResolveAllocatesOnce(t *testing.T) {
	a := mustNew(t, usual())
	in := &policy.Request{Identity: caller{"x-team": " support", "x-project": "bot", "x-user": "\x00", "x-request-type": "urgent"}}
	if n := testing.AllocsPerRun(100, func() { a.Resolve(in) }); n > 1 {
		t.Errorf("Resolve allocates %v times, want at most 1", n)
	}
}

// FuzzResolve holds every value to its bounds, whatever callers send.
func FuzzResolve(f *testing.F) {
	f.Add("support", "bot", "batch")
	f.Add(" \x00", "unattributed", "")
	f.Add(strings.Repeat("é", 65), "a\u202e", "urgent")
	a := mustNew(f, usual())
	f.Fuzz(func(t *testing.T, team, project, kind string) {
		who := caller{"x-team": team, "x-project": project, "x-request-type": kind}.ask(a)
		owner, missing := who.Owner, who.Missing
		if owner.Value("team") == "" || owner.Value("project") == "" {
			t.Errorf("no team or no project in %v", owner)
		}
		if got := owner.Value("request_type"); got != "interactive" && got != "batch" {
			t.Errorf("request_type = %q", got)
		}
		if lost := owner.Value("project") == policy.Unattributed; lost != (len(missing) == 1) {
			t.Errorf("missing = %q with project %q", missing, owner.Value("project"))
		}
		for _, at := range owner {
			if at.Value != policy.Unattributed && !plain(at.Value) {
				t.Errorf("%s = %q is not clean", at.Name, at.Value)
			}
			if at.Rule == "" {
				t.Errorf("%s has no rule", at.Name)
			}
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	a := mustNew(b, usual())
	in := &policy.Request{Identity: caller{"x-team": "support", "x-project": "bot", "x-user": "ann", "x-request-type": "batch"}}
	b.ReportAllocs()
	for b.Loop() {
		a.Resolve(in)
	}
}
