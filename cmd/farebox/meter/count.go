package meter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// count tells what is known from what is guessed. Known is what the answer
// reported, zeros too, and text that was counted exactly.
func (d *desk) count() Count {
	c := Count{Record: *d.record, Metered: true, Deferred: d.outcome.Reading.Deferred.ID, Of: d.of, Source: tokenizer.Reported}
	for i := range d.usage {
		for class, n := range d.usage[i].All {
			c.add(class, n, d.usage[i].Source(class))
		}
	}
	var lines, guessed []policy.Line
	for _, l := range c.Record.Lines {
		if l.Source < tokenizer.Counted {
			guessed = append(guessed, l)
		} else {
			lines = append(lines, l)
		}
	}
	c.Record.Lines, c.Priced = lines, len(lines) > 0 && len(guessed) == 0
	for i := range c.Record.Lines {
		l := &c.Record.Lines[i]
		if l.Source < tokenizer.Reported && !d.reported(l.Class) {
			c.add(l.Class, l.Quantity, l.Source)
		}
		c.Cost = c.Cost.Add(l.Charged)
		c.Priced = c.Priced && l.Chargeable()
	}
	if !c.Usage.Known() {
		c.Source = tokenizer.None
	}
	c.Record.Source, c.Record.Priced = c.Source, c.Priced
	c.Why = d.why(&c, guessed)
	return c
}

// add sums a known quantity into the usage.
func (c *Count) add(class tokenizer.Class, n int64, from tokenizer.Source) {
	before, known := c.Usage.Count(class)
	if known {
		from = min(from, c.Usage.Source(class))
	}
	c.Usage.Set(class, before+n, from)
	c.Source = min(c.Source, from)
}

// reported says that the answer itself told a class.
func (d *desk) reported(class tokenizer.Class) bool {
	return slices.ContainsFunc(d.usage, func(u tokenizer.Usage) bool {
		_, known := u.Count(class)
		return known
	})
}

// why says what is missing of a count, in the order of its weight. guessed are the
// lines that were left out.
func (d *desk) why(c *Count, guessed []policy.Line) string {
	var list []string
	say := func(is bool, format string, args ...any) {
		if is {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	o := &d.outcome
	say(o.End == tokenizer.Failed, "the provider answered with an error")
	say(o.Lost, "the answer cannot be read, or not to its end")
	say(o.Reading.Unreadable > 0, "%d events or bodies could not be read", o.Reading.Unreadable)
	say(len(d.usage) == 0 && o.End != tokenizer.Failed && c.Deferred == "", "the answer reports no usage")
	say(c.Deferred != "" && len(d.usage) == 0, "the work goes on at the provider, and a later answer tells what it used")
	asked := c.Usage.Source(tokenizer.Requests) == tokenizer.Counted // by a route
	say(c.Source == tokenizer.Counted && !asked, "the text that was seen was counted")
	say(asked, "the request is not known: it counts as one")
	if c.Usage.Known() {
		say(slices.ContainsFunc(guessed, func(l policy.Line) bool { return l.Class.IsInput() }), "input is not known")
		say(slices.ContainsFunc(guessed, func(l policy.Line) bool { return l.Class.IsOutput() }), "output is not known")
	}
	say(slices.ContainsFunc(c.Record.Lines, func(l policy.Line) bool { return !l.Chargeable() }), "no price row matches")
	return strings.Join(list, "; ")
}
