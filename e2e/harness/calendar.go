package harness

import (
	"context"
	"time"
)

// storyTakes is longer than a story takes.
const storyTakes = 3 * time.Minute

// untilNextDay is how long a story that would see two days waits for the second: in
// each, budgets begin anew, and of a month, what commands tell does too. Days are of
// UTC.
func untilNextDay(now time.Time) time.Duration {
	now = now.UTC()
	next := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)
	if left := next.Sub(now); left < storyTakes {
		return left
	}
	return 0
}

// sleep waits until ctx ends at most.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
