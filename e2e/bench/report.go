package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the report: one scenario through one variant. CPU is in
// microseconds, the median of the rounds; latencies in milliseconds, over all
// calls of all rounds; memory in MiB, the median of the slices' ends.
type row struct {
	Scenario          string  `json:"scenario"`
	Variant           string  `json:"variant"`
	Calls             int     `json:"calls"`
	Processor         float64 `json:"processor_us_per_call"`
	ProcessorPerChunk float64 `json:"processor_us_per_chunk,omitempty"`
	Redis             float64 `json:"redis_us_per_call,omitempty"`
	Envoy             float64 `json:"envoy_us_per_call"`
	EnvoyPerChunk     float64 `json:"envoy_us_per_chunk,omitempty"`
	P50               float64 `json:"p50_ms"`
	P99               float64 `json:"p99_ms"`
	ChunkP50          float64 `json:"chunk_delay_p50_ms,omitempty"`
	ChunkP99          float64 `json:"chunk_delay_p99_ms,omitempty"`
	ProcessorMemory   float64 `json:"processor_rss_mib"`
	EnvoyMemory       float64 `json:"envoy_rss_mib"`
	Messages          float64 `json:"messages_per_call"`
	Ratio             *ratio  `json:"processor_ratio_to_noop,omitempty"`
	Budgets           *ratio  `json:"processor_ratio_to_no_budgets,omitempty"`
}

// ratio is a processor's CPU divided by another's in the same round.
type ratio struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// String is empty for none.
func (r *ratio) String() string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("**%.2f** (%.2f–%.2f)", r.Median, r.Least, r.Most)
}

// rows sums up the samples in the order of the plan.
func rows(p plan, all []sample) []row {
	var out []row
	for _, s := range p.scenarios {
		for _, st := range p.stands {
			mine := of(all, s, st.variant)
			if len(mine) == 0 {
				continue
			}
			r := sumUp(mine)
			if st.variant == variantFarebox || st.budgeted() {
				r.Ratio = compare(mine, of(all, s, variantNoop))
			}
			if st.budgeted() {
				r.Budgets = compare(mine, of(all, s, variantFarebox))
			}
			out = append(out, r)
		}
	}
	return out
}

func of(all []sample, s *scenario, variant string) []sample {
	var some []sample
	for _, one := range all {
		if one.scenario == s && one.variant == variant {
			some = append(some, one)
		}
	}
	return some
}

// sumUp makes the row of samples that share a scenario and a variant.
func sumUp(some []sample) row {
	median := func(of func(sample) float64) float64 {
		values := make([]float64, 0, len(some))
		for _, one := range some {
			values = append(values, of(one))
		}
		return quantile(values, 0.5)
	}
	var all tally
	r := row{Scenario: some[0].scenario.name, Variant: some[0].variant}
	for _, one := range some {
		all.add(one.tally)
		r.Calls += one.calls
	}
	r.Processor = median(func(s sample) float64 { return perCall(s.spent.processor, s.calls) })
	r.Envoy = median(func(s sample) float64 { return perCall(s.spent.envoy, s.calls) })
	r.Redis = median(func(s sample) float64 { return perCall(s.spent.redis, s.calls) })
	r.Messages = median(func(s sample) float64 { return float64(s.spent.messages) / float64(s.calls) })
	r.ProcessorMemory = median(func(s sample) float64 { return float64(s.spent.processorMemory) / (1 << 20) })
	r.EnvoyMemory = median(func(s sample) float64 { return float64(s.spent.envoyMemory) / (1 << 20) })
	r.P50, r.P99 = quantile(millis(all.latency), 0.5), quantile(millis(all.latency), 0.99)
	if chunks := some[0].scenario.chunks; chunks > 0 {
		r.ProcessorPerChunk, r.EnvoyPerChunk = r.Processor/float64(chunks), r.Envoy/float64(chunks)
		r.ChunkP50, r.ChunkP99 = quantile(millis(all.delay), 0.5), quantile(millis(all.delay), 0.99)
	}
	return r
}

// compare pairs the slices of each round. It is nil when there is nothing to
// compare with.
func compare(mine, yardstick []sample) *ratio {
	var ratios []float64
	for _, f := range mine {
		for _, n := range yardstick {
			if f.round == n.round && n.spent.processor > 0 {
				ratios = append(ratios, perCall(f.spent.processor, f.calls)/perCall(n.spent.processor, n.calls))
			}
		}
	}
	if len(ratios) == 0 {
		return nil
	}
	return &ratio{Median: quantile(ratios, 0.5), Least: slices.Min(ratios), Most: slices.Max(ratios)}
}

func millis(of []time.Duration) []float64 {
	out := make([]float64, len(of))
	for i, d := range of {
		out[i] = float64(d) / float64(time.Millisecond)
	}
	return out
}

// quantile sorts values. Between two of them it takes the part of the way; of
// none it is 0.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	at := q * float64(len(values)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(values)-1)
	return values[low] + (at-float64(low))*(values[high]-values[low])
}

func writeJSON(w io.Writer, rs []row) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(rs); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// writeTable prints a Markdown table, aligned, so that it can go into a page as
// it is.
func writeTable(w io.Writer, rs []row) error {
	var page strings.Builder
	line := func(cells ...string) {
		page.WriteString("| " + strings.Join(cells, "\t| ") + "\t|\n")
	}
	line("scenario", "through", "processor µs/call", "µs/chunk", "÷ no-op (least–most)", "÷ no budgets (least–most)", "Redis µs/call", "Envoy µs/call", "µs/chunk",
		"call p50 ms", "p99", "chunk delay p50 ms", "p99", "processor MiB", "Envoy MiB", "messages")
	line("---", "---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:")
	for _, r := range rs {
		line(r.Scenario, r.Variant, known(r.Processor, 1), known(r.ProcessorPerChunk, 1), r.Ratio.String(), r.Budgets.String(), known(r.Redis, 1), known(r.Envoy, 1), known(r.EnvoyPerChunk, 1),
			known(r.P50, 2), known(r.P99, 2), known(r.ChunkP50, 2), known(r.ChunkP99, 2),
			known(r.ProcessorMemory, 0), known(r.EnvoyMemory, 0), known(r.Messages, 1))
	}
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	_, err := io.WriteString(t, page.String())
	if err := errors.Join(err, t.Flush()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// known leaves out what there is none of.
func known(v float64, digits int) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.*f", digits, v)
}
