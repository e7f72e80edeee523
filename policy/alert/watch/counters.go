package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/farebox/farebox/policy/alert"
)

// counter is a series of this process: the name of a family, and the value of its
// only label.
type counter struct{ name, label string }

// degraded are counters of a ledger that does not answer, or too late. Of the store
// of budgets the engine tells.
var degraded = []counter{
	{"farebox_ledger_write_errors_total", ""}, {"farebox_ledger_dropped_total", "opening"}, {"farebox_ledger_dropped_total", "record"},
	{"farebox_degraded_total", "commit_wait"}, {"farebox_degraded_total", "ledger_refused"},
}

// passed are counters of calls that passed without a decision.
var passed = []counter{{"farebox_degraded_total", "admission_failed"}, {"farebox_degraded_total", "no_call_id"}}

// counters looks at what has been counted since the look before.
func (w *Watch) counters(ctx context.Context, r *Rules) {
	families, err := w.o.Counters.Gather()
	if err != nil { // some of them are there all the same
		w.o.Logger.DebugContext(ctx, "counters not all read", "err", err)
	}
	grown := map[counter]float64{}
	for _, f := range families {
		for c, n := range sums(f) {
			if more := n - w.seen[c]; more > 0 {
				grown[c] = more
			}
			w.seen[c] = n
		}
	}
	now := w.o.Now()
	w.grown(alert.StoreDegraded, r.StoreDegraded, grown, degraded, now)
	w.grown(alert.FailOpen, r.FailOpen, grown, passed, now)
}

// sums are those of a family's series that are watched.
func sums(f *dto.MetricFamily) map[counter]float64 {
	all := map[counter]float64{}
	for _, c := range slices.Concat(degraded, passed) {
		if c.name != f.GetName() {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := m.GetLabel()
			if c.label == "" || len(labels) == 1 && labels[0].GetValue() == c.label {
				all[c] += m.GetCounter().GetValue()
			}
		}
	}
	return all
}

var said = map[alert.Kind]string{
	alert.StoreDegraded: "the ledger did not answer, or too late",
	alert.FailOpen:      "calls passed without a decision",
}

func (w *Watch) grown(kind alert.Kind, how Told, grown map[counter]float64, of []counter, now time.Time) {
	if how.Severity == 0 {
		return
	}
	var what []string
	for _, c := range of {
		if n := grown[c]; n > 0 {
			name := c.name
			if c.label != "" {
				name += " " + c.label
			}
			what = append(what, fmt.Sprintf("%s +%.0f", name, n))
		}
	}
	if len(what) > 0 {
		w.tell(kind, how, alert.Event{At: now, Message: said[kind] + ": " + strings.Join(what, ", ")})
	}
}
