package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/parts"
)

// Bounds of what standings say.
const (
	// burnOver is how far back the rate is taken from at which accounts are spent.
	burnOver = 24 * time.Hour
	// leastOver is how much of a window must have been seen to tell that rate.
	leastOver = time.Minute
	// calledWithin bounds how far back accounts are looked for that this process has
	// not seen: in longer windows, those that nobody called in that time are left out.
	calledWithin = 92 * 24 * time.Hour
	// maxWho is how many spenders of an account are told.
	maxWho = 5
)

// Standings tells how the accounts of budgets and rate limits stand, in the order
// of their rules: those that calls counted against in their window, whoever saw
// them, and those that the configuration names. A name is that of a budget or a
// rate limit, or "" for all. who is an attribute, or model, provider or operation:
// by it spenders are told; empty: none are. More than ledger.MaxRows accounts are
// ledger.ErrTooManyRows.
func (e *Engine) Standings(ctx context.Context, name, who string) ([]budget.Standing, error) {
	rules := e.rules.Load().Budgets
	if rules.None() {
		return nil, nil
	}
	heard := who == "" || e.o.Who == nil || e.o.Asked == nil || e.askWho(ctx, rules, who)
	now := e.o.Budgets.Now()
	v := viewing{
		filler: filler{ledger: e.o.Spending, now: now, asked: map[string][]ledger.Spent{}}, rules: rules, who: who,
		seen: map[string][]string{}, pace: e.o.Pace, spenders: e.o.Who, unheard: !heard,
	}
	for _, a := range e.budgets.shown(now) {
		v.seen[a.Rule] = append(v.seen[a.Rule], a.Of)
	}
	var all []budget.Standing
	for _, rule := range rules.Rules() {
		if rule.Over(now) || !called(rule, name) {
			continue
		}
		part, err := v.standings(ctx, rule)
		if err != nil {
			return nil, fmt.Errorf("read what budget %q has spent: %w", rule.Name, err)
		}
		if all = append(all, part...); len(all) > ledger.MaxRows {
			return nil, ledger.ErrTooManyRows
		}
	}
	accounts := make([]budget.Account, len(all))
	for i := range all {
		accounts[i] = all[i].Account
	}
	states, err := e.o.Budgets.States(ctx, accounts)
	if err != nil {
		return nil, fmt.Errorf("ask the store of budgets how they stand: %w", err)
	}
	for i := range states {
		all[i].State, all[i].Now = states[i], now
	}
	return all, nil
}

// Rule is the budget or part of a rate limit in use that has the name, or nil. It
// must not be changed.
func (e *Engine) Rule(name string) *budget.Rule {
	rules := e.rules.Load().Budgets
	if rules.None() {
		return nil
	}
	return rules.Rule(name)
}

// called reports whether a rule is that of a budget of the name, or one of a rate
// limit of it.
func called(rule *budget.Rule, name string) bool {
	return name == "" || rule.Name == name || !counted(rule) && strings.HasPrefix(rule.Name, name+".")
}

// counted reports whether the ledger knows what accounts of a rule have spent.
func counted(rule *budget.Rule) bool { return rule.Rate == 0 && rule.Unit != budget.Concurrency }

// viewing is one look at all accounts.
type viewing struct {
	filler
	rules *budget.Rules
	who   string
	seen  map[string][]string // what accounts of each rule are of
	pace  *parts.Spans        // nil: nobody shares them

	spenders *parts.Spans // likewise
	unheard  bool         // not all have told of spenders
}

// viewed are the accounts of one rule.
type viewed struct {
	*viewing
	rule  *budget.Rule
	found map[string]*sighted // by what they are of
}

// sighted is an account, and what each spent of it.
type sighted struct {
	budget.Standing
	by map[string]int64
}

func (v *viewed) at(of string) *sighted {
	if s := v.found[of]; s != nil {
		return s
	}
	s := &sighted{by: map[string]int64{}}
	a, is := v.rules.Of(v.rule.Name, of, v.now)
	s.Carried = v.rules.Carried(v.rule.Name, of, v.now)
	if s.Account = a; is { // it may be of a rule that was of other values before
		v.found[of] = s
	}
	return s
}

// standings finds the accounts of a rule, and what the ledger says of them.
func (v *viewing) standings(ctx context.Context, rule *budget.Rule) ([]budget.Standing, error) {
	all := viewed{v, rule, map[string]*sighted{}}
	if len(rule.Per) == 0 {
		all.at("")
	}
	for of := range rule.Except {
		all.at(of)
	}
	for _, of := range v.seen[rule.Name] {
		all.at(of)
	}
	var over time.Duration
	if v.ledger != nil && counted(rule) {
		var err error
		if over, err = all.fromLedger(ctx); err != nil {
			return nil, err
		}
	}
	list := make([]budget.Standing, 0, len(all.found))
	for _, s := range all.found {
		s.Over, s.Who, s.WhoAtLeast = over, most(s.by), v.unheard && counted(rule)
		list = append(list, s.Standing)
	}
	slices.SortFunc(list, func(a, b budget.Standing) int { return cmp.Compare(a.Of, b.Of) })
	return list, nil
}

// fromLedger reads who spent in the window, and how much lately, over which time; to
// both it adds what other ledgers have told.
func (v *viewed) fromLedger(ctx context.Context) (over time.Duration, err error) {
	window := whoOf(v.rules, v.rule, v.who, v.now)
	if v.who != "" && v.spenders != nil {
		for key, n := range v.spenders.Others(whoMark(v.rule, v.who), window.from, v.now) {
			if of, name, is := whoIs(key); is {
				v.at(of).by[name] += n
			}
		}
	}
	err = v.each(ctx, window, func(a *budget.Account, row *ledger.Spent, of func(string) string) {
		s := v.at(a.Of)
		if v.who != "" {
			s.by[of(v.who)] += inUnit(row, a.Unit)
		}
	})
	if err != nil {
		return 0, err
	}
	if !paced(v.rule) {
		return 0, nil
	}
	lately := latelyOf(v.rules, v.rule, v.now)
	if over = v.now.Sub(lately.from); over < leastOver {
		over = 0
	}
	if v.pace != nil {
		for of, n := range v.pace.Others(v.rule.Mark(), lately.from, v.now) {
			v.at(of).Burnt += n
		}
	}
	return over, v.each(ctx, lately, func(a *budget.Account, row *ledger.Spent, _ func(string) string) {
		v.at(a.Of).Burnt += inUnit(row, a.Unit)
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// most are those who spent most.
func most(by map[string]int64) []budget.Spender {
	var all []budget.Spender
	for name, n := range by {
		if n > 0 {
			all = append(all, budget.Spender{Name: name, Spent: n})
		}
	}
	slices.SortFunc(all, func(a, b budget.Spender) int {
		return cmp.Or(cmp.Compare(b.Spent, a.Spent), cmp.Compare(a.Name, b.Name))
	})
	return all[:min(len(all), maxWho)]
}
