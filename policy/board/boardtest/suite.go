// Package boardtest holds boards to their contract. In goes a board, out come
// failures of a test. It refuses to know where notes are kept.
package boardtest

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/board"
)

// Harness is a board under test.
type Harness struct {
	board.Board
	Advance func(time.Duration) // moves its clock ahead
	Lose    func()              // makes it lose all
}

// Run holds a board to the contract. open makes an empty one that ends with t.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		hold func(*testing.T, Harness)
	}{
		{"a note is read once", readOnce},
		{"a note takes the place of one of its name", replaced},
		{"a name is posted once", once},
		{"topics are apart", apart},
		{"notes are forgotten in time", forgotten},
		{"a loss is told", lost},
		{"what is out of bounds is refused", refused},
		{"a full topic takes no new name", full},
		{"many notes are read in their order", inOrder},
		{"no note is missed while others post", missed},
	} {
		t.Run(test.name, func(t *testing.T) { test.hold(t, open(t)) })
	}
}

func note(name, text string) board.Note {
	return board.Note{Name: name, Text: []byte(text), Keep: time.Hour}
}

func (h Harness) post(t *testing.T, topic string, notes ...board.Note) {
	t.Helper()
	if err := h.Post(t.Context(), topic, notes...); err != nil {
		t.Fatal(err)
	}
}

// read reads all that is newer than a mark.
func (h Harness) read(t *testing.T, topic string, mark board.Mark) (all []board.Note, last board.Mark) {
	t.Helper()
	for {
		notes, next, err := h.Since(t.Context(), topic, mark)
		if err != nil {
			t.Fatal(err)
		}
		if mark = next; len(notes) == 0 {
			return all, mark
		}
		all = append(all, notes...)
	}
}

// reads wants names and texts, in order.
func (h Harness) reads(t *testing.T, topic string, mark board.Mark, want ...string) board.Mark {
	t.Helper()
	notes, next := h.read(t, topic, mark)
	var got []string
	for _, n := range notes {
		got = append(got, n.Name, string(n.Text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s since %+v (-want +got):\n%s", topic, mark, diff)
	}
	return next
}

func readOnce(t *testing.T, h Harness) {
	start := h.reads(t, "a", board.Mark{})
	if start.Epoch == "" {
		t.Error("a topic without notes has no epoch")
	}
	h.post(t, "a", note("one", "1"), note("two", "\x00\xff"))
	mark := h.reads(t, "a", start, "one", "1", "two", "\x00\xff")
	h.reads(t, "a", board.Mark{}, "one", "1", "two", "\x00\xff")
	h.post(t, "a", note("three", ""))
	mark = h.reads(t, "a", mark, "three", "")
	if last := h.reads(t, "a", mark); last != mark || mark.Epoch != start.Epoch {
		t.Errorf("a mark became %+v, and then %+v, with nothing new", mark, last)
	}
}

func replaced(t *testing.T, h Harness) {
	h.post(t, "a", note("one", "1"), note("two", "2"))
	mark := h.reads(t, "a", board.Mark{}, "one", "1", "two", "2")
	h.post(t, "a", note("one", "3"))
	h.post(t, "a", note("one", "4"))
	h.reads(t, "a", mark, "one", "4")
	h.reads(t, "a", board.Mark{}, "two", "2", "one", "4")
}

func once(t *testing.T, h Harness) {
	first := note("one", "1")
	first.Once = true
	again := first
	again.Text = []byte("2")
	h.post(t, "a", first)
	for name, notes := range map[string][]board.Note{"again": {again}, "behind another": {note("two", "2"), again}, "twice at once": {note("three", "3"), {Name: "three", Keep: time.Hour, Once: true}}} {
		if err := h.Post(t.Context(), "a", notes...); !errors.Is(err, board.ErrTaken) {
			t.Errorf("%s: %v, want ErrTaken", name, err)
		}
	}
	mark := h.reads(t, "a", board.Mark{}, "one", "1")
	h.Advance(time.Hour)
	h.post(t, "a", again)
	h.reads(t, "a", mark, "one", "2")
	var posted, taken atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			switch err := h.Post(t.Context(), "b", again); {
			case err == nil:
				posted.Add(1)
			case errors.Is(err, board.ErrTaken):
				taken.Add(1)
			}
		})
	}
	all.Wait()
	if posted.Load() != 1 || taken.Load() != 19 {
		t.Errorf("of 20 at once %d posted it, and %d were told", posted.Load(), taken.Load())
	}
}

func apart(t *testing.T, h Harness) {
	h.post(t, "a", note("one", "1"))
	h.post(t, "b", note("one", "2"))
	h.reads(t, "a", board.Mark{}, "one", "1")
	mark := h.reads(t, "b", board.Mark{}, "one", "2")
	h.reads(t, "a", mark, "one", "1") // a mark of another topic is none
}

func forgotten(t *testing.T, h Harness) {
	short, long := note("short", "1"), note("long", "2")
	long.Keep = 3 * time.Hour
	h.post(t, "a", short, long)
	h.Advance(59 * time.Minute) // the clock of a real board runs on beside it
	mark := h.reads(t, "a", board.Mark{}, "short", "1", "long", "2")
	h.post(t, "a", short) // is kept from now on
	h.Advance(59 * time.Minute)
	mark = h.reads(t, "a", mark, "short", "1")
	h.Advance(2 * time.Minute)
	h.reads(t, "a", board.Mark{}, "long", "2")
	h.Advance(2 * time.Hour)
	if last := h.reads(t, "a", board.Mark{}); last.Epoch != mark.Epoch {
		t.Error("what is forgotten in time is told as a loss")
	}
}

func lost(t *testing.T, h Harness) {
	h.post(t, "a", note("one", "1"))
	mark := h.reads(t, "a", board.Mark{}, "one", "1")
	h.Lose()
	h.post(t, "a", note("two", "2"))
	next := h.reads(t, "a", mark, "two", "2")
	if next.Epoch == mark.Epoch {
		t.Error("a topic that lost its notes has the same epoch")
	}
	h.Lose()
	if last := h.reads(t, "a", next); last.Epoch == next.Epoch || last.Epoch == mark.Epoch {
		t.Errorf("epochs %q, %q, and %q", mark.Epoch, next.Epoch, last.Epoch)
	}
	ahead := board.Mark{Epoch: h.reads(t, "a", board.Mark{}).Epoch, Seen: 1 << 60}
	h.post(t, "a", note("three", "3"))
	if last := h.reads(t, "a", ahead, "three", "3"); last.Epoch == ahead.Epoch {
		t.Error("a topic that lost what was read has the same epoch")
	}
}

func refused(t *testing.T, h Harness) {
	fine := note("fine", "1")
	large := note("large", strings.Repeat("x", board.MaxText))
	for name, notes := range map[string][]board.Note{
		"no name":           {fine, note("", "1")},
		"a long name":       {fine, note(strings.Repeat("n", board.MaxName+1), "1")},
		"a long text":       {fine, note("n", strings.Repeat("x", board.MaxText+1))},
		"kept for no time":  {fine, {Name: "n"}},
		"kept for too long": {fine, {Name: "n", Keep: board.MaxKeep + 1}},
		"too many":          make([]board.Note, board.MaxPost+1),
		"too large":         {large, large, large, large, fine},
	} {
		if err := h.Post(t.Context(), "a", notes...); err == nil {
			t.Errorf("%s: was posted", name)
		}
	}
	for _, topic := range []string{"", "A", "a b", "a:b", "{a}", strings.Repeat("a", 65)} {
		if err := h.Post(t.Context(), topic, fine); err == nil {
			t.Errorf("topic %q: was posted to", topic)
		}
		if _, _, err := h.Since(t.Context(), topic, board.Mark{}); err == nil {
			t.Errorf("topic %q: was read", topic)
		}
	}
	h.reads(t, "a", board.Mark{})
	h.post(t, "a", large, large, large, note("more", strings.Repeat("x", board.MaxText)))
	if notes, _ := h.read(t, "a", board.Mark{}); len(notes) != 2 || len(notes[1].Text) != board.MaxText {
		t.Errorf("%d notes were read", len(notes))
	}
}

func full(t *testing.T, h Harness) {
	for n := 0; n < board.MaxNotes; n += board.MaxPost {
		var notes []board.Note
		for i := range board.MaxPost {
			notes = append(notes, note(strconv.Itoa(n+i), ""))
		}
		h.post(t, "a", notes...)
	}
	mark := h.reads(t, "b", board.Mark{})
	all, mark := h.read(t, "a", mark)
	if len(all) != board.MaxNotes {
		t.Fatalf("%d notes were read", len(all))
	}
	if err := h.Post(t.Context(), "a", note("7", "new"), note("more", "1")); !errors.Is(err, board.ErrFull) {
		t.Errorf("one more: %v, want ErrFull", err)
	}
	h.reads(t, "a", mark)
	h.post(t, "a", note("7", "newer"))
	h.reads(t, "a", mark, "7", "newer")
}

func inOrder(t *testing.T, h Harness) {
	var want []string
	for round := range 5 {
		var notes []board.Note
		for i := range 500 {
			n := note(fmt.Sprint(round, " ", i), strings.Repeat("x", 3000))
			notes, want = append(notes, n), append(want, n.Name)
		}
		h.post(t, "a", notes...)
	}
	var got []string
	all, _ := h.read(t, "a", board.Mark{})
	for _, n := range all {
		got = append(got, n.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A reader that reads while others post has the last note of every name.
func missed(t *testing.T, h Harness) {
	var posting sync.WaitGroup
	done := make(chan struct{})
	for g := range 4 {
		posting.Go(func() {
			for i := range 100 {
				if err := h.Post(t.Context(), "a", note(fmt.Sprint(g, i%7), strconv.Itoa(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { posting.Wait(); close(done) }()
	got, mark := map[string]string{}, board.Mark{}
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		var notes []board.Note
		notes, mark = h.read(t, "a", mark)
		for _, n := range notes {
			got[n.Name] = string(n.Text)
		}
	}
	want := map[string]string{}
	all, _ := h.read(t, "a", board.Mark{})
	for _, n := range all {
		want[n.Name] = string(n.Text)
	}
	if !maps.Equal(want, got) || len(want) != 28 {
		t.Errorf("read %v, want %v", got, want)
	}
}
