package harness

import (
	"fmt"
	"strconv"
	"strings"
)

// Metrics are Prometheus series by their text, as in
// farebox_requests_total{outcome="served",team="support"}.
type Metrics map[string]float64

// Sum adds up the series of one family that have every one of the labels, each
// written as it is in the series: team="support".
func (m Metrics) Sum(family string, labels ...string) float64 {
	var sum float64
next:
	for series, v := range m {
		name, in, _ := strings.Cut(series, "{")
		if name != family {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(","+strings.TrimSuffix(in, "}")+",", ","+l+",") {
				continue next
			}
		}
		sum += v
	}
	return sum
}

// parseMetrics reads the text format, as far as farebox writes it: no
// timestamps.
func parseMetrics(text string) (Metrics, error) {
	m := Metrics{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if at < 0 {
			return nil, fmt.Errorf("read metrics: %q has no value", line)
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %q: %w", line, err)
		}
		m[line[:at]] = v
	}
	return m, nil
}
