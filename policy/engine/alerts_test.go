package engine_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/shape"
	"github.com/farebox/farebox/tokenizer"
)

// The desk knows what was told and armed again; the engine spares it each call, and
// no news: that a limit was raised, or that a while has passed.
func TestThatABudgetRanOutIsToldAnew(t *testing.T) {
	told, now := &desk{}, noon
	var options *engine.Options
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Alerts, o.Now, options = told, func() time.Time { return now }, o
	}, month("month", 5_000_000))
	next := byte(0)
	refused := func(what string, want int) {
		t.Helper()
		for range 3 {
			next++
			r := numbered(next, "a")
			if r.At = now; admit(t, e, r).Refusal == nil {
				t.Fatalf("%s: call %d passed", what, next)
			}
		}
		if len(told.events) != want {
			t.Fatalf("%s: told %d times, want %d", what, len(told.events), want)
		}
	}
	refused("at first", 1)
	now = now.Add(59 * time.Second)
	refused("soon after", 1)
	now = now.Add(time.Second)
	refused("a minute after", 2)
	rules, err := budget.Compile([]budget.Rule{month("month", 6_000_000)})
	if err != nil {
		t.Fatal(err)
	}
	raised := options.Rules
	raised.Budgets = rules
	if err := e.Configure(raised); err != nil {
		t.Fatal(err)
	}
	refused("with another limit", 3)
	if first, last := told.events[0], told.events[2]; first.Limit != 5_000_000 || last.Limit != 6_000_000 {
		t.Errorf("limits told: %d and %d", first.Limit, last.Limit)
	}
}

// Runaways are told once an hour for each owner and model, and name both.
func TestRunawaysAreToldByOwnerAndModel(t *testing.T) {
	told, now := &desk{}, noon
	what, err := shape.New(nil, []shape.Limit{{Name: "runaway", Input: 1000, Output: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Alerts, o.Rules.Shape, o.Now = told, what, func() time.Time { return now }
	})
	for i, c := range []struct{ team, project, model, told string }{
		{"blue", "bot", "m1", "blue/bot/m1"},
		{"blue", "bot", "m1", ""},
		{"blue", "bot", "m2", "blue/bot/m2"},
		{"blue", "", "m2", "blue/m2"},
		{"red", "bot", "m1", "red/bot/m1"},
		{"", "bot", "m1", "unattributed/bot/m1"},
	} {
		told.events = nil
		r := call(headers{"x-team": c.team, "x-project": c.project})
		r.ID, r.Call.Model = policy.CallID{byte(i)}, c.model
		e.Settle(t.Context(), admit(t, e, r), policy.Outcome{Status: 200, At: now, Reading: tokenizer.Reading{Model: c.model, Usage: reported(2000, 0, 5)}})
		if c.told == "" {
			if len(told.events) > 0 {
				t.Errorf("call %d: told again: %+v", i, told.events)
			}
			continue
		}
		if len(told.events) != 1 || told.events[0].Of != c.told || told.events[0].Team != cmp.Or(c.team, "unattributed") || !strings.Contains(told.events[0].Message, " "+c.model+" ") {
			t.Errorf("call %d: told %+v, want one of %s", i, told.events, c.told)
		}
	}
}

// Calls that were under way when a limit was raised cross no marks of the limit that
// was: nobody is woken by a budget that has enough again.
func TestALimitThatWasRaisedIsToldByWhatItIs(t *testing.T) {
	told, kept := &desk{}, &treasury{}
	rule := month("month", 2*mostOfACall)
	rule.Thresholds = []int{3}
	e, _, _ := limited(t, func(o *engine.Options) { o.Alerts, o.Topups = told, kept }, rule)
	before := admit(t, e, numbered(1, "a"))
	topUp(t, kept, noon.Add(time.Hour), true)
	if err := e.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.Settle(t.Context(), before, answered)
	if len(told.events) != 0 {
		t.Fatalf("the limit that was: %+v", told.events)
	}
	for n := range byte(3) {
		e.Settle(t.Context(), admit(t, e, numbered(2+n, "a")), answered)
	}
	if len(told.events) != 1 || told.events[0].Limit != 5*mostOfACall || told.events[0].Percent != 3 {
		t.Errorf("the limit that is: %+v", told.events)
	}
}

// Of thresholds that are crossed at once the highest is told first, so that nobody is
// told of the others even where messages are not gathered.
// Of a budget its own thresholds are told, and not those of others.
func TestABudgetIsToldByItsOwnThresholds(t *testing.T) {
	told := &desk{}
	one, other := month("one", 2*mostOfACall), month("other", 2*mostOfACall)
	one.Thresholds, other.Thresholds = []int{3}, []int{4, 90}
	e, _, _ := limited(t, func(o *engine.Options) { o.Alerts = told }, one, other)
	e.Settle(t.Context(), admit(t, e, numbered(1, "a")), answered)
	if len(told.events) != 2 || told.events[0].Rule == told.events[1].Rule {
		t.Fatalf("%+v, want one of each", told.events)
	}
	for i := range told.events {
		if e := &told.events[i]; e.Percent != map[string]int{"one": 3, "other": 4}[e.Rule] {
			t.Errorf("%s is told at %d %%", e.Rule, e.Percent)
		}
	}
}

func TestTheHighestThresholdIsToldFirst(t *testing.T) {
	told := &desk{}
	rule := month("month", 2*mostOfACall)
	rule.Thresholds = []int{1, 2, 3}
	e, _, _ := limited(t, func(o *engine.Options) { o.Alerts = told }, rule)
	e.Settle(t.Context(), admit(t, e, numbered(1, "a")), answered)
	var percents []int
	for _, event := range told.events {
		percents = append(percents, event.Percent)
	}
	if !slices.Equal(percents, []int{3, 2, 1}) {
		t.Errorf("told %v, want 3, 2 and 1", percents)
	}
}
