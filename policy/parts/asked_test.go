package parts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/board"
)

// asker is one of those that share a wall.
type asker struct {
	*Asked
	w *wall
	t *testing.T
}

func (w *wall) asker(t *testing.T, ledger string) *asker {
	t.Helper()
	a, err := NewAsked(Options{Board: w, Ledger: ledger})
	if err != nil {
		t.Fatal(err)
	}
	return &asker{a, w, t}
}

func (a *asker) hears() {
	a.t.Helper()
	if err := a.Hear(a.t.Context(), a.w.now); err != nil {
		a.t.Fatal(err)
	}
}

func (a *asker) asks(name string) {
	a.t.Helper()
	if err := a.Ask(a.t.Context(), name, a.w.now); err != nil {
		a.t.Fatal(err)
	}
}

func (a *asker) says(told ...string) {
	a.t.Helper()
	if err := a.Say(a.t.Context(), told, a.w.now); err != nil {
		a.t.Fatal(err)
	}
}

// knows wants the names that a tells of.
func (a *asker) knows(when string, want ...string) {
	a.t.Helper()
	a.hears()
	if diff := cmp.Diff(want, a.Names()); diff != "" {
		a.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// waits wants to know for how many a waits by a name.
func (a *asker) waits(when, name string, want int) {
	a.t.Helper()
	a.hears()
	if n := a.Missing(name, a.w.now); n != want {
		a.t.Errorf("%s, it waits for %d that tell by %s, want %d", when, n, name, want)
	}
}

func TestAllKnowByWhatPeopleAsk(t *testing.T) {
	w := newWall()
	a, b, c := w.asker(t, "a"), w.asker(t, "b"), w.asker(t, "c")
	a.knows("at first")
	a.waits("at first", "user", 0)
	b.says()
	c.says()
	a.asks("user")
	a.waits("when it has asked", "user", 2)
	b.knows("when another has asked", "user")
	b.says("user")
	a.waits("when one has told", "user", 1)
	if err := c.Leave(t.Context(), w.now); err != nil {
		t.Fatal(err)
	}
	a.waits("when the other has left", "user", 0)
	a.waits("by another name", "model", 1)
	w.now = w.now.Add(hereFor)
	a.waits("when it has said nothing for long", "model", 0)
	w.Lose()
	b.hears()
	b.says("user") // which is news, as the board has lost it
	w.asker(t, "d").knows("after that", "user")
	w.now = w.now.Add(askedKept - time.Minute)
	a.knows("before it is forgotten")
	a.asks("user")
	w.now = w.now.Add(time.Hour)
	b.knows("when it is asked again", "user")
	w.now = w.now.Add(askedKept)
	b.knows("when nobody asks any more")
	w.away = true
	for _, err := range []error{a.Hear(t.Context(), w.now), a.Ask(t.Context(), "model", w.now), b.Say(t.Context(), nil, w.now), b.Leave(t.Context(), w.now)} {
		if !errors.Is(err, errAway) {
			t.Errorf("err = %v", err)
		}
	}
	w.away = false
	a.asks("model") // it was not told
	b.knows("when the board is back", "model")
}

// TestNamesAreBounded: those that were asked by last are told of.
func TestNamesAreBounded(t *testing.T) {
	w := newWall()
	a, b := w.asker(t, "a"), w.asker(t, "b")
	var want []string
	for n := range 3 * maxAsked {
		w.now = w.now.Add(time.Second)
		name := fmt.Sprintf("name-%02d", n)
		a.asks(name)
		want = append(want, name)
	}
	a.asks(strings.Repeat("n", maxNamed+1))
	a.asks("")
	a.knows("who asked", want[2*maxAsked:]...)
	b.knows("who hears", want[2*maxAsked:]...)
}

// TestLittleIsSaid while there is no news.
func TestLittleIsSaid(t *testing.T) {
	c := &counting{wall: newWall()}
	a, err := NewAsked(Options{Board: c, Ledger: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for range 301 { // 600 seconds
		err := errors.Join(a.Hear(t.Context(), c.now), a.Ask(t.Context(), "user", c.now), a.Say(t.Context(), []string{"user"}, c.now))
		if err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(2 * time.Second)
	}
	if c.posted != 3 { // asked, told, and here again
		t.Errorf("%d notes are posted", c.posted)
	}
}

func TestWhatIsAskedLeavesOutWhatIsUnsound(t *testing.T) {
	w := newWall()
	a := w.asker(t, "a")
	until := w.now.Add(time.Minute).UnixMicro()
	for name, text := range map[string]string{
		"none":      "{",
		"another":   fmt.Sprintf(`{"ledger":"b","until":%d,"asked":{"x":%d}}`, until, until),
		headOf("c"): fmt.Sprintf(`{"ledger":"c","until":%d,"asked":{"y":%d,"":%d}}`, until, until, until),
	} {
		if err := w.Post(t.Context(), askedTopic, board.Note{Name: name, Text: []byte(text), Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	a.knows("of what is sound", "y")
	a.waits("of what is sound", "y", 1)
}
