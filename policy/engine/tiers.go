package engine

import (
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/names"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// askedOnly are providers that serve a dearer tier to no call that does not ask for
// it. At others a project or a deployment may have one for all calls, as at OpenAI:
// https://platform.openai.com/docs/guides/priority-processing
//
//   - https://platform.claude.com/docs/en/api/service-tiers
//   - https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
//   - https://cloud.google.com/vertex-ai/generative-ai/docs/priority-paygo
//   - https://ai.google.dev/gemini-api/docs/priority-inference
//   - https://console.groq.com/docs/service-tiers
//   - https://docs.mistral.ai/capabilities/batch
var askedOnly = []string{"anthropic", "bedrock", "vertex", "gemini", "groq", "mistral"}

// leavesTier reports whether a call leaves it to its provider in which tier it is
// served.
func leavesTier(c *tokenizer.Call) bool { return c.Tier == "" || strings.EqualFold(c.Tier, "auto") }

// usualTier is the tier in which a call is served whose answer does not say, as far as
// the configuration tells; empty: it does not.
func usualTier(t *policy.Ticket) string {
	if leavesTier(&t.Call) {
		return t.Tier
	}
	return ""
}

// openTiers finds the other prices at which the plan's call may be billed that asks
// for no tier: of those in which such calls were served lately, and in Strict, where
// nobody says in which they are, of all that there are.
func (p *plan) openTiers(e *Engine, u *tokenizer.Usage) {
	p.others = p.others[:0]
	if !leavesTier(&p.ticket.Call) {
		return
	}
	if seen := e.unasked.of(tiered{p.priced.Provider, p.priced.Account, p.priced.Deployment}); len(seen) > 0 {
		now := e.o.Now()
		for i := range seen {
			if now.Sub(seen[i].at) < tierStays {
				p.openTier(seen[i].tier, u)
			}
		}
	}
	b := p.rules.Bounds
	if b == nil || b.Output != Strict || p.priced.Tier != "" || names.OneFits(askedOnly, p.priced.Provider) {
		return
	}
	for tier := range p.rules.Prices.Tiers(p.priced.Provider) {
		p.openTier(tier, u)
	}
}

// openTier adds the price of a tier, where it is another.
func (p *plan) openTier(tier string, u *tokenizer.Usage) {
	rec := p.priced
	rec.Tier = tier
	if row, _, _ := p.rules.row(&rec, u); row != nil && row != p.row {
		p.others = append(p.others, row)
	}
}

// prices yields each row by which the call may be billed; nil is one that has no
// price.
func (p *plan) prices(yield func(*price.Row) bool) {
	if !yield(p.row) {
		return
	}
	for _, row := range p.others {
		if !yield(row) {
			return
		}
	}
}
