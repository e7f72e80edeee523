package engine

import (
	"context"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// keepsResults is how long results are waited for where the provider does not say.
const keepsResults = 30 * 24 * time.Hour

// putOff keeps a call whose work goes on after its answer, to be settled later,
// and reports whether it did. What is stored and paid for by time is put off
// beside the call itself, which is settled now.
func (e *Engine) putOff(ctx context.Context, t *policy.Ticket, o *policy.Outcome) bool {
	said := &o.Reading.Deferred
	if said.ID == "" || o.End == tokenizer.Failed { // a stream that was cut goes on too
		return false
	}
	d := policy.Deferral{
		Ticket: *t, ID: said.ID, Alias: said.Alias, Model: o.Reading.Model, Since: o.At, Expires: said.Expires, Stored: said.Stored,
	}
	if d.Expires.IsZero() {
		d.Expires = o.At.Add(keepsResults)
	}
	if first, known := e.pending.begunBy(&d); known {
		if d.Stored == 0 {
			o.End, o.Reading.Usage, o.Reading.TextBytes = tokenizer.Failed, nil, 0
			o.Reason = "its work is that of call " + first.String() + ", which pays for it"
		}
		return false
	}
	if d.Stored > 0 {
		d.Attempt, d.Ticket.Hold.Elsewhere = 1, true
	} else {
		e.holdOn(ctx, &d.Ticket, d.Expires)
	}
	if !e.pending.put(&d) {
		e.metrics.deferred.WithLabelValues(tooMany).Inc()
		if d.Stored == 0 {
			t.Hold, t.By = d.Ticket.Hold, d.Ticket.By // what is held now is settled now
		}
		return false
	}
	e.metrics.deferred.WithLabelValues(begun).Inc()
	e.remember(ctx, d)
	return d.Stored == 0
}

// remember keeps d over a restart. Without it, a restart settles the call at what
// it may have used.
func (e *Engine) remember(ctx context.Context, d policy.Deferral) {
	if e.o.Deferrals == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.o.CommitWait)
	defer cancel()
	if err := e.o.Deferrals.Defer(ctx, d); err != nil {
		e.metrics.deferred.WithLabelValues(notKept).Inc()
		e.o.Logger.ErrorContext(ctx, "ledger did not keep whose work goes on at the provider: a restart would settle it at an estimate", "err", err, "call", d.Ticket.ID.String())
	}
}

// follow takes the answer to a call that asked after earlier work: the first that
// tells how it ended settles it, to the owner of the work, whoever asked. Work
// that is not known here costs nothing again.
func (e *Engine) follow(ctx context.Context, t *policy.Ticket, o *policy.Outcome) policy.Receipt {
	d, found := e.pending.find(workKey{t.Provider, t.Call.Of}, t.KeyHash)
	said := &o.Reading.Deferred
	switch {
	case !found:
		e.metrics.deferred.WithLabelValues(unclaimed).Inc()
		return policy.Receipt{}
	case o.End != tokenizer.Complete && !o.Reading.Error, !tells(o):
		return policy.Receipt{}
	case said.ID != "":
		e.update(ctx, d, said)
		return policy.Receipt{}
	case !e.pending.take(&d):
		return policy.Receipt{}
	}
	return e.finish(ctx, &d, *o, settledLate)
}

// tells reports whether an answer says anything of the work that it is about: one
// that nobody could read does not, nor does an error, or a part of a file that
// was asked for by range.
func tells(o *policy.Outcome) bool {
	const partial = 206
	unread := o.Lost || o.Reading.Unreadable > 0 && len(o.Reading.Usage) == 0 && o.Reading.Deferred.ID == ""
	return o.Status >= 200 && o.Status < 300 && o.Status != partial && !unread
}

// update takes a later word on work that goes on.
func (e *Engine) update(ctx context.Context, d policy.Deferral, said *tokenizer.Deferred) {
	old := d
	if said.Alias != "" {
		d.Alias = said.Alias
	}
	if !said.Expires.IsZero() {
		d.Expires = said.Expires
	}
	if d.Alias == old.Alias && d.Expires.Equal(old.Expires) {
		return
	}
	if e.pending.put(&d) {
		e.remember(ctx, d)
	}
}

// Sweep settles what nobody asked after until it expired: stored content at the
// time it was kept, other work at what it may have used. Holds that nobody settled
// lapse. It is to be called from time to time.
func (e *Engine) Sweep(ctx context.Context) {
	now := e.o.Now()
	e.lapse(ctx)
	if err := e.Raise(ctx); err != nil && ctx.Err() == nil {
		e.o.Logger.WarnContext(ctx, "top-ups of budgets stay as they were read before", "err", err)
	}
	e.carryAgain(ctx, e.rules.Load().Budgets)
	for _, d := range e.pending.due(now) {
		if !e.pending.take(&d) {
			continue
		}
		o := policy.Outcome{Status: 200, At: now}
		if d.Stored == 0 {
			o.End, o.Lost, o.Reason = cut, true, "its result was not fetched before it expired"
		}
		e.finish(ctx, &d, o, expired)
	}
}

// finish settles deferred work that is over.
func (e *Engine) finish(ctx context.Context, d *policy.Deferral, o policy.Outcome, how string) policy.Receipt {
	e.metrics.deferred.WithLabelValues(how).Inc()
	o.Attempt = d.Attempt
	switch {
	case d.Stored > 0:
		o.Reading = stored(d, o.At)
	case len(o.Reading.Usage) == 0 && o.Reading.TextBytes == 0 && !o.Lost:
		o.End = tokenizer.Failed // it is over, and the provider bills nothing
	case o.Lost && d.Ticket.Hold.Input == 0:
		o.End = tokenizer.Failed // nothing is known of what it read
	}
	if o.Reading.ResponseID == "" {
		o.Reading.ResponseID = d.ID
	}
	return e.close(ctx, d.Ticket, o)
}

// stored is what keeping tokens used until now, in whole token-hours, rounded
// half up.
func stored(d *policy.Deferral, now time.Time) tokenizer.Reading {
	until := now
	if d.Expires.Before(until) {
		until = d.Expires
	}
	seconds := max(int64(until.Sub(d.Since)/time.Second), 0)
	hours := d.Stored/3600*seconds + (d.Stored%3600*seconds+1800)/3600
	u := tokenizer.Usage{Model: d.Model}
	u.Set(tokenizer.CacheTokenHours, hours, tokenizer.Reported)
	return tokenizer.Reading{Model: d.Model, ResponseID: d.ID, Usage: []tokenizer.Usage{u}}
}
