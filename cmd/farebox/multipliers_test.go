package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// waste is a ledger that always gives the same multipliers.
type waste struct {
	books
	all   []ledger.Multipliers
	asked ledger.Query
}

func (b *waste) Multipliers(_ context.Context, q ledger.Query) ([]ledger.Multipliers, error) {
	b.asked = q
	return b.all, nil
}

func someWaste(t *testing.T) *waste {
	t.Helper()
	return &waste{all: []ledger.Multipliers{
		{
			Keys: []string{"support", "bot"}, Calls: 6, Charged: usd(t, "0.02"), Retries: 2, Retried: usd(t, "0.005"), Failures: 1, Failed: usd(t, "0.0015"),
			Bytes: tokenizer.Shares{System: 805, History: 95, Last: 100}, Input: ledger.InputCost{System: usd(t, "0.0081"), History: usd(t, "0.0009"), Last: usd(t, "0.001")},
		},
		{
			Keys: []string{"ml", "=1+1"}, Calls: 3, Unpriced: 1, Charged: usd(t, "0.0025"), Bytes: tokenizer.Shares{Last: 4000, Media: 70_000},
			Input: ledger.InputCost{Last: usd(t, "0.0025")}, Embedded: 40, Repeated: 10, RepeatedInput: usd(t, "0.000625"),
		},
		{Keys: []string{"ml", "evil\x1b[2J"}, Calls: 2, Unpriced: 2},
	}}
}

func TestMultipliers(t *testing.T) {
	for _, form := range []string{"table", "json", "csv"} {
		out := ask(t, someWaste(t), "multipliers", "--by", "team,project", "--from", "2026-08-01", "-o", form)
		golden(t, "multipliers."+form, out)
	}
}

// TestMultipliersShowWhatThereIs: what is zero in every row has no column.
func TestMultipliersShowWhatThereIs(t *testing.T) {
	b := &waste{all: []ledger.Multipliers{{Keys: []string{"a"}, Calls: 1, Bytes: tokenizer.Shares{Tools: 1, Last: 2}}}}
	out := ask(t, b, "multipliers")
	head := strings.Join(strings.Fields(strings.Split(out, "\n")[2]), " ")
	if want := "TEAM CALLS COST USD INPUT USD LAST % LAST USD TOOLS % TOOLS USD"; head != want {
		t.Errorf("the columns are %s, want %s", head, want)
	}
	if !strings.Contains(out, " 66% ") || !strings.Contains(out, " 33% ") {
		t.Errorf("two thirds and one: %s", out)
	}
}

func TestMultipliersAsks(t *testing.T) {
	b := &waste{}
	out := ask(t, b, "multipliers", "--from", "2026-08-01", "--to", "2026-08-20T10:00:00Z", "--by", "model", "--team", "support", "--tz", "Europe/Berlin")
	if want := time.Date(2026, 7, 31, 22, 0, 0, 0, time.UTC); !b.asked.From.Equal(want) {
		t.Errorf("asked from %v, want %v", b.asked.From, want)
	}
	if got := strings.Join(b.asked.By, ","); got != "model" || len(b.asked.Where) != 1 || b.asked.Where[0] != (ledger.Match{Name: "team", Value: "support"}) {
		t.Errorf("asked by %s where %v", got, b.asked.Where)
	}
	if !strings.Contains(out, "from 2026-08-01T00:00:00+02:00 to 2026-08-20T12:00:00+02:00\n\nNone.\n") {
		t.Errorf("nothing shows as %q", out)
	}
}

// TestMultipliersOfAllPages: more than one answer holds are shown.
func TestMultipliersOfAllPages(t *testing.T) {
	b := &waste{}
	for n := range api.MaxRows + 5 {
		b.all = append(b.all, ledger.Multipliers{Keys: []string{fmt.Sprintf("%06d", n)}, Calls: 1, Charged: money.Amount{Micro: 1}})
	}
	out := ask(t, b, "multipliers", "-o", "csv")
	if lines := strings.Count(out, "\n"); lines != api.MaxRows+6 || !strings.Contains(out, fmt.Sprintf("\n%06d,1,0,0.000001,0,", api.MaxRows+4)) {
		t.Errorf("%d lines, the last %q", lines, out[len(out)-60:])
	}
}

func TestPercentRoundsDown(t *testing.T) {
	for _, c := range []struct {
		n, whole int64
		want     string
	}{
		{0, 0, "-"}, {0, 5, "0%"}, {1, 3, "33%"}, {999, 1000, "99%"}, {7, 7, "100%"}, {math.MaxInt64, math.MaxInt64, "100%"}, {math.MaxInt64 / 2, math.MaxInt64, "49%"},
	} {
		if got := percent(c.n, c.whole); got != c.want {
			t.Errorf("%d of %d is %s, want %s", c.n, c.whole, got, c.want)
		}
	}
}
