package engine

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// Bounds of what is remembered of embedded inputs: in all 1<<20 of them, 16 MiB,
// which are taken when the first is embedded.
const (
	repeatWithin = 24 * time.Hour
	stripes      = 64
	rows         = 1 << 11 // of a stripe
	rowSize      = 8       // inputs that share a row; the one embedded longest ago makes room
)

// repeats remembers which inputs were embedded lately, by hashes that mean nothing
// outside this process. It is safe for concurrent use.
type repeats struct {
	seed    maphash.Seed
	once    sync.Once // makes stripes
	stripes *[stripes]stripe
}

type stripe struct {
	mu   sync.Mutex // guards rows; held for the look at one row
	rows [rows][rowSize]embedded
}

// embedded is one input, and when it was embedded last, in nanoseconds since 1970;
// 0: the place is free.
type embedded struct {
	input uint64
	at    int64
}

func (r *repeats) init() { r.seed = maphash.MakeSeed() }

// count notes what a call embedded, and says how much that was, and how much of it
// its team had embedded by the same model before, or earlier in the same call. A
// provider that fails embeds nothing.
func (r *repeats) count(t *policy.Ticket, o *policy.Outcome) (inputs, repeated int) {
	if len(t.Inputs) == 0 || o.End == tokenizer.Failed {
		return 0, 0
	}
	r.once.Do(func() { r.stripes = new([stripes]stripe) })
	whose := r.whose(t)
	of := t.Inputs[:min(len(t.Inputs), policy.MaxInputs)]
	for _, input := range of {
		if r.note(maphash.Comparable(r.seed, [2]uint64{whose, input}), o.At.UnixNano()) {
			repeated++
		}
	}
	return len(of), repeated
}

// whose is a hash of who embeds with what: a team is not told by its repeats what
// another team embeds.
func (r *repeats) whose(t *policy.Ticket) uint64 {
	return maphash.Comparable(r.seed, [3]string{t.Owner.Value("team"), t.Provider, t.Call.Model})
}

// note remembers that key is embedded now, and reports whether it was lately.
func (r *repeats) note(key uint64, now int64) (again bool) {
	s := &r.stripes[key%stripes]
	row := &s.rows[key/stripes%rows]
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := &row[0]
	for i := range row {
		e := &row[i]
		if e.at != 0 && e.input == key {
			again = now-e.at <= int64(repeatWithin)
			e.at = max(e.at, now)
			return again
		}
		if e.at < oldest.at {
			oldest = e
		}
	}
	*oldest = embedded{key, now}
	return false
}
