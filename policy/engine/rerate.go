package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/tokenizer"
)

// part is what one model used in an attempt, and what that costs so far.
type part struct {
	usage tokenizer.Usage
	lines [tokenizer.Classes]policy.Line // by meter: moneys are sums, the rest is what was said last
	has   [tokenizer.Classes]bool
}

// Correction prices an attempt anew, by the rules of now and the moment of its
// admission, and returns the record that makes the difference; false: there is
// none. revisions are all records of the attempt, the first one first. Nothing is
// written: Correct does that.
//
// Quantities are never corrected. The volume of a discount is not counted again,
// and a line stays in the band that it was in; one that had no price is of the
// band that its month has reached by now.
func (e *Engine) Correction(revisions []policy.Record, reason string) (c policy.Record, changed bool) {
	if len(revisions) == 0 || revisions[0].Revision != 0 || len(revisions[0].Lines) == 0 {
		return c, false
	}
	var parts []part
	var unpriced int64
	for i := range revisions {
		parts = addRevision(parts, &revisions[i])
		unpriced += revisions[i].UnpricedCalls()
	}
	c = revisions[0]
	c.Revision, c.Purpose, c.Reason = revisions[len(revisions)-1].Revision+1, policy.Correction, reason
	c.CorrectedAt, c.WasUnpriced = e.o.Now(), unpriced > 0
	c.Lines, c.Priced = nil, true
	provider := c.Provider
	rules := e.rules.Load()
	for i := range parts {
		changed = parts[i].rerate(rules, &c) || changed
	}
	c.Provider = provider // of the period's sums
	for i := range c.Lines {
		c.Priced = c.Priced && c.Lines[i].State != policy.Unpriced
	}
	return c, changed
}

// Correct writes a correction to the ledger, and counts what it adds to the cost
// or takes off. It waits until it is committed, unless commits are not waited for:
// then Flush does.
func (e *Engine) Correct(ctx context.Context, c policy.Record) error {
	e.filling.calls.RLock()
	defer e.filling.calls.RUnlock()
	err := e.o.Journal.Record(ctx, c)
	if err == nil || errors.Is(err, ledger.ErrUncommitted) { // which will be written
		e.metrics.costs.correct(&c)
		e.move(ctx, &c)
	}
	if err != nil {
		return fmt.Errorf("correct call %s: %w", c.ID, err)
	}
	return nil
}

// Flush waits until all that was settled and corrected before is in the ledger.
func (e *Engine) Flush(ctx context.Context) error {
	if err := e.o.Journal.Flush(ctx); err != nil {
		return fmt.Errorf("wait for the ledger: %w", err)
	}
	return nil
}

// addRevision takes the lines of a record apart. A new part begins with another
// model or context, and where meters, which are in order within a part, begin again.
func addRevision(parts []part, r *policy.Record) []part {
	at := -1
	for i := range r.Lines {
		l := &r.Lines[i]
		if i == 0 || l.Model != r.Lines[i-1].Model || l.Context != r.Lines[i-1].Context || l.Class <= r.Lines[i-1].Class {
			at++
		}
		if at == len(parts) {
			parts = append(parts, part{usage: tokenizer.Usage{Model: l.Model, Context: l.Context}})
		}
		parts[at].add(l, r.Revision == 0)
	}
	return parts
}

func (p *part) add(l *policy.Line, first bool) {
	had := &p.lines[l.Class]
	sum := *l
	sum.Quantity, sum.Waived = sum.Quantity+had.Quantity, sum.Waived+had.Waived
	sum.List, sum.Contracted, sum.Charged = had.List.Add(l.List), had.Contracted.Add(l.Contracted), had.Charged.Add(l.Charged)
	*had, p.has[l.Class] = sum, true
	if first && l.Class != tokenizer.Requests { // which are counted where they have a price
		p.usage.Set(l.Class, l.Quantity, l.Source)
		p.usage.Waive(l.Class, l.Waived)
	}
}

// rerate appends the difference of each line to c, and reports whether there is
// any. All lines are there, so that the next revision finds its parts in them.
func (p *part) rerate(rules *Rules, c *policy.Record) (changed bool) {
	var bands [tokenizer.Classes]string
	for i := range p.lines {
		bands[i] = p.lines[i].ContractID
	}
	priced := *c
	priced.Lines = nil
	rules.bill(&priced, &p.usage, &bands)
	c.Provider, c.Developer = priced.Provider, priced.Developer
	var now [tokenizer.Classes]policy.Line
	has := p.has
	for i := range now {
		now[i] = policy.Line{Model: p.usage.Model, Context: p.usage.Context, Class: tokenizer.Class(i), Source: p.lines[i].Source, State: policy.Free}
	}
	for _, l := range priced.Lines {
		now[l.Class], has[l.Class] = l, true
	}
	for i := range now {
		if has[i] {
			was, is := &p.lines[i], &now[i]
			if !p.has[i] {
				was.State = policy.Free
			}
			changed = differs(was, is) || changed
			c.Lines = append(c.Lines, difference(was, is))
		}
	}
	return changed
}

// differs reports whether two prices of a line are not the same: another row that
// says the same changes nothing.
func differs(was, is *policy.Line) bool {
	return was.List != is.List || was.Contracted != is.Contracted || was.Charged != is.Charged ||
		(was.State == policy.Unpriced) != (is.State == policy.Unpriced) || was.Paid() != is.Paid() || was.Chargeable() != is.Chargeable()
}

// difference is the line that makes is of was.
func difference(was, is *policy.Line) policy.Line {
	d := *is
	d.Quantity, d.Waived = 0, 0
	d.List, d.Contracted, d.Charged = is.List.Sub(was.List), is.Contracted.Sub(was.Contracted), is.Charged.Sub(was.Charged)
	return d
}
