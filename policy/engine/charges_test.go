package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
)

// clerk is a ledger of calls and charges, and who books into it.
type clerk struct {
	ledgertest.Memory
	t   *testing.T
	now time.Time
	e   *engine.Engine

	store budget.Store // of e
	n     int          // of what was booked or called
}

// Open, Record and Flush make it a journal: what it is given is there at once.
func (c *clerk) Open(policy.Opening) {}

func (c *clerk) Record(ctx context.Context, r policy.Record) error {
	return c.Write(ctx, ledger.Batch{Records: []policy.Record{r}})
}

func (c *clerk) Flush(context.Context) error { return nil }

func compiled(t *testing.T, rules ...budget.Rule) *budget.Rules {
	t.Helper()
	r, err := budget.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start begins anew over a store, as a restart does; nil: an empty one in memory.
func (c *clerk) start(rules *budget.Rules, store budget.Store) *engine.Options {
	c.t.Helper()
	if store == nil {
		store = budget.NewMemory(func() time.Time { return c.now })
	}
	var options *engine.Options
	e, _, _ := limited(c.t, func(o *engine.Options) {
		o.Journal, o.Spending, o.Charges, o.Budgets, o.Rules.Budgets = c, c, c, store, rules
		o.Now = func() time.Time { return c.now }
		options = o
	})
	c.e, c.store = e, store
	if err := e.Fill(c.t.Context(), rules); err != nil {
		c.t.Fatal(err)
	}
	return options
}

func (c *clerk) book(charge ledger.Charge) (fresh bool, err error) {
	charge.By, charge.Booked = "clerk", c.now
	if charge.ID == "" {
		c.n++
		charge.ID = fmt.Sprint("c", c.n)
	}
	_, fresh, err = c.e.Book(c.t.Context(), charge, ledger.Change{At: c.now, Actor: "clerk"})
	return fresh, err
}

func (c *clerk) call(team string) {
	c.n++
	r := numbered(0, team)
	r.ID, r.At = policy.CallID{1, byte(c.n >> 8), byte(c.n)}, c.now
	ticket := admit(c.t, c.e, r)
	o := answered
	o.At = c.now
	c.e.Settle(c.t.Context(), ticket, o)
}

func seat(team string, nano int64) ledger.Charge {
	return ledger.Charge{Amount: money.Nano(nano), For: map[string]string{"team": team}, Description: "a seat"}
}

// standing is what accounts have spent, by rule and value; those of nothing are left out.
func (c *clerk) standing(rules *budget.Rules) map[string]int64 {
	c.t.Helper()
	got := map[string]int64{}
	for _, rule := range rules.Rules() {
		for _, of := range []string{"", "a", "b", "c"} {
			a, is := c.e.Account(rule.Name, of)
			if !is {
				continue
			}
			states, err := c.store.States(c.t.Context(), []budget.Account{a})
			if err != nil {
				c.t.Fatal(err)
			}
			if states[0].Spent != 0 {
				got[rule.Name+" "+of] = states[0].Spent
			}
		}
	}
	return got
}

// expect is the same out of every record and charge of the ledger.
func (c *clerk) expect(rules *budget.Rules) map[string]int64 {
	c.t.Helper()
	want := map[string]int64{}
	add := func(rule *budget.Rule, of func(string) string, at time.Time, cost int64) {
		a, fits := rules.Account(rule.Name, of, c.now)
		if !fits || at.Before(a.Start) {
			return
		}
		if want[a.Rule+" "+a.Of] += cost; want[a.Rule+" "+a.Of] == 0 {
			delete(want, a.Rule+" "+a.Of)
		}
	}
	all, err := c.Charges(c.t.Context(), ledger.ChargeSearch{To: c.now.Add(time.Hour), Limit: ledger.MaxPage})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, rule := range rules.Rules() {
		for _, r := range c.All() {
			of := func(key string) string {
				if key == budget.Provider {
					return r.Provider
				}
				return r.Owner.Value(key)
			}
			if rule.Include != budget.Charges {
				add(rule, of, r.Admitted, int64(r.Contracted().Nano())) // which is charged, too
			}
		}
		for i := range all {
			if rule.Include != budget.Calls {
				add(rule, all[i].Value, all[i].At, int64(all[i].Amount))
			}
		}
	}
	return want
}

// TestSpentIsCallsAndChargesOfTheLedger: to the nano-dollar, whatever was called,
// booked, booked again and reversed, with rules that change between, windows that
// begin anew, and restarts.
func TestSpentIsCallsAndChargesOfTheLedger(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		c := &clerk{t: t, now: noon}
		include := [3]budget.Include{}
		rules := rulesWith(t, &include)
		options := c.start(rules, nil)
		for step := range 60 {
			switch random.IntN(8) {
			case 0, 1:
				c.call([]string{"a", "b"}[random.IntN(2)])
			case 2, 3, 4:
				charge := seat([]string{"a", "b", "c"}[random.IntN(3)], 1+random.Int64N(1e9))
				charge.Provider = []string{"", "azure"}[random.IntN(2)]
				charge.At = c.now.Add(-time.Duration(random.Int64N(int64(60 * 24 * time.Hour)))).Truncate(time.Microsecond)
				if fresh, err := c.book(charge); !fresh || err != nil {
					t.Fatalf("book: fresh %v, %v", fresh, err)
				}
			case 5: // again, or the reversal of one, or of none
				c.bookAgain(random)
			case 6:
				include[random.IntN(3)] = budget.Include(random.IntN(3))
				next := rulesWith(t, &include)
				if err := c.e.Fill(t.Context(), next); err != nil {
					t.Fatal(err)
				}
				if _, err := c.book(seat("a", 1)); err != nil { // between what is read and what is in use
					t.Fatal(err)
				}
				rules, options.Rules.Budgets = next, next
				if err := c.e.Configure(options.Rules); err != nil {
					t.Fatal(err)
				}
			case 7:
				if c.now = c.now.Add(time.Duration(random.Int64N(int64(20 * 24 * time.Hour)))); random.IntN(2) == 0 {
					rules = rulesWith(t, &include)
					options = c.start(rules, nil)
				}
				c.e.Sweep(t.Context())
			}
			if d := cmp.Diff(c.expect(rules), c.standing(rules)); d != "" {
				t.Fatalf("seed %d, step %d: spent is not what the ledger has (-ledger +spent):\n%s", seed, step, d)
			}
		}
	}
}

// rulesWith are some rules, and what each includes.
func rulesWith(t *testing.T, include *[3]budget.Include) *budget.Rules {
	each, pool, azure := month("each", 1e15), month("pool", 1e15), month("azure", 1e15)
	each.Include, pool.Include, azure.Include = include[0], include[1], include[2]
	pool.Match, pool.Per, pool.Window, pool.Unit = map[string][]string{"team": {"a", "b"}}, nil, budget.Window{Every: budget.Total}, budget.Contracted
	azure.Match = map[string][]string{"provider": {"azure", "local"}}
	return compiled(t, each, pool, azure)
}

func (c *clerk) bookAgain(random *rand.Rand) {
	c.t.Helper()
	all, err := c.Charges(c.t.Context(), ledger.ChargeSearch{To: c.now.Add(time.Hour), Limit: ledger.MaxPage})
	if err != nil {
		c.t.Fatal(err)
	}
	if len(all) == 0 {
		return
	}
	one := all[random.IntN(len(all))]
	if fresh, err := c.book(one); fresh || err != nil {
		c.t.Fatalf("booked again: fresh %v, %v", fresh, err)
	}
	fresh, err := c.book(ledger.Charge{Of: one.ID, Description: "a mistake"})
	if known := errors.Is(err, ledger.ErrReversal) || errors.Is(err, ledger.ErrReversed); fresh != (err == nil) || err != nil && !known {
		c.t.Fatalf("reversed: fresh %v, %v", fresh, err)
	}
}

// A charge of earlier leaves a moving window earlier, and none is of a time to come.
func TestChargesCountAtTheirMoment(t *testing.T) {
	c := &clerk{t: t, now: noon}
	rolling := month("hours", 1e15)
	rolling.Window, rolling.Include = budget.Window{Every: budget.Rolling, Length: 60 * time.Hour}, budget.CallsAndCharges
	rules := compiled(t, rolling)
	c.start(rules, nil)
	early := seat("a", 5)
	early.At = noon.Add(-50 * time.Hour)
	for _, charge := range []ledger.Charge{early, seat("a", 7)} {
		if _, err := c.book(charge); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		pass time.Duration
		want int64
	}{{0, 12}, {12 * time.Hour, 7}, {50 * time.Hour, 0}} {
		if c.now = c.now.Add(step.pass); c.standing(rules)["hours a"] != step.want {
			t.Errorf("after %v: %v, want %d", step.pass, c.standing(rules), step.want)
		}
	}
	soon := seat("a", 1)
	soon.At = c.now.Add(time.Second)
	if _, err := c.book(soon); !errors.Is(err, ledger.ErrNotYet) {
		t.Errorf("of a time to come: %v", err)
	}
	if _, err := c.book(ledger.Charge{Of: "none", Description: "x"}); !errors.Is(err, ledger.ErrNoCharge) {
		t.Errorf("the reversal of nothing: %v", err)
	}
}

// TestStandingsOfCharges: they are spent and tell who spent, and are no rate.
func TestStandingsOfCharges(t *testing.T) {
	both, seats := month("both", 1e15), month("seats", 1e15)
	both.Include, seats.Include = budget.CallsAndCharges, budget.Charges
	c := &clerk{t: t, now: noon}
	c.start(compiled(t, both, seats), nil)
	c.call("a")
	charge := seat("a", 5)
	charge.For["project"] = "p"
	if _, err := c.book(charge); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Hour)
	all, err := c.e.Standings(t.Context(), "", "project")
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, want := range []struct {
		spent, burnt int64
		who          map[string]int64
	}{{costOfACall + 5, costOfACall, map[string]int64{"p": 5, "": costOfACall}}, {5, 0, map[string]int64{"p": 5}}} {
		who := map[string]int64{}
		for _, w := range all[i].Who {
			who[w.Name] = w.Spent
		}
		if s := &all[i]; s.Spent != want.spent || s.Burnt != want.burnt || (s.Over > 0) != (i == 0) || !maps.Equal(who, want.who) {
			t.Errorf("%s: spent %d, burnt %d over %v, %v; want %+v", s.Rule, s.Spent, s.Burnt, s.Over, who, want)
		}
	}
}

// A charge of a window that is over changes what that one leaves.
func TestChargesAreTakenFromWhatIsCarried(t *testing.T) {
	rule := month("month", 100)
	rule.Include, rule.Rollover = budget.Charges, &budget.Rollover{Percent: 100}
	rules := compiled(t, rule)
	c := &clerk{t: t, now: noon}
	last := noon.AddDate(0, -1, 0)
	for i, nano := range []int64{30, 50} {
		c.start(rules, nil)
		charge := seat("a", nano)
		charge.At = last
		if _, err := c.book(charge); err != nil {
			t.Fatal(err)
		}
		c.e.Sweep(t.Context())
		if a, _ := c.e.Account("month", "a"); a.Limit != []int64{170, 120}[i] {
			t.Errorf("after %d of last month the limit is %d", nano, a.Limit)
		}
	}
	if spent := c.standing(rules); len(spent) > 0 {
		t.Errorf("of this month is spent %v", spent)
	}
}
