package engine

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// Bounds of what is remembered of calls that failed.
const (
	retryWithin = 10 * time.Minute
	maxFailures = 1 << 14
)

// failures remembers which calls failed lately, so that the same call again is
// known to be a retry where its client does not say so. It is safe for concurrent
// use.
type failures struct {
	seed maphash.Seed // of this process: hashes mean nothing elsewhere

	mu   sync.Mutex // held for a look-up or a change
	last map[uint64]failure
}

// failure is when a call failed last, and how many tries that makes.
type failure struct {
	at    time.Time
	tries int
}

func (f *failures) init() { f.seed, f.last = maphash.MakeSeed(), map[uint64]failure{} }

// key is of who asks for what: owner, provider and body. 0: there is no body.
func (f *failures) key(t *policy.Ticket) uint64 {
	if t.BodyHash == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(f.seed)
	maphash.WriteComparable(&h, t.BodyHash)
	_, _ = h.WriteString(t.Provider) // never fails
	_, _ = h.WriteString(t.KeyHash)
	for i := range t.Owner {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(t.Owner[i].Value)
	}
	return h.Sum64()
}

// tries is how many of the same call failed lately.
func (f *failures) tries(t *policy.Ticket) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.last) == 0 {
		return 0
	}
	before, known := f.last[f.key(t)]
	if !known || t.At.Add(-t.Ahead).Sub(before.at) > retryWithin {
		return 0
	}
	return before.tries
}

// note remembers a call that failed, and forgets one that did not.
func (f *failures) note(t *policy.Ticket, o *policy.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	failed := o.End == tokenizer.Failed || o.End == tokenizer.Cut
	if !failed && len(f.last) == 0 {
		return
	}
	key := f.key(t)
	if !failed {
		delete(f.last, key)
		return
	}
	if key == 0 {
		return
	}
	if len(f.last) >= maxFailures {
		f.forget(o.At)
	}
	f.last[key] = failure{at: o.At, tries: max(t.Retry, f.last[key].tries) + 1}
}

// forget makes room: what is too old goes, and if nothing is, everything.
func (f *failures) forget(now time.Time) {
	for key, last := range f.last {
		if now.Sub(last.at) > retryWithin {
			delete(f.last, key)
		}
	}
	if len(f.last) >= maxFailures {
		clear(f.last)
	}
}
