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
	paceTopic = "lately"
	paceKept  = 25 * time.Hour   // how long what was told last is of use, and longer than any Lately is
	paceAgain = 10 * time.Minute // how often it is told again without news: it slides out of use, and a board may lose it
	paceSlack = 5 * time.Minute  // what began so long before what is asked for counts as if it did not
	paceBytes = 64 << 10         // of names of accounts in a note; those that spent the most are in it
	pacePosts = 8                // notes that are posted together: a name may take six times its bytes as JSON writes it
)

// Lately is what a ledger has of a budget from one moment to another, in the unit of
// the budget, by what accounts are of.
type Lately struct {
	Mark     string // tells budgets apart
	From, To time.Time
	Spent    map[string]int64
}

// Within is the part of it that was spent in [from, to], if all was spent evenly.
func (l *Lately) Within(from, to time.Time) map[string]int64 {
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

// Pace is how much ledgers of replicas spent lately, told to all of them. What is
// told counts as far as it lies in the time that is asked for, also of a replica
// that has stopped since: it was spent.
//
// Hear and Tell are one goroutine's at a time; Others is safe for concurrent use.
type Pace struct {
	o    Options
	from board.Mark           // how far was read
	told map[string]time.Time // when, by mark

	mu    sync.Mutex         // guards notes
	notes map[string]*Lately // by name; none is changed
}

// NewPace makes one that knows nothing yet.
func NewPace(o Options) (*Pace, error) {
	p, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Pace{o: p.o, told: map[string]time.Time{}, notes: map[string]*Lately{}}, nil
}

// pacePaper is a Lately as it is posted. Times are in µs since 1970.
type pacePaper struct {
	Ledger string           `json:"ledger"`
	Mark   string           `json:"mark"`
	From   int64            `json:"from"`
	To     int64            `json:"to"`
	Spent  map[string]int64 `json:"spent"`
}

func paceName(ledger, mark string) string { return hashOf(ledger) + " " + hashOf(mark) }

// Hear reads what others have told of the marked budgets since the last time. What
// is older than is of use, or of other budgets, is forgotten.
func (p *Pace) Hear(ctx context.Context, marks []string, now time.Time) error {
	for {
		notes, next, err := p.o.Board.Since(ctx, paceTopic, p.from)
		if err != nil {
			return fmt.Errorf("hear what other ledgers spent lately: %w", err)
		}
		p.mu.Lock()
		for i := range notes {
			l, err := readPace(&notes[i])
			if err != nil {
				delete(p.notes, notes[i].Name)
				continue
			}
			p.notes[notes[i].Name] = l
		}
		p.mu.Unlock()
		if p.from = next; len(notes) == 0 {
			break
		}
	}
	maps.DeleteFunc(p.told, func(mark string, _ time.Time) bool { return !slices.Contains(marks, mark) })
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.notes, func(_ string, l *Lately) bool {
		return now.Sub(l.To) >= paceKept || !slices.Contains(marks, l.Mark)
	})
	return nil
}

// readPace reads a note.
func readPace(note *board.Note) (*Lately, error) {
	var paper pacePaper
	if err := json.Unmarshal(note.Text, &paper); err != nil {
		return nil, err
	}
	l := &Lately{Mark: paper.Mark, From: time.UnixMicro(paper.From), To: time.UnixMicro(paper.To), Spent: paper.Spent}
	if all := l.To.Sub(l.From); all <= 0 || all > paceKept || note.Name != paceName(paper.Ledger, paper.Mark) {
		return nil, errUnsound
	}
	return l, nil
}

// Tell posts what this ledger has of budgets, at most one Lately for each, where it is
// more than a part in 100 off what was told, or that is some time ago. It is called
// after Hear.
func (p *Pace) Tell(ctx context.Context, all []Lately, now time.Time) error {
	var news []*Lately
	p.mu.Lock()
	for i := range all {
		l := &all[i]
		had := p.notes[paceName(p.o.Ledger, l.Mark)]
		same := had != nil && maps.EqualFunc(had.Spent, l.Spent, alike) || had == nil && len(l.Spent) == 0
		if l.To.After(l.From) && (!same || len(l.Spent) > 0 && now.Sub(p.told[l.Mark]) >= paceAgain) {
			news = append(news, l)
		}
	}
	p.mu.Unlock()
	for some := range slices.Chunk(news, pacePosts) {
		if err := p.post(ctx, some, now); err != nil {
			return fmt.Errorf("tell what this ledger spent lately: %w", err)
		}
	}
	return nil
}

// alike reports whether the difference is too small to tell.
func alike(a, b int64) bool {
	off := plus(a, -b)
	return max(off, -off) <= max(a, -a)/100
}

func (p *Pace) post(ctx context.Context, some []*Lately, now time.Time) error {
	notes := make([]board.Note, len(some))
	for i, l := range some {
		text, err := json.Marshal(pacePaper{p.o.Ledger, l.Mark, l.From.UnixMicro(), l.To.UnixMicro(), mostOf(l.Spent)})
		if err != nil {
			panic(err) // texts and numbers can be written
		}
		notes[i] = board.Note{Name: paceName(p.o.Ledger, l.Mark), Text: text, Keep: paceKept}
	}
	if err := p.o.Board.Post(ctx, paceTopic, notes...); err != nil {
		if errors.Is(err, board.ErrFull) {
			return fmt.Errorf("%w: %d notes of budgets and replicas", err, board.MaxNotes)
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
	if bytes <= paceBytes {
		return spent
	}
	names := slices.SortedFunc(maps.Keys(spent), func(a, b string) int {
		return cmp.Or(cmp.Compare(spent[b], spent[a]), cmp.Compare(a, b))
	})
	some := map[string]int64{}
	left := paceBytes
	for _, of := range names {
		if left -= len(of) + 24; left < 0 {
			break
		}
		some[of] = spent[of]
	}
	return some
}

// Others is what all other ledgers have told of a budget that lies in [from, now];
// what was told a moment ago counts whole.
func (p *Pace) Others(mark string, from, now time.Time) map[string]int64 {
	p.mu.Lock()
	var told []*Lately
	own := paceName(p.o.Ledger, mark)
	for name, l := range p.notes {
		if name != own && l.Mark == mark {
			told = append(told, l)
		}
	}
	p.mu.Unlock()
	sum := map[string]int64{}
	slack := min(paceSlack, now.Sub(from)/100)
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
