package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/redisstore"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/sqlitestore"
	"github.com/farebox/farebox/policy/relay"
	"github.com/prometheus/client_golang/prometheus"
)

// witness is a replica with a ledger of its own, whose alerts all others hear of.
type witness struct {
	t      *testing.T
	e      *engine.Engine
	o      *engine.Options
	ledger ledger.Adopts // as others have told it
	relay  *relay.Relay
	desk   *alert.Desk
	store  *forgetful
	topups *treasury
	ahead  atomic.Int64 // of its clock
	kept   chan ledger.Alert
	calls  int

	deaf, illiterate, mute atomic.Bool // it was killed before its desk heard, its ledger wrote, its store was told
}

// forgetful is a store whose answers are lost while it is lost, once it has done what it
// was asked.
type forgetful struct {
	*redisstore.Store
	lost    atomic.Bool
	renewed atomic.Int64 // times that the answer to a share was lost
}

func (f *forgetful) Renew(ctx context.Context, r budget.Renewal, thresholds []int) ([]budget.Crossed, bool, error) {
	crossed, found, err := f.Store.Renew(context.WithoutCancel(ctx), r, thresholds)
	if f.lost.Load() {
		f.renewed.Add(1)
		return nil, false, errLost
	}
	return crossed, found, err
}

func (f *forgetful) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	return f.Store.Reserve(context.WithoutCancel(ctx), h) // however busy the machine is
}

var errLost = errors.New("the answer was lost")

func (f *forgetful) Settle(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, thresholds []int) ([]budget.Crossed, bool, error) {
	crossed, found, err := f.Store.Settle(context.WithoutCancel(ctx), id, n, spent, thresholds)
	if f.lost.Load() {
		return nil, false, errLost
	}
	return crossed, found, err
}

// Alert is where the engine leaves events.
func (w *witness) Alert(e alert.Event) {
	if !w.deaf.Load() {
		w.desk.Alert(e)
	}
}

// illegible is a ledger in which nothing can be written once its replica was killed.
type illegible struct {
	ledger.Adopts
	killed *atomic.Bool
}

func (l illegible) Raise(ctx context.Context, a ledger.Alert) (ledger.Alert, bool, error) {
	if l.killed.Load() {
		<-ctx.Done()
		return a, false, ctx.Err()
	}
	return l.Adopts.Raise(ctx, a)
}

func (w *witness) wasKept(ctx context.Context, a *ledger.Alert) {
	if !w.mute.Load() {
		if err := w.e.Told(ctx, a); err != nil {
			w.t.Error(err)
		}
	}
	w.kept <- *a
}

// newWitness starts a replica of an organisation at a server.
func newWitness(t *testing.T, address, org, name string, rules ...budget.Rule) *witness {
	t.Helper()
	return newWitnessOver(t, address, org, name, func(s *forgetful) budget.Store { return s }, rules...)
}

// newWitnessOver has it count in what over makes of the store.
func newWitnessOver(t *testing.T, address, org, name string, over func(*forgetful) budget.Store, rules ...budget.Rule) *witness {
	t.Helper()
	w := &witness{t: t, kept: make(chan ledger.Alert, 100), topups: &treasury{}}
	store, err := redisstore.New(redisstore.Options{Addresses: []string{address}, Org: org, Part: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	own, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Async)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	w.relay, err = relay.New(relay.Options{Board: store.Board(), Ledger: own, Name: name, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	w.ledger, w.store = illegible{w.relay.Ledger(), &w.illiterate}, &forgetful{Store: store}
	w.desk, err = alert.New(alert.Options{Store: w.ledger, Registerer: prometheus.NewRegistry(), Kept: w.wasKept}, alert.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		w.desk.Close(ended)
	})
	pages := &pages{}
	w.e, _, _ = limited(t, func(o *engine.Options) {
		o.Journal, o.Spending, o.Budgets, o.Teller, o.Topups, o.Alerts = pages, pages, over(w.store), w.store, w.topups, w
		o.Now = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
		w.o = o
	}, rules...)
	for errors.Is(w.e.Fill(t.Context(), w.o.Rules.Budgets), budget.ErrFresh) {
	}
	return w
}

// trio are three replicas of one organisation.
func trio(t *testing.T, address string, rules ...budget.Rule) (org string, all [3]*witness) {
	t.Helper()
	org = fmt.Sprint("trio-", rand.Uint64())
	tellRedis(t, address, "SET farebox:2:{"+org+"}:opens 1") // there are no others to wait for
	for i := range all {
		all[i] = newWitness(t, address, org, string(rune('a'+i)), rules...)
	}
	return org, all
}

// spends has a call of team a end, which costs costOfACall.
func (w *witness) spends() {
	w.t.Helper()
	w.calls++
	r := numbered(byte(w.calls), "a")
	r.ID[1] = byte(w.calls >> 8)
	copy(r.ID[2:], fmt.Sprintf("%p", w))
	w.e.Settle(w.t.Context(), admit(w.t, w.e, r), answered)
}

// hears has all that others have said by now, and they what it said.
func (w *witness) hears() {
	for w.relay.Hear(w.t.Context()) != nil { // the board may be slow
	}
}

// looks looks for what is missing, and reports whether it found something.
func (w *witness) looks() bool {
	w.t.Helper()
	w.hears()
	again, err := w.e.TellMissed(w.t.Context(), w.ledger)
	if err != nil {
		w.t.Fatal(err)
	}
	return again
}

// finds looks until it has told, and returns what it told.
func (w *witness) finds() ledger.Alert {
	w.t.Helper()
	if !w.looks() {
		w.t.Fatal("nothing is found")
	}
	w.ahead.Add(int64(engine.MissedFor))
	if w.looks() {
		w.t.Error("what is told is looked for again")
	}
	return <-w.kept
}

// findsNothing looks twice, which is in vain.
func (w *witness) findsNothing() {
	w.t.Helper()
	for range 2 {
		if w.looks() {
			w.t.Error("something is found that was told")
		}
		w.ahead.Add(int64(engine.MissedFor))
	}
}

// raised are the alerts of budgets that the ledgers of all raised themselves.
func raised(t *testing.T, all ...*witness) (alerts []ledger.Alert) {
	t.Helper()
	for _, w := range all {
		if !w.illiterate.Load() {
			w.desk.Close(t.Context()) // when it has kept all
		}
		some, err := w.ledger.Alerts(t.Context(), ledger.AlertSearch{Kind: string(alert.Budget), To: time.Now().AddDate(1, 0, 0), Limit: ledger.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range some {
			if !a.Elsewhere {
				alerts = append(alerts, a)
			}
		}
	}
	return alerts
}

// totalOf is a budget that ends in no test.
func totalOf(limit int64, thresholds ...int) budget.Rule {
	return budget.Rule{
		Name: "month", Per: []string{"team"}, Limit: limit, OnExhausted: budget.Allow, Thresholds: thresholds, Window: budget.Window{Every: budget.Total},
	}
}

// next lets another replica of an organisation look, as when some time has passed.
func next(t *testing.T, address, org string) {
	t.Helper()
	tellRedis(t, address, "DEL farebox:2:{"+org+"}:looking")
}

// wantRaised holds what was raised to percents of limits, in any order.
func wantRaised(t *testing.T, got []ledger.Alert, want ...budget.Told) {
	t.Helper()
	var found []budget.Told
	for _, a := range got {
		found = append(found, budget.Told{Percent: a.Percent, Limit: a.Limit})
	}
	slices.SortFunc(found, func(a, b budget.Told) int { return a.Percent - b.Percent })
	if !slices.Equal(found, want) {
		t.Errorf("raised %+v, want %+v", found, want)
	}
}
