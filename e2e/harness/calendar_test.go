package harness

import (
	"testing"
	"time"
)

func TestNoStorySeesTwoDays(t *testing.T) {
	for now, want := range map[string]time.Duration{
		"2026-11-28T00:00:00Z":      0,
		"2026-11-28T23:57:00Z":      0,
		"2026-11-28T23:57:00.5Z":    storyTakes - time.Second/2,
		"2026-11-30T23:59:59Z":      time.Second,
		"2026-12-31T23:59:50Z":      10 * time.Second,
		"2026-11-29T00:59:50+01:00": 10 * time.Second,
		"2026-11-28T23:59:50+01:00": 0,
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := untilNextDay(at); got != want {
			t.Errorf("at %s it waits %v, want %v", now, got, want)
		}
	}
}
