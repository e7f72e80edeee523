package serve

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/relay"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var update = flag.Bool("update", false, "rewrite the table in docs/metrics.md")

// listing registers like a registry and remembers what every family says of
// itself, also of those that have no series yet.
type listing struct {
	*prometheus.Registry
	rows map[string]string
}

var descText = regexp.MustCompile(`fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)".*variableLabels: \{([^}]*)\}`)

func (l *listing) Register(c prometheus.Collector) error {
	l.note(c)
	return l.Registry.Register(c)
}

func (l *listing) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		l.note(c)
	}
	l.Registry.MustRegister(all...)
}

func (l *listing) note(c prometheus.Collector) {
	ch := make(chan *prometheus.Desc, 64)
	c.Describe(ch)
	close(ch)
	for d := range ch {
		m := descText.FindStringSubmatch(d.String())
		if m == nil {
			continue
		}
		labels := strings.ReplaceAll(m[3], ",", ", ")
		l.rows[m[1]] = fmt.Sprintf("| `%s` | %s | %s |", m[1], labels, m[2])
	}
}

func wired(t *testing.T) *listing {
	t.Helper()
	l := &listing{Registry: prometheus.NewRegistry(), rows: map[string]string{}}
	c := config.Default()
	c.Ledger.Store = config.LedgerStore("sqlite:" + filepath.Join(t.TempDir(), "farebox.db"))
	log := slog.New(slog.DiscardHandler)
	b, err := openBooks(t.Context(), &c, l, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	l.MustRegister(ledger.NewMonths(b.store, nil, log))
	path, err := newCallPath(t.Context(), &c, b, budget.NewMemory(nil), l, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relay.New(relay.Options{Board: board.NewMemory(nil), Ledger: b.store, Name: "one", Registerer: l}); err != nil {
		t.Fatal(err)
	}
	if _, err := newGuards(&c, l, log); err != nil {
		t.Fatal(err)
	}
	if _, err := newReloader(Source{Config: &c}, path, l, log); err != nil {
		t.Fatal(err)
	}
	return l
}

const docs = "../../../docs/metrics.md"

func TestMetricsAreDocumented(t *testing.T) {
	l := wired(t)
	rows := make([]string, 0, len(l.rows))
	for _, row := range l.rows {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	want := "| metric | labels | meaning |\n|---|---|---|\n" + strings.Join(rows, "\n") + "\n"
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "<!-- metrics -->\n", "<!-- end of metrics -->"
	before, rest, ok := strings.Cut(string(text), from)
	got, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", docs)
	}
	if *update {
		if err := os.WriteFile(docs, []byte(before+from+want+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s differs from the code; run this test with -update\ngot:\n%s\nwant:\n%s", docs, got, want)
	}
}

func TestReasonsAreDocumented(t *testing.T) {
	l := wired(t)
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	families, err := l.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		if f.GetName() != "farebox_degraded_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			n++
			if reason := m.GetLabel()[0].GetValue(); !strings.Contains(string(text), "\n| `"+reason+"` |") {
				t.Errorf("%s does not explain reason %s", docs, reason)
			}
		}
	}
	if listed := strings.Count(string(text), "\n| `") - len(l.rows); n == 0 || listed != n {
		t.Errorf("%s explains %d reasons, the code has %d", docs, listed, n)
	}
}

func TestMetricNames(t *testing.T) {
	problems, err := testutil.GatherAndLint(wired(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
