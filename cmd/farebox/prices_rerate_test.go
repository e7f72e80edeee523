package main

import (
	"context"
	"fmt"
	"net/http/httptest"
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

// rater has a price for each model, in millionths a token.
type rater struct {
	*ledgertest.Memory
	prices map[string]int64
}

func (r *rater) Correction(revisions []policy.Record, reason string) (policy.Record, bool) {
	c := revisions[0]
	c.Revision, c.Purpose, c.Reason, c.Lines = len(revisions), policy.Correction, reason, nil
	price, known := r.prices[c.Model]
	if !known || len(revisions) > 1 {
		return c, false
	}
	first := revisions[0].Lines[0]
	difference := money.Amount{Micro: price * first.Quantity}.Sub(first.Charged)
	c.Lines = []policy.Line{ledgertest.Line(first.Class, 0, difference)}
	return c, !difference.IsZero()
}

func (r *rater) Correct(ctx context.Context, c policy.Record) error {
	return r.Write(ctx, ledger.Batch{Records: []policy.Record{c}})
}

func (r *rater) Flush(context.Context) error { return nil }

// raterOf keeps 600 calls of three models and two teams.
func raterOf(t *testing.T) *rater {
	t.Helper()
	r := &rater{Memory: &ledgertest.Memory{}, prices: map[string]int64{"house": 3, "dear": 1}}
	var b ledger.Batch
	for n := range 600 {
		rec := ledgertest.Record(n)
		rec.Model = []string{"house", "dear", "right"}[n%3]
		if n >= 300 {
			rec.Owner = policy.Owner{{Name: "team", Value: "=ml"}}
		}
		rec.Lines = []policy.Line{ledgertest.Line(tokenizer.Output, 7, money.Amount{Micro: 10})}
		if rec.Model == "house" {
			rec.Lines = []policy.Line{{Model: "house", Class: tokenizer.Output, Quantity: 7, State: policy.Unpriced}}
		}
		b.Records = append(b.Records, rec)
	}
	if err := r.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPricesRerate(t *testing.T) {
	r := raterOf(t)
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: r, Rater: r, Now: func() time.Time { return noon }}))
	defer s.Close()
	rerate := func(args ...string) string {
		t.Helper()
		status, out, progress := try(append([]string{"prices", "rerate", "--from", "2026-03-01", "--to", "2026-04-01", "--admin", s.URL}, args...)...)
		if status != 0 || progress != "499 calls examined\n" {
			t.Fatalf("%q: status %d, %s", args, status, progress)
		}
		return out
	}
	golden(t, "rerate-dry.table", rerate("--dry-run"))
	golden(t, "rerate.csv", rerate("--dry-run", "-o", "csv"))
	golden(t, "rerate.json", rerate("--dry-run", "--model", "", "-o", "json"))
	if len(r.All()) != 600 {
		t.Fatal("a dry run changed something")
	}
	golden(t, "rerate.table", rerate("--reason", "late"))
	if n := len(r.All()); n != 1000 {
		t.Errorf("%d records, want 400 corrections of 600 calls", n)
	}
	status, out, _ := try("prices", "rerate", "--from", "2026-03-01", "--reason", "late", "--admin", s.URL)
	if want := fmt.Sprintf("%d calls examined: each costs what it should.\n", 600); status != 0 || out != want {
		t.Errorf("again: status %d, %q", status, out)
	}
}

func TestPricesRerateRefuses(t *testing.T) {
	r := raterOf(t)
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: r, Rater: r, Now: func() time.Time { return noon }}))
	defer s.Close()
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "say --from"},
		{[]string{"--from", "2026-03-01"}, "say the reason"},
		{[]string{"--from", "2026-03-01", "--to", "2026-02-01", "--dry-run"}, "is not before"},
	} {
		status, out, errOut := try(append(append([]string{"prices", "rerate"}, test.args...), "--admin", s.URL)...)
		if status == 0 || out != "" || !strings.Contains(errOut, test.want) {
			t.Errorf("%q: status %d, %q, %q; want %q", test.args, status, out, errOut, test.want)
		}
	}
}

// TestPricesRerateSaysWhatItLeaves where a call has all corrections that it takes.
func TestPricesRerateSaysWhatItLeaves(t *testing.T) {
	r := &rater{Memory: &ledgertest.Memory{}, prices: map[string]int64{"house": 3}}
	first := ledgertest.Record(1)
	first.Model = "house"
	b := ledger.Batch{Records: []policy.Record{first}}
	for n := range policy.MaxCorrections {
		b.Records = append(b.Records, ledgertest.Correction(1, n+1, money.Amount{}, policy.Priced))
	}
	if err := r.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: r, Rater: overcorrecting{r}, Now: func() time.Time { return noon }}))
	defer s.Close()
	for _, form := range []string{"table", "csv"} {
		status, out, said := try("prices", "rerate", "--from", "2026-03-01", "--reason", "late", "--admin", s.URL, "-o", form)
		if status != 0 || !strings.HasPrefix(said, "1 calls should cost otherwise and are left as they are: they have 99 corrections") {
			t.Errorf("%s: status %d, %q, said %q", form, status, out, said)
		}
		if form == "table" && out != "1 calls examined: nothing to correct but what is left as it is.\n" {
			t.Errorf("shown as %q", out)
		}
	}
}

// overcorrecting finds something to correct in every call.
type overcorrecting struct{ *rater }

func (o overcorrecting) Correction(revisions []policy.Record, reason string) (policy.Record, bool) {
	c, _ := o.rater.Correction(revisions[:1], reason)
	c.Revision = len(revisions)
	return c, true
}
