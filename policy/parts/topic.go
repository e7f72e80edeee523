package parts

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/board"
)

// postAtOnce is how many notes are posted together: they have less than what a board
// takes of one Post.
const postAtOnce = 5

// topic is what is known of one budget.
type topic struct {
	*Parts
	mark, name string
	from       board.Mark      // how far it was read
	whole      time.Time       // when all of it was begun to be read
	seen       map[string]bool // names since the start; nil: what the board lacked was found
	notes      map[string]*paper
	lacks      map[string]bool // names of notes that the board has not, or older ones of
	oldest     int64           // when the oldest window began that is followed, in µs
}

// read takes what is new.
func (t *topic) read(ctx context.Context, now time.Time) (changed bool, err error) {
	if now.Sub(t.whole) >= wholeEvery {
		t.whole, t.from, t.seen = now, board.Mark{}, map[string]bool{}
	}
	for {
		notes, next, err := t.o.Board.Since(ctx, t.name, t.from)
		if err != nil {
			return changed, err
		}
		if next.Epoch != t.from.Epoch {
			t.seen = map[string]bool{}
		}
		for i := range notes {
			if t.take(ctx, &notes[i]) {
				changed = true
			}
		}
		if t.from = next; len(notes) == 0 {
			break
		}
	}
	t.forget()
	if t.seen != nil {
		for name := range t.notes {
			if !t.seen[name] {
				t.lacks[name] = true
			}
		}
		t.seen = nil
	}
	return changed, nil
}

// take reports whether a note says more than was known.
func (t *topic) take(ctx context.Context, note *board.Note) bool {
	if t.seen != nil {
		t.seen[note.Name] = true
	}
	p, err := readPaper(t.mark, note)
	if err != nil {
		t.o.Logger.ErrorContext(ctx, "a note on what a ledger has is left out", "note", note.Name, "err", err)
		return false
	}
	held := t.notes[note.Name]
	switch {
	case held == nil || held.Version < p.Version:
		t.notes[note.Name] = p
		delete(t.lacks, note.Name)
		return true
	case held.Version > p.Version:
		t.lacks[note.Name] = true
	}
	return false
}

// forget drops what is of no use: words that were replaced, and replicas that are
// long gone.
func (t *topic) forget() {
	maps.DeleteFunc(t.notes, func(_ string, p *paper) bool { return p.Head != nil && p.Head.Until < t.oldest })
	maps.DeleteFunc(t.notes, func(_ string, p *paper) bool {
		if p.Word == nil {
			return false
		}
		h := t.head(p.Ledger)
		if h == nil {
			return p.Word.End <= t.oldest
		}
		return h.Version > p.Version && h.Head.Words[p.Word.Start] != p.Version
	})
	maps.DeleteFunc(t.lacks, func(name string, _ bool) bool { return t.notes[name] == nil })
}

// postAgain posts what the board lacks, each head after its words.
func (t *topic) postAgain(ctx context.Context, now time.Time) error {
	all := make([]*paper, 0, len(t.lacks))
	for _, name := range slices.Sorted(maps.Keys(t.lacks)) {
		all = append(all, t.notes[name])
	}
	slices.SortStableFunc(all, func(a, b *paper) int {
		switch {
		case a.Head == nil && b.Head != nil:
			return -1
		case a.Head != nil && b.Head == nil:
			return 1
		}
		return 0
	})
	return t.post(ctx, now, all...)
}

// post posts papers in their order, and knows them then.
func (t *topic) post(ctx context.Context, now time.Time, all ...*paper) error {
	for some := range slices.Chunk(all, postAtOnce) {
		notes := make([]board.Note, len(some))
		for i, p := range some {
			notes[i] = p.note(now)
		}
		if err := t.o.Board.Post(ctx, t.name, notes...); err != nil {
			return err
		}
		for _, p := range some {
			t.notes[p.name()] = p
			delete(t.lacks, p.name())
		}
	}
	return nil
}

// next is a version above all that this ledger told, also where clocks went back.
func (t *topic) next(now time.Time) int64 {
	next := now.UnixMicro()
	for _, p := range t.notes {
		if p.Ledger == t.o.Ledger {
			next = max(next, p.Version+1)
		}
	}
	return next
}

// head is what the replica of a ledger said last; nil: it never said anything.
func (t *topic) head(ledger string) *paper { return t.notes[headOf(ledger)] }

// ledgers are those that are known of, in one order.
func (t *topic) ledgers() (all []string) {
	for name, p := range t.notes {
		if strings.HasSuffix(name, " here") {
			all = append(all, p.Ledger)
		}
	}
	slices.Sort(all)
	return all
}

// spent is what a ledger has of a window; false: some of it is not there.
func (t *topic) spent(h *paper, start int64) (spent map[string]int64, all bool) {
	version := h.Head.Words[start]
	if version == 0 {
		return nil, true
	}
	spent = map[string]int64{}
	for part, parts := 0, 1; part < parts; part++ {
		p := t.notes[wordOf(h.Ledger, start, part)]
		if p == nil || p.Version != version {
			return spent, false
		}
		maps.Copy(spent, p.Word.Spent)
		parts = p.Word.Parts
	}
	return spent, true
}
