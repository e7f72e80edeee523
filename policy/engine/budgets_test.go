package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const usd = 1_000_000_000 // nano-USD

func month(name string, limit int64) budget.Rule {
	return budget.Rule{Name: name, Per: []string{"team"}, Limit: limit, Window: budget.Window{Every: budget.Month}, Thresholds: []int{50, 100}}
}

// broken is a store that does not answer while down.
type broken struct {
	budget.Store
	mu   sync.Mutex
	down bool
}

func (b *broken) fails() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return errors.New("no route to the store")
	}
	return nil
}

func (b *broken) set(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

func (b *broken) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	if err := b.fails(); err != nil {
		return budget.Short{}, err
	}
	return b.Store.Reserve(ctx, h)
}

func (b *broken) Settle(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) ([]budget.Crossed, bool, error) {
	if err := b.fails(); err != nil {
		return nil, false, err
	}
	return b.Store.Settle(ctx, id, n, spent, marks)
}

func (b *broken) End(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) ([]budget.Crossed, bool, error) {
	if err := b.fails(); err != nil {
		return nil, false, err
	}
	return b.Store.End(ctx, id, n, spent, marks)
}

func (b *broken) Spend(ctx context.Context, h budget.Hold, marks []int) ([]budget.Crossed, error) {
	if err := b.fails(); err != nil {
		return nil, err
	}
	return b.Store.Spend(ctx, h, marks)
}

func (b *broken) Release(ctx context.Context, id policy.CallID, n int) error {
	if err := b.fails(); err != nil {
		return err
	}
	return b.Store.Release(ctx, id, n)
}

func limited(t *testing.T, change func(*engine.Options), rules ...budget.Rule) (*engine.Engine, *book, *prometheus.Registry) {
	t.Helper()
	compiled, err := budget.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return newEngine(t, func(o *engine.Options, _ *attribution.Options) {
		o.Rules.Budgets = compiled
		if change != nil {
			change(o)
		}
	})
}

func numbered(n byte, team string) *policy.Request {
	r := call(headers{"x-team": team})
	r.ID = policy.CallID{n}
	return r
}

func admit(t *testing.T, e *engine.Engine, r *policy.Request) policy.Ticket {
	t.Helper()
	ticket, err := e.Admit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func spent(t *testing.T, e *engine.Engine, rule string) (spent, held int64) {
	t.Helper()
	states, err := e.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Rule == rule {
			return s.Spent, s.Held
		}
	}
	return -1, -1
}

// 400 bytes are 108 tokens, held twice for want of experience, at 2; 1000 tokens
// of output at 10: 0.010432 USD are held, of which calls here use a tenth.
const mostOfACall = 10_432_000

var answered = policy.Outcome{Status: 200, At: noon.Add(time.Second), Reading: tokenizer.Reading{Model: "m1", Usage: reported(100, 0, 84)}}

const costOfACall = 1_040_000

// Of an account that had too little left for the first call that asked it is told,
// too: of one that others exhausted, to a replica that has begun.
func TestAnAccountIsShownThatOnlyRefused(t *testing.T) {
	e, _, _ := limited(t, nil, month("month", mostOfACall-1))
	if refused := admit(t, e, numbered(1, "a")); refused.Refusal == nil {
		t.Fatal("it was admitted")
	}
	if s, h := spent(t, e, "month"); s != 0 || h != 0 {
		t.Errorf("spent %d, held %d; below 0: it is not shown", s, h)
	}
}

func TestACallIsHeldThenSettled(t *testing.T) {
	e, b, reg := limited(t, nil, month("month", 25_000_000))
	first, second := admit(t, e, numbered(1, "a")), admit(t, e, numbered(2, "a"))
	if first.Refusal != nil || second.Refusal != nil {
		t.Fatalf("refused: %+v, %+v", first.Refusal, second.Refusal)
	}
	if s, h := spent(t, e, "month"); s != 0 || h != 2*mostOfACall {
		t.Errorf("spent %d, held %d", s, h)
	}
	third := admit(t, e, numbered(3, "a"))
	if third.Refusal == nil || third.Refusal.Code != "budget_exhausted" || third.Refusal.Status != 429 || !third.Refusal.Reset.Equal(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("the third: %+v", third.Refusal)
	}
	if r := b.last(t); r.Outcome != policy.Refused || r.Reason != "budget_exhausted" {
		t.Errorf("its record: %+v", r)
	}
	if other := admit(t, e, numbered(4, "b")); other.Refusal != nil {
		t.Errorf("another team is refused: %+v", other.Refusal)
	}
	e.Settle(t.Context(), first, answered)
	e.Settle(t.Context(), first, answered)
	e.Settle(t.Context(), second, policy.Outcome{Status: 500, End: tokenizer.Failed, At: noon})
	states, _ := e.States(t.Context())
	for _, s := range states {
		if s.Of == "a" && (s.Spent != costOfACall || s.Held != 0) {
			t.Errorf("after settling: %+v", s)
		}
	}
	want := "# HELP farebox_budget_exhausted_total Calls for which a budget or rate limit had too little left, by what was done.\n# TYPE farebox_budget_exhausted_total counter\n" +
		"farebox_budget_exhausted_total{action=\"refuse\",budget=\"month\"} 1\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_budget_exhausted_total"); err != nil {
		t.Error(err)
	}
}

func TestObserveRefusesNothingAndCounts(t *testing.T) {
	e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Enforce = false }, month("month", 1))
	ticket := admit(t, e, numbered(1, "a"))
	if ticket.Refusal != nil {
		t.Fatalf("refused: %+v", ticket.Refusal)
	}
	e.Settle(t.Context(), ticket, answered)
	if s, h := spent(t, e, "month"); s != costOfACall || h != 0 {
		t.Errorf("spent %d, held %d", s, h)
	}
}

func TestRateLimitsSayWhenToComeBack(t *testing.T) {
	e, _, _ := limited(t, nil, budget.Rule{Name: "burst", Unit: budget.Requests, Limit: 2, Rate: time.Minute, Window: budget.Window{Every: budget.Total}})
	admit(t, e, numbered(1, "a"))
	admit(t, e, numbered(2, "a"))
	if why := admit(t, e, numbered(3, "a")).Refusal; why == nil || why.Code != "rate_limited" || why.Retry != 30*time.Second {
		t.Errorf("the third in a minute: %+v", why)
	}
}

func TestThrottledBudgetsLetAFewPass(t *testing.T) {
	rule := month("month", 1)
	rule.OnExhausted, rule.Throttled = budget.Throttle, 2
	e, _, _ := limited(t, nil, rule)
	for n := range byte(3) {
		why := admit(t, e, numbered(n, "a")).Refusal
		if passes := n < 2; passes != (why == nil) || !passes && why.Code != "rate_limited" {
			t.Errorf("call %d: %+v", n, why)
		}
	}
}

func TestAStoreThatIsDown(t *testing.T) {
	for _, open := range []bool{false, true} {
		store := &broken{Store: budget.NewMemory(func() time.Time { return noon })}
		e, _, _ := limited(t, func(o *engine.Options) { o.Budgets, o.Rules.OpenOnError, o.Rules.Allowance = store, open, 5 }, month("month", usd))
		during := admit(t, e, numbered(1, "a"))
		store.set(true)
		why := admit(t, e, numbered(2, "a"))
		if (why.Refusal == nil) != open || !open && why.Refusal.Code != "unavailable" {
			t.Errorf("open %v: %+v", open, why.Refusal)
		}
		e.Settle(t.Context(), during, answered)
		if open {
			e.Settle(t.Context(), why, answered)
		}
		store.set(false)
		e.Sweep(t.Context())
		want := int64(costOfACall)
		if open {
			want *= 2
		}
		if s, h := spent(t, e, "month"); s != want || h != 0 {
			t.Errorf("open %v: spent %d, held %d after the store is back", open, s, h)
		}
	}
}

// spending is a ledger of two teams.
type spending struct{ asked []ledger.Query }

func (s *spending) Spent(_ context.Context, q ledger.Query) ([]ledger.Spent, error) {
	s.asked = append(s.asked, q)
	if q.From.After(noon.Add(-30 * time.Minute)) {
		return nil, nil
	}
	return []ledger.Spent{
		{Keys: []string{"m1-mini", "a"}, Calls: 3, Tokens: 50, Charged: 7, Contracted: 5},
		{Keys: []string{"other", "a"}, Charged: 11}, {Keys: []string{"m1", "b"}, Charged: 13},
	}, nil
}

func (s *spending) Booked(context.Context, ledger.Query) ([]ledger.Spent, error) { return nil, nil }

func TestANewBudgetBeginsWithWhatTheLedgerHas(t *testing.T) {
	read := &spending{}
	rule := month("month", usd)
	rule.Match = map[string][]string{"model": {"m1*"}}
	rolling := rule
	rolling.Name, rolling.Window = "hour", budget.Window{Every: budget.Rolling, Length: time.Hour}
	rules, err := budget.Compile([]budget.Rule{rule, rolling})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) { o.Spending, o.Rules.Budgets = read, rules })
	for range 2 {
		if err := e.Fill(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
	}
	states, _ := e.States(t.Context())
	got := map[string]int64{}
	for _, s := range states {
		got[s.Rule+" "+s.Of] = s.Spent
	}
	if got["month a"] != 7 || got["month b"] != 13 || got["hour a"] != 7*16 || len(got) != 4 {
		t.Errorf("filled: %v", got)
	}
	if by := read.asked[0].By; len(by) != 2 || by[0] != "model_asked" || by[1] != "team" || !read.asked[0].From.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked: %+v", read.asked[0])
	}
}

// What an earlier run held is lost with its memory, and spent all the same.
func TestARestartSpendsWhatWasHeld(t *testing.T) {
	e, _, _ := limited(t, nil, month("month", usd))
	ticket := admit(t, e, numbered(1, "a"))
	again, _, _ := limited(t, nil, month("month", usd))
	again.Recover(t.Context(), []policy.Opening{{Ticket: ticket}}, nil)
	if s, h := spent(t, again, "month"); s <= 0 || h != 0 {
		t.Errorf("spent %d, held %d", s, h)
	}
}

// Work in the background stays held until its end is told.
func TestDeferredWorkStaysHeld(t *testing.T) {
	e, _, _ := limited(t, nil, month("month", usd))
	ticket := admit(t, e, numbered(1, "a"))
	e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Deferred: tokenizer.Deferred{ID: "resp_1"}}})
	if s, h := spent(t, e, "month"); s != 0 || h != mostOfACall {
		t.Errorf("while it goes on: spent %d, held %d", s, h)
	}
	poll := numbered(2, "b")
	poll.Call.Of = "resp_1"
	e.Settle(t.Context(), admit(t, e, poll), answered)
	if s, h := spent(t, e, "month"); s != costOfACall || h != 0 {
		t.Errorf("when it is over: spent %d, held %d", s, h)
	}
}

func TestEveryTryIsSpent(t *testing.T) {
	e, _, _ := limited(t, nil, month("month", usd))
	ticket := admit(t, e, numbered(1, "a"))
	for n := 1; n <= 3; n++ {
		o := answered
		o.Attempt = n
		e.Settle(t.Context(), ticket, o)
	}
	if s, h := spent(t, e, "month"); s != 3*costOfACall || h != 0 {
		t.Errorf("spent %d, held %d", s, h)
	}
}
