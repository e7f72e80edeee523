package terms

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/tokenizer"
)

// volume counts the tokens of one match by calendar month in UTC.
type volume struct {
	match Match
	key   string

	mu     sync.Mutex // held for a few additions
	filled bool       // begins with what the ledger knows
	month  int        // the newest that was seen
	tokens int64      // of month
	before int64      // of the month before it
}

// volume returns that of m, going on with the one of the terms before.
func (b *builder) volume(m Match) *volume {
	key := m.key()
	same := func(v *volume) bool { return v.key == key }
	if i := slices.IndexFunc(b.counted, same); i >= 0 {
		return b.counted[i]
	}
	v := b.volumes[key]
	if v == nil {
		v = &volume{match: m, key: key}
	}
	b.counted = append(b.counted, v)
	return v
}

// add counts tokens of a month; those of long ago are dropped.
func (v *volume) add(month int, tokens int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case month == v.month+1:
		v.month, v.before, v.tokens = month, v.tokens, tokens
	case month > v.month:
		v.month, v.before, v.tokens = month, 0, tokens
	case month == v.month:
		v.tokens = addUp(v.tokens, tokens)
	case month == v.month-1:
		v.before = addUp(v.before, tokens)
	}
}

// reached is what a month has counted; months of long ago count as empty.
func (v *volume) reached(month int) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch month {
	case v.month:
		return v.tokens
	case v.month - 1:
		return v.before
	}
	return 0
}

// served reports whether a provider saw a call that fared so.
func served(outcome string) bool { return outcome != policy.Refused && outcome != policy.Cached }

// usage is the part of a ledger that volumes are rebuilt from.
type usage interface {
	Usage(ctx context.Context, q ledger.Query) ([]ledger.Row, error)
}

var _ usage = ledger.Store(nil)

// Fill begins the volumes that no terms before have counted with what the ledger
// has of the month of now. It is called before the terms are used, and asks the
// ledger only when there is such a volume. Records that are settled while it
// asks, under other terms, may be missing from a volume that is new.
func (t *Terms) Fill(ctx context.Context, from usage, now time.Time) error {
	if t == nil {
		return nil
	}
	var fresh []*volume
	by := []string{"provider", "model", "operation", "outcome"}
	for _, v := range t.volumes {
		v.mu.Lock()
		filled := v.filled
		v.mu.Unlock()
		if filled {
			continue
		}
		fresh = append(fresh, v)
		by = addNames(by, v.match.Owner)
	}
	if len(fresh) == 0 {
		return nil
	}
	now = now.UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	rows, err := from.Usage(ctx, ledger.Query{From: first, To: first.AddDate(0, 1, 0), By: by})
	if err != nil {
		return fmt.Errorf("read the volume of this month: %w", err)
	}
	for _, v := range fresh {
		v.fill(rows, by, monthOf(now))
	}
	return nil
}

// fill adds the rows that are of the match.
func (v *volume) fill(rows []ledger.Row, by []string, month int) {
	var sum int64
	for i := range rows {
		rec := policy.Record{Provider: rows[i].Keys[0], Model: rows[i].Keys[1], Operation: rows[i].Keys[2], Outcome: rows[i].Keys[3]}
		for j, name := range by[4:] {
			rec.Owner = append(rec.Owner, policy.Attribute{Name: name, Value: rows[i].Keys[4+j]})
		}
		if !served(rec.Outcome) || !v.match.covers(&rec) {
			continue
		}
		for class, n := range rows[i].Tokens {
			if tokenizer.Class(class).IsToken() {
				sum = addUp(sum, n)
			}
		}
	}
	v.add(month, sum)
	v.mu.Lock()
	v.filled = true
	v.mu.Unlock()
}
