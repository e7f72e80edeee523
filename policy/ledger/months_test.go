package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// sums answers Usage from a table of months.
type sums struct {
	months map[string][]ledger.Row
	asked  int
	err    error
}

func (s *sums) Usage(_ context.Context, q ledger.Query) ([]ledger.Row, error) {
	s.asked++
	if !q.To.Equal(q.From.AddDate(0, 1, 0)) {
		return nil, errors.New("not a month")
	}
	return s.months[q.From.Format("2006-01")], s.err
}

func row(team string, micro int64) ledger.Row {
	return ledger.Row{Keys: []string{team}, Charged: money.Amount{Micro: micro}}
}

func TestMonthsShowThisMonthAndTheOneBefore(t *testing.T) {
	now := time.Date(2026, 1, 31, 23, 59, 50, 0, time.UTC)
	s := &sums{months: map[string][]ledger.Row{
		"2026-01": {row("a", 2_500_000)},
		"2025-12": {row("a", 1_000_000), row("b", 500_000)},
	}}
	m := ledger.NewMonths(s, func() time.Time { return now }, nil)
	want := func(text string) {
		t.Helper()
		if err := testutil.CollectAndCompare(m, strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	}
	const head = `
# HELP farebox_month_to_date_usd Charged since the first of this month (UTC), from the ledger.
# TYPE farebox_month_to_date_usd gauge
`
	const previous = `
# HELP farebox_previous_month_usd Charged in the month before (UTC), from the ledger.
# TYPE farebox_previous_month_usd gauge
`
	first := head + `farebox_month_to_date_usd{team="a"} 2.5` + previous + `farebox_previous_month_usd{team="a"} 1
farebox_previous_month_usd{team="b"} 0.5
`
	want(first)
	want(first)
	if s.asked != 2 {
		t.Errorf("asked %d times for two scrapes within %v, want 2 (one a month)", s.asked, ledger.MonthsAge)
	}
	s.err = errors.New("down")
	now = now.Add(20 * time.Second) // February
	want(first)
	s.err = nil
	want(previous + `farebox_previous_month_usd{team="a"} 2.5
`)
}
