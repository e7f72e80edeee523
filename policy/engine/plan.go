package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// plan is what a call is about to reserve.
type plan struct {
	rules  *Rules
	ticket *policy.Ticket
	hold   budget.Hold

	priced        policy.Record // by which prices are found
	row           *price.Row    // nil: the model has no list price
	others        []*price.Row  // of tiers in which it may be served too
	input, output int64         // tokens at most, of all choices
	learned       bool          // output is learned of answers to such calls, and may be exceeded
	rounds        int64         // in which the model reads input and gives output, at most
	tools, tries  int64         // calls of hosted tools, and tries by Envoy, at most

	downgraded []string // rules that have had another model asked

	unbounded *policy.Refusal // why nothing bounds what the call costs; nil: something does
}

// plan bounds what a call may take: the input and output that 99 of 100 calls like
// it stay below, each at the dearest price of what it may turn out to be.
func (e *Engine) plan(rules *Rules, t *policy.Ticket) plan {
	p := plan{rules: rules, ticket: t}
	p.bound(e)
	p.hold = budget.Hold{ID: t.ID, Accounts: rules.accounts(t, p.priced.Provider), Until: e.o.Budgets.Now().Add(holdFor)}
	p.hold.Most = p.most(p.output)
	return p
}

// bound looks at the call as it would be sent.
func (p *plan) bound(e *Engine) {
	sent := p.ticket.Sent()
	p.priced = record(p.ticket, &policy.Outcome{})
	p.input, p.output, p.tries = e.o.Estimator.InputMost(sent), e.o.Estimator.OutputMostOf(p.ticket.Owner.Value("team"), sent), 1
	p.learned, p.rounds, p.tools = true, 1, 0
	p.unbounded = p.limit(p.rules.Bounds)
	u := tokenizer.Usage{Model: sent.Model}
	u.Set(tokenizer.Input, p.input, tokenizer.Estimated)
	p.row, _, _ = p.rules.row(&p.priced, &u)
	p.openTiers(e, &u)
}

// most is what the call takes at most if it generates so many tokens.
func (p *plan) most(output int64) (most budget.Amounts) {
	most[budget.Requests], most[budget.Concurrency] = 1, 1
	input, output := times(p.rounds, p.input), times(p.rounds, output)
	most[budget.Tokens] = times(p.tries, addTokens(input, output))
	var charged, contracted money.Amount
	add := func(classes []tokenizer.Class, n int64) {
		dearest, paid := p.dearest(classes, n)
		for range p.tries {
			charged, contracted = charged.Add(dearest), contracted.Add(paid)
		}
	}
	add(p.inputs(), input)
	add(outputs, output)
	p.units(func(n int64, classes ...tokenizer.Class) { add(classes, n) })
	most[budget.Charged], most[budget.Contracted] = int64(charged.Nano()), int64(contracted.Nano())
	return most
}

// What tokens of a call may turn out to be, with prices of their own.
var (
	texts   = []tokenizer.Class{tokenizer.Input, tokenizer.InputTool, tokenizer.CacheWrite, tokenizer.CacheWrite5m, tokenizer.CacheWrite1h, tokenizer.CacheWrite12h}
	media   = append(slices.Clone(texts), tokenizer.InputAudio, tokenizer.InputImage, tokenizer.InputVideo, tokenizer.InputDocument)
	outputs = []tokenizer.Class{tokenizer.Output, tokenizer.Reasoning, tokenizer.OutputAudio, tokenizer.OutputImage, tokenizer.OutputVideo}
	// hostedCalls are of hosted tools; each is one of them.
	hostedCalls = []tokenizer.Class{tokenizer.WebSearch, tokenizer.FileSearch, tokenizer.Maps}
)

func (p *plan) inputs() []tokenizer.Class {
	if p.ticket.Call.Shares.Media > 0 || p.ticket.Content.Parts > 0 {
		return media
	}
	return texts
}

// units calls each with what the call asks for that is no token.
func (p *plan) units(each func(n int64, classes ...tokenizer.Class)) {
	c := &p.ticket.Call
	if c.Queries > 0 || p.ownRate(tokenizer.Requests) { // of queries the rate card alone may have a price
		each(max(c.Queries, 1), tokenizer.Requests)
	}
	if p.ownRate(tokenizer.Images) {
		each(int64(max(c.Choices, 1)), tokenizer.Images)
	}
	if p.tools > 0 {
		each(p.tools, hostedCalls...)
	}
	if c.Characters > 0 {
		each(c.Characters, tokenizer.Characters)
	}
	if c.Seconds > 0 {
		each(c.Seconds, tokenizer.AudioSeconds)
		each(c.Seconds, tokenizer.VideoSeconds)
	}
}

// dearest is the most that n units cost, whichever of classes they turn out to be:
// as it is charged, and as it is paid.
func (p *plan) dearest(classes []tokenizer.Class, n int64) (charged, contracted money.Amount) {
	if n == 0 {
		return charged, contracted
	}
	for row := range p.prices {
		for i, class := range classes {
			if i > 0 && class.IsToken() && !ownRate(row, class) {
				continue
			}
			l := policy.Line{Model: p.priced.Model, Class: class, Quantity: n, State: policy.Unpriced}
			listPrice(&l, row)
			p.rules.Terms.Apply(&l, &p.priced)
			p.rules.cap(&l)
			if l.Charged.Cmp(charged) > 0 {
				charged = l.Charged
			}
			if l.Contracted.Cmp(contracted) > 0 {
				contracted = l.Contracted
			}
		}
	}
	return charged, contracted
}

// ownRate reports whether class has a price, wherever the call may be served, that is
// not that of another.
func (p *plan) ownRate(class tokenizer.Class) bool {
	for row := range p.prices {
		if ownRate(row, class) {
			return true
		}
	}
	return false
}

func ownRate(row *price.Row, class tokenizer.Class) bool {
	if row == nil {
		return false
	}
	_, as, ok := row.Rate(class)
	return ok && as == class
}

// soften lets the call pass whatever it takes: it is counted only.
func (p *plan) soften() {
	for i := range p.hold.Accounts {
		p.hold.Accounts[i].Soft = true
	}
}

// throttle is the time over which rules count the calls that they let pass when
// they are exhausted.
const throttle = time.Minute

// throttled is the name of the rate that lets calls pass an exhausted rule.
func throttled(rule string) string { return rule + ":throttled" }

// ruled notes what a budget changed.
func (p *plan) ruled(rule, why string) {
	p.ticket.Rulings = append(p.ticket.Rulings, policy.Ruling{Rule: budgetRule(rule), Did: policy.Changed, Why: why})
}

// budgetRule is what rulings call a budget or rate limit.
func budgetRule(name string) string { return "budget " + name }

// adapt changes the plan as the rule of the account that is short says; false: it
// says to refuse, or there is nothing left to try.
func (p *plan) adapt(e *Engine, short budget.Short) bool {
	a := &p.hold.Accounts[short.At]
	rule := p.rules.Budgets.Rule(a.Rule)
	if rule == nil {
		return false
	}
	switch rule.OnExhausted {
	case budget.Throttle:
		a.Soft = true
		of := a.Of
		if short.Shared {
			of = budget.Others
		}
		rate := budget.Account{Rule: throttled(a.Rule), Of: of, Unit: budget.Requests, Limit: rule.Throttled, Rate: throttle}
		p.hold.Accounts = append(p.hold.Accounts, rate)
		p.ruled(rule.Name, fmt.Sprintf("exhausted: one of %d calls a minute", rule.Throttled))
		return true
	case budget.Downgrade:
		return p.downgrade(e, rule.Name, rule.To)
	case budget.Shrink:
		return p.shrink(rule.Name, a.Unit, short.Left)
	default:
		return false
	}
}

// downgrade asks another model, once for each rule: another rule may ask one in its
// place that this rule has too little for.
func (p *plan) downgrade(e *Engine, rule, to string) bool {
	t := p.ticket
	if t.Model == to || slices.Contains(p.downgraded, rule) || !t.Changes.Has(tokenizer.ModelPart) {
		t.Model = ""
		return false
	}
	t.Model, p.downgraded = to, append(p.downgraded, rule)
	p.bound(e)
	if p.mayReserve() != nil {
		t.Model = ""
		return false
	}
	p.ruled(rule, "asks "+to)
	p.hold.Most = p.most(p.output)
	return true
}

// leastShrunk is the shortest answer worth asking for, in tokens.
const leastShrunk = 16

// shrink asks for no longer answers than what is left pays for.
func (p *plan) shrink(rule string, unit budget.Unit, left int64) bool {
	t := p.ticket
	choices := int64(max(t.Call.Choices, 1))
	if unit > budget.Tokens || !t.Changes.Has(tokenizer.CapPart) {
		return false
	}
	low := p.longest(unit, left, p.output/choices, choices)
	if low < leastShrunk || low >= p.output/choices {
		return false
	}
	t.MaxOutput, p.output = low, low*choices
	p.ruled(rule, fmt.Sprintf("at most %d tokens", low))
	p.hold.Most = p.most(p.output)
	return true
}

// longest is the longest of so many choices, in tokens and below than, that takes at
// most left of unit.
func (p *plan) longest(unit budget.Unit, left, than, choices int64) int64 {
	low, high := int64(0), than // most that fits, least that does not
	for low+1 < high {
		if middle := low + (high-low)/2; p.most(middle * choices)[unit] <= left {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// addTokens adds, and stops at the end of int64.
func addTokens(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}
