// Package engine is the two lists of steps that every call takes.
//
// Admit: attribution → access → schedule → shape → runaway → hold → budgets →
// journal. Settle: usage → lines → record → metrics → ledger → budgets. Each step
// is its own package or file; a new feature is a new step in
// one of the two functions below and nowhere else.
//
// What a call should have cost by the rules of today is a third list: the record
// and its corrections → usage → lines → difference (rerate.go).
//
// It knows neither Envoy nor bodies: what comes in is a Request and an Outcome,
// what goes out a Ticket, a Receipt and a Record in the ledger. An Engine is safe
// for concurrent use. No lock is held over I/O or logging.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/parts"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/policy/schedule"
	"github.com/farebox/farebox/policy/shape"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer/estimate"
	"github.com/prometheus/client_golang/prometheus"
)

// journal is the part of the ledger that calls need.
type journal interface {
	Open(policy.Opening)
	Record(ctx context.Context, r policy.Record) error
	Flush(ctx context.Context) error
}

var _ journal = (*ledger.Writer)(nil)

// Options of an Engine; those above CommitWait are required.
type Options struct {
	Rules      Rules
	Journal    journal
	Estimator  *estimate.Estimator
	Registerer prometheus.Registerer

	// Budgets keeps accounts, and Spending tells what they had spent before; nil: an
	// empty store in memory, and nothing.
	Budgets  budget.Store
	Spending ledger.Spending
	// StoreWait is how long Budgets may take to answer, before it is asked once more and
	// a call goes on without it; 0: DefaultStoreWait.
	StoreWait time.Duration
	// Teller knows what people were told of accounts; nil: Budgets does, if it can.
	Teller budget.Teller
	// Topups tells what limits were raised by; nil: nothing.
	Topups topups
	// Charges keeps costs that no call tells; nil: none can be booked.
	Charges ledger.Charges
	// Parts tells what ledgers of others have that share Budgets; nil: nobody does, or
	// windows leave nothing to the next.
	Parts *parts.Parts
	// Pace tells what ledgers of others have spent lately that share Budgets; nil: nobody
	// does.
	Pace *parts.Spans
	// Who tells who spent of Budgets in ledgers of others that share them, and Asked by
	// which names people ask for it; nil: nobody does.
	Who   *parts.Spans
	Asked *parts.Asked

	// Alerts is told what people should know of; nil: nobody is. It must not block.
	Alerts interface{ Alert(alert.Event) }

	// Deferrals keeps work that goes on at providers over a restart; nil: nothing
	// does.
	Deferrals  ledger.Deferrals
	CommitWait time.Duration    // how long an answer's end waits for its record; 0: DefaultCommitWait
	MaxSeries  int              // of each family of costs; 0: DefaultMaxSeries
	Logger     *slog.Logger     // nil discards
	Now        func() time.Time // nil is time.Now
}

// Rules are what may change while calls are under way.
type Rules struct {
	Attribution *attribution.Attribution // required
	Prices      *price.Catalogue         // required
	Terms       *terms.Terms             // what is paid and charged; nil: the list price
	Access      *access.Access           // who may ask which model; nil: all any
	Schedule    *schedule.Schedule       // when calls may be made; nil: at all times
	Shape       *shape.Shape             // what may be asked for; nil: anything
	Enforce     bool                     // false: decide and count, refuse nothing
	HoldOnAbort bool                     // an unstreamed answer that was cut is settled at its whole hold
	Budgets     *budget.Rules            // nil: there are none
	OpenOnError bool                     // calls pass while the store of budgets does not answer, within Allowance
	Allowance   int                      // percent of each limit that calls may take of this process then; 0: nothing

	Bounds         *Bounds  // how much is held for a call; nil: what is learned
	RequireBudget  bool     // a call that counts against no limit in money is refused
	RefuseUnpriced bool     // so is one of a model without a price
	Ceiling        *Ceiling // what is charged for tokens without a price until they have one; nil: nothing

	thresholds []int // of all budgets
}

// What Options.CommitWait and Options.StoreWait fall back to.
const (
	DefaultCommitWait = 100 * time.Millisecond
	DefaultStoreWait  = 100 * time.Millisecond
)

// Engine admits and settles calls.
type Engine struct {
	o       Options
	rules   atomic.Pointer[Rules]
	metrics *metrics
	pending pending
	failed  failures
	repeats repeats
	unasked unasked
	budgets accounts
	raising sync.Mutex    // whose turn it is to read top-ups
	shared  budget.Shared // Budgets, if others share it; else nil
	teller  budget.Teller // nil: nobody knows what people were told
	notes   budget.Noter  // shared, if it notes rules; else nil
	known   *budget.Known // which of its accounts are exhausted; nil: it costs nothing to ask
	filling filling

	rollovers rollovers
	pacing    pacing
	missing   missing
	spending  spending
	away      allowance
}

// New returns an Engine, or an error when a required option is missing.
func New(o Options) (*Engine, error) {
	if o.Journal == nil || o.Estimator == nil || o.Registerer == nil {
		return nil, errors.New("make engine: Journal, Estimator and Registerer are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CommitWait == 0 {
		o.CommitWait = DefaultCommitWait
	}
	if o.StoreWait == 0 {
		o.StoreWait = DefaultStoreWait
	}
	if o.MaxSeries == 0 {
		o.MaxSeries = DefaultMaxSeries
	}
	if o.Budgets == nil {
		o.Budgets = budget.NewMemory(o.Now)
	}
	e := &Engine{o: o}
	e.away.e = e
	e.budgets = accounts{e: e, seen: map[seenKey]budget.Account{}, told: map[seenKey]telling{}, held: map[heldKey]heldHold{}}
	e.shared, _ = o.Budgets.(budget.Shared)
	e.notes, _ = o.Budgets.(budget.Noter)
	if e.teller = o.Teller; e.teller == nil {
		e.teller, _ = o.Budgets.(budget.Teller)
	}
	if _, here := o.Budgets.(*budget.Memory); !here {
		e.known = budget.NewKnown(nil)
	}
	e.filling.lost = make(chan struct{}, 1)
	e.pending.init()
	e.failed.init()
	e.repeats.init()
	var err error
	if e.metrics, err = newMetrics(o.Registerer, o.MaxSeries, e.pending.count); err != nil {
		return nil, err
	}
	if e.metrics.limits, err = newLimits(o.Registerer, standing{e}, o.Budgets); err != nil {
		return nil, err
	}
	if err := e.Configure(o.Rules); err != nil {
		return nil, err
	}
	return e, nil
}

// Configure makes calls that are admitted or settled from now on follow r. On
// error nothing changes.
func (e *Engine) Configure(r Rules) error {
	if r.Attribution == nil || r.Prices == nil {
		return errors.New("configure engine: Attribution and Prices are required")
	}
	r.thresholds = nil
	if r.Budgets != nil {
		for _, rule := range r.Budgets.Rules() {
			r.thresholds = append(r.thresholds, rule.Thresholds...)
		}
		slices.Sort(r.thresholds)
		r.thresholds = slices.Compact(r.thresholds)
	}
	e.filling.calls.Lock()
	defer e.filling.calls.Unlock()
	e.rules.Store(&r)
	e.filling.next = nil // it is r's, or of rules that did not come into use
	e.budgets.outdate(r.Budgets)
	return nil
}

// Admit says whether a call may pass. In observe mode every call does. A ticket
// with a refusal is already in the ledger.
func (e *Engine) Admit(ctx context.Context, r *policy.Request) (policy.Ticket, error) {
	if r.Call.Of != "" { // no work of its own
		t := e.ticket(r, nil)
		t.Unclaimed = r.Call.Results && !e.pending.knows(workKey{r.Provider, r.Call.Of})
		return t, nil
	}
	rules := e.rules.Load()
	who := rules.Attribution.Resolve(r)
	t := e.ticket(r, who.Owner)
	if why := (&admission{e, rules, &who, &t}).pass(); why != nil {
		e.refuse(ctx, t, *why)
		t.Refusal = why
		return t, nil
	}
	t.Retry = max(t.Retry, e.failed.tries(&t))
	t.Hold = e.hold(&t)
	t.By = rules.Budgets
	if why := e.reserve(ctx, rules, &t); why != nil {
		e.refuse(ctx, t, *why)
		t.Refusal = why
		return t, nil
	}
	e.o.Journal.Open(policy.Opening{Ticket: t})
	return t, nil
}

// Refuse records a call that was turned away before it came to Admit.
func (e *Engine) Refuse(ctx context.Context, r *policy.Request, why policy.Refusal) {
	e.refuse(ctx, e.ticket(r, e.rules.Load().Attribution.Resolve(r).Owner), why)
}

// Settle closes a call: what it used, what that costs, who pays. It returns when
// the record is committed or CommitWait has passed; the record is written in
// either case, also when ctx has ended. Settling a call twice changes nothing in
// the ledger.
func (e *Engine) Settle(ctx context.Context, t policy.Ticket, o policy.Outcome) policy.Receipt {
	if t.Call.Of != "" {
		return e.follow(ctx, &t, &o)
	}
	if e.putOff(ctx, &t, &o) {
		return policy.Receipt{}
	}
	return e.close(ctx, t, o)
}

// close settles what is over.
func (e *Engine) close(ctx context.Context, t policy.Ticket, o policy.Outcome) policy.Receipt {
	e.learn(&t, &o)
	e.tell(ctx, &t, &o)
	e.failed.note(&t, &o)
	usage := e.usage(&t, &o)
	rec := record(&t, &o)
	rec.Inputs, rec.Repeated = e.repeats.count(&t, &o)
	e.price(&rec, usage)
	rec.Source = source(&rec, &o)
	rulings := len(rec.Rulings)
	if e.rules.Load().flag(&t, &rec); len(rec.Rulings) > rulings {
		e.ranAway(&rec)
	}
	e.exceeds(&t, &rec)
	e.metrics.observe(&rec)
	degraded := e.keepAndSpend(ctx, &t, &rec, o.Recovered)
	r := receipt(&rec)
	r.Degraded = degraded
	return r
}

// Recover settles, as partial, the calls that an earlier run admitted and did
// not live to settle: what had been seen of their answers is lost. Those whose
// work was put off are waited for again.
func (e *Engine) Recover(ctx context.Context, open []policy.Opening, deferred []policy.Deferral) {
	waiting := make(map[policy.CallID]bool, len(deferred))
	for i := range deferred {
		e.holdOn(ctx, &deferred[i].Ticket, deferred[i].Expires)
		waiting[deferred[i].Ticket.ID] = e.pending.put(&deferred[i])
	}
	for _, op := range open {
		if waiting[op.Ticket.ID] {
			continue
		}
		e.metrics.recovered.Inc()
		e.Settle(ctx, op.Ticket, policy.Outcome{End: cut, Lost: true, Recovered: true, At: e.o.Now(), Reason: "farebox was restarted"})
	}
}

// keep writes rec to the ledger, and says what is short of it (Receipt.Degraded).
// What the ledger cannot take is not lost: the record goes to the log, which
// holds nothing of a prompt.
func (e *Engine) keep(ctx context.Context, rec policy.Record) (degraded string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.o.CommitWait)
	defer cancel()
	err := e.o.Journal.Record(ctx, rec)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ledger.ErrUncommitted):
		return policy.CommitWait
	default:
		e.o.Logger.ErrorContext(ctx, "ledger did not take a record: it is here instead", "err", err, "record", rec)
		return policy.LedgerRefused
	}
}

// oneClock is how far two readings of one clock may be apart.
const oneClock = time.Millisecond

// ticket is of a call that came at r.At, by the clock of the store of budgets: one
// call is in one window of them, also when they are filled from its record, and
// replicas agree on the prices, days and months of their calls.
func (e *Engine) ticket(r *policy.Request, owner policy.Owner) policy.Ticket {
	t := policy.Ticket{Request: *r, Owner: owner}
	t.Identity = nil
	if ahead := e.o.Budgets.Now().Sub(e.o.Now()); ahead.Abs() >= oneClock {
		t.Ahead, t.At = ahead, r.At.Add(ahead)
	}
	return t
}
