package engine_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// pages are a ledger that is written at once, and can be read as of a moment.
type pages struct {
	ledgertest.Memory
	during func() // called while it is read
}

func (p *pages) Open(policy.Opening) {}

func (p *pages) Record(ctx context.Context, r policy.Record) error {
	return p.Write(ctx, ledger.Batch{Records: []policy.Record{r}})
}

func (p *pages) Flush(context.Context) error { return nil }

func (p *pages) Freeze(ctx context.Context) (ledger.Spending, func(), error) {
	asOf := &pages{during: p.during}
	return asOf, func() {}, asOf.Write(ctx, ledger.Batch{Records: p.All()})
}

func (p *pages) Spent(ctx context.Context, q ledger.Query) ([]ledger.Spent, error) {
	if p.during != nil {
		p.during()
	}
	return p.Memory.Spent(ctx, q)
}

// office is one process: its engine and its ledger.
type office struct {
	t      *testing.T
	random *rand.Rand
	e      *engine.Engine
	o      *engine.Options
	pages  *pages
	now    func() time.Time

	calls    uint64
	under    []policy.Ticket
	deferred []string
	settled  int
	crowd    bool // of several who call at once: they sweep and correct nothing
}

func newOffice(t *testing.T, random *rand.Rand, store budget.Store, now func() time.Time, rules ...budget.Rule) *office {
	t.Helper()
	f := &office{t: t, random: random, pages: &pages{}, now: now, calls: random.Uint64()}
	f.e, _, _ = limited(t, func(o *engine.Options) {
		f.o, o.Journal, o.Spending, o.Charges, o.Budgets, o.Now = o, f.pages, f.pages, f.pages, store, now
	}, rules...)
	return f
}

func (f *office) request() *policy.Request {
	r := call(headers{"x-team": []string{"a", "b", ""}[f.random.IntN(3)], "x-project": []string{"p", "q"}[f.random.IntN(2)]})
	f.calls++
	binary.BigEndian.PutUint64(r.ID[:], f.calls)
	r.At = f.now()
	return r
}

// answer is one whose cost is odd.
func (f *office) answer() policy.Outcome {
	o := answered
	o.At = f.now()
	o.Reading.Usage = reported(f.random.Int64N(5000), 0, f.random.Int64N(900))
	return o
}

// step admits a call, or settles or corrects one.
func (f *office) step() {
	ctx := f.t.Context()
	switch n := f.random.IntN(20); {
	case n < 8:
		ticket := admit(f.t, f.e, f.request())
		if ticket.Refusal != nil {
			f.t.Fatalf("refused: %+v", ticket.Refusal)
		}
		f.under = append(f.under, ticket)
	case n < 17:
		f.settle(n == 8)
	case n == 17 && len(f.deferred) > 0:
		poll := f.request()
		poll.Call.Of = f.deferred[0]
		f.deferred = f.deferred[1:]
		f.e.Settle(ctx, admit(f.t, f.e, poll), f.answer())
	case f.crowd:
	case n == 18 && f.pages.during == nil: // else it waits for its turn
		f.e.Sweep(ctx)
	case n == 19:
		f.correct()
	}
}

// settle ends a call: after one try or two, or with work that goes on.
func (f *office) settle(goesOn bool) {
	if len(f.under) == 0 {
		return
	}
	i := f.random.IntN(len(f.under))
	ticket := f.under[i]
	f.under = slices.Delete(f.under, i, i+1)
	f.settled++
	o := f.answer()
	if goesOn {
		o.Reading = tokenizer.Reading{Deferred: tokenizer.Deferred{ID: fmt.Sprint("resp_", f.calls, f.settled)}}
		f.deferred = append(f.deferred, o.Reading.Deferred.ID)
	}
	f.e.Settle(f.t.Context(), ticket, o)
	if !goesOn && f.random.IntN(5) == 0 {
		o = f.answer()
		o.Attempt = 1
		f.e.Settle(f.t.Context(), ticket, o)
	}
}

func (f *office) correct() {
	all := f.pages.All()
	if len(all) == 0 {
		return
	}
	c := all[f.random.IntN(len(all))]
	c.Revision = len(all) + 1
	c.Purpose, c.CorrectedAt = policy.Correction, f.now()
	c.Lines = []policy.Line{{Model: "m1", Class: tokenizer.Output, Charged: money.Nano(f.random.Int64N(2001) - 1000).Amount()}}
	if err := f.e.Correct(f.t.Context(), c); err != nil {
		f.t.Fatal(err)
	}
}

// reload has the process take other rules, as it does when its file changes; abandon
// says that something else was wrong with them.
func (f *office) reload(abandon bool, during func(), all ...budget.Rule) {
	f.t.Helper()
	rules, err := budget.Compile(all)
	if err != nil {
		f.t.Fatal(err)
	}
	f.pages.during = func() {
		if during != nil && f.random.IntN(8) == 0 {
			during()
		}
	}
	defer func() { f.pages.during = nil }()
	for {
		if err = f.e.Fill(f.t.Context(), rules); !errors.Is(err, budget.ErrFresh) {
			break
		}
		time.Sleep(20 * time.Millisecond) // others have two seconds of the clock of the store
	}
	if err != nil {
		f.t.Fatal(err)
	}
	if during != nil {
		during()
	}
	if abandon {
		return
	}
	f.o.Rules.Budgets = rules
	if err := f.e.Configure(f.o.Rules); err != nil {
		f.t.Fatal(err)
	}
}

// end settles all that is under way.
func (f *office) end() {
	for len(f.under) > 0 {
		f.settle(false)
	}
	for _, id := range f.deferred {
		poll := f.request()
		poll.Call.Of = id
		f.e.Settle(f.t.Context(), admit(f.t, f.e, poll), f.answer())
	}
	f.e.Sweep(f.t.Context())
}

// check holds what accounts have spent to the sum of ledgers, to the nano.
func (f *office) check(what string, ledgers ...*pages) {
	f.t.Helper()
	want, accounts := map[string]int64{}, []budget.Account(nil)
	add := func(a budget.Account, n int64) {
		if _, there := want[a.Key()]; !there {
			accounts = append(accounts, a)
		}
		want[a.Key()] += n
	}
	for _, p := range ledgers {
		for _, rec := range p.All() {
			for _, a := range f.o.Rules.Budgets.Accounts(factsOf(&rec), rec.Admitted) {
				if a.Rate == 0 { // else it is refilled
					add(a, tookOf(&rec, a.Unit))
				}
			}
		}
		charges, err := p.Charges(f.t.Context(), ledger.ChargeSearch{To: f.now().Add(time.Hour), Limit: ledger.MaxPage})
		if err != nil {
			f.t.Fatal(err)
		}
		for _, c := range charges {
			for _, a := range f.o.Rules.Budgets.AccountsOfCharge(c.Value, c.At) {
				add(a, int64(c.Amount))
			}
		}
	}
	states, err := f.o.Budgets.States(f.t.Context(), accounts)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range states {
		if s.Spent != want[s.Key()] || s.Held != 0 {
			f.t.Errorf("%s: %s of %q has spent %d and holds %d, and the ledger has %d", what, s.Rule, s.Of, s.Spent, s.Held, want[s.Key()])
		}
	}
	if len(accounts) == 0 {
		f.t.Errorf("%s: no account was spent of", what)
	}
}

func factsOf(rec *policy.Record) func(string) string {
	return func(key string) string {
		switch key {
		case budget.Model:
			return rec.ModelAsked
		case budget.Provider:
			return rec.Provider
		case budget.Operation:
			return rec.Operation
		}
		return rec.Owner.Value(key)
	}
}

func tookOf(rec *policy.Record, unit budget.Unit) (sum int64) {
	var charged money.Amount
	for i := range rec.Lines {
		charged = charged.Add(rec.Lines[i].Charged)
		if unit == budget.Tokens && rec.Lines[i].Class.IsToken() {
			sum += rec.Lines[i].Quantity
		}
	}
	switch {
	case unit == budget.Charged:
		return int64(charged.Nano())
	case unit == budget.Requests && rec.Purpose != policy.Correction:
		return 1
	}
	return sum
}

// Whatever budgets a reload adds, changes, takes out or puts back, and whenever calls
// begin and end meanwhile, each has spent what the ledger has of its window.
func TestABudgetOfAReloadHasSpentWhatTheLedgerHas(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 3))
		now := func() time.Time { return noon }
		f := newOffice(t, random, budget.NewMemory(now), now, someRules(random)...)
		if err := f.e.Fill(t.Context(), f.o.Rules.Budgets); err != nil {
			t.Fatal(err)
		}
		steps := func() {
			for range random.IntN(8) {
				f.step()
			}
		}
		for range 10 {
			steps()
			f.reload(random.IntN(4) == 0, steps, someRules(random)...)
		}
		f.reload(false, steps, append(someRules(random), lastRule)...)
		f.end()
		if f.check(fmt.Sprint("seed ", seed), f.pages); t.Failed() {
			return
		}
	}
}

// The same with calls that do run at once.
func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	now := func() time.Time { return noon }
	random := rand.New(rand.NewPCG(1, 1))
	store := budget.NewMemory(now)
	f := newOffice(t, random, store, now, someRules(random)...)
	if err := f.e.Fill(t.Context(), f.o.Rules.Budgets); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range uint64(4) {
		caller := &office{t: t, random: rand.New(rand.NewPCG(i, 2)), e: f.e, pages: f.pages, now: now, calls: i << 32, crowd: true}
		wait.Go(func() {
			for range 400 {
				caller.step()
			}
			caller.end()
		})
	}
	over := make(chan struct{})
	go func() {
		wait.Wait()
		close(over)
	}()
	again := true
	for n := 0; again; n++ {
		f.reload(n%4 == 1, nil, append(someRules(random), lastRule)...)
		select {
		case <-over:
			again = false
		default:
		}
	}
	f.check("at the end", f.pages)
}
