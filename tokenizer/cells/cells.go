// Package cells turns the counts of a provider, which overlap, into the disjoint
// classes of a Usage.
//
// In comes a usage object and the names of its members; out go Parts, and a Usage
// whose classes sum to the total that the provider states. It knows no provider:
// which member means what is each dialect's own business.
package cells

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/tidwall/gjson"
)

// MaxCount is the largest count that is believed. It keeps sums far from
// overflow.
const MaxCount = 1 << 40

// Part is one class of a total, or a total.
type Part struct {
	Class tokenizer.Class
	Count int64
	Known bool
}

// As returns p as a part of that class.
func (p Part) As(c tokenizer.Class) Part {
	p.Class = c
	return p
}

// First returns the first of the members, as gjson paths, that is a believable
// number; unknown if none is.
func First(usage gjson.Result, members ...string) Part {
	for _, m := range members {
		if v := usage.Get(m); v.Type == gjson.Number && v.Num >= 0 && v.Num <= MaxCount {
			return Part{Count: v.Int(), Known: true}
		}
	}
	return Part{}
}

// Sum is the sum of what is known of parts; unknown if nothing is.
func Sum(parts ...Part) (sum Part) {
	for _, p := range parts {
		if p.Known {
			sum.Count, sum.Known = sum.Count+p.Count, true
		}
	}
	return sum
}

// Set sets what is known of parts, each by itself.
func Set(u *tokenizer.Usage, from tokenizer.Source, parts ...Part) {
	for _, p := range parts {
		if p.Known {
			u.Set(p.Class, p.Count, from)
		}
	}
}

// Split sets the parts of a total and leaves the rest of it to the total's class,
// so that the classes sum to the total that the provider states, whatever its
// parts say: a part is cut to what the parts before it have left. Parts of an
// unknown total are unknown.
func Split(u *tokenizer.Usage, from tokenizer.Source, total Part, parts ...Part) {
	if !total.Known {
		return
	}
	left := total.Count
	for _, p := range parts {
		if !p.Known {
			continue
		}
		n := min(p.Count, left)
		u.Set(p.Class, n, from)
		left -= n
	}
	u.Set(total.Class, left, from)
}

// Cost is what the provider says that the call cost, in USD, as a JSON number, or
// "": cost as it is written (OpenRouter and those that follow it), the total of an
// object of that name (Perplexity), or ticks, of which ten billion are a dollar
// (xAI).
// https://openrouter.ai/docs/use-cases/usage-accounting
// https://docs.perplexity.ai/getting-started/pricing
// https://docs.x.ai/developers/cost-tracking
func Cost(usage gjson.Result) string {
	const most = 32
	c := usage.Get("cost")
	if currency := c.Get("currency"); c.IsObject() && (!currency.Exists() || currency.Str == "USD") {
		c = c.Get("total_cost")
	}
	if c.Type == gjson.Number && len(c.Raw) <= most {
		return strings.Clone(c.Raw)
	}
	const ticks = 10_000_000_000
	if t := First(usage, "cost_in_usd_ticks"); t.Known {
		text := fmt.Sprintf("%d.%010d", t.Count/ticks, t.Count%ticks)
		return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return ""
}
