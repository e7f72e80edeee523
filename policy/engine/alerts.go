package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
)

// Crossed is for what a store found crossed without a call, at any time.
func (e *Engine) Crossed(all []budget.Crossed) { e.crossed(all) }

// crossed counts and tells what a settlement took over a threshold of its rule. Of
// several thresholds the highest comes first: a lower one is outdone when it is kept,
// and so nobody is told of it, whenever messages are sent.
func (e *Engine) crossed(all []budget.Crossed) {
	slices.SortStableFunc(all, func(a, b budget.Crossed) int { return cmp.Compare(b.Percent, a.Percent) })
	rules := e.rules.Load().Budgets
	for i := range all {
		c := &all[i]
		var rule *budget.Rule
		if rules != nil {
			rule = rules.Rule(c.Rule)
		}
		if rule == nil || !slices.Contains(rule.Thresholds, c.Percent) || e.outOfUse(rules, c) || e.raisedSince(rules, c) {
			continue
		}
		e.metrics.crossed.WithLabelValues(c.Rule, strconv.Itoa(c.Percent)).Inc()
		event := eventOf(rule, &c.Account)
		event.Percent, event.Spent = c.Percent, c.Spent
		e.alert(event)
	}
}

// outOfUse reports whether c is of a rule of the same name that counted otherwise.
func (e *Engine) outOfUse(rules *budget.Rules, c *budget.Crossed) bool {
	now, is := rules.Of(c.Rule, c.Of, e.o.Budgets.Now())
	return is && now.Series != c.Series
}

// raisedSince reports whether a mark was crossed only by the limit that was there when
// its call was held for: it was raised since, and so much of it is not spent.
func (e *Engine) raisedSince(rules *budget.Rules, c *budget.Crossed) bool {
	now, is := rules.Of(c.Rule, c.Of, e.o.Budgets.Now())
	return is && now.Limit > c.Limit && now.Key() == c.Key() && len(now.Crossings(0, c.Spent, []int{c.Percent})) == 0
}

// ranOut tells of the first call in a window for which a budget had too little:
// it is used up, whatever percent of it is spent.
func (e *Engine) ranOut(p *plan, a *budget.Account, left int64) {
	rule := p.rules.Budgets.Rule(a.Rule)
	if rule == nil || a.Rate > 0 || a.Unit == budget.Concurrency || !e.budgets.first(a, e.o.Now()) {
		return
	}
	event := eventOf(rule, a)
	event.Percent, event.Spent = 100, a.Limit-left
	event.Severity = alert.Emergency
	event.Message = "A call was turned away, or changed, for want of budget."
	if !p.rules.Enforce {
		event.Message = "In mode enforce a call would have been turned away, or changed, for want of budget."
	}
	e.alert(event)
}

func eventOf(rule *budget.Rule, a *budget.Account) alert.Event {
	return alert.Event{
		Kind: alert.Budget, Rule: a.Rule, Of: a.Of, Limit: a.Limit, Unit: a.Unit.String(), Start: a.Start, End: a.End,
		Team: teamOf(rule, a.Of), Page: rule.Page,
	}
}

// teamOf is the team that an account is of, if it is of one.
func teamOf(rule *budget.Rule, of string) string {
	if i := slices.Index(rule.Per, "team"); i >= 0 && of != budget.Others {
		if parts := strings.Split(of, "/"); i < len(parts) {
			return strings.NewReplacer("%2F", "/", "%25", "%").Replace(parts[i])
		}
	}
	if teams := rule.Match["team"]; len(teams) == 1 && !strings.Contains(teams[0], "*") {
		return teams[0]
	}
	return ""
}

// storeDown tells that the store of budgets does not answer, and that calls pass
// all the same.
func (e *Engine) storeDown(open bool) {
	now := e.o.Now()
	if e.budgets.first(&budget.Account{Rule: string(alert.StoreDegraded), Start: now.Truncate(time.Hour)}, now) {
		e.alert(alert.Event{Kind: alert.StoreDegraded, Message: "The store of budgets does not answer."})
	}
	if open && e.budgets.first(&budget.Account{Rule: string(alert.FailOpen), Start: now.Truncate(time.Hour)}, now) {
		e.alert(alert.Event{Kind: alert.FailOpen, Message: "Calls pass while the store of budgets does not answer."})
	}
}

// ranAway tells of a call that was flagged, by its owner and model as costs are.
func (e *Engine) ranAway(rec *policy.Record) {
	key := keyOf(rec)
	names := slices.DeleteFunc([]string{key.team, key.project, key.model}, func(name string) bool { return name == "" })
	of := strings.Join(names, "/")
	now := e.o.Now()
	if e.budgets.first(&budget.Account{Rule: string(alert.Runaway), Of: of, Start: now.Truncate(time.Hour)}, now) {
		e.alert(alert.Event{Kind: alert.Runaway, Of: of, Team: rec.Owner.Value("team"), Message: "Call " + rec.ID.String() + " of model " + key.model + " took more tokens than is right for one call."})
	}
}

func (e *Engine) alert(event alert.Event) {
	if e.o.Alerts != nil {
		e.o.Alerts.Alert(event)
	}
}

// tellAgain is after how long the desk is asked once more about what it was told
// of: it knows what is new, such as an alert that was armed again, and the engine
// spares it all calls between.
const tellAgain = time.Minute

// telling is what was told of an account, and when.
type telling struct {
	since time.Time // the beginning of its window
	limit int64
	at    time.Time
}

// first reports whether the desk is to be told of an account: that was not done in
// its window and for its limit, as far as this process knows, or a while ago.
func (b *accounts) first(a *budget.Account, now time.Time) bool {
	key := seenKey{a.Rule, a.Of}
	t := telling{a.Start, a.Limit, now}
	if t.since.IsZero() {
		t.since = now.Truncate(time.Hour)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if last := b.told[key]; last.since.Equal(t.since) && last.limit == t.limit && now.Sub(last.at).Abs() < tellAgain {
		return false
	}
	if len(b.told) >= maxSeen {
		clear(b.told)
	}
	b.told[key] = t
	return true
}
