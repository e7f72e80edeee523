package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

// costing makes a row of the model at local.
func costing(t *testing.T, id, model, in, out string) price.Row {
	t.Helper()
	row := price.NewRow(id, "local", model)
	row.Set(tokenizer.Input, rate(t, in))
	row.Set(tokenizer.Output, rate(t, out))
	return row
}

// configure gives e other prices and terms.
func configure(t *testing.T, e *engine.Engine, o terms.Options, rows ...price.Row) {
	t.Helper()
	prices, err := price.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	all, err := terms.New(o)
	if err != nil {
		t.Fatal(err)
	}
	who, err := attribution.New(attribution.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Configure(engine.Rules{Attribution: who, Prices: prices, Terms: all}); err != nil {
		t.Fatal(err)
	}
}

// cost sums what records say.
func cost(records []policy.Record) (list, contracted, charged money.Amount, unpriced, quantity int64) {
	for i := range records {
		unpriced += records[i].UnpricedCalls()
		for _, l := range records[i].Lines {
			list, contracted, charged = list.Add(l.List), contracted.Add(l.Contracted), charged.Add(l.Charged)
			quantity += l.Quantity
		}
	}
	return list, contracted, charged, unpriced, quantity
}

func TestCorrections(t *testing.T) {
	e, b, _ := newEngine(t, nil)
	settled(t, e, "late", reported(1000, 0, 50))
	records := []policy.Record{b.last(t)}
	perRequest := costing(t, "d", "late", "3", "10")
	perRequest.Set(tokenizer.Requests, rate(t, "1000000"))
	half := terms.Options{Discounts: []terms.Discount{{ID: "half", Off: 500_000}}}
	for _, step := range []struct {
		name                      string
		terms                     terms.Options
		rows                      []price.Row
		list, contracted, charged string
		difference                string // of what is charged; empty: nothing to correct
		unpriced                  int64
	}{
		{"no price yet", terms.Options{}, nil, "0", "0", "0", "", 1},
		{"a price comes", terms.Options{}, []price.Row{costing(t, "a", "late", "4", "20")}, "0.005", "0.005", "0.005", "0.005", 0},
		{"another row says the same", terms.Options{}, []price.Row{costing(t, "b", "late", "4", "20")}, "0.005", "0.005", "0.005", "", 0},
		{"it was too high", terms.Options{}, []price.Row{costing(t, "c", "late", "3", "10")}, "0.0035", "0.0035", "0.0035", "-0.0015", 0},
		{"a discount", half, []price.Row{costing(t, "c", "late", "3", "10")}, "0.0035", "0.00175", "0.00175", "-0.00175", 0},
		{"the call itself costs", half, []price.Row{perRequest}, "1.0035", "0.50175", "0.50175", "0.5", 0},
		{"and no longer", half, []price.Row{costing(t, "c", "late", "3", "10")}, "0.0035", "0.00175", "0.00175", "-0.5", 0},
		{"free", terms.Options{}, []price.Row{costing(t, "e", "late", "0", "0")}, "0", "0", "0", "-0.00175", 0},
		{"its price is taken back", terms.Options{}, nil, "0", "0", "0", "0", 1},
	} {
		configure(t, e, step.terms, step.rows...)
		c, changed := e.Correction(records, "why")
		if changed != (step.difference != "") {
			t.Fatalf("%s: changed %v: %+v", step.name, changed, c)
		}
		if changed {
			if _, _, d, _, n := cost([]policy.Record{c}); d.String() != step.difference || n != 0 {
				t.Errorf("%s: the difference is %s of %d units, want %s of none", step.name, d, n, step.difference)
			}
			first := records[0]
			if c.ID != first.ID || c.Revision != records[len(records)-1].Revision+1 || c.Purpose != policy.Correction || c.Reason != "why" ||
				!c.Completed.Equal(first.Completed) || !c.CorrectedAt.Equal(noon) || c.Provider != first.Provider || c.Source != first.Source || c.Priced != (step.unpriced == 0) {
				t.Errorf("%s: %+v", step.name, c)
			}
			if err := e.Correct(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			records = append(records, b.last(t))
		}
		list, contracted, charged, unpriced, quantity := cost(records)
		if got := [3]string{list.String(), contracted.String(), charged.String()}; got != [3]string{step.list, step.contracted, step.charged} || unpriced != step.unpriced || quantity != 1050 {
			t.Errorf("%s: the records say %v, %d unpriced, %d units; want %+v", step.name, got, unpriced, quantity, step)
		}
		if again, changed := e.Correction(records, "why"); changed {
			t.Errorf("%s: corrected twice: %+v", step.name, again)
		}
	}
}

// TestPartsOfAnAttemptAreCorrectedApart: two models in one answer, and one model
// twice, have bands of input of their own.
func TestPartsOfAnAttemptAreCorrectedApart(t *testing.T) {
	e, b, _ := newEngine(t, nil)
	usage := append(reported(1000, 0, 50), reported(2000, 0, 10)...)
	usage = append(usage, reported(500, 0, 1)...)
	usage[2].Model = "helper"
	settled(t, e, "late", usage)
	records := []policy.Record{b.last(t)}
	configure(t, e, terms.Options{}, costing(t, "a", "late", "4", "20"), costing(t, "h", "helper", "1", "2"))
	c, changed := e.Correction(records, "why")
	if !changed || len(c.Lines) != len(records[0].Lines) {
		t.Fatalf("%v: %+v", changed, c)
	}
	for i, want := range []string{"0.004", "0.001", "0.008", "0.0002", "0.0005", "0.000002"} {
		if l := &c.Lines[i]; l.Charged.String() != want || l.Model != records[0].Lines[i].Model || l.Class != records[0].Lines[i].Class {
			t.Errorf("line %d: %+v, want %s", i, l, want)
		}
	}
	if again, changed := e.Correction(append(records, c), "why"); changed {
		t.Errorf("corrected twice: %+v", again)
	}
}

// TestVolumeIsNotCountedAgain: a correction leaves a call in its band.
func TestVolumeIsNotCountedAgain(t *testing.T) {
	o := terms.Options{Discounts: []terms.Discount{{ID: "d", Volume: []terms.Band{{Above: 1050, Off: 500_000}}}}}
	e, b := withTerms(t, o)
	settled(t, e, "m1", reported(1000, 0, 50))
	first := []policy.Record{b.last(t)}
	settled(t, e, "m1", reported(1000, 0, 50))
	second := []policy.Record{b.last(t)}
	for _, revisions := range [][]policy.Record{first, second} {
		if c, changed := e.Correction(revisions, "why"); changed {
			t.Errorf("%+v", c)
		}
	}
}

func TestWhatIsNotCorrected(t *testing.T) {
	e, b, _ := newEngine(t, nil)
	settled(t, e, "late", reported(1000, 0, 50))
	configure(t, e, terms.Options{}, costing(t, "a", "late", "4", "20"))
	first := b.last(t)
	refused := first
	refused.Lines = nil
	correction := first
	correction.Revision = 1
	for name, revisions := range map[string][]policy.Record{"nothing": nil, "no lines": {refused}, "no first record": {correction}} {
		if c, changed := e.Correction(revisions, "why"); changed {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestCostCountersFollowCorrections: up in one, down in another.
func TestCostCountersFollowCorrections(t *testing.T) {
	e, b, reg := newEngine(t, nil)
	settled(t, e, "late", reported(1000, 0, 50))
	records := []policy.Record{b.last(t)}
	for _, step := range []struct{ in, out, up, down string }{
		{"4", "20", "0.005", "0"}, {"3", "10", "0.005", "0.0015"}, {"5", "10", "0.007", "0.0015"}, {"5", "10", "0.007", "0.0015"},
	} {
		configure(t, e, terms.Options{}, costing(t, "a", "late", step.in, step.out))
		if c, changed := e.Correction(records, "why"); changed {
			if err := e.Correct(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			records = append(records, b.last(t))
		}
		const labels = `{model="late",project="",provider="local",request_type="",team="support"} `
		want := "# HELP farebox_cost_usd_total Charged cost of settled calls, in US dollars, with what corrections added to it.\n# TYPE farebox_cost_usd_total counter\n" +
			"farebox_cost_usd_total" + labels + step.up + "\n" +
			"# HELP farebox_cost_corrected_down_usd_total What corrections took off the charged cost of calls, in US dollars: farebox_cost_usd_total less this is the cost.\n" +
			"# TYPE farebox_cost_corrected_down_usd_total counter\nfarebox_cost_corrected_down_usd_total" + labels + step.down + "\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_cost_usd_total", "farebox_cost_corrected_down_usd_total"); err != nil {
			t.Errorf("%+v: %v", step, err)
		}
	}
	b.fail = ledger.ErrFull
	c := records[0]
	c.Revision = 9
	c.Lines = records[1].Lines
	if err := e.Correct(t.Context(), c); !errors.Is(err, ledger.ErrFull) {
		t.Fatal(err)
	}
	b.fail = ledger.ErrUncommitted
	if err := e.Correct(t.Context(), c); !errors.Is(err, ledger.ErrUncommitted) {
		t.Fatal(err)
	}
	if n, err := testutil.GatherAndCount(reg, "farebox_cost_usd_total"); n != 1 || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
	want := 0.012 // what the ledger did not take is not counted, what it will write is
	if got := value(t, reg, "farebox_cost_usd_total"); got != want {
		t.Errorf("%v USD, want %v", got, want)
	}
}

// value is the sum of a family's counters.
func value(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
