package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The price that fareboxConfig gives, in USD per million tokens, and what every
// answer of the provider reports.
const (
	inputPrice, outputPrice   = 0.15, 0.60
	inputTokens, outputTokens = 211, 198
)

// counted is what Farebox's own metrics say of the calls so far.
type counted struct {
	served, reported, tokens float64
	cost                     float64 // USD; compared, never booked
	unpriced, dropped        float64
	degraded, queued         float64
}

// counts reads them.
func (st *stand) counts(ctx context.Context) (counted, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+st.metrics+"/metrics", nil)
	if err != nil {
		return counted{}, fmt.Errorf("make request: %w", err)
	}
	resp, err := st.caller.client.Do(req)
	if err != nil {
		return counted{}, fmt.Errorf("read Farebox's metrics: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read, or is given up
	if resp.StatusCode != http.StatusOK {
		return counted{}, fmt.Errorf("read Farebox's metrics: status %d", resp.StatusCode)
	}
	return readCounts(resp.Body)
}

func readCounts(page io.Reader) (counted, error) {
	var c counted
	owner := fmt.Sprintf(`{model=%q,outcome="served",project="chatbot",provider="bench",`, model)
	lines := bufio.NewScanner(page)
	for lines.Scan() {
		series, value, found := strings.Cut(lines.Text(), " ")
		if !found || series == "#" {
			continue
		}
		name, _, _ := strings.Cut(series, "{")
		var sum *float64
		switch {
		case name == "farebox_requests_total" && strings.Contains(series, owner) && strings.Contains(series, `team="support"`):
			sum = &c.served
		case series == `farebox_usage_source_total{source="reported"}`:
			sum = &c.reported
		case name == "farebox_tokens_total":
			sum = &c.tokens
		case name == "farebox_cost_usd_total":
			sum = &c.cost
		case name == "farebox_unpriced_requests_total":
			sum = &c.unpriced
		case name == "farebox_ledger_dropped_total":
			sum = &c.dropped
		case name == "farebox_degraded_total":
			sum = &c.degraded
		case name == "farebox_ledger_queued":
			sum = &c.queued
		default:
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return counted{}, fmt.Errorf("read Farebox's metrics: %s: %w", series, err)
		}
		*sum += v
	}
	if err := lines.Err(); err != nil {
		return counted{}, fmt.Errorf("read Farebox's metrics: %w", err)
	}
	return c, nil
}

// prove refuses a run in which Farebox was fast because it did not do its work:
// every call must have been attributed, counted as reported, priced and kept.
func (st *stand) prove(ctx context.Context, progress *log.Logger) error {
	if st.variant != variantFarebox {
		return nil
	}
	calls := float64(st.caller.made.Load())
	var c counted
	var err error
	for range 40 { // the last records may still be on their way
		if c, err = st.counts(ctx); err == nil {
			err = c.check(calls)
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("prove that Farebox counted: %w", err)
	}
	progress.Printf("farebox attributed, counted, priced and kept all %.0f calls; %.0f went on degraded", calls, c.degraded)
	return nil
}

// check compares with the calls made since the start.
func (c counted) check(calls float64) error {
	cost := calls * (inputTokens*inputPrice + outputTokens*outputPrice) / 1e6
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
