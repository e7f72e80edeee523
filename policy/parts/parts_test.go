package parts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/board"
)

// day is a window of the test; the first begins at 0.
func day(n int) Window {
	start := time.Date(2026, 8, 1+n, 0, 0, 0, 0, time.UTC)
	return Window{Start: start, End: start.AddDate(0, 0, 1)}
}

func spent(n int, of map[string]int64) Window {
	w := day(n)
	w.Spent = of
	return w
}

// wall is a board that can be out of reach, under a clock that is moved by hand.
type wall struct {
	*board.Memory
	now  time.Time
	away bool
	left int // posts until it is out of reach; below 0: without end
}

var errAway = errors.New("the board is away")

func newWall() *wall {
	w := &wall{now: day(2).Start.Add(time.Hour), left: -1}
	w.Memory = board.NewMemory(func() time.Time { return w.now })
	return w
}

func (w *wall) Post(ctx context.Context, topic string, notes ...board.Note) error {
	if w.away || w.left == 0 {
		return errAway
	}
	w.left--
	return w.Memory.Post(ctx, topic, notes...)
}

func (w *wall) Since(ctx context.Context, topic string, mark board.Mark) ([]board.Note, board.Mark, error) {
	if w.away {
		return nil, mark, errAway
	}
	return w.Memory.Since(ctx, topic, mark)
}

// replica is one of those that share a wall.
type replica struct {
	*Parts
	w *wall
	t *testing.T
}

const month = "month usd"

func (w *wall) replica(t *testing.T, ledger string) *replica {
	t.Helper()
	p, err := New(Options{Board: w, Ledger: ledger})
	if err != nil {
		t.Fatal(err)
	}
	return &replica{p, w, t}
}

func (r *replica) hears() bool {
	r.t.Helper()
	changed, err := r.Hear(r.t.Context(), month, r.w.now)
	if err := errors.Join(err, r.Others(r.t.Context(), r.w.now)); err != nil {
		r.t.Fatal(err)
	}
	return changed
}

// tells is what the ledger has of windows now.
func (r *replica) tells(windows ...Window) {
	r.t.Helper()
	r.hears()
	told := &Telling{Mark: month, Now: r.w.now, AsOf: r.w.now, Windows: windows}
	if err := errors.Join(r.Tell(r.t.Context(), told), r.Here(r.t.Context(), r.w.now, false)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) leaves(windows ...Window) {
	r.t.Helper()
	r.hears()
	told := &Telling{Mark: month, Now: r.w.now, AsOf: r.w.now, Windows: windows, Leaving: true}
	if err := errors.Join(r.Tell(r.t.Context(), told), r.Here(r.t.Context(), r.w.now, true)); err != nil {
		r.t.Fatal(err)
	}
}

// knows reports what is known of days 0 and on, and that no other replica has more.
func (r *replica) knows(when string, want ...Window) {
	r.t.Helper()
	r.hears()
	got := make([]Window, len(want))
	for i := range want {
		got[i] = day(i)
		want[i].Start, want[i].End = got[i].Start, got[i].End
	}
	r.Sum(month, got, r.w.now)
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("%s, replica %s (-want +got):\n%s", when, r.o.Ledger, diff)
	}
}

func of(a, b int64) map[string]int64 {
	all := map[string]int64{}
	if a != 0 {
		all["a"] = a
	}
	if b != 0 {
		all["b"] = b
	}
	return all
}

func whole(a, b int64) Window   { return Window{Spent: of(a, b)} }
func atLeast(a, b int64) Window { return Window{Spent: of(a, b), AtLeast: true} }

// Sums are of all, the same at each, and follow corrections.
func TestAllKnowWhatAllSpent(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "ledger-a"), w.replica(t, "ledger-b")
	a.tells(spent(0, of(1, 2)), spent(1, of(0, 4)))
	b.tells(spent(0, of(10, 0)), spent(1, nil))
	for _, r := range []*replica{a, b} {
		r.knows("told", whole(11, 2), whole(0, 4))
	}
	w.now = w.now.Add(time.Second)
	b.tells(spent(0, nil), spent(1, of(0, -1)))
	for _, r := range []*replica{a, b, w.replica(t, "ledger-c")} {
		r.knows("corrected", whole(1, 2), whole(0, 3))
	}
	if a.hears() || b.hears() {
		t.Error("there is something new, and nobody told anything")
	}
}

// What is told again is not posted, but for that the replica is there.
func TestWhatIsKnownIsNotPostedAgain(t *testing.T) {
	w := newWall()
	a := w.replica(t, "ledger-a")
	a.tells(spent(0, of(1, 2)), spent(1, nil))
	before := a.of(month).notes[wordOf("ledger-a", day(0).Start.UnixMicro(), 0)]
	w.left = 0
	a.tells(spent(0, of(1, 2)), spent(1, nil))
	w.left = -1
	w.now = w.now.Add(aloneFor - aloneLeast + time.Second)
	a.tells(spent(0, of(1, 2)), spent(1, nil))
	if got := a.head(t); got.Head.Until != w.now.Add(aloneFor).UnixMicro() || got.Head.Words[before.Word.Start] != before.Version {
		t.Errorf("it says %+v", got.Head)
	}
	again := w.replica(t, "ledger-a") // as after a restart
	again.tells(spent(0, of(1, 2)), spent(1, nil))
	if after := again.of(month).notes[before.name()]; after.Version != before.Version {
		t.Error("what the board had was posted again")
	}
}

func (r *replica) head(t *testing.T) *paper {
	t.Helper()
	h := r.of(month).head(r.o.Ledger)
	if h == nil {
		t.Fatal("it never said anything")
	}
	return h
}

// A window is whole when all who lived in it have told of its end, or that they left.
func TestWhatMayBeMissingIsSaid(t *testing.T) {
	w := newWall()
	a, b, c := w.replica(t, "ledger-a"), w.replica(t, "ledger-b"), w.replica(t, "ledger-c")
	first, second, third := spent(0, of(1, 0)), spent(1, of(1, 0)), spent(2, of(1, 0))
	b.tells(first, second)
	c.tells(first, second)
	a.tells(first, second)
	c.leaves(first, second, spent(2, of(7, 0)))
	w.now = day(3).Start.Add(time.Second)
	a.tells(first, second, third)
	a.knows("one has not told", whole(3, 0), whole(3, 0), atLeast(8, 0))
	all := []Window{day(0), day(1), day(2)}
	if missing := a.Sum(month, all, w.now); !slices.Equal(missing, []string{"ledger-b"}) {
		t.Errorf("missing are %q", missing)
	}
	w.now = day(4).Start.Add(time.Hour) // it was killed yesterday, and none of today's calls is its
	fourth := spent(3, nil)
	a.tells(first, second, third, fourth)
	a.knows("it lived in the third alone", whole(3, 0), whole(3, 0), atLeast(8, 0), whole(0, 0))
	b.tells(first, second, spent(2, of(5, 0)), fourth)
	a.knows("it is back", whole(3, 0), whole(3, 0), whole(13, 0), whole(0, 0))
}

// A replica that is killed just before a window ends may have spent in the next.
func TestWhoWasKilledMayHaveSpentForSomeMinutes(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "ledger-a"), w.replica(t, "ledger-b")
	w.now = day(2).End.Add(-time.Minute)
	b.tells(spent(0, nil), spent(1, nil))
	w.now = day(4).Start
	a.tells(spent(1, nil), spent(2, nil), spent(3, nil))
	a.knows("killed", whole(0, 0), whole(0, 0), atLeast(0, 0), atLeast(0, 0))
}

// One that is there, and has not read of the budget yet, may have spent in any window.
func TestWhoIsThereAndToldNothingIsMissing(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "ledger-a"), w.replica(t, "ledger-b")
	if err := b.Here(t.Context(), w.now, false); err != nil {
		t.Fatal(err)
	}
	a.tells(spent(0, of(1, 0)), spent(1, nil))
	a.knows("another has not read of it", atLeast(1, 0), atLeast(0, 0))
	if err := b.Here(t.Context(), w.now, true); err != nil {
		t.Fatal(err)
	}
	a.knows("it has left", whole(1, 0), whole(0, 0))
}

// A board that lost all has it again of any one of those who knew, also what one told
// that is away.
func TestWhatABoardLosesIsPostedAgain(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "ledger-a"), w.replica(t, "ledger-b")
	a.tells(spent(0, of(1, 0)), spent(1, nil))
	b.leaves(spent(0, of(0, 2)), spent(1, of(4, 4)))
	a.knows("told", whole(1, 2), whole(4, 4))
	w.Lose()
	a.hears()
	w.replica(t, "ledger-c").knows("after a loss", whole(1, 2), whole(4, 4))
	w.Lose()
	w.away = true
	if _, err := a.Hear(t.Context(), month, w.now); !errors.Is(err, errAway) {
		t.Errorf("hear while it is away: %v", err)
	}
	w.away, w.left = false, 0
	if _, err := a.Hear(t.Context(), month, w.now); !errors.Is(err, errAway) {
		t.Errorf("hear while it takes nothing: %v", err)
	}
	w.left = -1
	a.hears()
	w.replica(t, "ledger-d").knows("after another", whole(1, 2), whole(4, 4))
	w.now = w.now.Add(wholeEvery)
	before := a.head(t).Version
	for _, name := range []string{headOf("ledger-a")} { // an older one has come back, as a server had it that has taken over
		old := *a.of(month).notes[name]
		old.Version--
		if err := w.Post(t.Context(), a.of(month).name, old.note(w.now)); err != nil {
			t.Fatal(err)
		}
	}
	a.hears()
	e := w.replica(t, "ledger-e")
	e.hears()
	if got := e.of(month).head("ledger-a").Version; got != before {
		t.Errorf("version %d, want %d", got, before)
	}
}

// Parts of a window that are not all there are known to be too little, and what was
// told halfway is told whole the next time.
func TestManyAccountsAreToldInParts(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "ledger-a"), w.replica(t, "ledger-b")
	const accounts = 30_000
	many := func(each int64) map[string]int64 {
		all := map[string]int64{}
		for i := range accounts {
			all[fmt.Sprintf("%06d-of-a-team-of-many", i)] = each
		}
		return all
	}
	sum := func(r *replica, each int64, atLeast bool) {
		t.Helper()
		r.hears()
		got := []Window{day(0)}
		r.Sum(month, got, w.now)
		if got[0].AtLeast != atLeast || !atLeast && (len(got[0].Spent) != accounts || got[0].Spent["000007-of-a-team-of-many"] != each) {
			t.Errorf("%s: %d accounts, at least: %v, %d", r.o.Ledger, len(got[0].Spent), got[0].AtLeast, got[0].Spent["000007-of-a-team-of-many"])
		}
	}
	a.tells(spent(0, many(1)))
	sum(b, 1, false)
	a.hears()
	w.left = 1
	told := &Telling{Mark: month, Now: w.now.Add(time.Second), AsOf: w.now, Windows: []Window{spent(0, many(2))}}
	if err := a.Tell(t.Context(), told); !errors.Is(err, errAway) {
		t.Fatalf("tell: %v", err)
	}
	w.left = -1
	sum(b, 0, true)
	a.tells(spent(0, many(2)))
	sum(b, 2, false)
	sum(a, 2, false)
	a.tells(spent(0, of(1, 0)))
	b.knows("few are left", whole(1, 0))
	if n := len(b.of(month).notes); n != 2 {
		t.Errorf("%d notes are remembered, want 2", n)
	}
	long := map[string]int64{}
	for i := range maxParts + 1 {
		long[strings.Repeat("x", partBytes)+fmt.Sprint(i)] = 1
	}
	told.Windows = []Window{spent(0, long)}
	if err := a.Tell(t.Context(), told); err == nil {
		t.Error("more was told than can be")
	}
}

// Notes that nobody of ours posts are left out, and who is long gone is forgotten.
func TestNotesThatAreOfNoUse(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "ledger-a"), w.replica(t, "ledger-b")
	b.leaves(spent(0, of(5, 0)), spent(1, nil))
	a.tells(spent(0, of(1, 0)), spent(1, nil))
	topic := a.of(month).name
	for name, text := range map[string]string{
		headOf("x"): `{"ledger":"x","mark":"other","version":1,"head":{}}`, "junk": "{", "none": `{"ledger":"x","mark":"month usd","version":1}`,
		wordOf("x", 1, 0): `{"ledger":"x","mark":"month usd","version":1,"word":{"start":1,"end":1,"parts":1}}`,
		wordOf("x", 1, 5): `{"ledger":"x","mark":"month usd","version":1,"word":{"start":1,"end":2,"part":5,"parts":5}}`,
		wordOf("y", 1, 0): `{"ledger":"x","mark":"month usd","version":1,"word":{"start":1,"end":2,"parts":1}}`,
	} {
		if err := w.Post(t.Context(), topic, board.Note{Name: name, Text: []byte(text), Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	a.knows("with junk", whole(6, 0), whole(0, 0))
	if n := len(a.of(month).notes); n != 4 {
		t.Errorf("%d notes are remembered, want 4", n)
	}
	w.now = day(30).Start
	a.tells(spent(29, of(3, 0)))
	a.Sum(month, []Window{day(28), day(29)}, w.now)
	a.hears()
	if n := len(a.of(month).notes); n != 2 {
		t.Errorf("%d notes are remembered, want 2", n)
	}
	a.Keep(nil)
	if len(a.topics) != 1 {
		t.Errorf("%d budgets are remembered", len(a.topics))
	}
}

// Windows of any length are kept as long as a board keeps anything.
func TestHowLongNotesAreKept(t *testing.T) {
	w := newWall()
	at := w.now.UnixMicro()
	for length, want := range map[time.Duration]time.Duration{
		time.Hour: 30 * time.Hour, 31 * 24 * time.Hour: board.MaxKeep, 366 * 24 * time.Hour: board.MaxKeep, 500 * 24 * time.Hour: board.MaxKeep,
	} {
		p := &paper{Word: &word{Start: at, End: at + length.Microseconds()}}
		if got := p.keep(w.now); got != want {
			t.Errorf("a word of %v is kept for %v, want %v", length, got, want)
		}
		p = &paper{Head: &head{Length: length.Microseconds()}}
		if got := p.keep(w.now); got != want {
			t.Errorf("a head of %v is kept for %v, want %v", length, got, want)
		}
	}
	p := &paper{Word: &word{Start: w.now.AddDate(-2, 0, 0).UnixMicro(), End: w.now.AddDate(-2, 1, 0).UnixMicro()}}
	if got := p.keep(w.now); got < 100*24*time.Hour {
		t.Errorf("a month of two years ago is kept for %v", got)
	}
}

func TestNewNeedsABoardAndAName(t *testing.T) {
	for _, o := range []Options{{}, {Ledger: "x"}, {Board: newWall()}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v made one", o)
		}
	}
}
