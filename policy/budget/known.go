package budget

import (
	"sync"
	"sync/atomic"
	"time"
)

// KnownFor is how long a process that was told what an account has spent refuses by
// that, before it asks again. Only a correction by another process lowers what was
// spent, and that is rare: such a call is refused for so long though it could pass.
// A caller that tries again and again costs the store one question in that time.
const KnownFor = time.Second

// MaxKnown bounds the accounts of which that is known.
const MaxKnown = 10_000

// Known is what a process was told that accounts have spent when they were short. It
// tells holds that are too much for what is left beside that, so that a store which
// many share need not be asked. What was held of an account then counts for nothing,
// as it comes back: nothing is refused here that the store would take, but for
// KnownFor after another process corrected what was spent. It never says that
// there is enough. A Known is safe for concurrent use; a nil one knows nothing.
type Known struct {
	now    func() time.Time
	some   atomic.Int32  // accounts that are known
	epochs atomic.Uint64 // how often all was forgotten

	mu       sync.Mutex // guards accounts; held for look-ups and changes only
	accounts map[place]told
}

// told is what an account had spent.
type told struct {
	spent int64
	epoch uint64
	until time.Time
}

// NewKnown makes one that knows nothing, whose clock is now; nil: time.Now.
func NewKnown(now func() time.Time) *Known {
	if now == nil {
		now = time.Now
	}
	return &Known{now: now, accounts: map[place]told{}}
}

// Epoch is to be asked for before a store is, and to be given to Note.
func (k *Known) Epoch() uint64 {
	if k == nil {
		return 0
	}
	return k.epochs.Load()
}

// Note remembers that a was short, unless Forget was called since Epoch told epoch.
// Moving windows, rates and calls under way are left out: what is taken of them
// comes back by itself.
func (k *Known) Note(a *Account, short Short, epoch uint64) {
	if k == nil || !addsUp(a) {
		return
	}
	key := placeOf(a)
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.accounts[key]; !there && len(k.accounts) >= MaxKnown {
		for any := range k.accounts {
			delete(k.accounts, any)
			break
		}
	}
	k.accounts[key] = told{spent: short.Spent, epoch: epoch, until: k.now().Add(KnownFor)}
	k.some.Store(int32(len(k.accounts)))
}

// addsUp reports whether what a has spent only grows, but for corrections.
func addsUp(a *Account) bool { return a.Rate == 0 && a.Rolling == 0 && a.Unit != Concurrency }

// None reports whether nothing is known.
func (k *Known) None() bool { return k == nil || k.some.Load() == 0 }

// Short is how h would be refused by the first of its accounts of which it is known
// that it has too little left, by the limits that h has; below 0: none is.
func (k *Known) Short(h *Hold) Short {
	if k.None() {
		return Taken
	}
	now, epoch := k.now(), k.epochs.Load()
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range h.Accounts {
		a := &h.Accounts[i]
		most := min(h.Most[a.Unit], MaxMost)
		if a.Soft || most <= 0 || !addsUp(a) {
			continue
		}
		t, there := k.accounts[placeOf(a)]
		if !there || t.epoch != epoch || !now.Before(t.until) {
			continue
		}
		left := minus(a.Limit, t.spent)
		if most <= left {
			continue
		}
		short := Short{At: i, Left: max(0, left), Spent: t.spent}
		if most <= a.Limit {
			short.Again = a.End
		}
		return short
	}
	return Taken
}

// Forget is to be called after this process has corrected what an account spent:
// it takes effect at once.
func (k *Known) Forget() {
	if k != nil {
		k.epochs.Add(1)
	}
}

// Lapse drops what is known no more. It is to be called from time to time.
func (k *Known) Lapse() {
	if k.None() {
		return
	}
	now, epoch := k.now(), k.epochs.Load()
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, t := range k.accounts {
		if t.epoch != epoch || !now.Before(t.until) {
			delete(k.accounts, key)
		}
	}
	k.some.Store(int32(len(k.accounts)))
}
