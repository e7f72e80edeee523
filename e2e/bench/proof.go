package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"strings"
	"time"

	"github.com/farebox/farebox/e2e/harness"
)

// The price that fareboxConfig gives, in USD per million tokens, and what every
// answer of the provider reports.
const (
	inputPrice, outputPrice   = 0.15, 0.60
	inputTokens, outputTokens = 211, 198
	callCost                  = (inputTokens*inputPrice + outputTokens*outputPrice) / 1e6 // USD
)

// counted is what Farebox's own metrics say of the calls so far.
type counted struct {
	served, reported, tokens float64
	cost                     float64 // USD; compared, never booked
	unpriced                 float64
	dropped, queued          float64 // records

	// Of the budgets, each of the five as it stands; zero without them.
	budgetUSD, budgetTokens, budgetCalls float64
	held, limits                         float64
}

// counts picks what is needed.
func counts(m harness.Metrics) counted {
	return counted{
		served:   m.Sum("farebox_requests_total", `outcome="served"`, `team="support"`, `project="chatbot"`, `provider="bench"`, `model="`+model+`"`),
		reported: m.Sum("farebox_usage_source_total", `source="reported"`),
		tokens:   m.Sum("farebox_tokens_total"),
		cost:     m.Sum("farebox_cost_usd_total"),
		unpriced: m.Sum("farebox_unpriced_requests_total"),
		dropped:  m.Sum("farebox_ledger_dropped_total"),
		queued:   m.Sum("farebox_ledger_queued"),

		budgetUSD:    m.Sum("farebox_budget_spent_usd"),
		budgetTokens: m.Sum("farebox_budget_spent", `unit="tokens"`),
		budgetCalls:  m.Sum("farebox_budget_spent", `unit="requests"`),
		held:         m.Sum("farebox_budget_held_usd") + m.Sum("farebox_budget_held"),
		limits:       m.Sum("farebox_budget_limit_usd") + m.Sum("farebox_budget_limit"),
	}
}

// prove refuses a run in which Farebox was fast because it did not do its work:
// every call must have been attributed, counted as reported, priced and kept.
func (st *stand) prove(ctx context.Context, progress *log.Logger) error {
	if st.farebox == nil {
		return nil
	}
	calls := float64(st.caller.made.Load())
	var m harness.Metrics
	var err error
	for range 40 { // the last records may still be on their way
		if m, err = st.farebox.Metrics(ctx); err == nil {
			c := counts(m)
			if err = c.check(calls); err == nil {
				err = c.checkBudgets(calls, st.budgeted())
			}
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("prove that Farebox counted: %w", err)
	}
	progress.Printf("%s attributed, counted, priced and kept all %.0f calls", st.variant, calls)
	for series, n := range m {
		if n > 0 && strings.HasPrefix(series, "farebox_degraded_total{") {
			progress.Printf("%s %.0f", series, n) // it went on with less than it wanted: worth knowing, not wrong
		}
	}
	return nil
}

// check compares with the calls made since the start.
func (c counted) check(calls float64) error {
	cost := calls * callCost
	switch {
	case c.served != calls || c.reported != calls:
		return fmt.Errorf("of %.0f calls %.0f were served to their owner, %.0f with reported usage", calls, c.served, c.reported)
	case c.tokens != calls*(inputTokens+outputTokens):
		return fmt.Errorf("%.0f tokens, want %.0f", c.tokens, calls*(inputTokens+outputTokens))
	case c.unpriced != 0 || math.Abs(c.cost-cost) > 1e-9*cost:
		return fmt.Errorf("%.0f calls unpriced, %.6f USD, want none and %.6f", c.unpriced, c.cost, cost)
	case c.dropped != 0 || c.queued != 0:
		return fmt.Errorf("%.0f records dropped, %.0f still queued, want none", c.dropped, c.queued)
	}
	return nil
}

// checkBudgets holds the five budgets against the calls made: three are in USD,
// list prices without a discount, one in tokens and one in calls.
func (c counted) checkBudgets(calls float64, there bool) error {
	usd, each := 0.0, 0.0
	if there {
		usd, each = 3*callCost*calls, calls
	}
	switch {
	case (c.limits > 0) != there:
		return fmt.Errorf("limits of budgets add up to %.0f, want some: %v", c.limits, there)
	case math.Abs(c.budgetUSD-usd) > 1e-9*usd || c.budgetCalls != each || c.budgetTokens != each*(inputTokens+outputTokens):
		return fmt.Errorf("budgets have spent %.6f USD, %.0f tokens and %.0f calls, want those of %.0f calls", c.budgetUSD, c.budgetTokens, c.budgetCalls, each)
	case c.held != 0:
		return fmt.Errorf("budgets hold %.6f, want nothing", c.held)
	}
	return nil
}
