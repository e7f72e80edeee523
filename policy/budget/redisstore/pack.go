package redisstore

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// Kinds of accounts, as scripts know them.
const (
	sumKind byte = iota
	callsKind
	movingKind
	rateKind
)

func kindOf(a *budget.Account) byte {
	switch {
	case a.Rate > 0:
		return rateKind
	case a.Unit == budget.Concurrency:
		return callsKind
	case a.Rolling > 0:
		return movingKind
	}
	return sumKind
}

// keptFor is how long an account is kept after its window.
const keptFor = 40 * 24 * time.Hour

// partsOf is in how many parts a moving window is counted.
const partsOf = 60

// spanOf is the length of a rate or moving window in microseconds, 1 to 2^53, and
// partOf that of a part of it, rounded up.
func spanOf(a *budget.Account) int64 {
	return min(1<<53, max(1, int64((a.Rate+a.Rolling)/time.Microsecond)))
}

func partOf(a *budget.Account) int64 { return (spanOf(a) + partsOf - 1) / partsOf }

// lineSize is of a line: what a script reads, and what is needed to make an
// account of it and its key.
const lineSize = 3 + 4*8 + 2*12 + 4*8

// packLine writes how an account counts.
func packLine(a *budget.Account) string {
	b := make([]byte, 0, lineSize)
	b = append(b, kindOf(a), byte(a.Unit), 0)
	if a.Soft {
		b[2] = 1
	}
	big := binary.BigEndian
	b = big.AppendUint64(b, uint64(a.Limit))
	b = big.AppendUint64(b, uint64(spanOf(a)))
	b = big.AppendUint64(b, uint64(partOf(a)))
	forget := int64(0)
	if !a.End.IsZero() {
		forget = max(1, a.End.Add(keptFor).Unix())
	}
	b = big.AppendUint64(b, uint64(forget))
	for _, t := range []time.Time{a.Start, a.End} {
		b = big.AppendUint64(b, uint64(t.Unix()))
		b = big.AppendUint32(b, uint32(t.Nanosecond()))
	}
	b = big.AppendUint64(b, uint64(a.Rolling))
	b = big.AppendUint64(b, uint64(a.Rate))
	b = big.AppendUint64(b, a.Series)
	b = big.AppendUint32(b, uint32(len(a.Rule)))
	return string(big.AppendUint32(b, uint32(len(a.Of))))
}

// unpackLine is the account that packLine wrote. key is budget.Account.Key; empty:
// it is left without its names.
func unpackLine(key, line string) (a budget.Account, err error) {
	if len(line) != lineSize {
		return a, fmt.Errorf("read line of an account: %d bytes, want %d", len(line), lineSize)
	}
	b, big := []byte(line), binary.BigEndian
	a.Unit, a.Soft, a.Limit = budget.Unit(b[1]), b[2] == 1, int64(big.Uint64(b[3:]))
	b = b[3+4*8:]
	for i, t := range []*time.Time{&a.Start, &a.End} {
		at := b[12*i:]
		if moment := time.Unix(int64(big.Uint64(at)), int64(big.Uint32(at[8:]))).UTC(); !moment.IsZero() {
			*t = moment
		}
	}
	b = b[2*12:]
	a.Rolling, a.Rate, a.Series = time.Duration(big.Uint64(b)), time.Duration(big.Uint64(b[8:])), big.Uint64(b[16:])
	if key == "" {
		return a, nil
	}
	rule, of := int(big.Uint32(b[24:])), int(big.Uint32(b[28:]))
	if len(key) < rule+1+of {
		return a, fmt.Errorf("read key of an account: %d bytes, want %d and more", len(key), rule+1+of)
	}
	a.Rule, a.Of = key[:rule], key[rule+1:rule+1+of]
	return a, nil
}

func packInt(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// unpackInt reads what packInt wrote, at the start of text.
func unpackInt(text string) (int64, error) {
	if len(text) < 8 {
		return 0, fmt.Errorf("read a number: %d bytes, want 8", len(text))
	}
	return int64(binary.BigEndian.Uint64([]byte(text[:8]))), nil
}

func packAmounts(a *budget.Amounts) string {
	b := make([]byte, 0, 8*len(a))
	for _, n := range a {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return string(b)
}

// bounded is n, or the largest number where it is beyond.
func bounded(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
