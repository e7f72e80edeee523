package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// talks is a ledger that may not answer, and its clock.
type talks struct {
	ledgertest.Memory
	now  time.Time
	err  error
	asks int
}

func (b *talks) Interactions(ctx context.Context, q ledger.Query) ([]ledger.Interactions, error) {
	b.asks++
	if b.err != nil {
		return nil, b.err
	}
	return b.Memory.Interactions(ctx, q)
}

// call writes the n-th call, which ends now.
func (b *talks) call(t *testing.T, n int, talk string, success bool) {
	t.Helper()
	r := ledgertest.Record(n)
	r.Owner = policy.Owner{{Name: "team", Value: "a"}, {Name: "project", Value: "p"}}
	r.Interaction, r.Success, r.Completed = talk, success, b.now
	if err := b.Write(t.Context(), ledger.Batch{Records: []policy.Record{r}}); err != nil {
		t.Fatal(err)
	}
}

func TestClosingsCountEachInteractionOnceWhenItIsOver(t *testing.T) {
	b := &talks{now: ledgertest.Start}
	b.call(t, 1, "before", true)
	b.now = b.now.Add(11 * time.Minute)
	c := ledger.NewClosings(b, func() time.Time { return b.now }, nil)
	want := func(success, failure int) {
		t.Helper()
		text := ""
		if success+failure > 0 {
			text = fmt.Sprintf(`
# HELP farebox_interactions_total Interactions that are over, of which nothing came for the time of interactions.idle, by whether the last call did its job, from the ledger.
# TYPE farebox_interactions_total counter
farebox_interactions_total{project="p",success="false",team="a"} %d
farebox_interactions_total{project="p",success="true",team="a"} %d
`, failure, success)
		}
		if err := testutil.CollectAndCompare(c, strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	}
	b.call(t, 2, "retried", false)
	b.now = b.now.Add(time.Minute)
	b.call(t, 3, "retried", true)
	b.call(t, 4, "failed", false)
	want(0, 0)
	b.now = b.now.Add(9*time.Minute + 59*time.Second)
	want(0, 0) // and what was over before is not counted
	b.now = b.now.Add(time.Minute)
	want(1, 1)
	asks := b.asks
	b.now = b.now.Add(ledger.ClosingsAge - time.Second)
	want(1, 1)
	if b.asks != asks {
		t.Errorf("asked again within %v", ledger.ClosingsAge)
	}
	b.call(t, 5, "judged", false)
	v := ledger.Verdict{Subject: ledger.Subject{Team: "a", Interaction: "judged"}, Success: true, At: b.now}
	if _, err := b.Judge(t.Context(), v, ledger.Change{At: b.now}); err != nil {
		t.Fatal(err)
	}
	b.now, b.err = b.now.Add(20*time.Minute), errors.New("down")
	want(1, 1)
	b.err = nil
	want(2, 1)
	b.call(t, 6, "failed", true) // it goes on
	b.now = b.now.Add(26 * time.Hour)
	want(3, 1) // although nobody asked for a day
}

// TestClosingsOfAnotherIdleTime: each interaction is counted once, however the time
// changes.
func TestClosingsOfAnotherIdleTime(t *testing.T) {
	b := &talks{now: ledgertest.Start}
	c := ledger.NewClosings(b, func() time.Time { return b.now }, nil)
	for n, step := range []struct {
		idle, pass time.Duration // the pause after a call, in which nothing comes
		want       int           // interactions that are over
	}{
		{10 * time.Minute, 8 * time.Minute, 0},
		{5 * time.Minute, 2 * time.Minute, 1}, // of which the second came two minutes ago
		{5 * time.Minute, 6 * time.Minute, 3},
		{time.Hour, 20 * time.Minute, 3}, // what is counted stays so, and is not counted again
		{time.Hour, 10 * time.Minute, 3},
		{time.Hour, 2 * time.Hour, 6},
	} {
		c.SetIdle(step.idle)
		b.call(t, n, fmt.Sprint("talk-", n), false)
		b.now = b.now.Add(step.pass)
		if over := int(gathered(t, c)); over != step.want {
			t.Errorf("step %d: %d interactions are over, want %d", n, over, step.want)
		}
	}
}

// gathered sums the series of a collector.
func gathered(t *testing.T, c prometheus.Collector) (sum float64) {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

func TestClosingsAreBounded(t *testing.T) {
	b := &talks{now: ledgertest.Start}
	c := ledger.NewClosings(many{}, func() time.Time { return b.now }, nil)
	b.now = b.now.Add(time.Minute)
	if n := testutil.CollectAndCount(c); n != 2*10_000+2 {
		t.Errorf("%d series", n)
	}
}

// many answers with an interaction of each of 15,000 teams.
type many struct{}

func (many) Interactions(context.Context, ledger.Query) ([]ledger.Interactions, error) {
	all := make([]ledger.Interactions, 15_000)
	for i := range all {
		all[i] = ledger.Interactions{Keys: []string{fmt.Sprint(i), ""}, Interactions: 1}
	}
	return all, nil
}
