package engine

import (
	"cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/estimate"
)

const cut = tokenizer.Cut

// usage is what the provider reported, completed by what was counted and
// estimated where it reported nothing. A provider's error without usage costs
// nothing: none of the dialects bills one.
func (e *Engine) usage(t *policy.Ticket, o *policy.Outcome) []tokenizer.Usage {
	all := o.Reading.Usage
	if o.End == tokenizer.Failed && o.Reading.TextBytes == 0 {
		return all
	}
	if t.Call.Queries > 0 {
		return queried(t, all)
	}
	if len(all) == 0 {
		all = []tokenizer.Usage{{Model: o.Reading.Model}}
	}
	u := &all[0]
	if u.Known() && !u.KnownInput() && !u.KnownOutput() {
		return all // pictures, sound, searches: billed by those alone
	}
	if u.Context > 0 {
		return all // of a sum each call told what it used
	}
	if !u.KnownInput() {
		u.Set(tokenizer.Input, t.Hold.Input, tokenizer.Estimated)
	}
	if !u.KnownOutput() {
		e.fillOutput(t, o, u)
	}
	return all
}

// queried completes the usage of a call that is counted by its queries: they were
// asked, whether or not somebody saw the answer.
func queried(t *policy.Ticket, all []tokenizer.Usage) []tokenizer.Usage {
	if len(all) == 0 {
		var u tokenizer.Usage
		u.Set(tokenizer.Requests, t.Call.Queries, tokenizer.Estimated)
		all = []tokenizer.Usage{u}
	}
	return all
}

// fillOutput says how much was generated when the provider did not.
func (e *Engine) fillOutput(t *policy.Ticket, o *policy.Outcome, u *tokenizer.Usage) {
	generates := t.Hold.Output > 0
	switch {
	case o.Reading.TextBytes > 0:
		n, from := e.o.Estimator.Text(estimate.Answer{
			Call: &t.Call, Provider: t.Provider, Model: modelOf(t, o), Reading: &o.Reading, Whole: o.End == tokenizer.Complete,
		})
		if most := allowed(t); most > 0 {
			n = min(n, most) // what was seen may be more than text, and counted by another's tokens
		}
		if o.End == cut && from == tokenizer.Counted {
			from = tokenizer.Partial
		}
		u.Set(tokenizer.Output, n, from)
	case !generates:
	case o.Lost, o.End == cut && !t.Call.Stream, o.End == tokenizer.Complete && !t.Call.Stream:
		// An answer that nobody saw was generated all the same.
		u.Set(tokenizer.Output, e.abortedOutput(t), tokenizer.Estimated)
	}
}

// abortedOutput is what an unseen answer is settled at: what such calls may
// generate (t.Hold is the same estimate at admission), or all that the caller
// allowed.
func (e *Engine) abortedOutput(t *policy.Ticket) int64 {
	if most := allowed(t); e.rules.Load().HoldOnAbort && most > 0 {
		return most
	}
	return t.Hold.Output
}

// allowed is the most that may be generated, of all choices; 0: nobody said.
func allowed(t *policy.Ticket) int64 {
	sent := t.Sent()
	return sent.MaxOutput * int64(max(sent.Choices, 1))
}

func modelOf(t *policy.Ticket, o *policy.Outcome) string {
	return cmp.Or(o.Reading.Model, t.Model, t.Call.Model)
}

func record(t *policy.Ticket, o *policy.Outcome) policy.Record {
	rec := policy.Record{
		ID: t.ID, Attempt: o.Attempt, RequestID: t.RequestID, TraceID: t.TraceID, ResponseID: o.Reading.ResponseID,
		Interaction: policy.InteractionOf(t), Owner: t.Owner, Dialect: t.Call.Dialect, Operation: t.Call.Operation, Provider: t.Provider, Host: t.Host, KeyHash: t.KeyHash,
		ModelAsked: t.Call.Model, Model: modelOf(t, o), TierAsked: t.Call.Tier, Tier: cmp.Or(o.Reading.Tier, usualTier(t)), Stream: t.Call.Stream,
		Status: o.Status, Finish: o.Reading.Finish, AccountTold: o.AccountTold, ProviderCost: o.Reading.Cost, Outcome: policy.Served, Reason: o.Reason, Purpose: policy.User, Tries: o.Tries,
		Shares: t.Call.Shares, Admitted: t.At, FirstToken: t.Time(o.FirstToken), Completed: t.Time(o.At),
		Rulings: t.Rulings,
	}
	if t.Hold.Taken {
		rec.Held = t.Hold.Most.Amount()
	}
	rec.Account, rec.Deployment = t.Account, t.Deployment
	rec.Region = cmp.Or(o.Reading.Region, t.Region, o.Region)
	rec.Size, rec.Quality = cmp.Or(o.Reading.Size, t.Call.Size), cmp.Or(o.Reading.Quality, t.Call.Quality)
	if t.Retry > 0 || o.Attempt > 1 {
		rec.Purpose = policy.Retry
	}
	switch o.End {
	case tokenizer.Complete:
	case tokenizer.Cut:
		rec.Outcome = policy.CutOff
	case tokenizer.Failed:
		rec.Outcome = policy.Failed
	}
	if o.TurnedAway {
		rec.Outcome = policy.Refused
	}
	rec.Success = rec.Succeeds()
	return rec
}

// price makes the lines of rec. A model without a price is unpriced, which is
// not free: its quantities are kept, to be rated later (see Correction).
func (e *Engine) price(rec *policy.Record, all []tokenizer.Usage) {
	rules := e.rules.Load()
	for i := range all {
		rules.bill(rec, &all[i], nil)
	}
	rec.Priced = true
	for i := range rec.Lines {
		rec.Priced = rec.Priced && rec.Lines[i].State != policy.Unpriced
	}
	rules.Terms.Count(rec)
}

// source is the weakest of the lines', but of a cut answer partial: what was
// reported and counted so far. Where nobody saw any of it, all is estimated, and
// said to be, unless it was a restart that forgot what had been seen.
func source(rec *policy.Record, o *policy.Outcome) tokenizer.Source {
	if len(rec.Lines) == 0 {
		return tokenizer.None
	}
	weakest, best := tokenizer.Reported, tokenizer.None
	for i := range rec.Lines {
		weakest, best = min(weakest, rec.Lines[i].Source), max(best, rec.Lines[i].Source)
	}
	unseen := o.Lost && !o.Recovered && best == tokenizer.Estimated
	if rec.Outcome == policy.CutOff && weakest != tokenizer.Reported && !unseen {
		return tokenizer.Partial
	}
	return weakest
}

// bill appends the lines of one usage to those of rec. bands, where they are not
// nil, are the discounts that its meters had before, see terms.Apply.
func (r *Rules) bill(rec *policy.Record, u *tokenizer.Usage, bands *[tokenizer.Classes]string) {
	row, model, unmet := r.row(rec, u)
	countRequest(u, row)
	for class, n := range u.All {
		if n == 0 && class != tokenizer.Input && class != tokenizer.Output {
			continue
		}
		l := policy.Line{Model: model, Class: class, Quantity: n, Waived: u.Waived(class), Context: u.Context, Source: u.Source(class), State: policy.Unpriced}
		if l.Billed() == 0 {
			l.State = policy.Free
		}
		if bands != nil {
			l.ContractID = bands[class]
		}
		listPrice(&l, row)
		if l.State == policy.Priced && l.Billed() > 0 {
			l.Unmet = unmet
		}
		if class == tokenizer.Images && byTokens(u, row) {
			l.State, l.RateID = policy.Free, row.ID
		}
		r.Terms.Apply(&l, rec)
		r.cap(&l)
		rec.Lines = append(rec.Lines, l)
	}
}

// countRequest counts the call itself where its price has a part for that: that
// there was an answer says that there was a call. To keep what a call has made is
// none.
func countRequest(u *tokenizer.Usage, row *price.Row) {
	_, keeps := u.Count(tokenizer.CacheTokenHours)
	if row == nil || row.Free || keeps {
		return
	}
	if _, known := u.Count(tokenizer.Requests); known {
		return
	}
	if _, _, ok := row.Rate(tokenizer.Requests); ok {
		u.Set(tokenizer.Requests, 1, tokenizer.Reported)
	}
}

// listPrice sets the list price of a line. What is paid and charged follows from it
// by the terms.
func listPrice(l *policy.Line, row *price.Row) {
	if row == nil {
		return
	}
	rate, _, ok := row.Rate(l.Class)
	switch {
	case row.Free:
		l.State, l.RateID = policy.Free, row.ID
	case ok:
		l.State, l.RateID, l.Rate = policy.Priced, row.ID, rate
		l.List, _, _ = row.Cost(l.Class, l.Billed())
	}
}

// learn lets estimates follow what providers report.
func (e *Engine) learn(t *policy.Ticket, o *policy.Outcome) {
	if o.End != tokenizer.Complete {
		return
	}
	for i := range o.Reading.Usage {
		e.o.Estimator.LearnOf(t.Owner.Value("team"), t.Sent(), &o.Reading.Usage[i])
	}
}

func receipt(rec *policy.Record) policy.Receipt {
	r := policy.Receipt{Priced: true}
	for i := range rec.Lines {
		l := &rec.Lines[i]
		r.Cost = r.Cost.Add(l.Charged)
		r.Priced = r.Priced && l.Chargeable()
		switch {
		case l.Class.IsInput():
			r.Input += l.Quantity
		case l.Class.IsOutput():
			r.Output += l.Quantity
		}
	}
	return r
}
