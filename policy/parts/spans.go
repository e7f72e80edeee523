package parts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy/board"
)

const (
	tellAgain = 10 * time.Minute // how often what was told is told again without news: it slides out of use, and a board may lose it
	slackMost = 5 * time.Minute  // what began so long before what is asked for counts as if it did not
	spanBytes = 64 << 10         // of names in a note; those that spent the most are in it
	spanPosts = 8                // notes that are posted together: a name may take six times its bytes as JSON writes it
)

// kind is what spans are of.
type kind struct {
	topic string
	kept  time.Duration // how long what was told last is of use, and no span is longer
	near  int64         // what is off by no more than a part in so many is no news; 0: all is
}

// Span is what a ledger has of something from one moment to another, by whom or by
// what.
type Span struct {
	Mark     string // tells what it is of
	From, To time.Time
	Spent    map[string]int64
	Keep     time.Duration // how long after it was told it is of use; 0: as long as any
}

// Within is the part of it that was spent in [from, to], if all was spent evenly.
func (l *Span) Within(from, to time.Time) map[string]int64 {
	from, to = latest(from, l.From), earliest(to, l.To)
	some := map[string]int64{}
	part, all := to.Sub(from), l.To.Sub(l.From)
	if part <= 0 || all <= 0 {
		return some
	}
	for of, n := range l.Spent {
		some[of] = portion(n, part, all)
	}
	return some
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// portion is n × part / all, rounded half away from 0; part is at most all.
func portion(n int64, part, all time.Duration) int64 {
	if n < 0 {
		return -portion(-max(n, -maxInt), part, all)
	}
	high, low := bits.Mul64(uint64(n), uint64(part))
	low, carry := bits.Add64(low, uint64(all)/2, 0)
	q, _ := bits.Div64(high+carry, low, uint64(all))
	return int64(q) // at most n
}

// Spans are what ledgers of replicas have of some time, told to all of them. What is
// told counts as far as it lies in the time that is asked for, also of a replica
// that has stopped since: it was spent.
//
// Spans are safe for concurrent use. Who hears or tells waits for who does.
type Spans struct {
	o    Options
	kind kind

	turn  sync.Mutex           // held over I/O; guards what is below, but notes
	from  board.Mark           // how far was read
	marks []string             // for which
	told  map[string]time.Time // when, by mark

	mu    sync.Mutex       // guards notes
	notes map[string]*Span // by name; none is changed
}

// NewPace is for what was spent of budgets lately, of at most a day.
func NewPace(o Options) (*Spans, error) { return newSpans(o, kind{"lately", 25 * time.Hour, 100}) }

// NewHours is for what was spent in hours.
func NewHours(o Options) (*Spans, error) { return newSpans(o, kind{"hours", 4 * time.Hour, 0}) }

// NewWho is for who spent of budgets, in windows of at most 92 days.
func NewWho(o Options) (*Spans, error) { return newSpans(o, kind{"who", 93 * 24 * time.Hour, 100}) }

func newSpans(o Options, k kind) (*Spans, error) {
	p, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Spans{o: p.o, kind: k, told: map[string]time.Time{}, notes: map[string]*Span{}}, nil
}

// spanPaper is a Span as it is posted. Times are in µs since 1970.
type spanPaper struct {
	Ledger string           `json:"ledger"`
	Mark   string           `json:"mark"`
	From   int64            `json:"from"`
	To     int64            `json:"to"`
	Spent  map[string]int64 `json:"spent"`
}

func spanName(ledger, mark string) string { return hashOf(ledger) + " " + hashOf(mark) }

// Hear reads what others have told of what is marked since the last time, and all
// that they have told where something is marked that was not then. What is older than
// is of use, or not marked, is forgotten.
func (p *Spans) Hear(ctx context.Context, marks []string, now time.Time) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	known := func(mark string) bool { return slices.Contains(p.marks, mark) }
	if slices.ContainsFunc(marks, func(mark string) bool { return !known(mark) }) {
		p.from, p.marks = board.Mark{}, slices.Clone(marks)
	}
	for {
		notes, next, err := p.o.Board.Since(ctx, p.kind.topic, p.from)
		if err != nil {
			return fmt.Errorf("hear what other ledgers have spent: %w", err)
		}
		p.take(notes)
		if p.from = next; len(notes) == 0 {
			break
		}
	}
	p.marks = slices.Clone(marks)
	maps.DeleteFunc(p.told, func(mark string, _ time.Time) bool { return !known(mark) })
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.notes, func(_ string, l *Span) bool { return now.Sub(l.To) >= p.kind.kept || !known(l.Mark) })
	return nil
}

func (p *Spans) take(notes []board.Note) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range notes {
		l, err := p.kind.read(&notes[i])
		if err != nil {
			delete(p.notes, notes[i].Name)
			continue
		}
		if slices.Contains(p.marks, l.Mark) {
			p.notes[notes[i].Name] = l
		}
	}
}

// read reads a note.
func (k *kind) read(note *board.Note) (*Span, error) {
	var paper spanPaper
	if err := json.Unmarshal(note.Text, &paper); err != nil {
		return nil, err
	}
	l := &Span{Mark: paper.Mark, From: time.UnixMicro(paper.From), To: time.UnixMicro(paper.To), Spent: paper.Spent}
	if all := l.To.Sub(l.From); all <= 0 || all > k.kept || note.Name != spanName(paper.Ledger, paper.Mark) {
		return nil, errUnsound
	}
	return l, nil
}

// Tell posts what this ledger has, at most one Span for each mark, where that is news,
// or was told some time ago. It is called after Hear.
func (p *Spans) Tell(ctx context.Context, all []Span, now time.Time) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	var news []*Span
	p.mu.Lock()
	for i := range all {
		l := all[i]
		l.Spent = mostOf(l.Spent)
		if l.To.After(l.From) && (p.news(&l) || len(l.Spent) > 0 && now.Sub(p.told[l.Mark]) >= tellAgain) {
			news = append(news, &l)
		}
	}
	p.mu.Unlock()
	for some := range slices.Chunk(news, spanPosts) {
		if err := p.post(ctx, some, now); err != nil {
			return fmt.Errorf("tell what this ledger has spent: %w", err)
		}
	}
	return nil
}

// news reports whether l says what was not told; p.mu is held.
func (p *Spans) news(l *Span) bool {
	had := p.notes[spanName(p.o.Ledger, l.Mark)]
	if had == nil {
		return len(l.Spent) > 0
	}
	return !maps.EqualFunc(had.Spent, l.Spent, p.kind.alike) || len(l.Spent) > 0 && !l.From.Before(had.To)
}

// alike reports whether the difference is too small to tell.
func (k *kind) alike(a, b int64) bool {
	off := plus(a, -b)
	return off == 0 || k.near > 0 && max(off, -off) <= max(a, -a)/k.near
}

func (p *Spans) post(ctx context.Context, some []*Span, now time.Time) error {
	notes := make([]board.Note, len(some))
	for i, l := range some {
		text, err := json.Marshal(spanPaper{p.o.Ledger, l.Mark, l.From.UnixMicro(), l.To.UnixMicro(), l.Spent})
		if err != nil {
			panic(err) // texts and numbers can be written
		}
		notes[i] = board.Note{Name: spanName(p.o.Ledger, l.Mark), Text: text, Keep: p.kind.kept}
		if l.Keep > 0 {
			notes[i].Keep = min(l.Keep, p.kind.kept)
		}
	}
	if err := p.o.Board.Post(ctx, p.kind.topic, notes...); err != nil {
		if errors.Is(err, board.ErrFull) {
			return fmt.Errorf("%w: %d notes of replicas", err, board.MaxNotes)
		}
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, l := range some {
		p.notes[notes[i].Name], p.told[l.Mark] = l, now
	}
	return nil
}

// mostOf are those that spent the most, as far as a note has room for their names.
func mostOf(spent map[string]int64) map[string]int64 {
	bytes := 0
	for of := range spent {
		bytes += len(of) + 24
	}
	if bytes <= spanBytes {
		return spent
	}
	names := slices.SortedFunc(maps.Keys(spent), func(a, b string) int {
		return cmp.Or(cmp.Compare(spent[b], spent[a]), cmp.Compare(a, b))
	})
	some := map[string]int64{}
	left := spanBytes
	for _, of := range names {
		if left -= len(of) + 24; left < 0 {
			break
		}
		some[of] = spent[of]
	}
	return some
}

// Others is what all other ledgers have told of a mark that lies in [from, now]; what
// was told a moment ago counts whole.
func (p *Spans) Others(mark string, from, now time.Time) map[string]int64 {
	p.mu.Lock()
	var told []*Span
	own := spanName(p.o.Ledger, mark)
	for name, l := range p.notes {
		if name != own && l.Mark == mark {
			told = append(told, l)
		}
	}
	p.mu.Unlock()
	sum := map[string]int64{}
	slack := min(slackMost, now.Sub(from)/100)
	for _, l := range told {
		since := from
		if from.Sub(l.From) <= slack {
			since = l.From
		}
		for of, n := range l.Within(since, now) {
			sum[of] = plus(sum[of], n)
		}
	}
	return sum
}
