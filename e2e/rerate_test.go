package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

// priceless is the shop before anyone knew its price.
const priceless = `
providers: [{name: local, dialect: openai, match: {host: "*"}}]
`

// TestALatePriceCorrectsCallsThatHadNone, exactly and once, and leaves their
// records as they are; the cost that is counted follows, and the audit knows why.
func TestALatePriceCorrectsCallsThatHadNone(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: priceless, Play: provider.Scenario{Usage: &provider.Usage{Prompt: 400, Completion: 100}}})
	first := ask(s, chatPath, plainBody)
	first.run(t.Context())
	before := settled(t, s.Farebox, first.trace)
	if before.In != 400 || before.Out != 100 {
		t.Fatalf("the call used %d and %d tokens", before.In, before.Out)
	}
	unpriced := func() float64 { return metric(t, s, "farebox_unpriced_requests_total") }
	if n := unpriced(); n != 1 {
		t.Fatalf("%v unpriced calls are counted", n)
	}
	if err := s.Farebox.Reconfigure(shop); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new call has a price", func(context.Context) (bool, error) {
		e := ask(s, chatPath, plainBody)
		e.run(t.Context())
		settled(t, s.Farebox, e.trace)
		a, err := s.Farebox.Explain(t.Context(), e.trace)
		return err == nil && a.Matches[0].Priced, err
	})
	counted := unpriced()
	total := func() (calls, unpriced int64, cost string) {
		t.Helper()
		a, err := s.Farebox.Usage(t.Context(), "model")
		if err != nil || len(a.Rows) != 1 {
			t.Fatalf("%+v, %v", a, err)
		}
		return a.Total.Calls, a.Total.Unpriced, a.Total.Charged.String()
	}
	calls, missing, _ := total()
	if float64(missing) != counted {
		t.Errorf("%d calls without a price in the ledger, %v counted", missing, counted)
	}
	rerate := func(more ...string) string {
		t.Helper()
		out, err := s.Farebox.Command(t.Context(), append([]string{"prices", "rerate", "--from", "2020-01-01", "--reason", "late price"}, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := rerate("--dry-run"); !strings.Contains(out, "would be corrected") {
		t.Errorf("a dry run says\n%s", out)
	}
	if _, n, _ := total(); n != missing {
		t.Errorf("a dry run leaves %d unpriced of %d", n, missing)
	}
	for i, want := range []string{usd(400*missing, 100*missing), "each costs what it should"} {
		if out := rerate(); !strings.Contains(out, want) {
			t.Errorf("rerate %d says\n%s\nwant %s", i, out, want)
		}
		if n, left, cost := total(); n != calls || left != 0 || cost != usd(400*calls, 100*calls) {
			t.Errorf("rerate %d: %d calls, %d unpriced, %s USD; want %d, 0, %s", i, n, left, cost, calls, usd(400*calls, 100*calls))
		}
	}
	a, err := s.Farebox.Explain(t.Context(), first.trace)
	if err != nil || len(a.Matches) != 2 || a.Matches[0].Priced || a.Matches[0].Revision != 0 || a.Matches[1].Revision != 1 ||
		a.Matches[1].Reason != "late price" || !a.Matches[1].Completed.Equal(a.Matches[0].Completed) {
		t.Errorf("%+v, %v", a, err)
	}
	out, err := s.Farebox.Command(t.Context(), "explain", first.trace)
	if err != nil || !strings.Contains(out, "Correction 1 of call") || !strings.Contains(out, "2 records, 1 of them a correction, "+usd(400, 100)+" USD charged in all.") {
		t.Errorf("explain: %v\n%s", err, out)
	}
	audit, err := s.Farebox.Command(t.Context(), "audit", "--kind", "prices.rerate", "-o", "json")
	if entry := fmt.Sprintf(`"number": %d,`, a.Matches[1].AuditEntry); err != nil || a.Matches[1].AuditEntry == 0 || !strings.Contains(audit, entry) {
		t.Errorf("audit: %v\n%s\nwant %s", err, audit, entry)
	}
	want, err := strconv.ParseFloat(usd(400*calls, 100*calls), 64)
	if got := metric(t, s, "farebox_cost_usd_total"); err != nil || got != want {
		t.Errorf("%v USD are counted, want %v, %v", got, want, err)
	}
	if n := unpriced(); n != counted {
		t.Errorf("the counter went from %v to %v", counted, n)
	}
}
