package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// TestRatesSayEveryCondition reads one row of each condition, and holds that
// none that a table can say is missing.
func TestRatesSayEveryCondition(t *testing.T) {
	rows, err := fromFile(t, "testdata/good_rates.yaml").PriceRows()
	if err != nil {
		t.Fatal(err)
	}
	want := price.Row{
		ID: "config:prices.rates[0]", Provider: "azure", Model: "gpt-4o", Aliases: []string{"gpt-4o-eu", "chat 4o"}, Source: "configuration",
		Account: "sub-1", Deployment: "data_zone", Region: "eu*", Tier: "priority", Above: 200_000,
	}
	if diff := cmp.Diff(want, rows[0], cmpopts.IgnoreUnexported(price.Row{})); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if rows[2].Size != "1024x1024" || rows[2].Quality != "high" || rows[3].Size != "1024" {
		t.Errorf("images: %+v, %+v", rows[2], rows[3])
	}
	if night, weekend := rows[4].Hours.String(), rows[5].Hours.String(); night != "16:30-00:30" || weekend != "sat-sun 00:00-24:00" || rows[5].Above != 0 {
		t.Errorf("hours %q and %q, above %d", night, weekend, rows[5].Above)
	}
	if rows[6].Region != "*" || !rows[6].Free {
		t.Errorf("free in every region: %+v", rows[6])
	}
}

// TestRatesWithADivisor costs an hour of hosting: it is exact, while a price of
// one second could not be.
func TestRatesWithADivisor(t *testing.T) {
	rows, err := fromFile(t, "testdata/good_rates.yaml").PriceRows()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		row   int
		class tokenizer.Class
		n     int64
		want  string
	}{
		{1, tokenizer.HostingSeconds, 3600, "1.5"},
		{1, tokenizer.HostingSeconds, 1, "0.000416666667"},
		{2, tokenizer.Images, 3, "0.48"},
		{7, tokenizer.AudioSeconds, 60, "0.00605"}, // 5500 EUR × 1.1 a million minutes
		{7, tokenizer.AudioSeconds, 1, "0.000100833333"},
		{7, tokenizer.WebSearch, 2, "0.022"},
	} {
		if cost, as, ok := rows[x.row].Cost(x.class, x.n); cost.String() != x.want || as != x.class || !ok {
			t.Errorf("rates[%d]: %d %v cost %v as %v, %v, want %s", x.row, x.n, x.class, cost, as, ok, x.want)
		}
	}
}

// TestRatesOverTheCatalogue finds the prices of calls that differ in one
// condition each.
func TestRatesOverTheCatalogue(t *testing.T) {
	prices, err := mustParse(t, Example).Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, x := range map[string]struct {
		q    price.Query
		want string
	}{
		"a tier":             {price.Query{Provider: "openai", Model: "gpt-5", Tier: "priority", Input: 200_000}, "config:prices.rates[4]"},
		"a tier, long":       {price.Query{Provider: "openai", Model: "gpt-5", Tier: "priority", Input: 200_001}, "config:prices.rates[5]"},
		"another tier":       {price.Query{Provider: "openai", Model: "gpt-5", Tier: "flex"}, "openai/gpt-5;tier=flex"},
		"a region":           {price.Query{Provider: "azure", Model: "gpt-4o", Deployment: "data_zone", Region: "eu"}, "config:prices.rates[6]"},
		"a zone of another":  {price.Query{Provider: "azure", Model: "gpt-4o", Deployment: "data_zone", Region: "us"}, "azure/gpt-4o;deployment=data_zone;region=us"},
		"no zone":            {price.Query{Provider: "azure", Model: "gpt-4o", Region: "eu"}, "azure/gpt-4o"},
		"a machine by day":   {price.Query{Provider: "local", Model: "llama-3-70b"}, "config:prices.rates[8]"},
		"a machine by night": {price.Query{Provider: "local", Model: "llama-3-70b", At: monday.Add(11 * time.Hour)}, "config:prices.rates[7]"},
		"a model of nobody":  {price.Query{Provider: "local", Model: "llama-2"}, ""},
	} {
		if x.q.At.IsZero() {
			x.q.At = monday
		}
		got := ""
		if row, ok := prices.Find(x.q); ok {
			got = row.ID
		}
		if got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

// TestClashesAreToldByLine loads two rows that clash: what check prints names
// both lines.
func TestClashesAreToldByLine(t *testing.T) {
	text, err := os.ReadFile("testdata/bad_rates_clash.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load(write(t, "farebox.yaml", string(text)))
	const want = "farebox.yaml:4:7: `prices.rates[1]`: is as narrow as `prices.rates[0]` on line 3, and a call may fulfil both; give one"
	if got := Explain(err); !strings.Contains(got, want) || strings.Count(got, "is as narrow as") != 6 {
		t.Errorf("Load = %s\nwant %s", got, want)
	}
}

func TestHoursAsText(t *testing.T) {
	for _, text := range []string{"00:30-16:30", "22:00-06:00", "mon-fri 10:00-24:00", "mon,wed-fri 00:00-24:00"} {
		var h Hours
		if err := h.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if back, err := h.MarshalText(); err != nil || string(back) != text {
			t.Errorf("%q prints as %q, %v", text, back, err)
		}
	}
}
