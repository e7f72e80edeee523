package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/estimate"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// book is a journal in memory.
type book struct {
	fail error

	mu      sync.Mutex
	open    []policy.Opening
	records []policy.Record
}

func (b *book) Open(o policy.Opening) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = append(b.open, o)
}

func (b *book) Record(_ context.Context, r policy.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, r)
	return b.fail
}

func (b *book) Flush(context.Context) error { return b.fail }

func (b *book) last(t *testing.T) policy.Record {
	t.Helper()
	if len(b.records) == 0 {
		t.Fatal("no record")
	}
	return b.records[len(b.records)-1]
}

type headers map[string]string

func (h headers) Header(name string) string { return h[name] }
func (h headers) Attribute(string) string   { return "" }
func (h headers) Body(string) string        { return "" }
func (h headers) Claim(string, string) (string, bool) {
	return "", true
}
func (h headers) Part(string) string         { return "" }
func rate(t *testing.T, s string) money.Rate { t.Helper(); return must(t)(money.ParseRate(s)) }

func must(t *testing.T) func(money.Rate, error) money.Rate {
	return func(r money.Rate, err error) money.Rate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newEngine(t *testing.T, change func(*engine.Options, *attribution.Options)) (*engine.Engine, *book, *prometheus.Registry) {
	t.Helper()
	row := price.NewRow("test:m", "local", "m*")
	row.Set(tokenizer.Input, rate(t, "2"))
	row.Set(tokenizer.Output, rate(t, "10"))
	row.Set(tokenizer.CacheRead, rate(t, "0.5"))
	prices, err := price.New([]price.Row{row})
	if err != nil {
		t.Fatal(err)
	}
	b := &book{}
	reg := prometheus.NewRegistry()
	who := attribution.Options{Rules: []attribution.Rule{
		{Name: "team", Sources: []attribution.Source{{Header: "x-team"}}},
		{Name: "project", Sources: []attribution.Source{{Header: "x-project"}}},
	}}
	o := engine.Options{
		Rules: engine.Rules{Prices: prices, Enforce: true}, Journal: b, Estimator: estimate.New(), Registerer: reg, Now: func() time.Time { return noon },
		CommitWait: time.Minute, StoreWait: time.Minute, // a slow machine is no store that does not answer
	}
	if change != nil {
		change(&o, &who)
	}
	if o.Rules.Attribution, err = attribution.New(who); err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e, b, reg
}

func call(h headers) *policy.Request {
	return &policy.Request{
		ID: policy.CallID{1}, Identity: h, At: noon, Provider: "local",
		Call: tokenizer.Call{Dialect: "openai", Operation: "chat", Model: "m1", Stream: true, Choices: 1, Shares: tokenizer.Shares{Last: 400}},
	}
}

func reported(in, cached, out int64) []tokenizer.Usage {
	var u tokenizer.Usage
	u.Set(tokenizer.Input, in, tokenizer.Reported)
	u.Set(tokenizer.CacheRead, cached, tokenizer.Reported)
	u.Set(tokenizer.Output, out, tokenizer.Reported)
	return []tokenizer.Usage{u}
}

func TestACallIsAdmittedOpenedAndSettledToItsOwner(t *testing.T) {
	e, b, reg := newEngine(t, nil)
	ticket, err := e.Admit(t.Context(), call(headers{"x-team": "support", "x-project": "bot"}))
	if err != nil || ticket.Refusal != nil {
		t.Fatalf("Admit = %+v, %v", ticket, err)
	}
	if len(b.open) != 1 || ticket.Hold.Input == 0 || ticket.Hold.Output == 0 {
		t.Fatalf("opened %d with hold %+v", len(b.open), ticket.Hold)
	}
	got := e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon.Add(time.Second), Reading: tokenizer.Reading{Model: "m1-2026", Usage: reported(1000, 200, 50)}})
	// 1000 × 2 + 200 × 0.5 + 50 × 10 micro-USD
	if got.Cost.String() != "0.0026" || !got.Priced || got.Input != 1200 || got.Output != 50 {
		t.Errorf("receipt = %+v (%s)", got, got.Cost)
	}
	r := b.last(t)
	if r.Owner.Value("team") != "support" || r.Outcome != policy.Served || r.Source != tokenizer.Reported || r.Model != "m1-2026" || len(r.Lines) != 3 {
		t.Errorf("record = %+v", r)
	}
	if r.Lines[1].RateID != "test:m" || r.Lines[1].Charged.String() != "0.0001" {
		t.Errorf("cache line = %+v", r.Lines[1])
	}
	want := `
# HELP farebox_cost_usd_total Charged cost of settled calls, in US dollars, with what corrections added to it.
# TYPE farebox_cost_usd_total counter
farebox_cost_usd_total{model="m1-2026",project="bot",provider="local",request_type="",team="support"} 0.0026
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_cost_usd_total"); err != nil {
		t.Error(err)
	}
}

func TestMissingMetadataIsRefusedOnlyWhenEnforced(t *testing.T) {
	for _, test := range []struct {
		name            string
		enforce, refuse bool
		refused         bool
	}{
		{"enforced", true, true, true},
		{"observed", false, true, false},
		{"unattributed", true, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, b, reg := newEngine(t, func(o *engine.Options, a *attribution.Options) {
				o.Rules.Enforce, a.Refuse, a.Require = test.enforce, test.refuse, []string{"team"}
			})
			ticket, err := e.Admit(t.Context(), call(nil))
			if err != nil {
				t.Fatal(err)
			}
			if (ticket.Refusal != nil) != test.refused {
				t.Fatalf("refusal = %+v, want %v", ticket.Refusal, test.refused)
			}
			if ticket.Owner.Value("team") != policy.Unattributed {
				t.Errorf("team = %q", ticket.Owner.Value("team"))
			}
			if test.refused {
				if r := b.last(t); r.Outcome != policy.Refused || r.Reason != "missing_metadata" || len(r.Lines) != 0 {
					t.Errorf("record = %+v", r)
				}
				if !strings.Contains(ticket.Refusal.Message, "header x-team") {
					t.Errorf("message %q does not say what to send", ticket.Refusal.Message)
				}
			}
			would := `
# HELP farebox_would_refuse_total Calls that enforce mode would have refused, by code.
# TYPE farebox_would_refuse_total counter
farebox_would_refuse_total{code="missing_metadata"} ` + map[bool]string{true: "1", false: "0"}[test.name == "observed"] + `
farebox_would_refuse_total{code="model_not_allowed"} 0
farebox_would_refuse_total{code="off_peak_only"} 0
farebox_would_refuse_total{code="output_unbounded"} 0
farebox_would_refuse_total{code="too_many_tokens"} 0
farebox_would_refuse_total{code="unknown_owner"} 0
`
			if err := testutil.GatherAndCompare(reg, strings.NewReader(would), "farebox_would_refuse_total"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsNotReportedIsNeverZero(t *testing.T) {
	text := strings.Repeat("hello world ", 20)
	for _, test := range []struct {
		name    string
		call    func(*tokenizer.Call)
		outcome policy.Outcome
		source  tokenizer.Source
		outcom  string
	}{
		{"a cut stream is partial", nil, policy.Outcome{Status: 200, End: tokenizer.Cut, Reading: tokenizer.Reading{Model: "gpt-4o", Text: []byte(text), TextBytes: int64(len(text))}}, tokenizer.Partial, policy.CutOff},
		{"a stream without usage is counted, its input estimated", nil, policy.Outcome{Status: 200, Reading: tokenizer.Reading{Model: "gpt-4o", Text: []byte(text), TextBytes: int64(len(text))}}, tokenizer.Estimated, policy.Served},
		{"an unstreamed answer that was cut is estimated", func(c *tokenizer.Call) { c.Stream = false }, policy.Outcome{End: tokenizer.Cut}, tokenizer.Partial, policy.CutOff},
		{"a restart", nil, policy.Outcome{End: tokenizer.Cut, Lost: true, Recovered: true}, tokenizer.Partial, policy.CutOff},
		{"a cut answer that nobody saw is estimated", nil, policy.Outcome{Status: 200, End: tokenizer.Cut, Lost: true}, tokenizer.Estimated, policy.CutOff},
		{"an answer that could not be read", nil, policy.Outcome{Status: 200, Lost: true}, tokenizer.Estimated, policy.Served},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, b, _ := newEngine(t, nil)
			r := call(headers{"x-team": "a"})
			if test.call != nil {
				test.call(&r.Call)
			}
			ticket, err := e.Admit(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			got := e.Settle(t.Context(), ticket, test.outcome)
			rec := b.last(t)
			if got.Input == 0 || got.Output == 0 {
				t.Errorf("receipt = %+v: nothing may be zero", got)
			}
			if rec.Source != test.source || rec.Outcome != test.outcom {
				t.Errorf("source %v, outcome %v; want %v, %v", rec.Source, rec.Outcome, test.source, test.outcom)
			}
		})
	}
}

func TestAProvidersErrorCostsNothing(t *testing.T) {
	e, b, _ := newEngine(t, nil)
	ticket, err := e.Admit(t.Context(), call(headers{"x-team": "a"}))
	if err != nil {
		t.Fatal(err)
	}
	e.Settle(t.Context(), ticket, policy.Outcome{Status: 500, End: tokenizer.Failed, At: noon})
	if r := b.last(t); r.Outcome != policy.Failed || len(r.Lines) != 0 || r.Source != tokenizer.None {
		t.Errorf("record = %+v", r)
	}
}

func TestAModelWithoutAPriceIsUnpricedAndKeepsItsTokens(t *testing.T) {
	e, b, reg := newEngine(t, nil)
	r := call(headers{"x-team": "a"})
	r.Call.Model = "zzz"
	ticket, err := e.Admit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	got := e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Usage: reported(10, 0, 5)}})
	rec := b.last(t)
	if got.Priced || rec.Priced || rec.Lines[0].State != policy.Unpriced || rec.Lines[0].Quantity != 10 {
		t.Errorf("receipt %+v, record %+v", got, rec)
	}
	n, err := testutil.GatherAndCount(reg, "farebox_unpriced_requests_total")
	if err != nil || n != 1 {
		t.Errorf("%d unpriced series, %v", n, err)
	}
}

func TestARestartSettlesOpenCallsOnce(t *testing.T) {
	e, b, _ := newEngine(t, nil)
	ticket, err := e.Admit(t.Context(), call(headers{"x-team": "a"}))
	if err != nil {
		t.Fatal(err)
	}
	again, after, _ := newEngine(t, nil)
	again.Recover(t.Context(), b.open, nil)
	rec := after.last(t)
	if rec.ID != ticket.ID || rec.Source != tokenizer.Partial || rec.Owner.Value("team") != "a" || len(after.records) != 1 {
		t.Errorf("record = %+v", rec)
	}
}

func TestALedgerThatIsLateOrFullIsSaid(t *testing.T) {
	for want, fail := range map[string]error{policy.CommitWait: ledger.ErrUncommitted, policy.LedgerRefused: ledger.ErrFull, "": nil} {
		e, b, _ := newEngine(t, nil)
		if fail != nil {
			b.fail = errors.Join(errors.New("record"), fail)
		}
		got := e.Settle(t.Context(), policy.Ticket{Request: *call(nil)}, policy.Outcome{Status: 200, At: noon})
		if got.Degraded != want {
			t.Errorf("%v: degraded %q, want %q", fail, got.Degraded, want)
		}
	}
}

func TestSeriesAreBoundedAndSumsStayRight(t *testing.T) {
	reg := prometheus.NewRegistry()
	e, _, _ := newEngine(t, func(o *engine.Options, _ *attribution.Options) { o.Registerer, o.MaxSeries = reg, 3 })
	for i := range 10 {
		ticket := policy.Ticket{Request: *call(nil), Owner: policy.Owner{{Name: "team", Value: string(rune('a' + i))}}}
		e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Usage: reported(1000, 0, 0)}})
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "farebox_cost_usd_total" {
			continue
		}
		sum := 0.0
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
		if len(f.GetMetric()) != 4 || sum < 0.0199 || sum > 0.0201 {
			t.Errorf("%d series, sum %v; want 3 and other, 0.02", len(f.GetMetric()), sum)
		}
	}
}

func TestMetricNames(t *testing.T) {
	_, _, reg := newEngine(t, nil)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
