package serve

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// alone is a shared store that nobody shares.
type alone struct{ *budget.Memory }

func (alone) Missing(context.Context, []string) ([]string, bool, error) { return nil, true, nil }

func (a alone) Add(ctx context.Context, _ []string, states []budget.State) error {
	return a.Load(ctx, states)
}

func (a alone) Hold(ctx context.Context, h budget.Hold) error {
	_, err := a.Reserve(ctx, h)
	return err
}

func (alone) Open(context.Context) (bool, error) { return true, nil }

// What a share is found to have crossed is told, and all that calls spent of it is in
// the store when it was given back.
func TestSharesTellWhatTheyCrossAndAreGivenBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "farebox.yaml")
	text := `ledger: {store: "sqlite:` + filepath.Join(t.TempDir(), "farebox.db") + `"}
state: {store: "redis://127.0.0.1:6379/0", leases: true}
budgets: [{name: month, limit: {requests: 1000}, window: {every: month}, thresholds: [3]}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	log, reg := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	b, err := openBooks(t.Context(), c, reg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.close() })
	store := alone{budget.NewMemory(nil)}
	p, err := newCallPath(t.Context(), c, b, store, reg, log)
	if err != nil {
		t.Fatal(err)
	}
	if p.leases == nil || !p.engine.Shared() {
		t.Fatal("there are no shares, or the engine does not know that others share the store")
	}
	of, is := p.engine.Account("month", "")
	if !is {
		t.Fatal("the engine does not know the budget")
	}
	month := []budget.Account{of}
	one := budget.Amounts{}
	one[budget.Requests] = 1
	for n := range 40 {
		id := policy.CallID{byte(n + 1)}
		if short, err := p.leases.Reserve(t.Context(), budget.Hold{ID: id, Accounts: month, Most: one, Until: time.Now().Add(time.Hour)}); err != nil || !short.OK() {
			t.Fatal(short, err)
		}
		if _, found, err := p.leases.Settle(t.Context(), id, 0, one, []int{3}); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	p.leases.count(t.Context(), log)
	const want = `# HELP farebox_budget_threshold_total Times that what a budget has spent reached a share of its limit, in percent.
# TYPE farebox_budget_threshold_total counter
farebox_budget_threshold_total{budget="month",percent="3"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_budget_threshold_total"); err != nil {
		t.Error(err)
	}
	p.leases.giveBack(t.Context(), log)
	states, err := store.States(t.Context(), month)
	if err != nil || states[0].Spent != 40 || states[0].Held != 0 {
		t.Errorf("%+v, %v, want 40 spent and none held", states, err)
	}
}
