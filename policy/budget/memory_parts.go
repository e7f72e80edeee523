package budget

import "time"

// partsOf is in how many parts a moving window is counted. What was spent leaves
// it when the part that it was spent in has left it whole: up to a part late,
// never early.
const partsOf = 60

// parts is what was spent in a window that moves with the clock.
type parts struct {
	each   time.Duration
	number [partsOf + 1]int64 // which part of time a place holds; 0: none
	spent  [partsOf + 1]int64
}

func newParts(window time.Duration) *parts {
	return &parts{each: (window + partsOf - 1) / partsOf}
}

// of numbers the parts of time, from 1970 on.
func (p *parts) of(at time.Time) int64 { return at.UnixNano() / int64(p.each) }

// counts reports whether what place i holds is in the window at now. A clock that
// was set back leaves what was spent before it was.
func (p *parts) counts(i int, now int64) bool { return p.number[i] != 0 && p.number[i] >= now-partsOf }

func (p *parts) sum(now time.Time) (sum int64) {
	current := p.of(now)
	for i := range p.spent {
		if p.counts(i, current) {
			sum = plus(sum, p.spent[i])
		}
	}
	return sum
}

// add counts what was spent at a moment; nothing, if that has left the window.
func (p *parts) add(spent int64, at, now time.Time) {
	part := p.of(at)
	if part < p.of(now)-partsOf {
		return
	}
	i := int(part % (partsOf + 1))
	switch {
	case p.number[i] == part:
	case p.number[i] > part: // the clock was set back: it counts with what is there
	default:
		p.number[i], p.spent[i] = part, 0
	}
	p.spent[i] = plus(p.spent[i], spent)
}

// when is the moment at which parts that hold enough together will have left; zero
// if all of them do not.
func (p *parts) when(enough int64, now time.Time) time.Time {
	current := p.of(now)
	for part := current - partsOf; part <= current; part++ {
		i := int(part % (partsOf + 1))
		if p.number[i] != part {
			continue
		}
		if enough = minus(enough, p.spent[i]); enough <= 0 {
			return time.Unix(0, (part+partsOf+1)*int64(p.each))
		}
	}
	return time.Time{}
}

func (p *parts) empty(now time.Time) bool {
	current := p.of(now)
	for i := range p.spent {
		if p.counts(i, current) && p.spent[i] != 0 {
			return false
		}
	}
	return true
}
