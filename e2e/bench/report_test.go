package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		q      float64
		want   float64
	}{
		{"none", nil, 0.5, 0},
		{"one", []float64{7}, 0.99, 7},
		{"odd, unsorted", []float64{3, 1, 2}, 0.5, 2},
		{"even", []float64{4, 1, 3, 2}, 0.5, 2.5},
		{"most", []float64{1, 2, 3}, 1, 3},
		{"between", []float64{0, 100}, 0.99, 99},
	} {
		if got := quantile(c.values, c.q); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: quantile(%v, %v) = %v, want %v", c.name, c.values, c.q, got, c.want)
		}
	}
}

// The machine was three times slower in the second round, for both; the ratio of
// each round is what counts, not that of the sums.
func TestRowsPairTheRounds(t *testing.T) {
	s := &scenario{name: "some", chunks: 10}
	p := plan{scenarios: []*scenario{s}, stands: []*stand{{variant: variantNoop}, {variant: variantFarebox}}}
	slice := func(variant string, round int, cpu time.Duration) sample {
		return sample{scenario: s, variant: variant, round: round, calls: 10,
			spent: spent{processor: cpu, envoy: 2 * cpu, processorMemory: 3 << 20, messages: 40},
			tally: tally{latency: []time.Duration{time.Millisecond}, delay: []time.Duration{2 * time.Millisecond}}}
	}
	got := rows(p, []sample{
		slice(variantNoop, 0, 1000*time.Microsecond), slice(variantFarebox, 0, 500*time.Microsecond),
		slice(variantFarebox, 1, 3000*time.Microsecond), slice(variantNoop, 1, 3000*time.Microsecond),
		slice(variantNoop, 2, 1000*time.Microsecond), slice(variantFarebox, 2, 800*time.Microsecond),
	})
	if len(got) != 2 {
		t.Fatalf("rows = %d, want 2", len(got))
	}
	noop, farebox := got[0], got[1]
	if noop.Ratio != nil {
		t.Errorf("the no-op's ratio = %v, want none", *noop.Ratio)
	}
	if want := (ratio{Median: 0.8, Least: 0.5, Most: 1}); farebox.Ratio == nil || *farebox.Ratio != want {
		t.Errorf("Farebox's ratio = %v, want %v", farebox.Ratio, want)
	}
	if farebox.Processor != 80 || farebox.ProcessorPerChunk != 8 || farebox.Envoy != 160 || farebox.Calls != 30 {
		t.Errorf("row = %+v, want 80 µs a call, 8 a chunk, 160 of Envoy, 30 calls", farebox)
	}
	if farebox.P50 != 1 || farebox.ChunkP99 != 2 || farebox.ProcessorMemory != 3 || farebox.Messages != 4 {
		t.Errorf("row = %+v, want 1 ms, 2 ms a chunk, 3 MiB, 4 messages", farebox)
	}
}

// Budgets are held against the same farebox without, and go through fewer scenarios.
func TestRowsOfBudgets(t *testing.T) {
	small, large := &scenario{name: jsonSmall}, &scenario{name: "json-100k"}
	p := plan{scenarios: []*scenario{small, large}, stands: []*stand{{variant: variantFarebox}, {variant: variantRedis}}}
	of := func(s *scenario, variant string, cpu, redis time.Duration) sample {
		return sample{scenario: s, variant: variant, calls: 10, spent: spent{processor: cpu, redis: redis}}
	}
	got := rows(p, []sample{
		of(small, variantFarebox, time.Millisecond, 0), of(small, variantRedis, 1500*time.Microsecond, 700*time.Microsecond),
		of(large, variantFarebox, 2*time.Millisecond, 0),
	})
	if len(got) != 3 || got[2].Scenario != large.name || p.stands[1].takes(large) || !p.stands[1].takes(small) {
		t.Fatalf("rows = %+v, want two of the small and one of the large", got)
	}
	if b := got[1].Budgets; b == nil || b.Median != 1.5 || got[1].Redis != 70 || got[0].Budgets != nil {
		t.Errorf("rows = %+v, want 1.5 of no budgets and 70 µs of Redis", got)
	}
}

func TestReportsHoldTheSameRows(t *testing.T) {
	rs := []row{
		{Scenario: "a", Variant: variantEnvoy, Envoy: 12.34},
		{Scenario: "a", Variant: variantFarebox, Processor: 56.78, Ratio: &ratio{Median: 0.75, Least: 0.7, Most: 0.8}},
	}
	var table, page strings.Builder
	if err := report(&table, "table", rs); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12.3", "56.8", "**0.75** (0.70–0.80)"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
	if err := report(&page, "json", rs); err != nil {
		t.Fatal(err)
	}
	var back []row
	if err := json.Unmarshal([]byte(page.String()), &back); err != nil {
		t.Fatal(err)
	}
	if len(back) != 2 || back[0] != rs[0] || back[1].Ratio == nil || *back[1].Ratio != *rs[1].Ratio {
		t.Errorf("the JSON reads back as %+v, want %+v", back, rs)
	}
}
