package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/engine"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// served has e settle a call that was answered in a tier, and returns what was held.
func served(t *testing.T, e *engine.Engine, r *policy.Request, tier string) int64 {
	t.Helper()
	ticket := admit(t, e, r)
	o := answered
	o.Reading.Tier = tier
	e.Settle(t.Context(), ticket, o)
	return int64(ticket.Hold.Most)
}

func TestATierThatNobodyAskedForIsHeldFromThenOn(t *testing.T) {
	unsure := strict(engine.RefuseIt)
	unsure.Tries = 1
	for _, c := range []struct {
		why, provider, asked, usual, tier string
		bounds                            *engine.Bounds
		times                             int64 // what is held then, in twentieths of what was
	}{
		{"its project has it", "openai", "", "", "priority", nil, 40},
		{"left to the project", "openai", "auto", "", "Priority", nil, 40},
		{"the configuration says another", "openai", "", "default", "priority", nil, 40},
		{"the configuration says another, and strict", "openai", "", "default", "priority", unsure, 40},
		{"the configuration says a cheaper one", "openai", "", "flex", "priority", nil, 80},
		{"one that is taken to serve none unasked, and strict", "bedrock", "", "", "priority", unsure, 40},
		{"all are held already", "openai", "", "", "priority", unsure, 20},
		{"a cheaper one", "openai", "", "", "flex", nil, 20},
		{"the one that the configuration says", "openai", "", "priority", "priority", nil, 20},
		{"the standard one", "openai", "", "", "default", nil, 20},
		{"the one that was asked for", "openai", "priority", "", "priority", nil, 10},
		{"one that has no price", "openai", "", "", "soon", nil, 20},
		{"nothing", "openai", "", "", "", nil, 20},
	} {
		e, _ := tiered(t, c.provider, c.bounds)
		before := served(t, e, leaving(c.provider, c.asked, c.usual), c.tier)
		r := leaving(c.provider, "", c.usual)
		r.ID = policy.CallID{2}
		if after := served(t, e, r, c.tier); before == 0 || after*20 != before*c.times {
			t.Errorf("%s: held %d, and %d when it was seen", c.why, before, after)
		}
		asks := leaving(c.provider, "default", "")
		asks.ID = policy.CallID{3}
		if got := served(t, e, asks, "default"); got > before && c.usual != "flex" {
			t.Errorf("%s: held %d for a call that asks for its tier", c.why, got)
		}
	}
}

// plainly is a call of which strict holds a tier by its price alone, told to be served
// in the standard one.
func plainly(id policy.CallID, account string) *policy.Request {
	r := leaving("openai", "", "default")
	r.ID, r.Account = id, account
	return r
}

const standardHeld = 500*2000 + 300*10_000 // for plainly

// What is seen is of one project or deployment, is forgotten after a day, and is noted
// again meanwhile.
func TestAnUnaskedTierIsForgotten(t *testing.T) {
	var past atomic.Int64 // since noon
	bounds := strict(engine.RefuseIt)
	bounds.Tries = 1
	e, _, _ := tieredAt(t, "openai", bounds, func() time.Time { return noon.Add(time.Duration(past.Load())) })
	n := byte(0)
	held := func(account, tier string) int64 {
		n++
		r := plainly(policy.CallID{n}, account)
		r.At = noon.Add(time.Duration(past.Load()))
		return served(t, e, r, tier)
	}
	held("a", "priority")
	for _, c := range []struct {
		after   time.Duration
		account string
		times   int64
		tier    string
	}{
		{0, "a", 2, "priority"}, {0, "b", 1, ""}, {23 * time.Hour, "a", 2, "priority"}, {23 * time.Hour, "a", 2, ""},
		{time.Hour, "a", 1, ""}, {0, "a", 1, "priority"}, {0, "a", 2, ""},
	} {
		past.Add(int64(c.after))
		if got := held(c.account, c.tier); got != c.times*standardHeld {
			t.Errorf("%s at %s: held %d, want %d times %d", c.account, time.Duration(past.Load()), got, c.times, standardHeld)
		}
	}
}

// What is remembered has a bound, whatever many say at once; what is there stays.
func TestUnaskedTiersAreBounded(t *testing.T) {
	const each = engine.MostTiered/4 + 25
	var u engine.Unasked
	var all sync.WaitGroup
	var news atomic.Int64
	for at := range 4 {
		all.Go(func() {
			for n := range each {
				for _, tier := range []string{"priority", "fast", "priority"} {
					if u.Note(fmt.Sprint(at, n), tier, noon) {
						news.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	kept := 0
	for at := range 4 {
		for n := range each {
			if account := fmt.Sprint(at, n); u.Holds(account, "priority") {
				kept++
				if !u.Holds(account, "fast") {
					t.Errorf("of %s one tier of two is remembered", account)
				}
			}
		}
	}
	if kept != engine.MostTiered || news.Load() != 2*engine.MostTiered {
		t.Errorf("%d are remembered, and %d were news, want %d and twice that", kept, news.Load(), engine.MostTiered)
	}
	if !u.Note("one that comes after a day", "priority", noon.Add(24*time.Hour)) {
		t.Error("what is too old keeps others from being remembered")
	}
}

func TestAnswersInAnUnaskedTierAreCounted(t *testing.T) {
	e, _, reg := tieredAt(t, "openai", nil, func() time.Time { return noon })
	for n, tier := range []string{"priority", "default", "Priority", "", "flex", "soon"} {
		served(t, e, plainly(policy.CallID{byte(n)}, "a"), tier)
	}
	const want = `
# HELP farebox_unasked_tiers_total Answers in a service tier with a price of its own that neither their call nor providers[].tier says.
# TYPE farebox_unasked_tiers_total counter
farebox_unasked_tiers_total{provider="openai",tier="flex"} 1
farebox_unasked_tiers_total{provider="openai",tier="priority"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_unasked_tiers_total"); err != nil {
		t.Error(err)
	}
}
