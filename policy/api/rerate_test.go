package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus"
)

// fixed charges every call the same.
type fixed struct {
	store *ledgertest.Memory
	cost  money.Amount
}

func (f *fixed) Correction(revisions []policy.Record, reason string) (policy.Record, bool) {
	var was money.Amount
	for i := range revisions {
		was = was.Add(charged(&revisions[i]))
	}
	n := len(revisions)
	c := ledgertest.Correction(0, n, f.cost.Sub(was), policy.Priced)
	first := revisions[0]
	c.ID, c.Attempt, c.Completed, c.Owner, c.Reason = first.ID, first.Attempt, first.Completed, first.Owner, reason
	c.WasUnpriced = n == 1 && first.UnpricedCalls() > 0
	return c, was != f.cost
}

func (f *fixed) Correct(ctx context.Context, c policy.Record) error {
	return f.store.Write(ctx, ledger.Batch{Records: []policy.Record{c}})
}

func (f *fixed) Flush(context.Context) error { return nil }

func rerated(t *testing.T, records ...policy.Record) (*httptest.Server, *ledgertest.Memory, *fixed) {
	t.Helper()
	m := &ledgertest.Memory{}
	if err := m.Write(t.Context(), ledger.Batch{Records: records}); err != nil {
		t.Fatal(err)
	}
	f := &fixed{store: m, cost: money.Amount{Micro: 100}}
	s := httptest.NewServer(NewHandler(Options{Ledger: m, Rater: f, Now: func() time.Time { return noon }, Identify: named}))
	t.Cleanup(s.Close)
	return s, m, f
}

var month = Rerate{From: ledgertest.Start, To: ledgertest.Start.AddDate(0, 1, 0), Reason: "late price"}

// rerateAll asks until nothing is left.
func rerateAll(t *testing.T, c *Client, q Rerate) (groups []RerateGroup, examined, asked int) {
	t.Helper()
	for {
		a, err := c.Rerate(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		asked++
		examined += a.Examined
		for i := range a.Groups {
			groups = AddGroup(groups, &a.Groups[i])
		}
		if q.Cursor = a.Next; a.Next == "" {
			return groups, examined, asked
		}
	}
}

func changes(t *testing.T, m *ledgertest.Memory) []ledger.Change {
	t.Helper()
	all, err := m.Audit(t.Context(), ledger.Review{From: time.Unix(0, 0), To: noon.AddDate(10, 0, 0), Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRerate corrects more calls than one request looks at, each once.
func TestRerate(t *testing.T) {
	var records []policy.Record
	for n := range rerateRecords + 20 {
		records = append(records, ledgertest.Record(n)) // 82 millionths each
	}
	s, m, f := rerated(t, records...)
	c := as(s, "finance")
	dry := month
	dry.DryRun, dry.Reason = true, ""
	const n = rerateRecords + 20
	for i, q := range []Rerate{dry, month, month} {
		groups, examined, asked := rerateAll(t, c, q)
		want := fmt.Sprintf("[{support azure gpt-4o-2024-08-06 %d 0.04264 0.052 0.00936}]", n)
		if i == 2 {
			want = "[]"
		}
		if fmt.Sprint(groups) != want || examined != n || asked < 2 {
			t.Errorf("rerate %d: %v of %d in %d, want %s", i, groups, examined, asked, want)
		}
		if corrected := len(m.All()) > n; corrected != (i > 0) {
			t.Errorf("rerate %d: %d records", i, len(m.All()))
		}
	}
	if got := len(m.All()); got != 2*n {
		t.Errorf("%d records, want each call and its correction", got)
	}
	audited := changes(t, m)
	if len(audited) != 2 || audited[1].Action != PricesRerate || audited[1].Actor != "finance" || audited[1].Role != "finance" ||
		audited[1].Reason != "late price" || audited[0].Number == audited[1].Number || !strings.Contains(string(audited[1].Before), `"charged_usd":"0.040`) {
		t.Errorf("audit: %+v", audited)
	}
	caused := map[int64]int{}
	for _, r := range m.All() {
		if r.Revision > 0 {
			caused[r.AuditEntry]++
		}
	}
	if len(caused) != 2 || caused[audited[0].Number]+caused[audited[1].Number] != n {
		t.Errorf("corrections by the entry that caused them: %v", caused)
	}
	f.cost = money.Amount{}
	if groups, _, _ := rerateAll(t, c, month); len(groups) != 1 || groups[0].Difference.String() != "-0.052" || !groups[0].Is.IsZero() {
		t.Errorf("corrected down: %v", groups)
	}
}

func TestRerateLooksAtWhatIsAsked(t *testing.T) {
	unpriced, other := ledgertest.Record(1), ledgertest.Record(2)
	unpriced.Lines = []policy.Line{{Class: tokenizer.Output, Quantity: 5, State: policy.Unpriced}}
	other.Owner, other.Model, other.Provider = policy.Owner{{Name: "team", Value: "ml"}}, "m", "local"
	for name, test := range map[string]struct {
		who   string
		ask   func(*Rerate)
		teams []string
	}{
		"all":       {"admin", func(*Rerate) {}, []string{"ml", "support"}},
		"unpriced":  {"admin", func(q *Rerate) { q.OnlyUnpriced = true }, []string{"support"}},
		"a model":   {"admin", func(q *Rerate) { q.Model = "m" }, []string{"ml"}},
		"provider":  {"admin", func(q *Rerate) { q.Provider = "azure" }, []string{"support"}},
		"a team":    {"admin", func(q *Rerate) { q.Team = "ml" }, []string{"ml"}},
		"one's own": {"finance/ml", func(*Rerate) {}, []string{"ml"}},
		"a time":    {"admin", func(q *Rerate) { q.To = other.Completed }, []string{"support"}},
	} {
		s, _, _ := rerated(t, unpriced, other)
		q := month
		test.ask(&q)
		groups, _, _ := rerateAll(t, as(s, test.who), q)
		var teams []string
		for _, g := range groups {
			teams = append(teams, g.Team)
		}
		slices.Sort(teams)
		if !slices.Equal(teams, test.teams) {
			t.Errorf("%s: %v, want %v", name, teams, test.teams)
		}
		q.OnlyUnpriced = true
		if again, _, _ := rerateAll(t, as(s, test.who), q); len(again) != 0 {
			t.Errorf("%s: still unpriced: %v", name, again)
		}
	}
}

func TestRerateRefuses(t *testing.T) {
	s, m, _ := rerated(t, ledgertest.Record(1))
	for name, test := range map[string]struct {
		who, want string
		ask       func(*Rerate)
	}{
		"an approver":   {"approver", "403 forbidden", func(*Rerate) {}},
		"another team":  {"finance/ml", "403 forbidden", func(q *Rerate) { q.Team = "support" }},
		"no reason":     {"admin", "422 invalid_body", func(q *Rerate) { q.Reason = " " }},
		"no time":       {"admin", "422 invalid_body", func(q *Rerate) { q.To = q.From }},
		"a cursor":      {"admin", "422 invalid_body", func(q *Rerate) { q.Cursor = "x" }},
		"a long reason": {"admin", "422 invalid_body", func(q *Rerate) { q.Reason = strings.Repeat("x", 1025) }},
	} {
		q := month
		test.ask(&q)
		if _, err := as(s, test.who).Rerate(t.Context(), q); code(t, err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	if len(m.All()) != 1 || len(changes(t, m)) != 0 {
		t.Error("what was refused changed something")
	}
	_, c := serve(t, &memory{}, nil)
	if _, err := c.Rerate(t.Context(), month); code(t, err) != "503 unavailable" {
		t.Errorf("without prices: %v", err)
	}
}

// TestRerateSaysWhatItLeaves: an attempt takes so many corrections and no more.
func TestRerateSaysWhatItLeaves(t *testing.T) {
	first, other := ledgertest.Record(1), ledgertest.Record(2)
	records := []policy.Record{first, other}
	for n := range policy.MaxCorrections - 1 {
		c := ledgertest.Correction(1, n+1, money.Amount{}, policy.Priced)
		records = append(records, c)
	}
	s, m, f := rerated(t, records...)
	for i, want := range []struct{ corrected, left int64 }{{2, 0}, {0, 0}, {1, 1}} {
		if i == 2 {
			f.cost = money.Amount{Micro: 200}
		}
		a, err := as(s, "admin").Rerate(t.Context(), month)
		if err != nil {
			t.Fatal(err)
		}
		var corrected int64
		for _, g := range a.Groups {
			corrected += g.Calls
		}
		if corrected != want.corrected || int64(a.Uncorrected) != want.left || a.Examined != 2 {
			t.Errorf("rerate %d: %+v, want %+v", i, a, want)
		}
	}
	if n := len(m.All()); n != 2+policy.MaxCorrections+2 {
		t.Errorf("%d records", n)
	}
}

// queued writes with a Writer that waits for no commit, over a store that commits
// only while it is flushed.
type queued struct {
	fixed
	writer *ledger.Writer
	open   chan struct{}
}

func (q *queued) Correct(ctx context.Context, c policy.Record) error { return q.writer.Record(ctx, c) }

func (q *queued) Flush(ctx context.Context) error {
	done := make(chan error)
	go func() { done <- q.writer.Flush(ctx) }()
	for {
		select {
		case q.open <- struct{}{}:
		case err := <-done:
			return err
		}
	}
}

// TestRerateSeesWhatIsQueued: with commits that are not waited for, a call that was
// just settled is corrected, and its correction is seen by the next request.
func TestRerateSeesWhatIsQueued(t *testing.T) {
	m := &ledgertest.Memory{}
	q := &queued{fixed: fixed{store: m, cost: money.Amount{Micro: 100}}, open: make(chan struct{})}
	m.Fault = func(ctx context.Context, _ ledger.Batch) error {
		select {
		case <-q.open:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var err error
	if q.writer, err = ledger.NewWriter(ledger.Options{Store: m, Durability: ledger.Async, Registerer: prometheus.NewRegistry()}); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(NewHandler(Options{Ledger: m, Rater: q, Now: func() time.Time { return noon }, Identify: named}))
	defer s.Close()
	if err := q.writer.Record(t.Context(), ledgertest.Record(1)); err != nil {
		t.Fatal(err)
	}
	for i, cost := range []int64{100, 300, 300} {
		q.cost = money.Amount{Micro: cost}
		a, err := as(s, "admin").Rerate(t.Context(), month)
		if err != nil || a.Examined != 1 || len(a.Groups) != [...]int{1, 1, 0}[i] {
			t.Fatalf("rerate %d: %+v, %v", i, a, err)
		}
	}
	all := m.All()
	if len(all) != 3 || all[2].Revision != 2 || charged(&all[2]) != (money.Amount{Micro: 200}) || len(changes(t, m)) != 2 {
		t.Errorf("%d records, %d changes", len(all), len(changes(t, m)))
	}
	if err := q.writer.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
