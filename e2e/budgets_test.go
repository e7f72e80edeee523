package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

// thrifty is the shop with a limit for each team, in enforce mode.
func thrifty(limit string) string {
	return shop + "mode: enforce\nbudgets: [{name: month, per: [team], limit: {usd: \"" + limit + "\"}, window: {every: month}}]\n"
}

const callers = 64

// modest is a call that may cost ten times of what it will: so many choices, of
// 1000 tokens at most each.
func modest(choices int, stream bool) string {
	return fmt.Sprintf(`{"model":"replay","stream":%v,"n":%d,"max_tokens":1000,"messages":[{"role":"user","content":"Where is the ferry?"}]}`, stream, choices)
}

// plays are what providers answer to a modest call: a tenth of what it allows, in
// plain, cached and thought tokens.
func plays(s *harness.Stack) {
	for choices := 1; choices <= 3; choices++ {
		out := 100 * choices
		s.Provider.PlayFor(fmt.Sprint("choices ", choices), provider.Scenario{
			Usage: &provider.Usage{Prompt: 30, Cached: 10 * (choices - 1), Completion: out, Reasoning: out / 2}, Pace: time.Millisecond,
		})
	}
}

// round is as many calls at once as there are callers; it returns how many passed,
// and holds that each answer is whole or a refusal for want of budget.
func round(t *testing.T, s *harness.Stack) (passed int64) {
	t.Helper()
	passed, unseen := roundOf(t, s)
	if unseen > 0 {
		t.Errorf("the budget of %d calls could not be seen", unseen)
	}
	return passed
}

// roundOf is a round in which a busy store may not answer in time for a call: unseen
// are refused for that.
func roundOf(t *testing.T, s *harness.Stack) (passed, unseen int64) {
	t.Helper()
	var count, late atomic.Int64
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			choices := 1 + i%3
			e := ask(s, chatPath, modest(choices, i%2 == 0))
			e.header.Set(provider.ScenarioHeader, fmt.Sprint("choices ", choices))
			switch g := e.run(t.Context()); {
			case g.status == http.StatusOK && g.err == nil:
				count.Add(1)
			case g.status == http.StatusTooManyRequests:
				outOfBudget(t, g)
			case g.status == http.StatusServiceUnavailable && strings.Contains(string(g.body), `"unavailable"`):
				late.Add(1)
			default:
				t.Errorf("status %d, %v: %.200s", g.status, g.err, g.body)
			}
		})
	}
	wait.Wait()
	return count.Load(), late.Load()
}

func outOfBudget(t *testing.T, g got) {
	t.Helper()
	var said refusal
	if err := json.Unmarshal(g.body, &said); err != nil || said.Error.Code != "budget_exhausted" {
		t.Errorf("it says %.200s", g.body)
	}
	reset, err := time.Parse(time.RFC3339, g.header.Get("X-Farebox-Reset"))
	if g.header.Get("X-Should-Retry") != "false" || err != nil || reset.Day() != 1 {
		t.Errorf("headers %v", g.header)
	}
}

// account is how the one account of a budget stands, in nano-USD, when no call is
// under way.
func account(t *testing.T, f *harness.Farebox, budget string) (spent int64) {
	t.Helper()
	eventually(t, "nothing is held", func(ctx context.Context) (bool, error) {
		m, err := f.Metrics(ctx)
		if err != nil {
			return false, err
		}
		spent = int64(math.Round(m.Sum("farebox_budget_spent_usd", `budget="`+budget+`"`) * 1e9))
		return m.Sum("farebox_budget_held_usd", `budget="`+budget+`"`) == 0, nil
	})
	return spent
}

// inLedger is what the ledger says that all calls were charged, in nano-USD.
func inLedger(t *testing.T, f *harness.Farebox) int64 {
	t.Helper()
	u, err := f.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int64(u.Total.Charged.Nano())
}

// exhaust runs rounds until in one of them nobody passes.
func exhaust(t *testing.T, s *harness.Stack) (passed int64) {
	t.Helper()
	for range 100 {
		n := round(t, s)
		if passed += n; n == 0 || t.Failed() {
			return passed
		}
	}
	t.Fatal("the budget is never exhausted")
	return passed
}

// TestManyCallersAtOnceNeverOverspend: what they may cost is ten times what they
// do, so that nearly all of the budget is used only if what was held too much
// comes back.
func TestManyCallersAtOnceNeverOverspend(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("0.4")})
	plays(s)
	passed := exhaust(t, s)
	const limit = 400_000_000
	spent := account(t, s.Farebox, "month")
	if spent > limit || spent < limit*95/100 {
		t.Errorf("%d calls spent %d of %d nano-USD", passed, spent, limit)
	}
	if kept := inLedger(t, s.Farebox); kept != spent {
		t.Errorf("the ledger has %d nano-USD, the budget %d", kept, spent)
	}
	if n := int64(len(s.Provider.Calls())); n != passed {
		t.Errorf("the provider saw %d calls, of which %d passed", n, passed)
	}
	t.Logf("%d calls passed and spent %d of %d nano-USD", passed, spent, limit)
}

func TestNobodyIsRefusedWhileMostOfABudgetIsFree(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("15")})
	plays(s)
	for range 3 {
		if n := round(t, s); n != callers {
			t.Errorf("%d of %d calls passed", n, callers)
		}
	}
}

// TestABudgetStandsAsItStoodAfterAKill: what was under way is spent at what may
// have been used, as the ledger has it.
func TestABudgetStandsAsItStoodAfterAKill(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("5")})
	plays(s)
	round(t, s)
	before := account(t, s.Farebox, "month")
	var wait sync.WaitGroup
	defer streams(t, s, &wait, 8)()
	if err := s.Farebox.Kill9(); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	if err := s.Farebox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := account(t, s.Farebox, "month")
	if kept := inLedger(t, s.Farebox); after <= before || kept != after {
		t.Errorf("before %d, after %d nano-USD, and the ledger has %d", before, after, kept)
	}
}

func TestAReloadKeepsWhatWasSpentAndANewBudgetBeginsWithIt(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("5")})
	plays(s)
	round(t, s)
	spent := account(t, s.Farebox, "month")
	more := strings.Replace(thrifty("0.000001"), "budgets: [", `budgets: [{name: day, match: {team: support}, limit: {usd: "10"}, window: {every: day}}, `, 1)
	if err := s.Farebox.Reconfigure(more); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new limits hold", func(ctx context.Context) (bool, error) {
		m, err := s.Farebox.Metrics(ctx)
		return err == nil && m.Sum("farebox_budget_limit_usd", `budget="day"`) == 10, err
	})
	if month, day := account(t, s.Farebox, "month"), account(t, s.Farebox, "day"); month != spent || day != spent {
		t.Errorf("month %d, day %d nano-USD, want %d", month, day, spent)
	}
	if g := ask(s, chatPath, plainBody).run(t.Context()); g.status != http.StatusTooManyRequests {
		t.Errorf("status %d under a limit below what was spent", g.status)
	}
}

// TestABudgetOfAReloadUnderLoadHasSpentAllThatItsWindowHas: calls come and go the
// whole time, and some that began before it end after it.
func TestABudgetOfAReloadUnderLoadHasSpentAllThatItsWindowHas(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("500")})
	plays(s)
	var wait sync.WaitGroup
	stop := streams(t, s, &wait, 8)
	done := make(chan struct{})
	wait.Go(func() {
		for again := true; again; {
			round(t, s)
			select {
			case <-done:
				again = false
			default:
			}
		}
	})
	fresh := `budgets: [{name: fresh, match: {team: support}, limit: {usd: "600"}, window: {every: month}}, {match: {team: "supp*"}, `
	if err := s.Farebox.Reconfigure(strings.Replace(thrifty("400"), "budgets: [{", fresh, 1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new limits hold", func(ctx context.Context) (bool, error) {
		m, err := s.Farebox.Metrics(ctx)
		return err == nil && m.Sum("farebox_budget_limit_usd", `budget="fresh"`) == 600 && m.Sum("farebox_budget_limit_usd", `budget="month"`) == 400, err
	})
	close(done)
	stop()
	wait.Wait()
	var month, more, kept int64
	t.Cleanup(func() { t.Logf("month %d, fresh %d nano-USD, and the ledger has %d", month, more, kept) })
	eventually(t, "all calls have ended, and budgets have spent what the ledger has", func(ctx context.Context) (bool, error) {
		m, err := s.Farebox.Metrics(ctx)
		if err != nil || m.Sum("farebox_open_streams") > 0 {
			return false, err
		}
		month, more, kept = account(t, s.Farebox, "month"), account(t, s.Farebox, "fresh"), inLedger(t, s.Farebox)
		return month == kept && more == kept && kept > 0, nil // what was missed or counted twice stays so
	})
}

// streams are calls that go on until stop: their callers hang up then.
func streams(t *testing.T, s *harness.Stack, wait *sync.WaitGroup, n int64) (stop func()) {
	t.Helper()
	s.Provider.PlayFor("slow", provider.Scenario{Chunks: 1000, Pace: 30 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	var begun atomic.Int64
	for range n {
		e := ask(s, chatPath, modest(1, true))
		e.header.Set(provider.ScenarioHeader, "slow")
		var once sync.Once
		e.watch = func([]byte) { once.Do(func() { begun.Add(1) }) }
		wait.Go(func() { e.run(ctx) })
	}
	eventually(t, "the streams have begun", func(context.Context) (bool, error) { return begun.Load() == n, nil })
	return cancel
}

func TestAnExhaustedBudgetAsksACheaperModelAndSaysSo(t *testing.T) {
	t.Parallel()
	config := strings.Replace(thrifty("0.001"), "window: {every: month}", "window: {every: month}, on_exhausted: downgrade, downgrade_to: small", 1)
	config = strings.Replace(config, "rates: [", `rates: [{provider: local, model: small, input: "0.01", output: "0.01"}, `, 1)
	s := kit.Start(t, harness.StackOptions{Config: config})
	e := ask(s, chatPath, modest(1, false))
	g := e.run(t.Context())
	if g.status != http.StatusOK || g.header.Get("X-Farebox-Model") != "small" {
		t.Fatalf("status %d, headers %v: %.200s", g.status, g.header, g.body)
	}
	if b := settled(t, s.Farebox, e.trace); b.Model != "small" {
		t.Errorf("the record says %+v", b)
	}
	if calls := s.Provider.Calls(); len(calls) != 1 || !strings.Contains(string(calls[0].Body), `"model":"small"`) {
		t.Errorf("the provider saw %d calls", len(calls))
	}
}

func TestARateLimitSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop + "mode: enforce\nrate_limits: [{name: burst, per: [team], requests_per_minute: 2}]\n"})
	began := time.Now()
	var last got
	passed := 0
	for last = ask(s, chatPath, plainBody).run(t.Context()); last.status == http.StatusOK && passed < 20; passed++ {
		last = ask(s, chatPath, plainBody).run(t.Context())
	}
	var said refusal
	if err := json.Unmarshal(last.body, &said); err != nil || last.status != http.StatusTooManyRequests || said.Error.Code != "rate_limited" {
		t.Fatalf("status %d: %s", last.status, last.body)
	}
	// Half a minute after the first, and calls take their time.
	after, err := time.ParseDuration(last.header.Get("Retry-After") + "s")
	if least := 30*time.Second - time.Since(began) - time.Second; err != nil || after > 30*time.Second || after < least || last.header.Get("X-Should-Retry") != "" {
		t.Errorf("headers %v", last.header)
	}
	if n, most := len(s.Provider.Calls()), 2+int(time.Since(began)/(30*time.Second)); n != passed || n < 2 || n > most {
		t.Errorf("the provider saw %d calls, of which %d passed, of %d that may", n, passed, most)
	}
}

// TestStrictHoldsAreNeverExceeded: callers set no bound, and answers are as long as
// the bound that is set for them allows.
func TestStrictHoldsAreNeverExceeded(t *testing.T) {
	t.Parallel()
	config := thrifty("0.05") + "holds: {output_bound: strict, models: [{model: replay, max_output: 200, context_window: 8K}]}\n"
	s := kit.Start(t, harness.StackOptions{Config: config})
	s.Provider.Play(provider.Scenario{Usage: &provider.Usage{Prompt: 60, Completion: 200, Reasoning: 150}})
	var passed atomic.Int64
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			if g := ask(s, chatPath, plainBody).run(t.Context()); g.status == http.StatusOK {
				passed.Add(1)
			}
		})
	}
	wait.Wait()
	spent := account(t, s.Farebox, "month")
	m, err := s.Farebox.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if spent > 50_000_000 || spent != passed.Load()*(60*2000+200*8000) || passed.Load() == 0 || m.Sum("farebox_hold_exceeded_total") != 0 {
		t.Errorf("%d calls passed and spent %d nano-USD, %v more than was held", passed.Load(), spent, m.Sum("farebox_hold_exceeded_total"))
	}
	for _, c := range s.Provider.Calls() {
		if !strings.Contains(string(c.Body), `200`) {
			t.Fatalf("the provider was asked %s", c.Body)
		}
	}
	g := ask(s, chatPath, `{"model":"replay","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f-1"}}]}]}`).run(t.Context())
	var said refusal
	if err := json.Unmarshal(g.body, &said); err != nil || g.status != http.StatusBadRequest || said.Error.Code != "cost_unbounded" {
		t.Errorf("a call of a file: status %d, %s", g.status, g.body)
	}
}

// TestStrictNeedsNoLimitsOfModels: what gpt-4o-mini can give, and counts for a picture,
// is built in; of another model nobody knows it.
func TestStrictNeedsNoLimitsOfModels(t *testing.T) {
	t.Parallel()
	config := strings.ReplaceAll(thrifty("0.1"), "name: local", "name: openai") + "holds: {output_bound: strict}\n"
	s := kit.Start(t, harness.StackOptions{Config: config})
	const most, each = 16_384, 60*150 + 16_384*600 // nano-USD: $0.15 and $0.60 a million
	s.Provider.Play(provider.Scenario{Usage: &provider.Usage{Prompt: 60, Completion: most, Reasoning: 150}})
	chat := func(model, content string) got {
		return ask(s, chatPath, fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%s}]}`, model, content)).run(t.Context())
	}
	var passed atomic.Int64
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			if chat("gpt-4o-mini", `"Where is the ferry?"`).status == http.StatusOK {
				passed.Add(1)
			}
		})
	}
	wait.Wait()
	spent := account(t, s.Farebox, "month")
	m, err := s.Farebox.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if spent > 100_000_000 || spent != passed.Load()*each || passed.Load() == 0 || m.Sum("farebox_hold_exceeded_total") != 0 {
		t.Errorf("%d calls passed and spent %d nano-USD, %v more than was held", passed.Load(), spent, m.Sum("farebox_hold_exceeded_total"))
	}
	for _, c := range s.Provider.Calls() {
		if !strings.Contains(string(c.Body), fmt.Sprint(most)) {
			t.Fatalf("the provider was asked %s", c.Body)
		}
	}
	const picture = `[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]`
	// All that gpt-4o can read costs $0.32, more than there is; a picture of it is less.
	e := ask(s, chatPath, fmt.Sprintf(`{"model":"gpt-4o","max_tokens":100,"messages":[{"role":"user","content":%s}]}`, picture))
	e.header.Set("X-Team", "painters") // who have spent nothing
	s.Provider.Play(provider.Scenario{Usage: &provider.Usage{Prompt: 1500, Completion: 100}})
	if g := e.run(t.Context()); g.status != http.StatusOK {
		t.Errorf("a picture: status %d, %s", g.status, g.body)
	}
	for why, g := range map[string]got{
		"a model of nobody's": chat("replay", `"Where is the ferry?"`),
		"what lies elsewhere": chat("gpt-4o-mini", `[{"type":"file","file":{"file_id":"f-1"}}]`),
	} {
		var said refusal
		if err := json.Unmarshal(g.body, &said); err != nil || g.status != http.StatusBadRequest || said.Error.Code != "cost_unbounded" {
			t.Errorf("%s: status %d, %s", why, g.status, g.body)
		}
	}
}

func TestAHoldGrowsWhileAnAnswerStreams(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("5")})
	s.Provider.Play(provider.Scenario{Chunks: 40, Text: 200, Pace: time.Millisecond})
	e := ask(s, chatPath, streamBody)
	if g := e.run(t.Context()); !g.done() {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	settled(t, s.Farebox, e.trace)
	m, err := s.Farebox.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// 8,000 bytes: at 3,000 and at 6,000 more was held.
	if n := m.Sum("farebox_hold_extended_total", `result="held"`); n != 2 {
		t.Errorf("more was held %v times", n)
	}
}
