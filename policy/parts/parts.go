// Package parts is what the ledgers of replicas have of windows of budgets, told to
// all of them.
//
// In goes what the ledger of this replica has of the windows of a budget, out comes
// what all ledgers have together, and whether that may be too little; and, apart from
// it, what ledgers spent in some time: lately, or in an hour (Spans). It refuses to
// know rules, what is carried, at which rate budgets end, who is told, and where the
// board is.
//
// # When a window is whole
//
// A replica posts what its ledger had at a moment, and until when it may spend without
// telling more. A window is whole if each replica that there is told of it after the
// window had ended, or after it last spent, or had stopped before the window began.
// One that was killed is there for some minutes more, as it may have spent
// meanwhile. One that is there and has told nothing of a budget, as it has not read
// of it yet, may have spent in any window. What it last told counts, and windows that it lived in are not whole
// until it is back and tells the rest: what may be missing must raise no limit.
//
// # What may be lost
//
// Each replica remembers the notes of all, and posts again what a board has not, or
// has an older one of: when it has lost all, and each hour. Of a ledger whose replica
// is away while all others start anew with an empty board nothing is known.
package parts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/board"
)

const (
	aloneFor   = 3 * time.Minute // how long a replica may spend without telling again, and
	aloneLeast = 2 * time.Minute // with how much of it left it does
	wholeEvery = time.Hour       // from one reading of all notes to the next
)

// Window is one of a budget: what one ledger has of it, or all have together.
type Window struct {
	Start, End time.Time        // half open
	Spent      map[string]int64 // by what accounts are of, in the unit of the budget; what is not there is 0
	AtLeast    bool             // of all ledgers: some may have more
}

// Telling is what a ledger has of a budget.
type Telling struct {
	Mark    string    // tells budgets apart
	Now     time.Time // by the clock that all share
	AsOf    time.Time // when the ledger was read: of windows that had ended it told all
	Windows []Window  // the oldest first, without gaps
	Leaving bool      // the replica spends no more: that is all, also of a window that has not ended
}

// Options of New.
type Options struct {
	Board  board.Board  // required
	Ledger string       // required: tells it from others, and stays over a restart
	Logger *slog.Logger // nil discards
}

// Parts is what ledgers have. It is one goroutine's at a time.
type Parts struct {
	o      Options
	topics map[string]*topic // by mark
}

// New makes one that knows nothing yet.
func New(o Options) (*Parts, error) {
	if o.Board == nil || o.Ledger == "" {
		return nil, errors.New("tell what ledgers have: no board, or no name of the ledger")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Parts{o: o, topics: map[string]*topic{}}, nil
}

// Keep forgets all budgets but those that are marked.
func (p *Parts) Keep(marks []string) {
	maps.DeleteFunc(p.topics, func(mark string, _ *topic) bool { return mark != nobodys && !slices.Contains(marks, mark) })
}

// nobodys is the mark under which replicas tell that they are there, whatever budgets
// they know.
const nobodys = ""

// Others hears which replicas are there. It is called about as often as Hear, before
// it.
func (p *Parts) Others(ctx context.Context, now time.Time) error {
	p.of(nobodys).oldest = now.UnixMicro() // who is gone is of no use
	_, err := p.Hear(ctx, nobodys, now)
	return err
}

// Here tells others that this replica is there, or leaves. It is called as often as
// Tell, after all that is told of budgets, so that nobody waits for what is on its
// way.
func (p *Parts) Here(ctx context.Context, now time.Time, leaving bool) error {
	return p.Tell(ctx, &Telling{Mark: nobodys, Now: now, AsOf: now, Leaving: leaving})
}

func (p *Parts) of(mark string) *topic {
	t := p.topics[mark]
	if t == nil {
		t = &topic{Parts: p, mark: mark, name: "past-" + hashOf(mark), notes: map[string]*paper{}, lacks: map[string]bool{}}
		p.topics[mark] = t
	}
	return t
}

// Hear reads what others have told of a budget since the last time, and posts again
// what the board has lost. It reports whether there was anything new.
func (p *Parts) Hear(ctx context.Context, mark string, now time.Time) (changed bool, err error) {
	t := p.of(mark)
	if changed, err = t.read(ctx, now); err != nil {
		return changed, fmt.Errorf("hear what other ledgers have: %w", err)
	}
	if err := t.postAgain(ctx, now); err != nil {
		return changed, fmt.Errorf("post again what ledgers have: %w", err)
	}
	return changed, nil
}

// Tell posts what this ledger has, where that was not told yet. It is called after
// Hear of the same budget, and about each minute, as others know by it that this
// replica is there.
func (p *Parts) Tell(ctx context.Context, told *Telling) error {
	t := p.of(told.Mark)
	had := t.head(p.o.Ledger)
	if had == nil {
		had = &paper{}
	}
	head := &paper{Ledger: p.o.Ledger, Mark: told.Mark, Version: t.next(told.Now), Head: &head{
		AsOf: told.AsOf.UnixMicro(), Until: told.Now.Add(aloneFor).UnixMicro(), Length: lengthOf(told.Windows), Words: map[int64]int64{},
	}}
	if told.Leaving {
		head.Head.Until = head.Head.AsOf
	}
	var news []*paper
	for i := range told.Windows {
		words, err := t.words(had, head, &told.Windows[i])
		if err != nil {
			return fmt.Errorf("tell what this ledger has: %w", err)
		}
		news = append(news, words...)
	}
	if len(news) == 0 && had.Head != nil && !had.Head.outdated(head.Head, told) {
		return nil
	}
	if err := t.post(ctx, told.Now, append(news, head)...); err != nil {
		return fmt.Errorf("tell what this ledger has: %w", err)
	}
	return nil
}

// outdated reports whether others must know of what h is replaced by, that tells the
// same sums.
func (h *head) outdated(by *head, told *Telling) bool {
	if !maps.Equal(h.Words, by.Words) || told.Leaving || h.Until < told.Now.Add(aloneLeast).UnixMicro() {
		return true
	}
	return slices.ContainsFunc(told.Windows, func(w Window) bool {
		end := w.End.UnixMicro()
		return h.AsOf < end && end <= by.AsOf
	})
}

func lengthOf(windows []Window) int64 {
	if len(windows) == 0 {
		return 0
	}
	return windows[0].End.Sub(windows[0].Start).Microseconds()
}

// Sum fills in what all ledgers have of windows of a budget, the oldest first, and
// names those that may have more of any. It is called after Hear.
func (p *Parts) Sum(mark string, windows []Window, now time.Time) (missing []string) {
	t := p.of(mark)
	if len(windows) > 0 {
		t.oldest = windows[0].Start.UnixMicro()
	}
	for i := range windows {
		windows[i].Spent, windows[i].AtLeast = map[string]int64{}, false
	}
	for _, ledger := range p.of(nobodys).ledgers() {
		if h := p.of(nobodys).head(ledger); t.head(ledger) == nil && h.Head.Until > now.UnixMicro() {
			missing = append(missing, ledger)
			for i := range windows {
				windows[i].AtLeast = true
			}
		}
	}
	for _, ledger := range t.ledgers() {
		h := t.head(ledger)
		whole := true
		for i := range windows {
			w := &windows[i]
			spent, all := t.spent(h, w.Start.UnixMicro())
			for of, n := range spent {
				w.Spent[of] = plus(w.Spent[of], n)
			}
			if !all || !h.Head.covers(w) {
				w.AtLeast, whole = true, false
			}
		}
		if !whole {
			missing = append(missing, ledger)
		}
	}
	return missing
}

// covers reports whether all was told of w.
func (h *head) covers(w *Window) bool {
	return h.AsOf >= w.End.UnixMicro() || h.AsOf >= h.Until || h.Until < w.Start.UnixMicro()
}

// plus is a + b, or the nearest that there is.
func plus(a, b int64) int64 {
	sum := a + b
	switch {
	case b > 0 && sum < a:
		return maxInt
	case b < 0 && sum > a:
		return -maxInt
	}
	return sum
}

const maxInt = 1<<63 - 1
