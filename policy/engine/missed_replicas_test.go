package engine_test

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
	"github.com/farebox/farebox/policy/ledger"
)

// Of three replicas one crosses a mark, and is killed at any step of telling it, or
// never hears of it: one of them tells it, and nobody else does, also who comes later
// with an empty ledger.
func TestAMarkIsToldOnceWhereverItsReplicaIsKilled(t *testing.T) {
	address, _ := startRedis(t)
	for _, test := range []struct {
		name  string
		kill  func(*witness)
		found bool // by another
	}{
		{"it lives", func(*witness) {}, false},
		{"before its desk heard", func(w *witness) { w.deaf.Store(true) }, true},
		{"before its ledger wrote", func(w *witness) { w.illiterate.Store(true) }, true},
		{"before the store was told", func(w *witness) { w.mute.Store(true) }, false},
		{"before it heard of the store", func(w *witness) { w.store.lost.Store(true) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			const limit = 4 * costOfACall
			org, all := trio(t, address, totalOf(limit, 50, 75))
			a, b, c := all[0], all[1], all[2]
			a.spends()
			b.spends()
			if kept := <-b.kept; kept.Percent != 50 {
				t.Fatalf("told %+v", kept)
			}
			test.kill(a)
			a.spends()
			if test.found {
				if kept := b.finds(); kept.Percent != 75 || kept.Limit != limit || kept.Spent != 3*costOfACall || kept.Of != "a" {
					t.Errorf("told %+v", kept)
				}
			} else {
				<-a.kept
				a.hears()
				b.findsNothing()
			}
			a.deaf.Store(false)
			a.store.lost.Store(false)
			if err := a.e.Refill(t.Context()); err != nil {
				t.Error(err)
			}
			for _, w := range []*witness{c, a} {
				next(t, address, org)
				w.findsNothing()
			}
			next(t, address, org)
			late := newWitness(t, address, org, "d", totalOf(limit, 50, 75))
			late.ledger = nil // it is asked nothing
			late.findsNothing()
			wantRaised(t, raised(t, all[:]...), budget.Told{Percent: 50, Limit: limit}, budget.Told{Percent: 75, Limit: limit})
		})
	}
}

// A limit that is lowered below what is spent is told, by one, before a call is refused.
func TestALoweredLimitIsToldOnceByReplicas(t *testing.T) {
	address, _ := startRedis(t)
	org, all := trio(t, address, totalOf(4*costOfACall, 50, 90))
	a, b, c := all[0], all[1], all[2]
	a.spends()
	a.spends()
	<-a.kept
	lower := totalOf(2*costOfACall, 50, 90)
	for _, w := range all {
		rules := w.o.Rules
		rules.Budgets = compiled(t, lower)
		if err := w.e.Configure(rules); err != nil {
			t.Fatal(err)
		}
	}
	if kept := b.finds(); kept.Percent != 90 || kept.Limit != 2*costOfACall {
		t.Errorf("told %+v", kept)
	}
	for _, w := range []*witness{c, a, b} {
		next(t, address, org)
		w.findsNothing()
	}
	wantRaised(t, raised(t, all[:]...), budget.Told{Percent: 50, Limit: 4 * costOfACall}, budget.Told{Percent: 90, Limit: 2 * costOfACall})
}

// So is one that was raised, and is so no more.
func TestARevokedTopupIsToldOnceByReplicas(t *testing.T) {
	address, _ := startRedis(t)
	org, all := trio(t, address, totalOf(2*costOfACall, 50, 90))
	for _, w := range all {
		topUp(t, w.topups, time.Now().AddDate(1, 0, 0), true)
		if err := w.e.Raise(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all[0].spends()
	all[0].spends()
	all[1].findsNothing()
	for _, w := range all {
		if _, err := w.topups.RevokeTopup(t.Context(), 1, ledger.Change{At: time.Now(), Actor: "eve"}); err != nil {
			t.Fatal(err)
		}
		if err := w.e.Raise(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if kept := all[1].finds(); kept.Percent != 90 || kept.Limit != 2*costOfACall {
		t.Errorf("told %+v", kept)
	}
	for _, w := range []*witness{all[2], all[0]} {
		next(t, address, org)
		w.findsNothing()
	}
	wantRaised(t, raised(t, all[:]...), budget.Told{Percent: 90, Limit: 2 * costOfACall})
}

// What a share spent is counted, and the answer that says what it crossed is lost: it
// is told all the same, once, when calls go on.
func TestAMarkThatAShareCrossedIsToldThoughTheAnswerWasLost(t *testing.T) {
	address, _ := startRedis(t)
	const limit = 10_000 * costOfACall
	rule := totalOf(limit, 1)
	org, all := trio(t, address, rule)
	shares := func(s *forgetful) budget.Store { return lease.NewReplica(s, lease.Options{From: 1, Every: -1}) }
	a := newWitnessOver(t, address, org, "e", shares, rule)
	for range 99 {
		a.spends()
	}
	a.store.lost.Store(true)
	for a.store.renewed.Load() == 0 {
		a.spends()
	}
	a.store.lost.Store(false)
	for range 3 {
		a.spends()
	}
	if err := a.e.Refill(t.Context()); err != nil {
		t.Error(err)
	}
	if kept := all[0].finds(); kept.Percent != 1 || kept.Spent < 100*costOfACall {
		t.Errorf("told %+v", kept)
	}
	for _, w := range []*witness{a, all[1], all[2]} {
		next(t, address, org)
		w.findsNothing()
	}
	wantRaised(t, raised(t, append(all[:], a)...), budget.Told{Percent: 1, Limit: limit})
}
