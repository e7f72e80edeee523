package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// books is a ledger that always gives the same answer.
type books struct {
	ledgertest.Memory
	rows    []ledger.Row
	records []policy.Record
	asked   ledger.Query
}

func (b *books) Usage(_ context.Context, q ledger.Query) ([]ledger.Row, error) {
	b.asked = q
	return b.rows, nil
}

func (b *books) Find(context.Context, string, int) ([]policy.Record, error) { return b.records, nil }

// ask runs one command line against a farebox that keeps b.
func ask(t *testing.T, b api.Ledger, args ...string) string {
	t.Helper()
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: b, Now: func() time.Time { return noon }}))
	defer s.Close()
	status, out, errOut := try(append(args, "--admin", s.URL)...)
	if status != 0 || errOut != "" {
		t.Fatalf("farebox %s: status %d: %s", strings.Join(args, " "), status, errOut)
	}
	return out
}

func usd(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.ParseAmount(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// row has one money for all three.
func row(t *testing.T, cost string, calls, unpriced int64, keys ...string) ledger.Row {
	t.Helper()
	a := usd(t, cost)
	r := ledger.Row{Keys: keys, Calls: calls, Unpriced: unpriced, List: a, Contracted: a, Charged: a}
	r.Tokens[tokenizer.Input], r.Tokens[tokenizer.Output] = 100*calls, 7*calls
	return r
}

func usageBooks(t *testing.T) *books {
	t.Helper()
	cached := row(t, "0.0000175", 12, 0, "support", "gpt-4o")
	cached.Tokens[tokenizer.CacheRead] = 5
	return &books{rows: []ledger.Row{
		cached, row(t, "1234.5", 3, 2, "ml", "evil\x1b[2Jmodel"), row(t, "0", 1, 0, "", "=HYPERLINK(1)"), row(t, "0", 2, 2, "ml", "house"),
	}}
}

func TestUsage(t *testing.T) {
	for _, form := range []string{"table", "json", "csv"} {
		out := ask(t, usageBooks(t), "usage", "--by", "team,model", "--from", "2026-08-01", "--to", "2026-08-20T10:00:00+02:00", "-o", form)
		golden(t, "usage."+form, out)
	}
}

func TestUsageAsks(t *testing.T) {
	b := &books{}
	out := ask(t, b, "usage", "--from", "2026-08-01", "--to", "2026-08-20T10:00:00+02:00", "--by", "team", "--by", "day")
	if got, want := b.asked.From, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("asked from %v, want %v", got, want)
	}
	if got, want := b.asked.To, time.Date(2026, 8, 20, 8, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("asked to %v, want %v", got, want)
	}
	if got := strings.Join(b.asked.By, ","); got != "team,day" {
		t.Errorf("asked by %s, want team,day", got)
	}
	if !strings.HasSuffix(out, "\n\nNone.\n") {
		t.Errorf("no calls show as %q", out)
	}
}

// TestUsageShowsThreeMoneys where they differ.
func TestUsageShowsThreeMoneys(t *testing.T) {
	r := row(t, "1", 1, 0, "support")
	r.Contracted, r.Charged = usd(t, "0.88"), usd(t, "1.2")
	golden(t, "usage-moneys.table", ask(t, &books{rows: []ledger.Row{r, row(t, "2.000000000001", 2, 0, "ml")}}, "usage"))
}

// TestUsageAddsUp: what a reader adds up by hand is the total.
func TestUsageAddsUp(t *testing.T) {
	records, err := csv.NewReader(strings.NewReader(ask(t, usageBooks(t), "usage", "--by", "team,model", "-o", "csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var sum money.Amount
	for _, l := range records[1:] {
		sum = sum.Add(usd(t, l[len(l)-1]))
	}
	var a api.UsageAnswer
	if err := json.Unmarshal([]byte(ask(t, usageBooks(t), "usage", "--by", "team,model", "-o", "json")), &a); err != nil {
		t.Fatal(err)
	}
	if len(records) != 5 || sum != a.Total.Charged || sum != usd(t, "1234.5000175") {
		t.Errorf("%d lines that sum to %s, total %s", len(records), sum, a.Total.Charged)
	}
}

// line prices n tokens at rate, with one money for all three.
func line(c tokenizer.Class, n int64, rate money.Rate) policy.Line {
	a := rate.Times(n)
	return policy.Line{
		Model: "gpt-4o-2024-08-06", Class: c, Quantity: n, Source: tokenizer.Reported, State: policy.Priced,
		RateID: "openai/gpt-4o*", Rate: rate, List: a, Contracted: a, Charged: a,
	}
}

func served() policy.Record {
	return policy.Record{
		ID: policy.CallID{1, 0x98, 0xc3, 0xf2, 0x7a, 0x41, 0x7c, 2, 0x9d, 15: 7}, RequestID: "req-1", TraceID: strings.Repeat("ab", 16), ResponseID: "chatcmpl-7",
		Owner: policy.Owner{
			{Name: "team", Value: "support", Rule: "header x-team"}, {Name: "project", Value: policy.Unattributed, Rule: "missing"},
			{Name: "request_type", Value: "interactive", Rule: "default"},
		},
		Dialect: "openai", Operation: "chat", Provider: "azure", Developer: "openai", Host: "api.example.com", KeyHash: "hmac:12",
		ModelAsked: "gpt-4o", Model: "gpt-4o-2024-08-06", TierAsked: "auto", Tier: "default", Stream: true, Status: 200, Finish: "stop",
		Outcome: policy.Served, Purpose: policy.User, Tries: 2, Source: tokenizer.Reported, Priced: true,
		Admitted: noon, FirstToken: noon.Add(310 * time.Millisecond), Completed: noon.Add(2500 * time.Millisecond),
		Lines: []policy.Line{line(tokenizer.Input, 1234, 2_500_000), line(tokenizer.CacheRead, 7, 1_250_000), line(tokenizer.Output, 89, 10_000_000)},
	}
}

// TestExplainConditions: by what a call was priced, and what its price does not
// know of.
func TestExplainConditions(t *testing.T) {
	r := served()
	r.Account, r.AccountTold, r.Deployment, r.Region, r.Tier = "acme-eu", "region=Sweden Central", "regional", "eu\x1b", "priority"
	r.Size, r.Quality = "1024x1024", "high"
	for i := range r.Lines {
		r.Lines[i].Unmet = "deployment=regional tier=priority"
	}
	golden(t, "explain-conditions.table", ask(t, &books{records: []policy.Record{r}}, "explain", "x"))
}

func TestExplain(t *testing.T) {
	discounted := served()
	discounted.Attempt, discounted.Outcome, discounted.Reason = 1, policy.CutOff, "the caller hung up"
	discounted.Source = tokenizer.Partial
	for i := range discounted.Lines {
		l := &discounted.Lines[i]
		l.Source, l.Contracted, l.Charged = tokenizer.Partial, (l.Rate / 2).Times(l.Quantity), (l.Rate * 2).Times(l.Quantity)
	}
	onTerms := served()
	for i := range onTerms.Lines {
		l := &onTerms.Lines[i]
		l.Contracted, l.ContractID = (l.Rate * 9 / 10).Times(l.Quantity), "config:prices.discounts[0].volume[1]"
		l.Charged, l.ChargeID, l.ChargeCurrency, l.ChargeFXRate = (l.Rate * 2).Times(l.Quantity), "config:prices.rate_card[2]", "EUR", "1.0832"
	}
	onTerms.Lines[1] = policy.Line{
		Model: "house", Class: tokenizer.Output, Quantity: 4, State: policy.Unpriced, Charged: usd(t, "0.01"), ChargeID: "config:prices.rate_card[0]",
	}
	unpriced := served()
	unpriced.Priced, unpriced.Provider, unpriced.Developer, unpriced.Model = false, "", "", "house\x1b[31m-model"
	for i := range unpriced.Lines[:2] {
		unpriced.Lines[i] = policy.Line{Model: unpriced.Model, Class: tokenizer.Class(i), Quantity: 3, Source: tokenizer.Counted, State: policy.Unpriced}
	}
	unpriced.Lines[2] = policy.Line{Model: "helper", Class: tokenizer.Output, Quantity: 4, Source: tokenizer.Counted, State: policy.Free, RateID: "rates[0]"}
	unpriced.Held = usd(t, "0.010432")
	unpriced.Rulings = []policy.Ruling{
		{Rule: "holds", Did: policy.Changed, Why: "at most 4000 tokens, so that its cost is bounded"}, {Rule: "holds", Did: policy.HoldExceeded, Why: "0.0112 USD, and 0.010432 were held"},
	}
	unknownCost := unpriced
	unknownCost.Lines = unpriced.Lines[:1]
	refused := policy.Record{
		ModelAsked: "gpt-4o", Model: "gpt-4o", Dialect: "openai", Operation: "chat", Provider: "openai", Outcome: policy.Refused,
		Reason: "missing_metadata", Status: 400, Purpose: policy.Retry, Admitted: noon, Completed: noon,
	}
	unknown := refused
	unknown.Outcome, unknown.Reason, unknown.Status = policy.Failed, "", 0
	for name, records := range map[string][]policy.Record{
		"explain": {served()}, "explain-attempts": {served(), discounted}, "explain-unpriced": {unpriced, unknownCost}, "explain-nothing": {refused, unknown},
		"explain-terms": {onTerms},
	} {
		golden(t, name+".table", ask(t, &books{records: records}, "explain", "x"))
	}
	corrected := served()
	corrected.Revision, corrected.Purpose, corrected.Reason, corrected.CorrectedAt = 1, policy.Correction, "the price\x1b of August came late", noon.AddDate(0, 0, 14)
	corrected.AuditEntry = 41
	corrected.ID, corrected.WasUnpriced, corrected.Lines = unpriced.ID, true, slices.Clone(unpriced.Lines)
	for i := range corrected.Lines[:2] {
		l := &corrected.Lines[i]
		l.Quantity, l.State, l.RateID, l.Rate = 0, policy.Priced, "config:prices.rates[0]", 2_000_000
		l.List, l.Contracted, l.Charged = usd(t, "0.000006"), usd(t, "0.000006"), usd(t, "0.000006")
	}
	corrected.Lines[2].Quantity = 0
	down := corrected
	down.Revision, down.WasUnpriced, down.Lines = 2, false, slices.Clone(corrected.Lines)
	for i := range down.Lines {
		l := &down.Lines[i]
		l.List, l.Contracted, l.Charged = usd(t, "0"), usd(t, "0"), usd(t, "0")
	}
	down.Lines[1].Contracted, down.Lines[1].Charged, down.Lines[1].ContractID = usd(t, "-0.0000015"), usd(t, "-0.0000015"), "config:prices.discounts[0]"
	golden(t, "explain-corrections.table", ask(t, &books{records: []policy.Record{unpriced, corrected, down}}, "explain", "x"))
	golden(t, "explain.json", ask(t, &books{records: []policy.Record{served()}}, "explain", "x", "-o", "json"))
}

func TestExplainNothingFound(t *testing.T) {
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: &books{}}))
	defer s.Close()
	status, out, errOut := try("explain", "req-9", "--admin", s.URL)
	if status != 1 || out != "" || !strings.Contains(errOut, `no settled call has "req-9"`) {
		t.Errorf("status %d, out %q, error %q", status, out, errOut)
	}
}

func TestExplainTooMany(t *testing.T) {
	many := make([]policy.Record, api.MaxMatches+1)
	if out := ask(t, &books{records: many}, "explain", "x"); !strings.Contains(out, "There are more") || strings.Count(out, "Call 0") != api.MaxMatches {
		t.Errorf("%d calls shown, want %d and that there are more", strings.Count(out, "Call 0"), api.MaxMatches)
	}
}
