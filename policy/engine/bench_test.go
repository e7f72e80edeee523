package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/estimate"
	"github.com/prometheus/client_golang/prometheus"
)

// void is a journal that keeps nothing.
type void struct{ book }

func (*void) Open(policy.Opening) {}

func (*void) Record(context.Context, policy.Record) error { return nil }

// BenchmarkCall admits and settles calls that count against no account, and against
// five.
func BenchmarkCall(b *testing.B) {
	for _, accounts := range []int{0, 5} {
		b.Run(fmt.Sprint(accounts, " accounts"), func(b *testing.B) {
			e := benched(b, accounts)
			r := call(headers{"x-team": "support"})
			usage := reported(100, 0, 84)
			var n uint64
			b.ReportAllocs()
			for b.Loop() {
				n++
				binary.BigEndian.PutUint64(r.ID[:], n)
				ticket, err := e.Admit(b.Context(), r)
				if err != nil || ticket.Refusal != nil {
					b.Fatalf("%+v, %v", ticket.Refusal, err)
				}
				e.Settle(b.Context(), ticket, policy.Outcome{Status: 200, At: noon.Add(time.Second), Reading: tokenizer.Reading{Model: "m1", Usage: usage}})
			}
		})
	}
}

func benched(b *testing.B, accounts int) *engine.Engine {
	b.Helper()
	row := price.NewRow("test:m", "local", "m*")
	row.Set(tokenizer.Input, 2_000_000)
	row.Set(tokenizer.Output, 10_000_000)
	prices, err := price.New([]price.Row{row})
	if err != nil {
		b.Fatal(err)
	}
	who, err := attribution.New(attribution.Options{Rules: []attribution.Rule{{Name: "team", Sources: []attribution.Source{{Header: "x-team"}}}}})
	if err != nil {
		b.Fatal(err)
	}
	var rules []budget.Rule
	for i := range accounts {
		rules = append(rules, budget.Rule{Name: fmt.Sprint("r", i), Per: []string{"team"}, Limit: 1e18, Window: budget.Window{Every: budget.Month}, Thresholds: []int{50, 75, 90, 100}})
	}
	compiled, err := budget.Compile(rules)
	if err != nil {
		b.Fatal(err)
	}
	e, err := engine.New(engine.Options{
		Rules: engine.Rules{Prices: prices, Enforce: true, Attribution: who, Budgets: compiled}, Journal: &void{}, Estimator: estimate.New(),
		Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		b.Fatal(err)
	}
	return e
}
