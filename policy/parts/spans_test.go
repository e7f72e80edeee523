package parts

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/board"
)

// counting counts the notes that are posted.
type counting struct {
	*wall
	posted int
}

func (c *counting) Post(ctx context.Context, topic string, notes ...board.Note) error {
	c.posted += len(notes)
	return c.wall.Post(ctx, topic, notes...)
}

func paceOf(t *testing.T, b board.Board, ledger string) *Spans {
	t.Helper()
	p, err := NewPace(Options{Board: b, Ledger: ledger})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tells hears, and tells of a month since a day ago.
func (p *Spans) tells(t *testing.T, now time.Time, spent map[string]int64) {
	t.Helper()
	err := p.Hear(t.Context(), []string{month}, now)
	err = errors.Join(err, p.Tell(t.Context(), []Span{{Mark: month, From: now.Add(-24 * time.Hour), To: now, Spent: spent}}, now))
	if err != nil {
		t.Fatal(err)
	}
}

func (p *Spans) hears(t *testing.T, when string, now time.Time, want map[string]int64) {
	t.Helper()
	if err := p.Hear(t.Context(), []string{month}, now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, p.Others(month, now.Add(-24*time.Hour), now)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func TestPaceIsToldWhereThereIsNews(t *testing.T) {
	c := &counting{wall: newWall()}
	a, b, asks := paceOf(t, c, "a"), paceOf(t, c, "b"), paceOf(t, c, "c")
	posted := func(when string, want int) {
		t.Helper()
		if c.posted != want {
			t.Errorf("%s, %d notes are posted, want %d", when, c.posted, want)
		}
	}
	a.tells(t, c.now, nil)
	posted("of nothing", 0)
	a.tells(t, c.now, map[string]int64{"x": 5, "y": -2})
	b.tells(t, c.now, map[string]int64{"x": 1 << 62})
	posted("at first", 2)
	asks.hears(t, "of both", c.now, map[string]int64{"x": 1<<62 + 5, "y": -2})
	a.hears(t, "of the other", c.now, map[string]int64{"x": 1 << 62})
	a.tells(t, c.now, map[string]int64{"x": 5, "y": -2})
	posted("without news", 2)
	c.now = c.now.Add(tellAgain)
	a.tells(t, c.now, map[string]int64{"x": 5, "y": -2})
	posted("after a while", 3)
	a.tells(t, c.now, map[string]int64{})
	posted("when nothing is left", 4)
	c.now = c.now.Add(tellAgain)
	a.tells(t, c.now, nil)
	posted("when that is told", 4)
	asks = paceOf(t, c, "c")
	asks.hears(t, "of the other, that was silent", c.now.Add(12*time.Hour-2*tellAgain), map[string]int64{"x": 1 << 61})
	asks.hears(t, "when it is of no use", c.now.Add(25*time.Hour), map[string]int64{})
	if len(asks.notes) > 0 {
		t.Errorf("%d notes are kept", len(asks.notes))
	}
	c.away = true
	if err := a.Hear(t.Context(), []string{month}, c.now); !errors.Is(err, errAway) {
		t.Errorf("err = %v", err)
	}
}

// TestWhatIsMarkedLaterIsHeard, though it was told and read before.
func TestWhatIsMarkedLaterIsHeard(t *testing.T) {
	w := newWall()
	a, b := paceOf(t, w, "a"), paceOf(t, w, "b")
	a.tells(t, w.now, map[string]int64{"x": 5})
	if err := b.Hear(t.Context(), []string{"another"}, w.now); err != nil {
		t.Fatal(err)
	}
	b.hears(t, "when it is marked", w.now, map[string]int64{"x": 5})
	if err := b.Hear(t.Context(), nil, w.now); err != nil || len(b.notes) > 0 {
		t.Errorf("%d notes are kept of what is not marked any more, %v", len(b.notes), err)
	}
}

// TestANewWindowIsTold, though as much was spent in it as in the one before.
func TestANewWindowIsTold(t *testing.T) {
	w := newWall()
	a, b := paceOf(t, w, "a"), paceOf(t, w, "b")
	for n := range 3 {
		from := w.now.Add(time.Duration(n) * time.Minute)
		to := from.Add(time.Minute)
		err := errors.Join(a.Hear(t.Context(), []string{month}, to), a.Tell(t.Context(), []Span{{Mark: month, From: from, To: to, Spent: map[string]int64{"x": 5}}}, to),
			b.Hear(t.Context(), []string{month}, to))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Others(month, from, to)["x"]; got != 5 {
			t.Errorf("in window %d it has spent %d", n, got)
		}
	}
}

// TestWhatIsOfUseForLessIsForgottenBefore what is of use for as long as any.
func TestWhatIsOfUseForLessIsForgottenBefore(t *testing.T) {
	w := newWall()
	a, b := paceOf(t, w, "a"), paceOf(t, w, "b")
	l := Span{Mark: month, From: w.now.Add(-time.Hour), To: w.now, Spent: map[string]int64{"x": 5}, Keep: time.Hour}
	if err := a.Tell(t.Context(), []Span{l}, w.now); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	b.hears(t, "when it is of no use", w.now, map[string]int64{})
}

// TestPaceIsBounded: of many accounts those are told that spent the most.
func TestPaceIsBounded(t *testing.T) {
	w := &counting{wall: newWall()}
	a, b := paceOf(t, w, "a"), paceOf(t, w, "b")
	spent := map[string]int64{}
	for n := range 10_000 {
		spent[fmt.Sprintf("u%05d", n)] = int64(1 + n)
	}
	for range 3 {
		a.tells(t, w.now, spent)
	}
	if w.posted != 1 {
		t.Errorf("%d notes are posted of the same", w.posted)
	}
	if err := b.Hear(t.Context(), []string{month}, w.now); err != nil {
		t.Fatal(err)
	}
	told := b.Others(month, w.now.Add(-24*time.Hour), w.now)
	if want := spanBytes / 30; len(told) != want || told["u09999"] != 10_000 || told[fmt.Sprintf("u%05d", 10_000-want)] == 0 {
		t.Errorf("%d accounts are told, want the %d that spent most", len(told), want)
	}
}

// TestPaceLeavesOutWhatIsUnsound, and what is of budgets that it does not know.
func TestPaceLeavesOutWhatIsUnsound(t *testing.T) {
	w := newWall()
	a := paceOf(t, w, "a")
	now := w.now.UnixMicro()
	for name, text := range map[string]string{
		"none":                  "{",
		"another":               fmt.Sprintf(`{"ledger":"b","mark":%q,"from":1,"to":2,"spent":{"x":1}}`, month),
		spanName("b", month):    fmt.Sprintf(`{"ledger":"b","mark":%q,"from":%d,"to":%d,"spent":{"x":1}}`, month, now, now),
		spanName("c", month):    fmt.Sprintf(`{"ledger":"c","mark":%q,"from":0,"to":%d,"spent":{"x":1}}`, month, now),
		spanName("d", "budget"): fmt.Sprintf(`{"ledger":"d","mark":"budget","from":%d,"to":%d,"spent":{"x":1}}`, now-9, now),
		spanName("e", month):    fmt.Sprintf(`{"ledger":"e","mark":%q,"from":%d,"to":%d,"spent":{"x":7}}`, month, now-9, now),
	} {
		if err := w.Post(t.Context(), a.kind.topic, board.Note{Name: name, Text: []byte(text), Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	a.hears(t, "of what is sound", w.now, map[string]int64{"x": 7})
	if len(a.notes) != 1 {
		t.Errorf("%d notes are kept", len(a.notes))
	}
}
