package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
	"github.com/farebox/farebox/policy/budget/redisstore"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// carried are rules of every kind, none of which is ever short but the narrow one.
func carried(narrow int64) []budget.Rule {
	month := budget.Window{Every: budget.Month}
	return []budget.Rule{
		{Name: "month", Per: []string{"team"}, Limit: plenty, Window: month, Include: budget.CallsAndCharges},
		{Name: "narrow", Limit: narrow, Window: month, OnExhausted: budget.Downgrade, To: "m2"},
		{Name: "tokens", Unit: budget.Tokens, Limit: plenty, Window: budget.Window{Every: budget.Total}},
		{Name: "moving", Limit: plenty, Window: budget.Window{Every: budget.Rolling, Length: 24 * time.Hour}},
		{Name: "lanes", Unit: budget.Concurrency, Limit: plenty, Window: budget.Window{Every: budget.Total}},
	}
}

// carriedStep does something with calls: it begins one, ends one in any of the ways
// that calls end, looks after what waits, or lets late requests arrive.
func (f *office) carriedStep(p *post) {
	f.t.Helper()
	ctx := f.t.Context()
	switch n := f.random.IntN(20); {
	case n < 8:
		ticket, err := f.e.Admit(ctx, f.request())
		if err != nil {
			f.t.Fatal(err)
		}
		if ticket.Refusal == nil {
			f.under = append(f.under, ticket)
		}
	case n < 9 && len(f.under) > 0:
		f.e.Extend(ctx, &f.under[f.random.IntN(len(f.under))], false)
	case n < 16 && len(f.under) > 0:
		i := f.random.IntN(len(f.under))
		ticket := f.under[i]
		f.under = append(f.under[:i], f.under[i+1:]...)
		f.endAnyWay(ticket)
	case n == 16:
		if len(f.deferred) > 0 {
			f.poll()
		}
	case n == 17:
		f.book()
	case n == 18:
		f.e.Sweep(ctx)
		if err := f.e.Refill(ctx); err != nil && !errors.Is(err, errPost) {
			f.t.Fatal(err)
		}
	default:
		p.deliver(f.random, false)
	}
}

// endAnyWay ends a call: in one try or several, with work that goes on or is stored, or
// when its process has been killed.
func (f *office) endAnyWay(ticket policy.Ticket) {
	f.settled++
	ctx, o := f.t.Context(), f.answer()
	id := fmt.Sprint("resp_", f.calls, f.settled)
	switch f.random.IntN(6) {
	case 0:
		for n := range 1 + f.random.IntN(3) { // of each try
			o = f.answer()
			o.Attempt = n + 1
			f.e.Settle(ctx, ticket, o)
		}
		return
	case 1:
		ticket.By = nil
		f.e.Recover(ctx, []policy.Opening{{Ticket: ticket}}, nil)
		return
	case 2:
		o.Reading = tokenizer.Reading{Deferred: tokenizer.Deferred{ID: id}}
		f.deferred = append(f.deferred, id)
	case 3:
		o.Reading.Deferred = tokenizer.Deferred{ID: id, Stored: 1_000_000, Expires: f.now().Add(-time.Minute)}
	}
	f.e.Settle(ctx, ticket, o)
}

// poll asks after the oldest work that goes on.
func (f *office) poll() {
	r := f.request()
	r.Call.Of = f.deferred[0]
	f.deferred = f.deferred[1:]
	f.e.Settle(f.t.Context(), admit(f.t, f.e, r), f.answer())
}

// book books a charge, or the same again where the store did not answer.
func (f *office) book() {
	f.calls++
	c := ledger.Charge{
		ID: fmt.Sprint("charge-", f.calls), Amount: money.Nano(1 + f.random.Int64N(1e9)), Description: "hosting", By: "ann",
		For: map[string]string{"team": "a"}, Booked: f.now(),
	}
	for range 100 {
		_, _, err := f.e.Book(f.t.Context(), c, ledger.Change{Actor: "ann", At: f.now()})
		if err == nil {
			return
		}
		if !errors.Is(err, ledger.ErrUncounted) {
			f.t.Fatal(err)
		}
	}
	f.t.Fatal("a charge is not booked in a hundred tries")
}

// finish ends all that is under way once everything arrives.
func (f *office) finish(p *post) {
	f.t.Helper()
	p.mend()
	for len(f.under) > 0 {
		ticket := f.under[0]
		f.under = f.under[1:]
		f.endAnyWay(ticket)
	}
	for len(f.deferred) > 0 {
		f.poll()
	}
	for range 2 { // what was late may have left something to be looked after
		f.e.Sweep(f.t.Context())
		if err := f.e.Refill(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
		p.deliver(f.random, true)
	}
}

// Whatever is lost or late on the way to a store of one process, and back, each call
// counts once: in what is spent, as in the ledger.
func TestWhatIsLostOnTheWayCountsOnce(t *testing.T) {
	now := func() time.Time { return noon }
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		memory := budget.NewMemory(now)
		p := &post{Shared: memory, random: rand.New(rand.NewPCG(seed, 8))}
		var store budget.Store = p
		shares := lease.New(p, lease.Options{From: 1})
		if seed%2 == 1 {
			store = shares
		}
		f := carriedOffice(t, random, store, now, seed%4 < 2, seed%6 < 4)
		if err := f.e.Fill(t.Context(), f.o.Rules.Budgets); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			f.carriedStep(p)
		}
		f.finish(p)
		if err := shares.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.check(fmt.Sprint("seed ", seed), f.pages); t.Failed() {
			return
		}
	}
}

// carriedOffice is a process that lets calls pass while its store does not answer, or
// not, and refuses or observes.
func carriedOffice(t *testing.T, random *rand.Rand, store budget.Store, now func() time.Time, open, enforce bool) *office {
	t.Helper()
	f := newOffice(t, random, store, now, carried(2e9+random.Int64N(3e9))...)
	f.o.Rules.OpenOnError, f.o.Rules.Allowance, f.o.Rules.Enforce = open, 100, enforce
	if err := f.e.Configure(f.o.Rules); err != nil {
		t.Fatal(err)
	}
	return f
}

// The same over a Redis that two processes share, each with its ledger, with shares
// and without.
func TestWhatIsLostOnTheWayToRedisCountsOnce(t *testing.T) {
	address, _ := startRedis(t)
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprint("shares: ", shared), func(t *testing.T) { lostToRedis(t, address, shared) })
	}
}

func lostToRedis(t *testing.T, address string, shared bool) {
	random := rand.New(rand.NewPCG(9, 9))
	var all []*office
	var posts []*partPost
	var shares []*lease.Replica
	for i := range 2 {
		s, err := redisstore.New(redisstore.Options{Addresses: []string{address}, Org: fmt.Sprint("post-", shared), Part: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		p := &partPost{post: post{Shared: s}, parts: s}
		posts = append(posts, p)
		var store budget.Shared = p
		if shared {
			shares = append(shares, lease.NewReplica(p, lease.Options{From: 1}))
			store = shares[i]
		}
		all = append(all, carriedOffice(t, random, store, time.Now, i == 0, true))
	}
	opened(t, all)
	for i, p := range posts {
		p.random = rand.New(rand.NewPCG(uint64(i), 10))
	}
	for range 3000 {
		i := random.IntN(len(all))
		all[i].carriedStep(&posts[i].post)
	}
	var ledgers []*pages
	for i, f := range all {
		f.finish(&posts[i].post)
		ledgers = append(ledgers, f.pages)
	}
	for _, s := range shares {
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all[0].check("with both", ledgers...)
}
