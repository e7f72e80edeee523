package engine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus"
)

// tiered has a model of a provider cost twice as much as priority, and half as flex.
func tiered(t *testing.T, provider string, bounds *engine.Bounds) (*engine.Engine, *book) {
	t.Helper()
	e, b, _ := tieredAt(t, provider, bounds, func() time.Time { return noon })
	return e, b
}

// tieredAt is tiered with a clock.
func tieredAt(t *testing.T, provider string, bounds *engine.Bounds, now func() time.Time) (*engine.Engine, *book, *prometheus.Registry) {
	t.Helper()
	var rows []price.Row
	for _, c := range []struct{ tier, in, out string }{{"", "2", "10"}, {"priority", "4", "20"}, {"flex", "1", "5"}} {
		row := price.NewRow("test:m;"+c.tier, provider, "m1")
		row.Tier = c.tier
		row.Set(tokenizer.Input, rate(t, c.in))
		row.Set(tokenizer.Output, rate(t, c.out))
		rows = append(rows, row)
	}
	prices, err := price.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return limited(t, func(o *engine.Options) { o.Rules.Prices, o.Rules.Bounds, o.Now = prices, bounds, now }, month("month", 1_000_000*usd))
}

// leaving is a call of 500 bytes and 300 tokens of output that asks for a tier, of
// which the configuration says usual.
func leaving(provider, tier, usual string) *policy.Request {
	r := changeable(1)
	r.Provider, r.Call.Tier, r.Tier = provider, tier, usual
	r.Call.MaxOutput, r.Content = 300, tokenizer.Content{Bytes: 500}
	return r
}

func TestTheTierInWhichACallMayBeServedIsHeld(t *testing.T) {
	const standard = 500*2000 + 300*10_000
	bounds := strict(engine.RefuseIt)
	bounds.Tries = 1
	for _, c := range []struct {
		why, provider, asked, usual string
		held                        int64
	}{
		{"nobody says", "openai", "", "", 2 * standard},
		{"it is left to the project", "openai", "auto", "", 2 * standard},
		{"who it is, nobody knows", "", "", "", 2 * standard},
		{"the configuration says", "openai", "", "default", standard},
		{"the configuration says of auto", "openai", "auto", "flex", standard / 2},
		{"the configuration says the dearest", "openai", "", "priority", 2 * standard},
		{"the call says", "openai", "default", "priority", standard},
		{"the call says the cheapest", "openai", "flex", "", standard / 2},
		{"the call says the dearest", "openai", "priority", "default", 2 * standard},
		{"none is served unasked", "bedrock", "", "", standard},
		{"none is served unasked, but as the configuration says", "bedrock", "", "priority", 2 * standard},
	} {
		at := c.provider
		if at == "" {
			at = "openai"
		}
		e, _ := tiered(t, at, bounds)
		if ticket := admit(t, e, leaving(c.provider, c.asked, c.usual)); ticket.Refusal != nil || int64(ticket.Hold.Most) != c.held {
			t.Errorf("%s: held %d, want %d; %+v", c.why, ticket.Hold.Most, c.held, ticket.Refusal)
		}
	}
	// What is learned is learned of the price that is known.
	e, _ := tiered(t, "openai", nil)
	plain, _ := tiered(t, "openai", nil)
	usual := admit(t, plain, leaving("openai", "", ""))
	if dear := admit(t, e, leaving("openai", "", "priority")); dear.Hold.Most != 2*usual.Hold.Most || usual.Hold.Most == 0 {
		t.Errorf("held %d, and %d where calls are served as priority", usual.Hold.Most, dear.Hold.Most)
	}
}

// An answer that does not say its tier is of the one that the configuration tells.
func TestTheTierOfAnAnswerThatDoesNotSay(t *testing.T) {
	for _, c := range []struct{ asked, served, want string }{
		{"", "", "priority"}, {"auto", "", "priority"}, {"", "default", "default"}, {"flex", "", ""}, {"default", "", ""},
	} {
		e, b := tiered(t, "openai", nil)
		ticket := admit(t, e, leaving("openai", c.asked, "priority"))
		o := answered
		o.Reading.Tier = c.served
		e.Settle(t.Context(), ticket, o)
		if r := b.last(t); r.Tier != c.want || r.TierAsked != c.asked {
			t.Errorf("asked %q and served %q: %q", c.asked, c.served, r.Tier)
		}
	}
}

// In whichever tier a call is served that asks for none, it costs no more than was
// held.
func TestStrictHoldsAreNeverExceededInAnyTier(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 1))
	bounds := strict(engine.RefuseIt)
	bounds.Tries = 1
	e, _ := tiered(t, "openai", bounds)
	for n := range 200 {
		r := leaving("openai", []string{"", "auto"}[random.IntN(2)], "")
		r.ID = policy.CallID{byte(n)}
		before, _ := spent(t, e, "month")
		ticket := admit(t, e, r)
		o := answered
		o.Reading.Tier = []string{"", "default", "priority", "flex"}[random.IntN(4)]
		o.Reading.Usage = reported(random.Int64N(501), 0, random.Int64N(301))
		e.Settle(t.Context(), ticket, o)
		if after, _ := spent(t, e, "month"); after-before > int64(ticket.Hold.Most) {
			t.Fatalf("served as %q it cost %d, and %d was held", o.Reading.Tier, after-before, ticket.Hold.Most)
		}
	}
}
