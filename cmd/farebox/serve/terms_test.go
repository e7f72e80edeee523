package serve

import (
	"log/slog"
	"testing"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus"
)

// settle makes the n-th call, of a million tokens of a model that costs 10 USD a
// million, and returns what was paid and charged by which rows.
func settle(t *testing.T, p *callPath, n int) (paid, charged, by, card string) {
	t.Helper()
	var u tokenizer.Usage
	u.Set(tokenizer.Output, 1_000_000, tokenizer.Reported)
	request := policy.Request{ID: ledgertest.ID(n), Provider: "local", Call: tokenizer.Call{Operation: "chat", Model: "m"}, At: time.Now()}
	p.engine.Settle(t.Context(), policy.Ticket{Request: request},
		policy.Outcome{Status: 200, At: time.Now(), Reading: tokenizer.Reading{Model: "m", Usage: []tokenizer.Usage{u}}})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); { // the commit may be waited for no longer than commit_wait
		found, err := p.store.Find(t.Context(), request.ID.String(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 {
			l := found[0].Lines[len(found[0].Lines)-1]
			return l.Contracted.String(), l.Charged.String(), l.ContractID, l.ChargeID
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the record is not in the ledger")
	return "", "", "", ""
}

// TestVolumesSurviveReloadsAndRestarts follows one month's volume through the
// life of a ledger.
func TestVolumesSurviveReloadsAndRestarts(t *testing.T) {
	inOneMonth(t)
	const text = `{
  prices: {
    rates: [{provider: local, model: m, output: 10}],
    discounts: [{match: {provider: local}, percent: 5, volume: [{above: 1M, percent: 10}, {above: 2M, percent: 20}, {above: 3M, percent: 30}]}],
    rate_card: [{service: m, unit: 1K tokens, price: "0.04"}]}}`
	h := newHouse(t, text)
	want := func(p *callPath, n int, paid, by string) {
		t.Helper()
		gotPaid, charged, gotBy, card := settle(t, p, n)
		if gotPaid != paid || gotBy != "config:prices.discounts[0]"+by || charged != "40" || card != "config:prices.rate_card[0]" {
			t.Errorf("call %d: paid %s by %q, charged %s by %q, want %s by %s", n, gotPaid, gotBy, charged, card, paid, by)
		}
	}
	want(h.reloader.call, 1, "9.5", "")
	want(h.reloader.call, 2, "9", ".volume[0]")
	h.write(t, text[:len(text)-1]+", mode: enforce}")
	h.reloader.look(t.Context(), false)
	if h.reloader.now().Mode != config.Enforce {
		t.Fatal("not reloaded")
	}
	want(h.reloader.call, 3, "8", ".volume[1]")

	c := h.reloader.now()
	log, reg := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	b, err := openBooks(t.Context(), c, reg, log)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	again, err := newCallPath(t.Context(), c, b, budget.NewMemory(nil), reg, log)
	if err != nil {
		t.Fatal(err)
	}
	want(again, 4, "7", ".volume[2]")
}
