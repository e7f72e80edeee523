package terms

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// banded takes 5 % off, 10 % from 1000 tokens and 20 % from 5000.
func banded(t *testing.T, m Match) Options {
	return Options{Discounts: []Discount{{
		ID: "d", Match: m, Off: percent(t, "5"), Volume: []Band{{1000, percent(t, "10")}, {5000, percent(t, "20")}},
	}}}
}

// settle prices a call and counts it, as the engine does.
func settle(terms *Terms, rec *policy.Record, quantity int64) *policy.Line {
	l, _ := sample(quantity)
	l.Model = rec.Model
	rec.Lines = []policy.Line{*l}
	terms.Apply(&rec.Lines[0], rec)
	terms.Count(rec)
	return &rec.Lines[0]
}

func TestACallIsPricedInTheBandReachedBeforeIt(t *testing.T) {
	terms := must[*Terms](t)(New(banded(t, Match{Provider: []string{"openai"}})))
	steps := []struct {
		name     string
		quantity int64
		id, paid string // for a million
		change   func(*policy.Record)
	}{
		{"the first", 999, "d", "9.5", nil},
		{"one token before the band", 1, "d", "9.5", nil},
		{"the band is reached", 2000, "d.volume[0]", "9", nil},
		{"another provider is not counted", 1_000_000, "", "10", func(r *policy.Record) { r.Provider = "azure" }},
		{"what no provider served is not counted", 1_000_000, "d.volume[0]", "9", func(r *policy.Record) { r.Outcome = policy.Cached }},
		{"a large call is of one band", 9000, "d.volume[0]", "9", nil},
		{"the next band", 1, "d.volume[1]", "8", nil},
		{"the month before", 1, "d", "9.5", func(r *policy.Record) { r.Completed = r.Completed.AddDate(0, -1, 0) }},
		{"a new month", 1500, "d", "9.5", func(r *policy.Record) { r.Completed = r.Completed.AddDate(0, 1, 0) }},
		{"its band", 1, "d.volume[0]", "9", func(r *policy.Record) { r.Completed = r.Completed.AddDate(0, 1, 0) }},
		{"a late one of the old month", 1, "d.volume[1]", "8", nil},
		{"another zone", 1, "d.volume[0]", "9", func(r *policy.Record) {
			r.Completed = time.Date(2026, 8, 31, 23, 0, 0, 0, time.FixedZone("", -7200))
		}},
		{"a year later", 1, "d", "9.5", func(r *policy.Record) { r.Completed = r.Completed.AddDate(1, 0, 0) }},
		{"long ago", 1, "d", "9.5", nil},
	}
	for _, step := range steps {
		_, rec := sample(0)
		if step.change != nil {
			step.change(rec)
		}
		l := settle(terms, rec, step.quantity)
		perMillion := must[money.Amount](t)(money.ParseAmount(step.paid))
		if want := part(perMillion, l.Quantity, 1_000_000); l.ContractID != step.id || l.Contracted != want {
			t.Errorf("%s: %s by %q, want %s by %q", step.name, l.Contracted, l.ContractID, want, step.id)
		}
	}
}

// TestALineStaysInItsBand where the discount is the same, whatever was reached
// since; elsewhere what it comes with says nothing.
func TestALineStaysInItsBand(t *testing.T) {
	terms := must[*Terms](t)(New(banded(t, Match{Provider: []string{"openai"}})))
	_, rec := sample(0)
	settle(terms, rec, 4000)
	for was, want := range map[string]string{"": "d.volume[0]", "d": "d", "d.volume[0]": "d.volume[0]", "d.volume[1]": "d.volume[1]", "other": "d.volume[0]"} {
		l, _ := sample(1)
		l.ContractID = was
		terms.Apply(l, rec)
		if l.ContractID != want {
			t.Errorf("a line of %q is now of %q, want %q", was, l.ContractID, want)
		}
	}
	l, _ := sample(0)
	l.ContractID = "d"
	if terms.Apply(l, rec); l.ContractID != "" {
		t.Errorf("a line of nothing keeps %q", l.ContractID)
	}
}

func TestVolumesBeginWithTheLedger(t *testing.T) {
	books := &ledgertest.Memory{}
	write := func(n int, quantity int64, change func(*policy.Record)) {
		_, rec := sample(0)
		rec.ID = ledgertest.ID(n)
		if change != nil {
			change(rec)
		}
		rec.Lines = []policy.Line{{Model: rec.Model, Class: tokenizer.CacheRead, Quantity: quantity}}
		if err := books.Write(t.Context(), ledger.Batch{Records: []policy.Record{*rec}}); err != nil {
			t.Fatal(err)
		}
	}
	write(1, 600, nil)
	write(2, 400, func(r *policy.Record) { r.Completed = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC) })
	write(3, 9000, func(r *policy.Record) { r.Completed = time.Date(2026, 7, 31, 23, 59, 59, 0, time.UTC) })
	write(4, 9000, func(r *policy.Record) { r.Owner[0].Value = "research" })
	write(5, 9000, func(r *policy.Record) { r.Outcome = policy.Cached })
	write(6, 9000, func(r *policy.Record) { r.Model = "o3" })
	o := banded(t, Match{Model: []string{"gpt-4o"}, Owner: team("support")})
	terms := must[*Terms](t)(New(o))
	if err := terms.Fill(t.Context(), books, noon); err != nil {
		t.Fatal(err)
	}
	reached := func(terms *Terms) int64 { return terms.volumes[0].reached(monthOf(noon)) }
	if n := reached(terms); n != 1000 {
		t.Fatalf("the month begins with %d tokens, want 1000", n)
	}
	_, rec := sample(0)
	if l := settle(terms, rec, 7); l.ContractID != "d.volume[0]" {
		t.Errorf("priced by %q", l.ContractID)
	}
	o.Before = terms
	o.Discounts[0].Match.Model = []string{"GPT-4o"} // the same match, said otherwise
	after := must[*Terms](t)(New(o))
	if err := after.Fill(t.Context(), refuses{}, noon); err != nil || reached(after) != 1007 {
		t.Errorf("after a change of the terms: %d tokens, %v", reached(after), err)
	}
	o.Discounts[0].Match.Model = nil
	if err := must[*Terms](t)(New(o)).Fill(t.Context(), refuses{}, noon); !errors.Is(err, errRefused) {
		t.Errorf("a new match without a ledger: %v", err)
	}
	if err := (*Terms)(nil).Fill(t.Context(), refuses{}, noon); err != nil {
		t.Error(err)
	}
}

type refuses struct{}

var errRefused = errors.New("refused")

func (refuses) Usage(context.Context, ledger.Query) ([]ledger.Row, error) { return nil, errRefused }

// TestVolumesDoNotDependOnOrder settles the same calls in any order and at once:
// the month has counted the same.
func TestVolumesDoNotDependOnOrder(t *testing.T) {
	terms := must[*Terms](t)(New(banded(t, Match{})))
	var calls sync.WaitGroup
	for n := range 8 {
		calls.Go(func() {
			for i := range 500 {
				_, rec := sample(0)
				rec.Completed = rec.Completed.AddDate(0, (n+i)%2, 0)
				settle(terms, rec, int64(n))
			}
		})
	}
	calls.Wait()
	const want = 250 * (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7)
	v := terms.volumes[0]
	august, september := v.reached(monthOf(noon)), v.reached(monthOf(noon.AddDate(0, 1, 0)))
	if august != want || september != want {
		t.Errorf("counted %d and %d, want %d each", august, september, want)
	}
}

func TestTooManyAttributesToCountBy(t *testing.T) {
	o := Options{}
	for i := range maxVolumeAttributes + 1 {
		name := string(rune('a' + i))
		o.Discounts = append(o.Discounts, Discount{
			ID: name, Match: Match{Model: []string{name}, Owner: []Attribute{{name, []string{"x"}}}}, Volume: []Band{{1, 1}},
		})
	}
	if _, err := New(o); err == nil {
		t.Error("more attributes than the ledger groups by are taken")
	}
	o.Discounts = o.Discounts[:maxVolumeAttributes]
	if err := must[*Terms](t)(New(o)).Fill(t.Context(), &ledgertest.Memory{}, noon); err != nil {
		t.Error(err)
	}
}
