package parts

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy/board"
)

const (
	askedTopic = "asked"
	maxAsked   = 8                   // names that are told of: those that were asked by last
	askedKept  = 93 * 24 * time.Hour // how long a name is told of after it was asked by
	askedNews  = time.Hour           // by so much later it is asked by again, if others are to know
	hereFor    = 15 * time.Minute    // how long a replica is waited for that said it is here
	maxNamed   = 256                 // bytes of a name
)

// Asked are the names by which people ask any replica who spent, and which replicas
// have told their part by each. What nobody asks for is not told, as reading it takes
// its time. It is safe for concurrent use; who hears or says something waits for who
// does.
type Asked struct {
	o Options

	turn   sync.Mutex // held over I/O; guards what is below, up to mu
	from   board.Mark // how far was read
	posted time.Time

	mu    sync.Mutex // guards what is below
	names map[string]time.Time
	told  []string
	here  map[string]*herePaper // others, by ledger; none is changed
}

// herePaper is what a replica says. Times are in µs since 1970.
type herePaper struct {
	Ledger string           `json:"ledger"`
	Until  int64            `json:"until"` // it is here, or says so again
	Asked  map[string]int64 `json:"asked"` // names, and when they were asked by
	Told   []string         `json:"told"`  // names that it has told its part by
}

// NewAsked makes one that knows nothing yet.
func NewAsked(o Options) (*Asked, error) {
	p, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Asked{o: p.o, names: map[string]time.Time{}, here: map[string]*herePaper{}}, nil
}

// Names are those to tell of, in one order.
func (a *Asked) Names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.names))
}

// Missing is how many other replicas are here that have not told their part by name.
func (a *Asked) Missing(name string, now time.Time) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.here {
		if p.Until > now.UnixMicro() && !slices.Contains(p.Told, name) {
			n++
		}
	}
	return n
}

// Hear reads what others have said since the last time.
func (a *Asked) Hear(ctx context.Context, now time.Time) error {
	a.turn.Lock()
	defer a.turn.Unlock()
	for {
		notes, next, err := a.o.Board.Since(ctx, askedTopic, a.from)
		if err != nil {
			return fmt.Errorf("hear by what others are asked: %w", err)
		}
		if next.Epoch != a.from.Epoch {
			a.posted = time.Time{} // what was said may be lost
		}
		a.take(notes, now)
		if a.from = next; len(notes) == 0 {
			return nil
		}
	}
}

func (a *Asked) take(notes []board.Note, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range notes {
		p := &herePaper{}
		if err := json.Unmarshal(notes[i].Text, p); err != nil || notes[i].Name != headOf(p.Ledger) {
			continue
		}
		for name, at := range p.Asked {
			a.note(name, time.UnixMicro(at))
		}
		if p.Ledger != a.o.Ledger {
			a.here[p.Ledger] = p
		}
	}
	maps.DeleteFunc(a.here, func(_ string, p *herePaper) bool { return p.Until <= now.UnixMicro() })
	maps.DeleteFunc(a.names, func(_ string, at time.Time) bool { return now.Sub(at) >= askedKept })
}

// note notes that a name was asked by; a.mu is held.
func (a *Asked) note(name string, at time.Time) {
	if name == "" || len(name) > maxNamed || !at.After(a.names[name]) {
		return
	}
	a.names[name] = at
	if len(a.names) > maxAsked {
		delete(a.names, slices.MinFunc(slices.Collect(maps.Keys(a.names)), func(x, y string) int {
			return cmp.Or(a.names[x].Compare(a.names[y]), cmp.Compare(x, y))
		}))
	}
}

// Ask has all tell their part by a name from now on.
func (a *Asked) Ask(ctx context.Context, name string, now time.Time) error {
	a.turn.Lock()
	defer a.turn.Unlock()
	a.mu.Lock()
	news := now.Sub(a.names[name]) >= askedNews
	if news {
		a.note(name, now)
	}
	a.mu.Unlock()
	if !news && !a.posted.IsZero() {
		return nil
	}
	return a.post(ctx, now, hereFor)
}

// Say says that this replica is here, and by which names it has told its part. It is
// to be called every few seconds: most times it says nothing.
func (a *Asked) Say(ctx context.Context, told []string, now time.Time) error {
	a.turn.Lock()
	defer a.turn.Unlock()
	a.mu.Lock()
	news := !slices.Equal(a.told, told)
	a.told = slices.Clone(told)
	a.mu.Unlock()
	if !news && now.Sub(a.posted).Abs() < tellAgain {
		return nil
	}
	return a.post(ctx, now, hereFor)
}

// Leave says that nobody need wait for this replica any more.
func (a *Asked) Leave(ctx context.Context, now time.Time) error {
	a.turn.Lock()
	defer a.turn.Unlock()
	return a.post(ctx, now, 0)
}

// post says all; a.turn is held.
func (a *Asked) post(ctx context.Context, now time.Time, stays time.Duration) error {
	p := &herePaper{Ledger: a.o.Ledger, Until: now.Add(stays).UnixMicro(), Asked: map[string]int64{}}
	a.mu.Lock()
	p.Told = slices.Clone(a.told)
	for name, at := range a.names {
		p.Asked[name] = at.UnixMicro()
	}
	a.mu.Unlock()
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and numbers can be written
	}
	a.posted = time.Time{} // until it is
	if err := a.o.Board.Post(ctx, askedTopic, board.Note{Name: headOf(p.Ledger), Text: text, Keep: askedKept}); err != nil {
		return fmt.Errorf("say by what people ask: %w", err)
	}
	a.posted = now
	return nil
}
