package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger"
)

// talks is a ledger that always gives the same interactions.
type talks struct {
	books
	all   []ledger.Interactions
	asked ledger.Query
}

func (b *talks) Interactions(_ context.Context, q ledger.Query) ([]ledger.Interactions, error) {
	b.asked = q
	return b.all, nil
}

func someTalks(t *testing.T) *talks {
	t.Helper()
	return &talks{all: []ledger.Interactions{
		{Keys: []string{"support", "bot"}, Interactions: 4, Successful: 3, Calls: 6, Input: 1200, Output: 345, Charged: usd(t, "0.01")},
		{Keys: []string{"ml", "=1+1"}, Interactions: 2, Calls: 3, Unpriced: 1, Input: 10, Charged: usd(t, "0.0025")},
		{Keys: []string{"ml", "evil\x1b[2J"}, Interactions: 1, Successful: 1, Calls: 2, Unpriced: 2, Input: 7, Output: 1},
	}}
}

func TestInteractions(t *testing.T) {
	for _, form := range []string{"table", "json", "csv"} {
		out := ask(t, someTalks(t), "interactions", "--by", "team,project", "--from", "2026-08-01", "-o", form)
		golden(t, "interactions."+form, out)
	}
}

func TestInteractionsAsks(t *testing.T) {
	b := &talks{}
	out := ask(t, b, "interactions", "--from", "2026-08-01", "--to", "2026-08-20T10:00:00+02:00", "--by", "day", "--team", "support")
	if got, want := b.asked.From, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("asked from %v, want %v", got, want)
	}
	if got, want := b.asked.To, time.Date(2026, 8, 20, 8, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("asked to %v, want %v", got, want)
	}
	if got := strings.Join(b.asked.By, ","); got != "day" || len(b.asked.Where) != 1 || b.asked.Where[0] != (ledger.Match{Name: "team", Value: "support"}) {
		t.Errorf("asked by %s where %v", got, b.asked.Where)
	}
	if !strings.HasSuffix(out, "\n\nNone.\n") {
		t.Errorf("no interactions show as %q", out)
	}
}

// TestInteractionsInAZone: dates are those of the zone, and so is the answer.
func TestInteractionsInAZone(t *testing.T) {
	b := &talks{}
	out := ask(t, b, "interactions", "--from", "2026-08-01", "--to", "2026-08-20T10:00:00Z", "--tz", "Europe/Berlin")
	if want := time.Date(2026, 7, 31, 22, 0, 0, 0, time.UTC); !b.asked.From.Equal(want) {
		t.Errorf("asked from %v, want %v", b.asked.From, want)
	}
	if !strings.Contains(out, "from 2026-08-01T00:00:00+02:00 to 2026-08-20T12:00:00+02:00\n") {
		t.Errorf("shown as %q", out)
	}
}

// TestInteractionsOfAllPages: more than one answer holds are shown.
func TestInteractionsOfAllPages(t *testing.T) {
	b := &talks{}
	for n := range api.MaxRows + 5 {
		b.all = append(b.all, ledger.Interactions{Keys: []string{fmt.Sprintf("%06d", n)}, Interactions: 1, Calls: 1})
	}
	out := ask(t, b, "interactions", "-o", "csv")
	if lines := strings.Count(out, "\n"); lines != api.MaxRows+6 || !strings.HasSuffix(out, fmt.Sprintf("\n%06d,1,0,1,0,0,0,,0,\n", api.MaxRows+4)) {
		t.Errorf("%d lines, the last %q", lines, out[len(out)-40:])
	}
}
