package redisstore

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// count is how an account stands at now.
type count struct {
	now         int64 // microseconds since 1970, as all moments here
	spent, held int64
	parts       []part   // of a moving window, the oldest first
	level       *big.Int // of a rate: what is not refilled yet, times its span
}

// part is what was spent in one part of a moving window.
type part struct{ number, spent int64 }

// unpackCount reads what scripts wrote of an account; of no text, it has spent
// nothing.
func unpackCount(a *budget.Account, text string, now int64) (c count, err error) {
	c = count{now: now, level: new(big.Int)}
	kind, size := kindOf(a), len(text)
	switch {
	case size == 0:
		return c, nil
	case kind == rateKind && size == 8+6*3:
		c.readRate(a, []byte(text))
	case kind == movingKind && size >= 8 && size%16 == 8:
		c.readMoving(a, []byte(text))
	case kind <= callsKind && size == 16:
		c.spent, c.held = int64(binary.BigEndian.Uint64([]byte(text))), int64(binary.BigEndian.Uint64([]byte(text[8:])))
	default:
		return c, fmt.Errorf("read account %.40q: %d bytes are none of its kind", a.Rule, size)
	}
	return c, nil
}

// readRate refills what was left since it was written.
func (c *count) readRate(a *budget.Account, b []byte) {
	at := int64(binary.BigEndian.Uint64(b))
	limbs := b[8:]
	for i := 5; i >= 0; i-- {
		limb := int64(limbs[3*i])<<16 | int64(limbs[3*i+1])<<8 | int64(limbs[3*i+2])
		c.level.Lsh(c.level, 24).Add(c.level, big.NewInt(limb))
	}
	refilled := new(big.Int).Mul(big.NewInt(max(0, c.now-at)), big.NewInt(a.Limit))
	if c.level.Sub(c.level, refilled); c.level.Sign() < 0 {
		c.level.SetInt64(0)
	}
	c.spent = rounded(c.level, spanOf(a))
}

func (c *count) readMoving(a *budget.Account, b []byte) {
	c.held = int64(binary.BigEndian.Uint64(b))
	first := c.now/partOf(a) - partsOf
	for b = b[8:]; len(b) > 0; b = b[16:] {
		p := part{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
		if p.number >= first {
			c.parts = append(c.parts, p)
			c.spent = budget.Sum(c.spent, p.spent)
		}
	}
	slices.SortFunc(c.parts, func(a, b part) int { return int(a.number - b.number) })
}

// rounded is n / by, rounded up.
func rounded(n *big.Int, by int64) int64 {
	sum := new(big.Int).Add(n, big.NewInt(by-1))
	sum.Quo(sum, big.NewInt(by))
	if !sum.IsUint64() {
		return bounded(1 << 63)
	}
	return bounded(sum.Uint64())
}

// short says what is left of an account that is short of more for a hold of most,
// and when it will have that by itself.
func (c *count) short(a *budget.Account, most, more int64) budget.Short {
	state := budget.State{Account: *a, Spent: c.spent, Held: c.held}
	s := budget.Short{Left: max(0, state.Left()), Spent: c.spent}
	switch kindOf(a) {
	case rateKind:
		s.Again = c.refilled(a, more)
	case movingKind:
		s.Again = c.moved(a, more-s.Left)
	case sumKind:
		if most <= a.Limit {
			s.Again = a.End
		}
	}
	return s
}

// refilled is when a rate will have more; zero: never at once.
func (c *count) refilled(a *budget.Account, more int64) time.Time {
	if more > a.Limit {
		return time.Time{}
	}
	span := big.NewInt(spanOf(a))
	missing := new(big.Int).Mul(big.NewInt(more-a.Limit), span)
	missing.Add(missing, c.level)
	return time.UnixMicro(c.now + rounded(missing, a.Limit))
}

// moved is when parts that hold enough together will have left their window; zero:
// all of them do not.
func (c *count) moved(a *budget.Account, enough int64) time.Time {
	for _, p := range c.parts {
		if enough = budget.Sum(enough, -max(p.spent, -math.MaxInt64)); enough <= 0 {
			return time.UnixMicro((p.number + partsOf + 1) * partOf(a))
		}
	}
	return time.Time{}
}
