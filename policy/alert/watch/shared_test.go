package watch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy/alert/watch"
	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/parts"
)

// wall is a board that may be away.
type wall struct {
	*board.Memory
	away atomic.Bool
}

var errAway = errors.New("the board is away")

func (w *wall) Post(ctx context.Context, topic string, notes ...board.Note) error {
	if w.away.Load() {
		return errAway
	}
	return w.Memory.Post(ctx, topic, notes...)
}

func (w *wall) Since(ctx context.Context, topic string, mark board.Mark) ([]board.Note, board.Mark, error) {
	if w.away.Load() {
		return nil, mark, errAway
	}
	return w.Memory.Since(ctx, topic, mark)
}

// replica is one of those that share a wall.
type replica struct {
	books
	heard
	stop func()
}

func (w *wall) replica(t *testing.T, ledger string) *replica {
	t.Helper()
	hours, err := parts.NewHours(parts.Options{Board: w, Ledger: ledger})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{}
	rules := all
	rules.Unattributed.Floor = money.Amount{Micro: 2e6}
	_, r.stop = begin(t, watch.Options{Ledger: &r.books, Counters: prometheus.NewRegistry(), Alert: r.alert, Hours: hours}, rules)
	return r
}

// kill ends r, whose ledger cannot be read from now on.
func (r *replica) kill() {
	r.books.mu.Lock()
	r.err = errors.New("gone")
	r.books.mu.Unlock()
	r.stop()
}

func sharing(t *testing.T, test func(t *testing.T, w *wall)) {
	synctest.Test(t, func(t *testing.T) { test(t, &wall{Memory: board.NewMemory(nil)}) })
}

// TestWatchesLookAtHoursOfAllReplicas: what each of them has is too little to tell of,
// and a team whose calls another takes over spends no more than before.
func TestWatchesLookAtHoursOfAllReplicas(t *testing.T) {
	sharing(t, func(t *testing.T, w *wall) {
		a, b := w.replica(t, "a"), w.replica(t, "b")
		a.call(t, 1, "spike", "m", 4)
		b.call(t, 2, "spike", "m", 3)
		a.call(t, 3, "moved", "m", 9)
		later(time.Hour)
		a.call(t, 4, "spike", "m", 6)
		b.call(t, 5, "spike", "m", 6)
		b.call(t, 6, "moved", "m", 13)
		a.call(t, 7, "", "m", 1)
		b.call(t, 8, "", "m", 1)
		a.call(t, 9, "spike", "x", -1)
		b.call(t, 10, "spike", "x", -1)
		from := hour(0)
		later(time.Hour + 2*time.Minute)
		for _, r := range []*replica{a, b} {
			want(t, "before all have told", r.take(), "")
		}
		later(3 * time.Minute)
		for _, r := range []*replica{a, b} {
			want(t, "when all have told", r.take(), "spend_spike spike: team spike was charged 12.00 USD in the hour from "+from+" on, after 7.00 USD in the hour before\n"+
				"unattributed : 2.00 USD of 27.00 USD that was charged in the hour from "+from+" on is no team's\n"+
				"unpriced : 2 calls of the hour from "+from+" on have no price, and their cost is in no sum: x of local (2)")
		}
		later(50 * time.Minute)
		for _, r := range []*replica{a, b} {
			want(t, "again", r.take(), "")
		}
	})
}

// TestWhatReplicasToldThatStoppedCounts: of one that left all, of one that was killed
// what it told last, and what it tells when it is back.
func TestWhatReplicasToldThatStoppedCounts(t *testing.T) {
	sharing(t, func(t *testing.T, w *wall) {
		a, leaves, killed := w.replica(t, "a"), w.replica(t, "b"), w.replica(t, "c")
		later(time.Minute)
		a.call(t, 1, "team", "m", 2)
		leaves.call(t, 2, "team", "m", 3)
		leaves.stop()
		killed.call(t, 3, "team", "m", 7)
		later(2 * time.Minute)
		killed.call(t, 4, "team", "m", 100)
		killed.kill()
		from := hour(0)
		later(time.Hour + 4*time.Minute)
		want(t, "of all three", a.take(), "spend_spike team: team team was charged 12.00 USD in the hour from "+from+" on, after 0.00 USD in the hour before")
		again := w.replica(t, "c")
		again.call(t, 5, "team", "m", 1)
		w.Lose()
		later(11 * time.Minute) // each tells again what it has
		b := w.replica(t, "d")
		b.call(t, 6, "team", "m", 20)
		from = hour(0)
		later(time.Hour)
		want(t, "after the board had lost all", b.take(), "spend_spike team: team team was charged 21.00 USD in the hour from "+from+" on, after 2.00 USD in the hour before")
	})
}

// TestWhileOthersCannotBeHeard an hour waits for them for a while, and is looked at
// with what is known then.
func TestWhileOthersCannotBeHeard(t *testing.T) {
	sharing(t, func(t *testing.T, w *wall) {
		a, b := w.replica(t, "a"), w.replica(t, "b")
		a.call(t, 1, "team", "m", 6)
		b.call(t, 2, "team", "m", 5)
		later(59 * time.Minute)
		w.away.Store(true)
		a.call(t, 3, "team", "m", 1)
		b.call(t, 4, "team", "m", 1)
		from := hour(0)
		later(10 * time.Minute)
		want(t, "in vain", a.take(), "")
		later(3 * time.Minute)
		want(t, "with what is known", a.take(), "spend_spike team: team team was charged 12.00 USD in the hour from "+from+" on, after 0.00 USD in the hour before")
		b.call(t, 5, "team", "m", 20)
		w.away.Store(false)
		from = hour(0)
		later(time.Hour)
		want(t, "when it is back", a.take(), "spend_spike team: team team was charged 20.00 USD in the hour from "+from+" on, after 13.00 USD in the hour before")
	})
}

// TestOfManyTeamsThoseAreToldThatSpentMost, and the share of nobody is of all.
func TestOfManyTeamsThoseAreToldThatSpentMost(t *testing.T) {
	sharing(t, func(t *testing.T, w *wall) {
		a, b := w.replica(t, "a"), w.replica(t, "b")
		for n := range 300 {
			a.call(t, 10+n, fmt.Sprint("small-", n, strings.Repeat("-", 300)), "m", 1)
		}
		a.call(t, 1, "large", "m", 20)
		a.call(t, 2, "", "m", 29)
		b.call(t, 3, "", "m", 1)
		from := hour(0)
		later(time.Hour + 5*time.Minute)
		told := b.take()
		if !strings.Contains(told, "spend_spike large") || !strings.Contains(told, "unattributed : 30.00 USD of 350.00 USD that was charged in the hour from "+from) {
			t.Errorf("told %s", told)
		}
	})
}
