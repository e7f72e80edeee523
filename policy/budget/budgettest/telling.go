package budgettest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// RunTelling holds a budget.Teller to its contract. The stores that open makes are
// Tellers.
func RunTelling(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		hold func(room)
	}{
		{"what adds up is looked at", looks},
		{"all of many accounts are looked at", looksAtMany},
		{"a look ends with an error", looksInVain},
		{"a limit that changed is known", watches},
		{"what people were told is kept", tells},
		{"what people were told is bounded", tellsMuch},
		{"windows are looked at for a day after their end", looksLate},
		{"a moving window is looked at as long as it has spent", looksAtMoving},
		{"one looks at a time", looksAlone},
	} {
		t.Run(test.name, func(t *testing.T) { test.hold(room{t, open(t)}) })
	}
}

func (r *room) teller() budget.Teller { return r.tellerOf(r.Store) }

func (r *room) tellerOf(s budget.Store) budget.Teller {
	r.Helper()
	teller, ok := s.(budget.Teller)
	if !ok {
		r.Fatal("the store is no Teller")
	}
	return teller
}

// look is what is looked at, by key.
func (r *room) look() map[string]budget.Watched {
	r.Helper()
	all := map[string]budget.Watched{}
	mine, err := r.teller().Look(r.Context(), func(some []budget.Watched) error {
		for i := range some {
			all[some[i].Key()] = some[i]
		}
		return nil
	})
	if err != nil || !mine {
		r.Fatalf("look: %v, %v", mine, err)
	}
	return all
}

func (r *room) tell(all ...budget.Crossed) {
	r.Helper()
	if err := r.teller().Tell(r.Context(), all); err != nil {
		r.Fatal(err)
	}
}

func looks(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	for _, spent := range []int64{0, 25, 31} { // what is held, what was settled, what is spent without a hold
		switch spent {
		case 25:
			r.settle(1, all(spent))
		case 31:
			r.spend(all(6), nil, accounts...)
		}
		got := r.look()
		want := 0
		for _, a := range accounts {
			w, there := got[a.Key()]
			if adds := a.Rate == 0 && a.Unit != budget.Concurrency; adds != there {
				r.Errorf("%q is looked at: %v", a.Rule, there)
			} else if adds {
				want++
			}
			if there && (w.Spent != spent || w.Limit != a.Limit || w.Rule != a.Rule || w.Of != a.Of || w.Unit != a.Unit || len(w.Told) > 0 || !w.Start.Equal(a.Start) || !w.End.Equal(a.End) || w.Rolling != a.Rolling) {
				r.Errorf("%q is %+v, want %d spent of %+v", a.Rule, w, spent, a)
			}
		}
		if len(got) != want || want == 0 {
			r.Errorf("%d accounts are looked at, want %d", len(got), want)
		}
	}
}

func looksAtMany(r room) {
	const n = 1500
	var states []budget.State
	for i := range n {
		a := r.day("each", 1000)
		a.Of = fmt.Sprintf("team-%d\x00%s", i, a.Rule)
		states = append(states, budget.State{Account: a, Spent: int64(i)})
	}
	r.load(states...)
	got := r.look()
	for i := range states {
		if w := got[states[i].Key()]; w.Of != states[i].Of || w.Spent != states[i].Spent {
			r.Fatalf("%q is %+v", states[i].Of, w)
		}
	}
	if len(got) != n {
		r.Errorf("%d accounts, want %d", len(got), n)
	}
}

func looksInVain(r room) {
	r.take(1, 5, total("a", 100))
	broken := errors.New("broken")
	if mine, err := r.teller().Look(r.Context(), func([]budget.Watched) error { return broken }); !mine || !errors.Is(err, broken) {
		r.Errorf("look: %v, %v", mine, err)
	}
}

func watches(r room) {
	a, never := total("a", 100), total("never", 100)
	r.take(1, 5, a)
	a.Limit = 70
	if err := r.teller().Watch(r.Context(), []budget.Account{a, never}); err != nil {
		r.Fatal(err)
	}
	got := r.look()
	if w := got[a.Key()]; w.Limit != 70 || w.Held != 5 || len(got) != 1 {
		r.Errorf("%+v", got)
	}
}

// tells: a share of a limit is kept once, as it was told last.
func tells(r room) {
	a, b, twice := total("a", 100), r.day("b", 100), total("a", 200)
	r.take(1, 60, a, b)
	r.tell(budget.Crossed{Account: a, Percent: 50, Spent: 55}, budget.Crossed{Account: b, Percent: 1, Spent: 2})
	r.tell(budget.Crossed{Account: a, Percent: 75, Spent: 80}, budget.Crossed{Account: twice, Percent: 50, Spent: 101})
	r.tell(budget.Crossed{Account: a, Percent: 50, Spent: 56})
	got := r.look()
	now := r.Store.Now()
	var told [][3]int64
	for _, t := range got[a.Key()].Told {
		told = append(told, [3]int64{int64(t.Percent), t.Limit, t.Spent})
		if d := now.Sub(t.At); d.Abs() > time.Minute {
			r.Errorf("told %v ago", d)
		}
	}
	if want := [][3]int64{{75, 100, 80}, {50, 200, 101}, {50, 100, 56}}; !slices.Equal(told, want) {
		r.Errorf("told %v, want %v", told, want)
	}
	if n := len(got[b.Key()].Told); n != 1 {
		r.Errorf("of another %d", n)
	}
}

func tellsMuch(r room) {
	a := total("a", 100)
	r.take(1, 60, a)
	for p := range budget.MaxTold + 9 {
		r.tell(budget.Crossed{Account: a, Percent: p + 1, Spent: 1})
	}
	if told := r.look()[a.Key()].Told; len(told) != budget.MaxTold || told[0].Percent != 10 {
		r.Errorf("%d are kept, the first %+v", len(told), told[0])
	}
}

func looksLate(r room) {
	a := r.day("a", 100)
	r.take(1, 60, a)
	r.settle(1, all(60))
	r.tell(budget.Crossed{Account: a, Percent: 50, Spent: 60})
	r.Advance(47 * time.Hour)
	if w := r.look()[a.Key()]; w.Spent != 60 || len(w.Told) != 1 {
		r.Errorf("soon after its end it is %+v", w)
	}
	r.Advance(2 * time.Hour)
	if got := r.look(); len(got) != 0 {
		r.Errorf("long after its end it is looked at: %+v", got)
	}
}

func looksAtMoving(r room) {
	a := budget.Account{Rule: "a", Unit: budget.Charged, Limit: 100, Rolling: time.Hour}
	r.take(1, 60, a)
	r.settle(1, all(60))
	if w := r.look()[a.Key()]; w.Spent != 60 {
		r.Errorf("it is %+v", w)
	}
	r.Advance(2 * time.Hour)
	if w := r.look()[a.Key()]; w.Spent != 0 {
		r.Errorf("when all has left it, it is %+v", w)
	}
}

func looksAlone(r room) {
	if r.Another == nil {
		r.Skip("the store is of one process alone")
	}
	r.take(1, 60, total("a", 100))
	another := r.Another()
	for again := true; again; {
		began := time.Now()
		r.look()
		r.look() // again, at once
		mine, err := r.tellerOf(another).Look(r.Context(), func([]budget.Watched) error { return nil })
		again = err == nil && mine && time.Since(began) >= budget.LookFor // this machine is too slow to tell
		if err != nil || mine && !again {
			r.Errorf("another looks: %v, %v", mine, err)
		}
		if again {
			r.Store, another = another, r.Store // whose turn it is now
		}
	}
}
