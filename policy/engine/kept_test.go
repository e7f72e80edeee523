package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/redisstore"
	"github.com/farebox/farebox/policy/engine"
)

// restart ends the process, with calls under way, and starts one over its ledger and
// another connection to the store.
func (f *office) restart(store budget.Store, rules ...budget.Rule) {
	f.t.Helper()
	for len(f.deferred) > 0 {
		f.poll()
	}
	under := f.under
	f.under = nil
	f.e, _, _ = limited(f.t, func(o *engine.Options) {
		f.o, o.Journal, o.Spending, o.Charges, o.Budgets, o.Now = o, f.pages, f.pages, f.pages, store, f.now
	}, rules...)
	opened(f.t, []*office{f})
	for i := range under {
		under[i].By = nil
		f.e.Recover(f.t.Context(), []policy.Opening{{Ticket: under[i]}}, nil)
	}
}

// Replicas that share a store take budgets out and put them back, each at its own time,
// by reloads and by restarts, under load: what accounts have spent is in the end what
// all ledgers have together.
func TestABudgetThatIsPutBackHasSpentWhatAllLedgersHave(t *testing.T) {
	address, _ := startRedis(t)
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 11))
		org := fmt.Sprint("kept-", random.Uint64())
		connect := func(i int) budget.Store {
			s, err := redisstore.New(redisstore.Options{Addresses: []string{address}, Org: org, Part: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			return s
		}
		var all []*office
		for i := range 2 {
			all = append(all, newOffice(t, random, connect(i), time.Now, someRules(random)...))
		}
		opened(t, all)
		steps := func() {
			for range random.IntN(20) {
				all[random.IntN(len(all))].step()
			}
		}
		for range 20 {
			steps()
			i := random.IntN(len(all))
			if f := all[i]; random.IntN(3) == 0 {
				f.restart(connect(i), someRules(random)...)
			} else {
				f.reload(random.IntN(4) == 0, nil, someRules(random)...)
			}
		}
		last := append(someRules(random), lastRule)
		var ledgers []*pages
		for _, f := range all {
			f.reload(false, nil, last...)
			steps()
			ledgers = append(ledgers, f.pages)
		}
		for _, f := range all {
			f.end()
		}
		if all[0].check(fmt.Sprint("seed ", seed), ledgers...); t.Failed() {
			return
		}
	}
}

// noting is a store that several share, which notes rules and never loses anything.
type noting struct {
	*budget.Memory
	marks, notes map[string]string
}

func newNoting(now func() time.Time) *noting {
	return &noting{budget.NewMemory(now), map[string]string{}, map[string]string{}}
}

func (n *noting) Missing(_ context.Context, marks []string) (missing []string, open bool, err error) {
	for _, mark := range marks {
		if _, there := n.marks[mark]; !there {
			missing = append(missing, mark)
		}
	}
	return missing, true, nil
}

func (n *noting) Add(ctx context.Context, marks []string, states []budget.State) error {
	for _, mark := range marks {
		n.marks[mark] = ""
	}
	return n.Memory.Add(ctx, states)
}

func (n *noting) Hold(ctx context.Context, h budget.Hold) error {
	_, err := n.Reserve(ctx, h)
	return err
}

func (n *noting) Open(context.Context) (bool, error) { return true, nil }

func (n *noting) Noted(context.Context) (map[string]string, error) {
	noted := maps.Clone(n.notes)
	maps.DeleteFunc(noted, func(mark, _ string) bool { _, there := n.marks[mark]; return !there })
	return noted, nil
}

func (n *noting) Note(_ context.Context, texts map[string]string) error {
	maps.Copy(n.notes, texts)
	return nil
}

func (n *noting) Forget(_ context.Context, marks []string) error {
	for _, mark := range marks {
		delete(n.marks, mark)
		delete(n.notes, mark)
	}
	return nil
}

// A budget that is out of use is counted until its window ends, and not shown; put back
// in a later window it begins with what the ledger has of that. It is so over restarts
// and reloads that come to nothing, at any time.
func TestABudgetOutOfUseIsCountedUntilItsWindowEnds(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 12))
		now := noon
		clock := func() time.Time { return now }
		store := newNoting(clock)
		day, hour := budget.Window{Every: budget.Day}, budget.Window{Every: budget.Hour}
		all := []budget.Rule{
			{Name: "day", Per: []string{"team"}, Limit: plenty, Window: day},
			{Name: "hour", Unit: budget.Tokens, Limit: plenty, Window: hour},
			{Name: "hour-of-a", Match: map[string][]string{"team": {"a"}}, Limit: plenty, Window: hour},
			{Name: "total", Limit: plenty, Window: budget.Window{Every: budget.Total}},
			{Name: "moving", Limit: plenty, Window: budget.Window{Every: budget.Rolling, Length: 48 * time.Hour}},
		}
		some := func() []budget.Rule {
			return slices.DeleteFunc(slices.Clone(all), func(budget.Rule) bool { return random.IntN(2) == 0 })
		}
		f := newOffice(t, random, store, clock, some()...)
		opened(t, []*office{f})
		restarts := false
		for n := range 12 {
			for range random.IntN(20) {
				f.step()
			}
			for n%2 == 0 && len(f.under) > 0 { // no hold lapses
				f.settle(false)
			}
			now = now.Add(time.Duration(random.Int64N(int64(40 * time.Minute))))
			if rules := some(); restarts {
				f.restart(store, rules...)
			} else {
				f.reload(random.IntN(3) == 0, nil, rules...)
			}
			if restarts = random.IntN(3) == 0; restarts || random.IntN(2) == 0 { // who lives on may be late to look
				f.sees()
			}
		}
		f.reload(false, nil, all...)
		f.step()
		f.end()
		f.e.Settle(t.Context(), admit(t, f.e, f.request()), f.answer())
		if f.checkNow(fmt.Sprint("seed ", seed)); t.Failed() {
			return
		}
	}
}

// sees looks after the store, as a process does each second, and shows its budgets: of
// those in use alone.
func (f *office) sees() {
	f.t.Helper()
	if err := f.e.Refill(f.t.Context()); err != nil && !errors.Is(err, budget.ErrFresh) {
		f.t.Fatal(err)
	}
	f.e.Settle(f.t.Context(), admit(f.t, f.e, f.request()), f.answer())
	states, err := f.e.States(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range states {
		if s.Kept {
			f.t.Errorf("budget %q is shown, and is out of use", s.Rule)
		}
	}
}

// checkNow holds accounts of the windows of now to the ledger.
func (f *office) checkNow(what string) {
	f.t.Helper()
	rules, now := f.o.Rules.Budgets, f.now()
	want, accounts := map[string]int64{}, map[string]budget.Account{}
	for _, rec := range f.pages.All() {
		for _, a := range rules.Accounts(factsOf(&rec), rec.Admitted) {
			if !a.End.IsZero() && !now.Before(a.End) || a.Kept {
				continue
			}
			accounts[a.Key()] = a
			want[a.Key()] += tookOf(&rec, a.Unit)
		}
	}
	for key, a := range accounts {
		states, err := f.o.Budgets.States(f.t.Context(), []budget.Account{a})
		if err != nil {
			f.t.Fatal(err)
		}
		if s := states[0]; s.Spent != want[key] || s.Held != 0 {
			f.t.Errorf("%s: %s of %q has spent %d and holds %d, and the ledger has %d", what, s.Rule, s.Of, s.Spent, s.Held, want[key])
		}
	}
	if len(accounts) < 3 {
		f.t.Errorf("%s: only %d accounts were spent of", what, len(accounts))
	}
}
