package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/redisstore"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/ledger/sqlitestore"
	"github.com/farebox/farebox/policy/parts"
)

// pool is a store that several share, which always has what they have.
type pool struct{ *budget.Memory }

func (pool) Missing(context.Context, []string) ([]string, bool, error) { return nil, true, nil }
func (pool) Add(context.Context, []string, []budget.State) error       { return nil }
func (pool) Open(context.Context) (bool, error)                        { return true, nil }
func (p pool) Hold(ctx context.Context, h budget.Hold) error           { _, err := p.Reserve(ctx, h); return err }

// fellow is one of the replicas that share a store and a board.
type fellow struct {
	*engine.Engine
	*history
	ledger string
	log    bytes.Buffer
}

// fellows are replicas whose windows are cut by now.
type fellows struct {
	t     *testing.T
	board *board.Memory
	store pool
	now   time.Time
	clock func() time.Time // tells now
}

func newFellows(t *testing.T, now time.Time) *fellows {
	f := &fellows{t: t, now: now}
	f.clock = func() time.Time { return f.now }
	clock := func() time.Time { return f.clock() }
	f.board, f.store = board.NewMemory(clock), pool{budget.NewMemory(clock)}
	return f
}

func (f *fellows) join(ledger string, h *history, rules ...budget.Rule) *fellow {
	f.t.Helper()
	p, err := parts.New(parts.Options{Board: f.board, Ledger: ledger})
	if err != nil {
		f.t.Fatal(err)
	}
	one := &fellow{history: h, ledger: ledger}
	compiled, err := budget.Compile(rules)
	if err != nil {
		f.t.Fatal(err)
	}
	one.Engine, _, _ = limited(f.t, func(o *engine.Options) {
		o.Spending, o.Budgets, o.Parts, o.Rules.Budgets = h, f.store, p, compiled
		spans(f.t, o, parts.Options{Board: f.board, Ledger: ledger})
		o.Now = f.clock
		o.Logger = slog.New(slog.NewTextHandler(&one.log, nil))
	})
	if err := one.Fill(f.t.Context(), compiled); err != nil {
		f.t.Fatal(err)
	}
	return one
}

// spans has an engine tell others what its ledger has of some time.
func spans(t *testing.T, o *engine.Options, of parts.Options) {
	t.Helper()
	var errs [3]error
	o.Pace, errs[0] = parts.NewPace(of)
	o.Who, errs[1] = parts.NewWho(of)
	o.Asked, errs[2] = parts.NewAsked(of)
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
}

// sweep has all carry twice: who tells first hears of the others then.
func (f *fellows) sweep(all ...*fellow) {
	for range 2 {
		for _, one := range all {
			one.Carry(f.t.Context())
			one.Sweep(f.t.Context())
		}
	}
}

func spends(at time.Time, team string, charged int64) *history {
	h := &history{}
	h.spend(at, team, charged)
	return h
}

// TestReplicasCarryTheSame: what all of them spent, each in its own ledger.
func TestReplicasCarryTheSame(t *testing.T) {
	f := newFellows(t, day(4, 2))
	rule := rolled(budget.Rollover{Percent: 100, Negative: true})
	a := f.join("ledger-a", spends(day(3, 5), "a", 30), rule)
	b := f.join("ledger-b", spends(day(3, 6), "a", 50), rule)
	b.spend(day(3, 7), "b", 130)
	f.now = f.now.Add(time.Hour)
	f.sweep(a, b)
	for _, one := range []*fellow{a, b} {
		wantLimits(t, one.Engine, "in April", map[string]int64{"a": 100 + 20, "b": 100 - 30, "c": 200})
	}
	a.spend(day(4, 3), "a", 100)
	b.spend(day(4, 3), "a", 60)
	f.now = day(5, 1).Add(-time.Minute)
	f.sweep(a, b)
	f.now = day(5, 1).Add(time.Second)
	a.Carry(t.Context())
	wantLimits(t, a.Engine, "in May, before another has told", map[string]int64{"a": 100, "b": 100, "c": 100})
	b.Carry(t.Context())
	a.Carry(t.Context())
	for _, one := range []*fellow{a, b} {
		wantLimits(t, one.Engine, "in May", map[string]int64{"a": 100 - 40, "b": 100 + 70, "c": 100 + 200})
	}
}

// TestWhatAReplicaDidNotTellRaisesNoLimit: what it takes is known from those who told.
func TestWhatAReplicaDidNotTellRaisesNoLimit(t *testing.T) {
	f := newFellows(t, day(3, 2))
	rule := rolled(budget.Rollover{Percent: 100, Negative: true})
	a := f.join("ledger-a", spends(day(3, 1), "a", 30), rule)
	b := f.join("ledger-b", spends(day(3, 1), "a", 1), rule)
	f.sweep(a, b)
	a.spend(day(3, 9), "b", 150)
	f.now = day(4, 1).Add(2 * time.Minute) // b was killed in March
	f.sweep(a)
	wantLimits(t, a.Engine, "in April", map[string]int64{"a": 100, "b": 50, "c": 100})
	if said := a.log.String(); strings.Count(said, "ledger-b") != 1 {
		t.Errorf("it said %s", said)
	}
	b.spend(day(3, 9), "a", 9)
	b = f.join("ledger-b", b.history, rule)
	f.sweep(a, b)
	wantLimits(t, a.Engine, "when it is back", map[string]int64{"a": 100 + 60, "b": 50, "c": 200})
	b.spend(day(4, 1), "a", 70)
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.sweep(a)
	f.board.Lose() // and what one told that left is told by those who knew
	f.sweep(a)
	f.now = day(5, 1)
	f.sweep(a)
	c := f.join("ledger-c", &history{}, rule)
	for _, one := range []*fellow{a, c} {
		wantLimits(t, one.Engine, "in May, when it has left", map[string]int64{"a": 100 + 160 - 70, "b": 150, "c": 300})
	}
}

// TestABudgetThatSomeDoNotKnowYet leaves nothing until all that are there know it.
func TestABudgetThatSomeDoNotKnowYet(t *testing.T) {
	f := newFellows(t, day(4, 2))
	rule := rolled(budget.Rollover{Percent: 100})
	other := month("other", 100)
	b := f.join("ledger-b", spends(day(3, 6), "a", 50), other)
	f.sweep(b)
	a := f.join("ledger-a", spends(day(3, 5), "a", 30), rule)
	f.sweep(a, b)
	wantLimits(t, a.Engine, "before another has it", map[string]int64{"a": 100, "c": 100})
	b = f.join("ledger-b", b.history, rule)
	f.sweep(a)
	for _, one := range []*fellow{a, b} {
		wantLimits(t, one.Engine, "when all have it", map[string]int64{"a": 120, "c": 200})
	}
}

// member is a replica over a real Redis, with a ledger in a file.
func member(t *testing.T, address, name string, s *sqlitestore.Store, rule budget.Rule) (*engine.Engine, *redisstore.Store) {
	t.Helper()
	store, err := redisstore.New(redisstore.Options{Addresses: []string{address}, Org: "one", Part: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	p, err := parts.New(parts.Options{Board: store.Board(), Ledger: name})
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := budget.Compile([]budget.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Spending, o.Budgets, o.Parts, o.Rules.Budgets, o.Topups = s, store, p, compiled, s
		spans(t, o, parts.Options{Board: store.Board(), Ledger: name})
	})
	return e, store
}

// fill has members add what their ledgers have.
func fill(t *testing.T, all ...*engine.Engine) {
	t.Helper()
	for _, e := range all {
		err := e.Fill(t.Context(), engine.RulesOf(e))
		for again := time.Tick(50 * time.Millisecond); errors.Is(err, budget.ErrFresh); <-again { // others have time
			err = e.Fill(t.Context(), engine.RulesOf(e))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplicasCarryTheSameOverRedis, from ledgers in files, and after it lost all.
func TestReplicasCarryTheSameOverRedis(t *testing.T) {
	address, forget := startRedis(t)
	last, this := monthOf(time.Now())
	if left := time.Until(this.AddDate(0, 1, 0)); left < 2*time.Minute { // the clock is the server's: it must see one month
		<-time.After(left + time.Second)
		last, this = this, this.AddDate(0, 1, 0)
	}
	rule := rolled(budget.Rollover{Percent: 100, Negative: true})
	rule.Unit = budget.Tokens
	one := written(t, map[string][]time.Time{"a": {last, this.Add(-time.Microsecond), this}, "b": {last.Add(time.Hour)}})
	two := written(t, map[string][]time.Time{"a": {last.Add(-time.Microsecond), last}, "b": {last, last, last, last, last, last}})
	var all []*engine.Engine
	for name, s := range map[string]*sqlitestore.Store{"ledger-of-the-first": one, "ledger-of-the-second": two} {
		e, _ := member(t, address, name, s, rule)
		all = append(all, e)
	}
	agree := func(when string) {
		t.Helper()
		fill(t, all...)
		for range 2 {
			for _, e := range all {
				e.Sweep(t.Context())
			}
		}
		for _, e := range all { // February or so began with what a spent in one moment before it
			wantLimits(t, e, when, map[string]int64{"a": 100 + 100 - 18 + 100 - 3*18, "b": 100 + 200 - 7*18, "c": 300})
		}
	}
	agree("at the start")
	forget()
	agree("after the store has lost all")
}

// monthOf are the first moments of the month before at and of that of at.
func monthOf(at time.Time) (before, this time.Time) {
	this = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return this.AddDate(0, -1, 0), this
}

// written is a ledger in a file with calls of a team, of 18 tokens each.
func written(t *testing.T, of map[string][]time.Time) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Async)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var b ledger.Batch
	for team, calls := range of {
		for _, at := range calls {
			r := ledgertest.Record(1 + len(b.Records))
			r.Owner = policy.Owner{{Name: "team", Value: team}}
			r.Admitted, r.Completed = at, at.Add(time.Second)
			b.Records = append(b.Records, r)
		}
	}
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return s
}
