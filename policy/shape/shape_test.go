package shape

import "testing"

func of(team, model string) func(string) string {
	return func(key string) string { return map[string]string{"team": team, "model": model}[key] }
}

func TestTheLeastCapAndAllHintsCount(t *testing.T) {
	s, err := New([]Rule{
		{Name: "all", MaxOutput: 4096},
		{Name: "support", Match: map[string][]string{"team": {"support"}}, MaxOutput: 2048, Concise: true},
		{Name: "gpt", Match: map[string][]string{"model": {"gpt-*"}}, JSON: true, MaxOutput: 8192, Refuse: true},
		{Name: "hints alone", Match: map[string][]string{"team": {"research"}}, JSON: true, Refuse: true},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		team, model string
		want        Wish
	}{
		{"sales", "llama", Wish{MaxOutput: 4096, CapRule: "all"}},
		{"support", "llama", Wish{MaxOutput: 2048, CapRule: "support", Hint: ConciseHint, HintRule: "support"}},
		{"support", "GPT-4o", Wish{MaxOutput: 2048, CapRule: "support", Hint: ConciseHint + " " + JSONHint, HintRule: "support", Refuse: "gpt"}},
		{"research", "llama", Wish{MaxOutput: 4096, CapRule: "all", Hint: JSONHint, HintRule: "hints alone"}},
	} {
		if got := s.Of(of(c.team, c.model)); got != c.want {
			t.Errorf("%s asks %s: %+v, want %+v", c.team, c.model, got, c.want)
		}
	}
	if got := (&Shape{}).Of(of("a", "b")); got != (Wish{}) {
		t.Errorf("no rules: %+v", got)
	}
}

func TestTheFirstLimitThatFitsCounts(t *testing.T) {
	s, err := New(nil, []Limit{{Name: "research", Match: map[string][]string{"team": {"research"}}, Input: 900_000}, {Name: "all", Input: 50_000, Output: 50_000}})
	if err != nil {
		t.Fatal(err)
	}
	for team, want := range map[string]string{"research": "research", "support": "all", "": "all"} {
		if l := s.LimitOf(of(team, "")); l == nil || l.Name != want {
			t.Errorf("%q: %+v, want %s", team, l, want)
		}
	}
	if l := (&Shape{}).LimitOf(of("a", "b")); l != nil {
		t.Errorf("no limits: %+v", l)
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	none := map[string][]string{"team": {}}
	for name, try := range map[string]func() (*Shape, error){
		"a match of none":         func() (*Shape, error) { return New([]Rule{{Match: none}}, nil) },
		"a limit's match of none": func() (*Shape, error) { return New(nil, []Limit{{Match: none}}) },
		"below 0":                 func() (*Shape, error) { return New([]Rule{{MaxOutput: -1}}, nil) },
		"a limit below 0":         func() (*Shape, error) { return New(nil, []Limit{{Output: -1}}) },
		"too many rules":          func() (*Shape, error) { return New(make([]Rule, MaxRules+1), nil) },
		"too many limits":         func() (*Shape, error) { return New(nil, make([]Limit, MaxRules+1)) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
