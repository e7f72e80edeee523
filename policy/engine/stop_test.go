package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// stopping has answers stopped that outgrow what is left.
func stopping(o *engine.Options) {
	o.Rules.Bounds = &engine.Bounds{Output: engine.Learned, StopOutgrown: true}
}

// stops says how often an answer outgrew what was held for it before it was stopped;
// nil: it was not, in a few times.
func stops(t *testing.T, e *engine.Engine, ticket *policy.Ticket) (times int, why *policy.Refusal) {
	t.Helper()
	for times = 1; times < 6 && ticket.Hold.Reach > 0; times++ {
		if why = e.Extend(t.Context(), ticket, true); why != nil {
			return times, why
		}
	}
	return times, nil
}

func TestAnAnswerIsStoppedWhereABudgetHasNothingLeftForIt(t *testing.T) {
	e, b, reg := limited(t, stopping, month("month", 15_000_000))
	ticket := admit(t, e, numbered(1, "a"))
	if why := e.Extend(t.Context(), &ticket, true); why != nil {
		t.Fatalf("it is stopped while there is something left: %+v", why)
	}
	// 4.568 million were left: 456 tokens.
	if _, held := spent(t, e, "month"); held != mostOfACall+4_560_000 || ticket.Hold.Reach != 3*1456 || int64(ticket.Hold.Most) != held {
		t.Fatalf("what is left: held %d, %+v", held, ticket.Hold)
	}
	why := e.Extend(t.Context(), &ticket, true)
	if why == nil || why.Code != "budget_exhausted" || why.Status != 429 || why.Rule != "budget month" || !strings.Contains(why.Message, `"month" of "a"`) || why.Reset.Month() != noon.Month()+1 {
		t.Fatalf("it goes on: %+v", why)
	}
	e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, End: tokenizer.Cut, At: noon.Add(time.Second), Reason: "stopped", Reading: tokenizer.Reading{Model: "m1", TextBytes: 3 * 1456, Text: []byte(strings.Repeat("abc", 1456))}})
	r := b.last(t)
	if r.Outcome != policy.CutOff || !slices.Equal(r.Rulings, []policy.Ruling{{Rule: "budget month", Did: policy.Stopped}}) {
		t.Errorf("the record: %s, %+v", r.Outcome, r.Rulings)
	}
	if s, held := spent(t, e, "month"); s < costOfACall || s > 15_000_000 || held != 0 {
		t.Errorf("spent %d, held %d", s, held)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`# HELP farebox_stopped_total Streamed answers that ended midway for want of budget: stopped, or would_stop in mode observe.
# TYPE farebox_stopped_total counter
farebox_stopped_total{budget="month",did="stopped"} 1
`), "farebox_stopped_total"); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotToStopAnAnswerDoesNot(t *testing.T) {
	shrinks, tokens := month("month", 15_000_000), month("month", 1300)
	shrinks.OnExhausted, tokens.Unit = budget.Shrink, budget.Tokens
	burst := budget.Rule{Name: "burst", Per: []string{"team"}, Unit: budget.Tokens, Limit: 1300, Window: budget.Window{Every: budget.Total}, Rate: time.Minute}
	for _, c := range []struct {
		name  string
		stops int // at which look; 0: never
		rules []budget.Rule
		also  func(*engine.Options)
	}{
		{"a budget in tokens", 2, []budget.Rule{tokens}, nil},
		{"a rate limit", 0, []budget.Rule{burst, month("month", 1000*usd)}, nil},
		{"a rate limit before a budget that is short too", 2, []budget.Rule{burst, month("month", 15_000_000)}, nil},
		{"a budget that does something else", 0, []budget.Rule{shrinks}, nil},
		{"mode observe", 0, []budget.Rule{month("month", 15_000_000)}, func(o *engine.Options) { o.Rules.Enforce = false }},
		{"no wish for it", 0, []budget.Rule{month("month", 15_000_000)}, func(o *engine.Options) { o.Rules.Bounds.StopOutgrown = false }},
	} {
		e, _, _ := limited(t, func(o *engine.Options) {
			stopping(o)
			if c.also != nil {
				c.also(o)
			}
		}, c.rules...)
		ticket := admit(t, e, numbered(1, "a"))
		times, why := stops(t, e, &ticket)
		if (why != nil) != (c.stops > 0) || why != nil && (times != c.stops || why.Rule != "budget month") {
			t.Errorf("%s: stopped at look %d: %+v", c.name, times, why)
		}
		if would := len(ticket.Rulings) > 0 && ticket.Rulings[0].Did == policy.WouldStop; would != (c.name == "mode observe") {
			t.Errorf("%s: %+v", c.name, ticket.Rulings)
		}
	}
	e, _, _ := limited(t, stopping, month("month", 15_000_000))
	ticket := admit(t, e, numbered(1, "a"))
	if why := e.Extend(t.Context(), &ticket, false); why != nil || ticket.Hold.Reach != 0 {
		t.Errorf("an answer that cannot be stopped: %+v, %+v", why, ticket.Hold)
	}
}

// mute is a store that does not tell how accounts stand.
type mute struct{ budget.Store }

func (mute) States(context.Context, []budget.Account) ([]budget.State, error) {
	return nil, errors.New("no answer")
}

func TestAnAnswerGoesOnWhereNobodyKnowsWhatIsLeft(t *testing.T) {
	e, _, _ := limited(t, func(o *engine.Options) {
		stopping(o)
		o.Budgets = mute{budget.NewMemory(o.Now)}
	}, month("month", 15_000_000))
	ticket := admit(t, e, numbered(1, "a"))
	if times, why := stops(t, e, &ticket); why != nil {
		t.Errorf("stopped at look %d: %+v", times, why)
	}
}

// TestStoppedAnswersOverspendNothing has answers of any length grow side by side,
// each looked at when it has the text that its hold is enough for.
func TestStoppedAnswersOverspendNothing(t *testing.T) {
	stopped := 0
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		limit := 40_000_000 + random.Int64N(200_000_000)
		e, _, _ := limited(t, stopping, month("month", limit))
		var open []policy.Ticket
		for n := byte(1); n < 30 || len(open) > 0; n++ {
			if n < 30 {
				if ticket := admit(t, e, numbered(n, "a")); ticket.Refusal == nil {
					open = append(open, ticket)
				}
			}
			if len(open) == 0 {
				continue
			}
			i := random.IntN(len(open))
			ticket := &open[i]
			tokens := ticket.Hold.Reach / 3
			why := e.Extend(t.Context(), ticket, true)
			if why == nil && random.IntN(4) > 0 {
				continue
			}
			if why != nil {
				stopped++
			}
			o := answered
			o.Reading.Usage = reported(200, 0, tokens)
			e.Settle(t.Context(), *ticket, o)
			open = slices.Delete(open, i, i+1)
		}
		if s, held := spent(t, e, "month"); s > limit || held != 0 {
			t.Fatalf("seed %d: spent %d of %d, held %d", seed, s, limit, held)
		}
	}
	if stopped < 50 {
		t.Errorf("%d answers were stopped in all", stopped)
	}
}
