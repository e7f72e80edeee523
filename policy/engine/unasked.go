package engine

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/price"
)

// What is remembered of tiers: for how long after an answer named one, how often that
// is noted anew, and of how many projects and deployments at most. Of more than that
// nothing is learned.
const (
	batch      = "batch" // the tier of work that was asked for as such
	tierStays  = 24 * time.Hour
	tierAgain  = time.Hour
	mostTiered = 1000
)

// tiered is what has a tier of its own at a provider.
type tiered struct{ provider, account, deployment string }

// tierSeen is a tier in which an answer was served, and when one was last noted.
type tierSeen struct {
	tier string
	at   time.Time
}

// unasked are the tiers, beside the standard one, in which providers served calls that
// asked for none. It takes no lock; the zero value is ready.
type unasked struct {
	seen atomic.Pointer[map[tiered][]tierSeen] // never changed once it is stored; nil: nothing
}

// of is what is remembered of k, some of which may be too old.
func (u *unasked) of(k tiered) []tierSeen {
	if all := u.seen.Load(); all != nil {
		return (*all)[k]
	}
	return nil
}

// note remembers a tier, and reports whether it is news.
func (u *unasked) note(k tiered, tier string, now time.Time) (news bool) {
	for {
		was := u.seen.Load()
		noted := last(u.of(k), tier)
		if now.Sub(noted) < tierAgain {
			return false
		}
		next := living(was, now)
		if len(next) >= mostTiered && next[k] == nil {
			return false
		}
		next[k] = append(slices.DeleteFunc(next[k], func(s tierSeen) bool { return s.tier == tier }), tierSeen{tier, now})
		if u.seen.CompareAndSwap(was, &next) {
			return now.Sub(noted) >= tierStays
		}
	}
}

// living is a copy of all, without what is too old.
func living(all *map[tiered][]tierSeen, now time.Time) map[tiered][]tierSeen {
	next := make(map[tiered][]tierSeen)
	if all == nil {
		return next
	}
	for k, tiers := range *all {
		tiers = slices.DeleteFunc(slices.Clone(tiers), func(s tierSeen) bool { return now.Sub(s.at) >= tierStays })
		if len(tiers) > 0 {
			next[k] = tiers
		}
	}
	return next
}

// last is when a tier was noted; the zero time: it is not among all.
func last(all []tierSeen, tier string) time.Time {
	for i := range all {
		if all[i].tier == tier {
			return all[i].at
		}
	}
	return time.Time{}
}

// tell remembers the tier in which an answer was served that asked for none, where it
// is neither the standard one nor that of the configuration, and has a price of its
// own: calls that come later are held at the dearest of these.
func (e *Engine) tell(ctx context.Context, t *policy.Ticket, o *policy.Outcome) {
	tier := strings.ToLower(o.Reading.Tier)
	if price.Standard(tier) || tier == batch || !leavesTier(&t.Call) || strings.EqualFold(tier, t.Tier) {
		return
	}
	isTier := func(known string) bool { return strings.EqualFold(known, tier) }
	if !slices.ContainsFunc(slices.Collect(e.rules.Load().Prices.Tiers(t.Provider)), isTier) {
		return
	}
	e.metrics.unasked.WithLabelValues(label(t.Provider), tier).Inc()
	if !e.unasked.note(tiered{t.Provider, t.Account, t.Deployment}, tier, e.o.Now()) {
		return
	}
	e.o.Logger.LogAttrs(ctx, slog.LevelWarn, "answers come in a service tier that calls did not ask for: set providers[].tier; until tomorrow such calls are held at the dearest tier that was seen",
		slog.String("provider", t.Provider), slog.String("account", t.Account), slog.String("deployment", t.Deployment), slog.String("tier", tier))
}
