package relay

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/sqlitestore"
)

// noon is when nothing has happened yet.
var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// wall is a board that can be out of reach, under a clock that is moved by hand.
type wall struct {
	*board.Memory
	away  atomic.Bool
	eats  atomic.Bool  // what is posted is lost, and nobody notices
	moved atomic.Int64 // since noon
}

var errAway = errors.New("the board is away")

func newWall() *wall {
	w := &wall{}
	w.Memory = board.NewMemory(w.now)
	return w
}

func (w *wall) now() time.Time { return noon.Add(time.Duration(w.moved.Load())) }

func (w *wall) Post(ctx context.Context, topic string, notes ...board.Note) error {
	if w.away.Load() {
		return errAway
	}
	if w.eats.Load() {
		return nil
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
	*Relay
	ledger.Adopts               // told to all
	own           ledger.Adopts // of this replica alone
	followed      chan Changed  // holds some
	testing       *testing.T
}

func (w *wall) replica(t *testing.T, name string) *replica {
	t.Helper()
	store, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Async)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return w.over(t, store, name)
}

// over starts one over the ledger of an earlier run.
func (w *wall) over(t *testing.T, store ledger.Adopts, name string) *replica {
	t.Helper()
	r, err := New(Options{Board: w, Ledger: store, Name: name, Registerer: prometheus.NewRegistry(), Now: w.now, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	one := &replica{r, r.Ledger(), store, make(chan Changed, 100), t}
	r.Follow(func(_ context.Context, c Changed) error {
		one.followed <- c
		return nil
	})
	return one
}

func (r *replica) hears() {
	r.testing.Helper()
	if err := r.Hear(r.testing.Context()); err != nil {
		r.testing.Fatal(err)
	}
}

// by is a change of someone a second after the last.
func (w *wall) by(who string) ledger.Change {
	return ledger.Change{At: noon.Add(time.Duration(w.moved.Add(int64(time.Second)))), Actor: who, Role: "owner", Action: "x"}
}

func (r *replica) asks(c ledger.Change) ledger.Topup {
	r.testing.Helper()
	t, err := r.Topup(r.testing.Context(), ledger.Topup{Rule: "month", Of: "a", Unit: "usd", Amount: 5, Until: noon.AddDate(0, 1, 0), By: c.Actor, At: c.At, Why: "a fair"}, c)
	if err != nil {
		r.testing.Fatal(err)
	}
	return t
}

func (r *replica) requests(c ledger.Change) ledger.Approval {
	r.testing.Helper()
	a, err := r.RequestApproval(r.testing.Context(), ledger.Approval{Team: "a", Model: "o3", Until: noon.AddDate(0, 1, 0), By: c.Actor, At: c.At}, c)
	if err != nil {
		r.testing.Fatal(err)
	}
	return a
}

func (r *replica) raises(key string, at time.Time) ledger.Alert {
	r.testing.Helper()
	a, _, err := r.Raise(r.testing.Context(), ledger.Alert{
		Key: key, Family: "f", Percent: 90, At: at, Kind: "budget", Severity: "critical", Rule: "month", Text: key, Review: true,
		Deliveries: []ledger.Delivery{{Receiver: "mail", State: ledger.AlertNew}},
	})
	if err != nil {
		r.testing.Fatal(err)
	}
	return a
}

func decided(c ledger.Change, grant bool) ledger.Decision {
	return ledger.Decision{Grant: grant, By: c.Actor, At: c.At}
}

// What was asked for at one replica is granted at another, and holds at a third.
func TestATopupHoldsEverywhere(t *testing.T) {
	w := newWall()
	a, b, c := w.replica(t, "a"), w.replica(t, "b"), w.replica(t, "c")
	asked := a.asks(w.by("ann"))
	open, err := b.Topups(t.Context(), w.now()) // who is asked knows at once
	if err != nil || len(open) != 1 || open[0] != asked {
		t.Fatalf("another has %+v, %v, want %+v", open, err, asked)
	}
	if _, err := b.GrantTopup(t.Context(), asked.Number, w.by("ann")); !errors.Is(err, ledger.ErrOwnTopup) {
		t.Errorf("granting one's own at another replica: %v", err)
	}
	granted, err := b.GrantTopup(t.Context(), asked.Number, w.by("bob"))
	if err != nil {
		t.Fatal(err)
	}
	c.hears()
	if got := <-c.followed; got != (Changed{Topups: true}) {
		t.Errorf("followed %+v", got)
	}
	for _, r := range []*replica{a, c} {
		r.hears()
		if got, err := r.own.Topups(t.Context(), w.now()); err != nil || len(got) != 1 || got[0] != granted {
			t.Errorf("%s has %+v, %v", r.o.Name, got, err)
		}
	}
	entries, err := a.Audit(t.Context(), ledger.Review{From: noon, To: w.now().Add(time.Second), Limit: 9})
	if err != nil || len(entries) != 2 || entries[0].Actor != "bob" || entries[0].Via != "b" || entries[0].Action != ledger.ActGrantTopup || entries[1].Via != "" {
		t.Errorf("the audit of who was asked: %+v, %v", entries, err)
	}
	entries, err = c.Audit(t.Context(), ledger.Review{From: noon, To: w.now().Add(time.Second), Limit: 9})
	if err != nil || len(entries) != 1 || entries[0].Actor != "bob" || entries[0].Via != "b" { // it has heard of both at once
		t.Errorf("the audit of a third: %+v, %v", entries, err)
	}
	a.hears()
	if n := testutil.ToFloat64(a.metrics.posted); n != 1 {
		t.Errorf("a posted %v notes", n)
	}
	back := w.by("eve")
	back.Action, back.Reason = ledger.ActRevokeTopup, "no fair"
	revoked, err := c.RevokeTopup(t.Context(), asked.Number, back)
	if err != nil {
		t.Fatal(err)
	}
	a.hears()
	if got, err := a.own.Topups(t.Context(), w.now()); err != nil || len(got) != 1 || got[0] != revoked || got[0].InForce() {
		t.Errorf("after it was revoked at c, a has %+v, %v", got, err)
	}
	entries, err = a.Audit(t.Context(), ledger.Review{From: noon, To: w.now().Add(time.Second), Action: ledger.ActRevokeTopup, Limit: 9})
	if err != nil || len(entries) != 1 || entries[0].Actor != "eve" || entries[0].Via != "c" || entries[0].Reason != "no fair" {
		t.Errorf("the audit of a: %+v, %v", entries, err)
	}
}

// Of a grant and a refusal at the same time, before either hears of the other, the
// refusal holds.
func TestOfTwoWhoDecideAtOnceTheRefusalHolds(t *testing.T) {
	w := newWall()
	a, b, c := w.replica(t, "a"), w.replica(t, "b"), w.replica(t, "c")
	asked := a.requests(w.by("ann"))
	b.hears()
	w.away.Store(true)
	refusal, grant := w.by("eve"), w.by("bob")
	if _, err := b.DecideApproval(t.Context(), asked.Number, decided(refusal, false), refusal); err != nil {
		t.Fatal(err)
	}
	if _, err := a.DecideApproval(t.Context(), asked.Number, decided(grant, true), grant); err != nil {
		t.Fatal(err)
	}
	w.away.Store(false)
	for _, r := range []*replica{b, a, b, c} {
		r.hears()
	}
	for _, r := range []*replica{a, b, c} {
		got, found, err := r.own.Approval(t.Context(), asked.Number)
		if err != nil || !found || got.State != ledger.ApprovalRevoked || got.DecidedBy != "eve" {
			t.Errorf("%s: %+v, %v, %v", r.o.Name, got, found, err)
		}
	}
	if got := <-a.followed; !got.Approvals {
		t.Errorf("followed %+v", got)
	}
}

// What could not be posted is told later, also by who was restarted meanwhile, and
// to a board that has lost all.
func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	first := a.asks(w.by("ann"))
	b.hears()
	w.away.Store(true)
	second := a.asks(w.by("ann"))
	if err := a.Hear(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("hear while the board is away: %v", err)
	}
	w.away.Store(false)
	w.Lose()
	a = w.over(t, a.own, "a")
	a.hears()
	b.hears()
	got, err := b.own.Topups(t.Context(), w.now())
	if diff := cmp.Diff([]ledger.Topup{first, second}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	w.Lose()
	c := w.replica(t, "c")
	b.hears() // sees that all is lost, and posts what it has
	c.hears()
	if got, err := c.own.Topups(t.Context(), w.now()); err != nil || len(got) != 2 {
		t.Errorf("after a loss a new one has %+v, %v", got, err)
	}
}

// What the board lost unnoticed is posted once more within ten minutes.
func TestWhatIsLostUnnoticedIsToldLater(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	a.hears()
	w.eats.Store(true)
	asked := a.asks(w.by("ann"))
	w.eats.Store(false)
	a.hears()
	if got, err := b.Topups(t.Context(), w.now()); err != nil || len(got) > 0 {
		t.Fatalf("what was lost is there: %+v, %v", got, err)
	}
	w.moved.Add(int64(wholeEvery))
	a.hears()
	if got, err := b.Topups(t.Context(), w.now()); err != nil || len(got) != 1 || got[0] != asked {
		t.Errorf("%+v, %v", got, err)
	}
}

// Calls follow in the end, where they could not at first.
func TestFollowingIsTriedAgain(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	fails, times := errors.New("not now"), 0
	b.Follow(func(_ context.Context, c Changed) error {
		if times++; !c.Topups || c.Approvals {
			t.Errorf("followed %+v", c)
		}
		if times == 1 {
			return fails
		}
		return nil
	})
	a.asks(w.by("ann"))
	if err := b.Hear(t.Context()); !errors.Is(err, fails) {
		t.Errorf("hear: %v", err)
	}
	b.hears()
	b.hears()
	if times != 2 {
		t.Errorf("followed %d times", times)
	}
}

// An alert is told by who raised it, is not raised by another, and is acknowledged
// anywhere.
func TestAnAlertIsAcknowledgedAnywhere(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	raised := a.raises("90", w.now())
	if again := b.raises("90", w.now()); again.Number != raised.Number {
		t.Errorf("raised again under %d", again.Number)
	}
	if got, err := b.Untold(t.Context(), "", 9); err != nil || len(got) > 0 {
		t.Errorf("who did not raise it tells %+v, %v", got, err)
	}
	if _, err := b.Acknowledge(t.Context(), raised.Number, w.by("bob")); err != nil {
		t.Fatal(err)
	}
	a.hears()
	if got, err := a.own.Alert(t.Context(), raised.Number); err != nil || got.AcknowledgedBy != "bob" || got.Open() {
		t.Errorf("who raised it has %+v, %v", got, err)
	}
	other := a.raises("100", w.now())
	if err := a.Tell(t.Context(), []int64{other.Number}, ledger.Delivery{Receiver: "mail", State: ledger.AlertSent, At: w.now()}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Alert(t.Context(), other.Number); err != nil || got.State() != ledger.AlertSent || !got.Elsewhere {
		t.Errorf("what was told: %+v, %v", got, err)
	}
}

// A mute that was lifted stays so, whoever still had it; what is re-armed is so
// everywhere, and what is raised later is not.
func TestMutesAndRearmingReachAll(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	c := w.by("ann")
	mute := ledger.Mute{Rule: "month", At: c.At, Until: c.At.Add(time.Hour), By: "ann"}
	if err := a.Mute(t.Context(), mute, c); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Mutes(t.Context(), w.now()); err != nil || len(got) != 1 {
		t.Fatalf("muted at another: %+v, %v", got, err)
	}
	c = w.by("bob")
	if err := b.Mute(t.Context(), ledger.Mute{Rule: "month", At: c.At, Until: c.At, By: "bob"}, c); err != nil {
		t.Fatal(err)
	}
	w.Lose()
	a.hears() // posts the mute once more, which it has not heard was lifted
	b.hears()
	if got, err := a.Mutes(t.Context(), w.now()); err != nil || len(got) > 0 {
		t.Errorf("a mute that was lifted: %+v, %v", got, err)
	}
	old := a.raises("old", w.now())
	b.hears()
	c = w.by("ann")
	if n, err := b.Rearm(t.Context(), ledger.Mute{Rule: "month"}, c); err != nil || n != 1 {
		t.Fatalf("re-armed %d, %v", n, err)
	}
	if again := a.raises("old", w.by("").At); again.Number == old.Number {
		t.Error("what was re-armed is not raised again")
	}
	a.hears()
	if all, err := a.Alerts(t.Context(), ledger.AlertSearch{From: noon, To: w.now().Add(time.Hour), Limit: 9}); err != nil || len(all) != 2 || all[0].Rearmed || !all[1].Rearmed {
		t.Errorf("%+v, %v", all, err)
	}
	for rearmed := false; !rearmed; {
		rearmed = (<-a.followed).Rearmed
	}
}

// Notes that nobody of ours posts are left out, and those behind them are read.
func TestNotesThatAreWrongAreRefused(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	asked := a.asks(w.by("ann"))
	b.hears()
	own, other := asked, asked
	own.GrantedBy, own.GrantedAt = "ann", w.now()
	other.Amount = 1e9
	for name, p := range map[string]*paper{"own": ofTopup(&own), "another": ofTopup(&other)} {
		if err := w.Post(t.Context(), decisions, p.note("forger", w.now())); err != nil {
			t.Fatal(name, err)
		}
		b.hears()
		if got, err := b.own.Topups(t.Context(), w.now()); err != nil || len(got) != 1 || got[0] != asked {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{"topup 1": `{"number":1,"topup":{}}`, "junk": "{", "none": "{}", "mute x": `{"mute":{}}`, "two": `{"mute":{"Rule":"a"},"rearm":{"Rule":"a"}}`} {
		if err := w.Post(t.Context(), decisions, board.Note{Name: name, Text: []byte(text), Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	later := a.asks(w.by("ann"))
	b.hears()
	if got, err := b.own.Topups(t.Context(), w.now()); err != nil || len(got) != 2 || got[1] != later {
		t.Errorf("%+v, %v", got, err)
	}
	if n := testutil.ToFloat64(b.metrics.refused); n != 7 {
		t.Errorf("%v notes were refused, want 7", n)
	}
}

// What was asked for before the ledger was shared is nobody else's.
func TestWhatIsOlderThanSharingStaysAlone(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	c := w.by("ann")
	old, err := a.own.Topup(t.Context(), ledger.Topup{Rule: "month", Unit: "usd", Amount: 1, By: "ann", At: c.At}, c)
	if err != nil || old.Number != 1 {
		t.Fatal(old, err)
	}
	a.hears()
	if _, err := a.GrantTopup(t.Context(), 1, w.by("bob")); err != nil {
		t.Error(err)
	}
	if got, err := b.Topups(t.Context(), w.now()); err != nil || len(got) > 0 {
		t.Errorf("another has %+v, %v", got, err)
	}
}

func TestRunHearsUntilItsEnd(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	a.asks(w.by("ann"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	<-b.followed
	cancel()
	<-done
}

func TestMetricNames(t *testing.T) {
	reg := prometheus.NewRegistry()
	if _, err := newMetrics(reg); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}
