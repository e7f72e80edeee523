package budget

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// world is a store of two processes: one that remembers, and one that does not. It
// knows when that one last corrected each account.
type world struct {
	t         *testing.T
	random    *rand.Rand
	now       time.Time
	store     *Memory
	known     *Known
	accounts  []Account
	corrected map[string]time.Time
	open      []Hold

	refused, late int // holds without asking, and those of them that the store would take
}

func (w *world) clock() time.Time { return w.now }

func (w *world) hold(n int) Hold {
	h := Hold{ID: callID(n), Until: w.now.Add(time.Hour)}
	for range 1 + w.random.IntN(3) {
		a := w.accounts[w.random.IntN(len(w.accounts))]
		a.Limit += w.random.Int64N(3) * 200
		a.Soft = w.random.IntN(10) == 0
		h.Accounts = append(h.Accounts, a)
	}
	for unit := range h.Most {
		h.Most[unit] = w.random.Int64N(400)
	}
	return h
}

// ask is a call of the process that remembers.
func (w *world) ask(h Hold) {
	if short := w.known.Short(&h); !short.OK() {
		w.refused++
		w.mustBeShort(h, short)
		return
	}
	epoch := w.known.Epoch()
	short, _ := w.store.Reserve(w.t.Context(), h)
	if short.OK() {
		w.open = append(w.open, h)
	} else {
		w.known.Note(&h.Accounts[short.At], short, epoch)
	}
}

// mustBeShort: the store would not take it either, unless the other process has just
// corrected an account.
func (w *world) mustBeShort(h Hold, short Short) {
	a := h.Accounts[short.At]
	if a.Soft || a.Rate > 0 || a.Rolling > 0 || a.Unit == Concurrency || short.Left != max(0, a.Limit-short.Spent) {
		w.t.Fatalf("%+v is short by memory: %+v", a, short)
	}
	of := h
	of.Accounts = []Account{a}
	if truly, _ := w.store.Reserve(w.t.Context(), of); !truly.OK() {
		return
	}
	w.store.Release(w.t.Context(), h.ID, h.Attempt)
	w.late++
	if ago := w.now.Sub(w.corrected[a.Key()]); ago >= KnownFor {
		w.t.Fatalf("%+v was refused though it would have been taken, and was corrected %v ago", a, ago)
	}
}

func (w *world) step(n int) {
	switch w.random.IntN(12) {
	case 0:
		w.now = w.now.Add(time.Duration(w.random.Int64N(int64(KnownFor) / 4)))
		w.known.Lapse()
	case 1: // the other process
		h := w.hold(n)
		w.store.Spend(w.t.Context(), spending(w.now, h.Most, h.Accounts...), nil)
	case 2:
		a := w.accounts[w.random.IntN(len(w.accounts))]
		mine := w.random.IntN(2) == 0
		w.store.Spend(w.t.Context(), spending(w.now, Amounts{-300, -300, -300, -300}, a), nil)
		if mine {
			w.known.Forget()
		} else {
			w.corrected[a.Key()] = w.now
		}
	case 3, 4, 5:
		if len(w.open) == 0 {
			return
		}
		h := w.open[0]
		w.open = w.open[1:]
		spent := h.Most
		if w.random.IntN(2) == 0 {
			spent = Amounts{}
		}
		w.store.Settle(w.t.Context(), h.ID, h.Attempt, spent, nil)
	default:
		w.ask(w.hold(n))
	}
}

// What is refused from memory the store would refuse, whatever is held, given back,
// topped up or corrected here; and what another corrects, after a while.
func TestKnownRefusesWhatTheStoreWould(t *testing.T) {
	refused, late := 0, 0
	for seed := range uint64(100) {
		w := &world{t: t, random: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1e9, 0), corrected: map[string]time.Time{}}
		w.store, w.known = NewMemory(w.clock), NewKnown(w.clock)
		for i := range 4 {
			a := Account{Rule: "window", Of: strconv.Itoa(i), Unit: Unit(i % 3), Limit: 1000, Start: w.now, End: w.now.Add(time.Hour)}
			w.accounts = append(w.accounts, a, Account{Rule: "total", Of: a.Of, Limit: 2000})
		}
		w.accounts = append(w.accounts, Account{Rule: "moving", Limit: 500, Rolling: time.Minute},
			Account{Rule: "rate", Unit: Tokens, Limit: 500, Rate: time.Minute}, Account{Rule: "cap", Unit: Concurrency, Limit: 500})
		for n := range 1500 {
			w.step(n)
		}
		refused, late = refused+w.refused, late+w.late
	}
	if refused < 2000 || late < 20 {
		t.Errorf("%d were refused from memory, %d of them late: the test asks too little", refused, late)
	}
}

func TestKnownTellsWhenAWindowBeginsAnew(t *testing.T) {
	now := time.Unix(1e9, 0)
	k := NewKnown(func() time.Time { return now })
	a := Account{Rule: "day", Limit: 100, Start: now, End: now.Add(time.Hour)}
	k.Note(&a, Short{Spent: 95}, k.Epoch())
	ask := func(most int64, a Account) Short {
		return k.Short(&Hold{Accounts: []Account{a}, Most: Amounts{Charged: most}})
	}
	if short := ask(6, a); short.At != 0 || short.Left != 5 || short.Spent != 95 || !short.Again.Equal(a.End) {
		t.Errorf("short of one: %+v", short)
	}
	if short := ask(101, a); short.At != 0 || !short.Again.IsZero() {
		t.Errorf("more than all: %+v", short)
	}
	raised, next := a, a
	raised.Limit, next.Start, next.End = 101, a.End, a.End.Add(time.Hour)
	for what, short := range map[string]Short{"what is left": ask(5, a), "a raised limit": ask(6, raised), "the next window": ask(6, next)} {
		if !short.OK() {
			t.Errorf("%s: %+v", what, short)
		}
	}
	now = now.Add(KnownFor)
	if short := ask(6, a); !short.OK() || k.None() {
		t.Errorf("after %v: %+v, known %v", KnownFor, short, !k.None())
	}
	if k.Lapse(); !k.None() {
		t.Error("it is kept for ever")
	}
}

// What was asked before a correction is no news after it.
func TestKnownForgetsWhatWasAskedBeforeACorrection(t *testing.T) {
	k := NewKnown(nil)
	a := Account{Rule: "total", Limit: 100}
	h := Hold{Accounts: []Account{a}, Most: Amounts{Charged: 50}}
	epoch := k.Epoch()
	k.Forget()
	k.Note(&a, Short{Spent: 100}, epoch)
	if short := k.Short(&h); !short.OK() {
		t.Errorf("it is short: %+v", short)
	}
	k.Note(&a, Short{Spent: 100}, k.Epoch())
	if short := k.Short(&h); short.OK() {
		t.Error("it is not short")
	}
}

func TestKnownIsBounded(t *testing.T) {
	k := NewKnown(nil)
	for i := range MaxKnown + 100 {
		k.Note(&Account{Rule: "r", Of: strconv.Itoa(i)}, Short{}, 0)
	}
	if n := len(k.accounts); n != MaxKnown || int(k.some.Load()) != n {
		t.Errorf("%d accounts are known", n)
	}
	var none *Known
	none.Note(&Account{}, Short{}, none.Epoch())
	none.Forget()
	none.Lapse()
	if short := none.Short(&Hold{Accounts: []Account{{Rule: "r"}}, Most: Amounts{1}}); !short.OK() {
		t.Errorf("%+v", short)
	}
}

func BenchmarkKnown(b *testing.B) {
	k := NewKnown(nil)
	accounts := make([]Account, 5)
	for i := range accounts {
		accounts[i] = Account{Rule: string(rune('a' + i)), Of: "team", Unit: Unit(i % 4), Limit: 100}
	}
	k.Note(&accounts[4], Short{Spent: 100}, 0)
	k.now = func() time.Time { return time.Time{} }
	h := Hold{Accounts: accounts, Most: Amounts{100, 100, 100, 1, 1}}
	b.ReportAllocs()
	for b.Loop() {
		if k.Short(&h).OK() {
			b.Fatal("it is not known")
		}
	}
}
