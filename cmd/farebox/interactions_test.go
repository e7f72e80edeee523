package main

import (
	"context"
	"strings"
	"testing"
	"time"

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
