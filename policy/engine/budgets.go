package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/tokenizer"
)

// holdFor is how long a hold lives that nobody settles: longer than any call.
const holdFor = 2 * time.Hour

// reserve takes from every account that a call counts against the most that it may
// take, or says why it must not pass. In observe mode it passes all the same.
func (e *Engine) reserve(ctx context.Context, rules *Rules, t *policy.Ticket) *policy.Refusal {
	if rules.Budgets.None() && !rules.RequireBudget {
		return nil
	}
	if !rules.Enforce {
		e.foresee(ctx, rules, t)
		return nil
	}
	asked := *t
	why := e.decide(ctx, rules, t)
	if t.Model != asked.Model {
		t.Must |= tokenizer.ModelPart
	}
	if t.MaxOutput != asked.MaxOutput {
		t.Must |= tokenizer.CapPart
	}
	if t.ToolCalls != asked.ToolCalls {
		t.Must |= tokenizer.ToolsPart
	}
	if why != nil {
		t.Rulings = append(t.Rulings, policy.Ruling{Rule: why.Rule, Did: policy.Refused})
	}
	return why
}

// decide takes what a call needs as it is asked or as rules change it, or says why
// it must not pass.
func (e *Engine) decide(ctx context.Context, rules *Rules, t *policy.Ticket) *policy.Refusal {
	output, calls := t.MaxOutput, t.ToolCalls
	p := e.plan(rules, t)
	if why := p.mayReserve(); why != nil {
		return why
	}
	if t.MaxOutput != output {
		p.fixed("at most %d tokens, so that its cost is bounded", t.MaxOutput)
	}
	if t.ToolCalls != calls {
		p.fixed("at most %d calls of hosted tools", t.ToolCalls)
	}
	return e.take(ctx, &p)
}

// foresee takes what a call needs as it was asked, whatever is left, and notes what
// enforce mode would do about it.
func (e *Engine) foresee(ctx context.Context, rules *Rules, t *policy.Ticket) {
	would := *t
	would.Rulings = slices.Clip(t.Rulings)
	why := e.decide(ctx, rules, &would)
	if why != nil {
		e.metrics.wouldRefuse.WithLabelValues(why.Code).Inc()
		would.Rulings = append(slices.Clip(t.Rulings), policy.Ruling{Rule: why.Rule, Did: policy.WouldRefuse, Why: why.Code})
	}
	for i := len(t.Rulings); i < len(would.Rulings); i++ {
		if would.Rulings[i].Did == policy.Changed {
			would.Rulings[i].Did = policy.WouldChange
		}
	}
	asIs := would.Model == t.Model && would.MaxOutput == t.MaxOutput && would.ToolCalls == t.ToolCalls
	t.Rulings, t.Changes = would.Rulings, 0
	if why == nil && (asIs || !would.Hold.Taken) {
		t.Hold = would.Hold
		return
	}
	if would.Hold.Repeated || would.Hold.Taken && !e.budgets.release(ctx, t.ID, 0) {
		t.Hold.Uncounted = true // what takes it, or gives it back, may come late
		return
	}
	p := e.plan(rules, t)
	p.soften()
	e.take(ctx, &p) // which refuses nothing in observe mode
}

// mayReserve says why a call must not pass, whatever is left; nil: it may.
func (p *plan) mayReserve() *policy.Refusal {
	switch money := func(a budget.Account) bool { return a.Unit.IsMoney() && !a.Soft }; {
	case p.rules.RequireBudget && !slices.ContainsFunc(p.hold.Accounts, money):
		return &policy.Refusal{
			Code: "no_budget", Status: 403, Rule: "require_budget",
			Message: "No budget pays for this call. Whoever runs this gateway can give its owner one.",
		}
	case p.unbounded != nil && slices.ContainsFunc(p.hold.Accounts, func(a budget.Account) bool { return !a.Soft && a.Unit <= budget.Tokens }):
		return p.unbounded
	}
	return nil
}

// take reserves as asked, then as the rules that are short allow.
func (e *Engine) take(ctx context.Context, p *plan) *policy.Refusal {
	for len(p.hold.Accounts) > 0 {
		short, err := e.ask(ctx, p)
		switch {
		case err != nil:
			return e.withoutStore(ctx, p, err)
		case short.OK():
			p.ticket.Hold.Taken = true
			p.holds()
			p.reach()
			e.budgets.note(p.hold.Accounts)
			return nil
		}
		e.budgets.note(p.hold.Accounts) // whoever is turned away will look for them
		a := p.hold.Accounts[short.At]
		if short.Shared {
			a.Of = budget.Others
		}
		e.ranOut(p, &a, short.Left)
		why := e.exhausted(&a, short)
		repeated := p.ticket.Hold.Repeated
		if repeated {
			e.budgets.giveBack(p.hold.ID, p.hold.Attempt) // which was asked for first may come yet
		}
		if repeated || !p.adapt(e, short) {
			e.metrics.exhausted.WithLabelValues(a.Rule, "refuse").Inc()
			return &why
		}
		p.ticket.Otherwise = &why
		e.metrics.exhausted.WithLabelValues(a.Rule, string(p.rules.Budgets.Rule(a.Rule).OnExhausted)).Inc()
	}
	return nil
}

// ask reserves, if it is not known that there is too little; a store that does not
// answer is asked once more, as a hold that is there changes nothing.
func (e *Engine) ask(ctx context.Context, p *plan) (short budget.Short, err error) {
	if short = e.knownShort(p); !short.OK() {
		return short, nil
	}
	fill, epoch := e.filling.times.Load(), e.known.Epoch()
	for n := range 2 {
		p.ticket.Hold.Repeated = p.ticket.Hold.Repeated || n > 0
		short, err = e.askOnce(ctx, p)
		if err == nil || errors.Is(err, budget.ErrFresh) || ctx.Err() != nil {
			break
		}
	}
	switch {
	case err != nil:
	case short.OK():
		e.budgets.took(&p.hold, fill)
	default:
		e.known.Note(&p.hold.Accounts[short.At], short, epoch)
	}
	return short, err
}

func (e *Engine) askOnce(ctx context.Context, p *plan) (budget.Short, error) {
	if e.filling.late.Load() {
		return budget.Taken, budget.ErrFresh
	}
	ctx, cancel := context.WithTimeout(ctx, e.o.StoreWait)
	defer cancel()
	return e.o.Budgets.Reserve(ctx, p.hold)
}

// withoutStore decides on a call while the store of budgets does not answer.
func (e *Engine) withoutStore(ctx context.Context, p *plan, err error) *policy.Refusal {
	e.metrics.storeFailed.WithLabelValues("reserve").Inc()
	if errors.Is(err, budget.ErrFresh) {
		e.filling.missed() // which says so once
	} else {
		e.o.Logger.WarnContext(ctx, "the store of budgets did not answer", "call", p.ticket.ID.String(), "err", err)
	}
	open := p.rules.passesAway()
	e.storeDown(open)
	why := &policy.Refusal{
		Code: "unavailable", Status: 503, Retry: time.Second,
		Message: "The gateway cannot see the budgets of this call now. Try again shortly.",
	}
	switch {
	case !p.rules.Enforce:
		why = nil
	case open:
		why = e.away.take(&p.hold, p.rules.Allowance)
	}
	if why == nil {
		p.ticket.Hold.Uncounted = true
		return nil
	}
	if p.ticket.Hold.Repeated || !errors.Is(err, budget.ErrFresh) {
		e.budgets.giveBack(p.hold.ID, p.hold.Attempt)
	}
	return why
}

// exhausted says which limit a call would break, and when there will be enough.
func (e *Engine) exhausted(a *budget.Account, short budget.Short) policy.Refusal {
	name := fmt.Sprintf("%q", a.Rule)
	if a.Of != "" {
		name += fmt.Sprintf(" of %q", a.Of)
	}
	r := policy.Refusal{Code: "rate_limited", Status: 429, Reset: short.Again, Rule: budgetRule(a.Rule)}
	switch {
	case a.Unit == budget.Concurrency:
		r.Retry = time.Second
		r.Message = fmt.Sprintf("Limit %s: %d calls may be under way at once. Try again when one of them has ended.", name, a.Limit)
	case a.Rate > 0 && short.Again.IsZero():
		r.Message = fmt.Sprintf("Limit %s: this call may take more than its %d %s in %v. Ask for less.", name, a.Limit, a.Unit, a.Rate)
	case a.Rate > 0:
		r.Retry = max(time.Millisecond, short.Again.Sub(e.o.Budgets.Now()))
		r.Message = fmt.Sprintf("Limit %s: %d %s in %v are used up.", name, a.Limit, a.Unit, a.Rate)
	default:
		r.Code = "budget_exhausted"
		r.Message = fmt.Sprintf("Budget %s has too little left for this call.", name)
	}
	if !short.Again.IsZero() {
		r.Message += " There will be enough at " + short.Again.UTC().Format(time.RFC3339) + "."
	}
	return r
}

// took is what a record takes of accounts. A correction is no call.
func took(rec *policy.Record) (a budget.Amounts) {
	sum := receipt(rec)
	paid := rec.Contracted()
	a[budget.Charged], a[budget.Contracted] = int64(sum.Cost.Nano()), int64(paid.Nano())
	a[budget.Tokens] = sum.Input + sum.Output
	if rec.Purpose != policy.Correction {
		a[budget.Requests] = 1
	}
	return a
}

// spend puts what a record took in place of what was held for its call, where that
// is known to be held, and for this record. Else what it took is counted without a
// hold. filling.calls must be held.
func (e *Engine) spend(ctx context.Context, t *policy.Ticket, rec *policy.Record, recovered bool) {
	s := settlement{id: t.ID, attempt: heldAs(t), spent: took(rec), passed: t.Hold.Uncounted, next: 1 + rec.Attempt, at: t.At}
	switch {
	case !t.Hold.Taken && !t.Hold.Uncounted:
		s.others = e.added(t, rec.Provider)
	case t.Hold.Elsewhere:
		s.others = e.others(t, rec.Provider)
	case t.Hold.Uncounted || t.Hold.Repeated:
		s.others, s.back = e.others(t, rec.Provider), forGood
	case rec.Attempt > 0 || recovered:
		s.others, s.back = e.others(t, rec.Provider), released
	default:
		s.held, s.added = true, e.added(t, rec.Provider)
	}
	if s.held || len(s.others) > 0 || s.back != not {
		e.budgets.settle(ctx, s)
	}
}

// move changes what windows have spent by a correction. filling.calls must be held.
func (e *Engine) move(ctx context.Context, rec *policy.Record) {
	t := policy.Ticket{Request: policy.Request{At: rec.Admitted}, Owner: rec.Owner}
	t.Call.Model, t.Call.Operation = rec.ModelAsked, rec.Operation
	s := settlement{id: rec.ID, spent: took(rec), others: e.others(&t, rec.Provider), next: corrections + rec.Revision, at: rec.Admitted}
	if len(s.others) > 0 {
		e.budgets.settle(ctx, s)
	}
}

// Holds of one call are told apart by numbers: that of its admission is 0, that of
// work which goes on at the provider, and then those of further records.
const (
	whileDeferred = 1 << 24
	corrections   = 1 << 25
	spentOnce     = 1 << 27 // added to that of a record which is in doubt
)

func heldAs(t *policy.Ticket) int {
	if t.Hold.Until.IsZero() {
		return 0
	}
	return whileDeferred
}

// holdOn keeps what is held for a call until its work at the provider is over. Where
// the store does not answer it is counted when it is settled, without a hold.
func (e *Engine) holdOn(ctx context.Context, t *policy.Ticket, until time.Time) {
	rules := e.rules.Load()
	if !t.Hold.Taken || rules.Budgets == nil {
		return
	}
	before := heldAs(t)
	again := t.By == nil && before == whileDeferred // an earlier run took it, by rules that may be others
	if again && !e.filling.late.Load() && !e.budgets.release(ctx, t.ID, before) {
		t.Hold.Uncounted = true
		return
	}
	repeated := t.Hold.Repeated
	t.Hold.Until, t.Hold.Repeated = until.Add(holdFor), false
	p := e.plan(rules, t)
	p.hold.Accounts, p.hold.Attempt, p.hold.Until = rules.accounts(t, p.priced.Provider), whileDeferred, t.Hold.Until
	p.soften()
	short, err := e.ask(ctx, &p)
	if t.Hold.Uncounted = err != nil || !short.OK(); t.Hold.Uncounted {
		e.metrics.storeFailed.WithLabelValues("reserve").Inc()
	}
	if !t.Hold.Uncounted {
		t.By = rules.Budgets
	}
	if before != whileDeferred && (repeated || !e.budgets.release(ctx, t.ID, before)) {
		e.budgets.giveBack(t.ID, before)
	}
}

// accounts are those that a call counts against in the windows of its admission.
func (r *Rules) accounts(t *policy.Ticket, provider string) []budget.Account {
	return r.Budgets.Accounts(attributesOf(t, provider), t.At)
}

// attributesOf tells what rules of budgets may ask of a call.
func attributesOf(t *policy.Ticket, provider string) func(string) string {
	return func(key string) string {
		switch key {
		case budget.Model:
			return t.Call.Model
		case budget.Provider:
			return provider
		case budget.Operation:
			return t.Call.Operation
		}
		return t.Owner.Value(key)
	}
}
