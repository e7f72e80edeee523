package owners

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// Bounds of climbAll: its work, and what it makes. An entry whose parents do not
// change takes as many steps as it has levels, and has one stretch.
const (
	maxSteps     = 2 * MaxEntries * MaxLevels
	maxStretches = MaxEntries + MaxEntries/2
)

// climbAll finds the lineage of every entry for all of its time.
func (b *builder) climbAll() {
	line := make([]string, 0, MaxLevels+1)
	for i := range b.d.entries {
		e := &b.d.entries[i]
		c := climber{builder: b, index: i, start: e}
		c.climb(e, e.span(), line)
		if b.spent() {
			b.wrong.add(i, "parent", "the dates of parents are too many to be followed")
			return
		}
	}
}

func (b *builder) spent() bool { return b.steps > maxSteps || b.stretches > maxStretches }

// climber goes from one entry upwards.
type climber struct {
	*builder
	index int
	start *dated
	told  bool // one mistake an entry is enough
}

// climb goes on at e, which is above start within s; line are the teams below e.
// What is wrong further up is told of the entry there.
func (c *climber) climb(e *dated, s span, line []string) {
	if c.steps++; c.spent() {
		return
	}
	line = append(line, e.Team) // siblings overwrite it: what stays is cloned
	switch {
	case e.Parent == "":
		c.start.stretches = append(c.start.stretches, stretch{s, slices.Clone(line)})
		c.stretches++
		return
	case slices.Contains(line, e.Parent):
		if e.Parent == line[0] {
			c.tell("its parents lead back to it %v: %s", s, strings.Join(append(line, e.Parent), " → "))
		}
		return
	case len(line) == MaxLevels:
		c.tell("there are more than %d levels above it %v", MaxLevels-1, s)
		return
	}
	covered := s.from
	for _, p := range after(c.d.teams[e.Parent], s.from) {
		part := p.span().within(s)
		if covered.Before(part.from) || !part.from.Before(part.until) {
			break
		}
		c.climb(p, part, line)
		covered = part.until
	}
	if covered.Before(s.until) && e == c.start {
		c.missing(e.Parent, span{covered, s.until})
	}
}

// after skips the entries of a team that have ended at t.
func after(all []*dated, t time.Time) []*dated {
	i := sort.Search(len(all), func(i int) bool { return t.Before(all[i].span().until) })
	return all[i:]
}

func (c *climber) missing(parent string, s span) {
	all := c.d.teams[parent]
	if len(all) == 0 {
		c.tell("no team is called %q", parent)
		return
	}
	for _, p := range all {
		if s.from.Before(p.From) && p.From.Before(s.until) {
			s.until = p.From
			break
		}
	}
	c.tell("%s is not there %v", parent, s)
}

func (c *climber) tell(format string, args ...any) {
	if !c.told {
		c.told = true
		c.wrong.add(c.index, "parent", format, args...)
	}
}
