package generic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// plan says what to count in a body.
type plan struct {
	scan    *jsonscan.Plan
	entries []entry
}

type entry struct {
	meter    tokenizer.Class
	elements bool // count what is found, and do not look at it
	times    int64
}

// Bounds of what is counted.
const (
	millionth  = 1_000_000
	most       = 1 << 40 // units of one meter in one body
	keptNumber = 32      // bytes of a number
)

func compile(counts []Count) (*plan, error) {
	if len(counts) > MaxUsage {
		return nil, fmt.Errorf("%d counts, at most %d are possible", len(counts), MaxUsage)
	}
	p := &plan{}
	watches := make([]jsonscan.Watch, len(counts))
	for i, c := range counts {
		e := entry{meter: c.Meter, times: max(c.Times, 1), elements: c.Path == "*" || strings.HasSuffix(c.Path, ".*")}
		switch {
		case c.Meter >= tokenizer.Classes:
			return nil, errors.New("there is no such meter")
		case p.counts(c.Meter):
			return nil, fmt.Errorf("%s is counted twice", c.Meter)
		case c.Times < 0 || c.Times > MaxTimes:
			return nil, fmt.Errorf("a number can be taken 1 to %d times", MaxTimes)
		case e.elements && e.times != 1:
			return nil, errors.New("elements of a list are counted once: times is for numbers")
		}
		watches[i] = jsonscan.Watch{Path: c.Path, Keep: keptNumber}
		if e.elements {
			watches[i].Keep = 1
		}
		if _, err := jsonscan.Compile(watches[i]); err != nil {
			return nil, fmt.Errorf("%q leads nowhere: write names of members joined by dots, of at most 40 bytes each, and * for each element of a list", c.Path)
		}
		p.entries = append(p.entries, e)
	}
	var err error
	if p.scan, err = jsonscan.Compile(watches...); err != nil {
		return nil, errors.New("two paths are the same, or one lies below the other")
	}
	return p, nil
}

// counts reports whether p counts for a meter.
func (p *plan) counts(c tokenizer.Class) bool {
	for i := range p.entries {
		if p.entries[i].meter == c {
			return true
		}
	}
	return false
}

// tallies are what was counted of a plan so far, in millionths of a unit.
type tallies struct {
	plan *plan
	sum  [MaxUsage]int64
	seen [MaxUsage]bool
	bad  [MaxUsage]bool // something there is no number that can be counted
}

func newTallies(p *plan) *tallies { return &tallies{plan: p} }

// Value takes a value that the scanner found.
func (t *tallies) Value(watch int, raw []byte) {
	e := &t.plan.entries[watch]
	n, ok := int64(millionth), true
	if !e.elements {
		n, ok = millionths(raw, e.times)
	}
	t.seen[watch] = true
	t.sum[watch] += n // both are at most most millions, so the sum is far from the end of int64
	t.bad[watch] = t.bad[watch] || !ok || t.sum[watch] > most*millionth
	if t.bad[watch] {
		t.sum[watch] = 0
	}
}

// Text is not asked for.
func (*tallies) Text(int, []byte) {}

// units is what was counted of entry i, a begun unit as a whole one. known is false
// where nothing was found, or what was found cannot be counted.
func (t *tallies) units(i int) (n int64, known bool) {
	return (t.sum[i] + millionth - 1) / millionth, t.seen[i] && !t.bad[i]
}

// millionths multiplies a JSON number, in millionths, rounded up. ok is false for
// what is no number, is below zero or out of bounds.
func millionths(raw []byte, times int64) (n int64, ok bool) {
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return 0, false
	}
	if n, ok := digits(raw); ok && n <= most/times {
		return n * times * millionth, true
	}
	if e := bytes.IndexAny(raw, "eE"); e >= 0 && len(raw)-e > len("e-99") || !json.Valid(raw) {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(string(raw))
	if !ok {
		return 0, false
	}
	r.Mul(r, new(big.Rat).SetInt64(times*millionth))
	up := new(big.Int).Add(r.Num(), new(big.Int).Sub(r.Denom(), big.NewInt(1)))
	up.Div(up, r.Denom())
	if !up.IsInt64() || up.Int64() > most*millionth {
		return 0, false
	}
	return up.Int64(), true
}

// digits reads a short whole number.
func digits(raw []byte) (n int64, ok bool) {
	if len(raw) > 15 || raw[0] == '0' && len(raw) > 1 {
		return 0, false
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
