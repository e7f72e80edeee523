package sqlitestore_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// Which calls are last, what belongs to them, and what was said of them, are
// searches of indexes: a month has millions of records.
func TestInteractionsUseIndexes(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	q := ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"team"}}
	for _, plan := range s.InteractionPlans(t, q) {
		text := strings.Join(plan, "\n")
		if strings.Contains(text, "SCAN records") || strings.Contains(text, "SCAN r\n") || strings.Contains(text, "SCAN a\n") || strings.Contains(text, "SCAN outcomes") {
			t.Errorf("reads a whole table:\n%s", text)
		}
		for _, want := range []string{
			"SEARCH records USING INDEX records_completed (completed>? AND completed<?)",
			"SEARCH i USING PRIMARY KEY (hash=?)",
			"SEARCH records USING INTEGER PRIMARY KEY (rowid>?)",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
}

func TestTooManyGroupsOfInteractions(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	var b ledger.Batch
	for n := range 3 {
		b.Records = append(b.Records, ledgertest.Record(n))
		b.Records[n].Model = string(rune('a' + n))
	}
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	q := ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"model"}}
	s.SetMaxRows(3)
	if all, err := s.Interactions(t.Context(), q); err != nil || len(all) != 3 {
		t.Errorf("three groups of three: %d, %v", len(all), err)
	}
	s.SetMaxRows(2)
	if all, err := s.Interactions(t.Context(), q); !errors.Is(err, ledger.ErrTooManyRows) {
		t.Errorf("three groups of two: %d, %v", len(all), err)
	}
}

// Wherever the index of ids is, in memory, in the table in part, or whole, an
// interaction has all its calls.
func TestInteractionsWhileIndexing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	s.SetIndexRun(100)
	q := ledger.Query{From: ledgertest.Start.Add(-time.Second), To: ledgertest.Start.Add(time.Hour)}
	for n := 0; n < 600; {
		var b ledger.Batch
		for range 1 + n%23 {
			r := ledgertest.Record(n)
			r.Interaction = []string{"chat-0", "trace-1", "req-2"}[n%3] // the last two are other ids too
			b.Records = append(b.Records, r)
			n++
		}
		if err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		q.From = ledgertest.Record(n - 3).Completed
		all, err := s.Interactions(t.Context(), q)
		if want := int64(min(n, 3)); err != nil || len(all) != 1 || all[0].Interactions != want || all[0].Calls != int64(n) {
			t.Fatalf("of %d calls: %+v, %v", n, all, err)
		}
	}
}

// Records from before interactions were kept are in none.
func TestOldRecordsAreOfNoInteraction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	s := open(t, path, ledger.Process)
	if err := s.Write(t.Context(), ledger.Batch{Records: []policy.Record{ledgertest.Record(1)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"interaction", "part", "success", "multipliers"} {
		run(t, path, `ALTER TABLE records DROP COLUMN `+column)
	}
	run(t, path, `DROP TABLE deferrals`)
	run(t, path, `DROP INDEX outcomes_at`)
	run(t, path, `DROP TABLE alerts`)
	run(t, path, `DROP TABLE mutes`)
	run(t, path, `DROP TABLE approvals`)
	run(t, path, `DROP TABLE topups`)
	run(t, path, `ALTER TABLE audit DROP COLUMN via`)
	run(t, path, `DROP TABLE charges`)
	run(t, path, `DELETE FROM schema_version WHERE version >= 3`)
	s = open(t, path, ledger.Process)
	want := ledgertest.Record(1)
	want.Interaction, want.Success = "", false
	got, err := s.Find(t.Context(), want.ID.String(), 1)
	if err != nil || len(got) != 1 || !cmp.Equal(got[0], want) {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := s.Interactions(t.Context(), ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour)})
	if err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	sums, err := s.Multipliers(t.Context(), ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour)})
	if err != nil || len(sums) != 1 || sums[0].Calls != 1 || sums[0].Charged.IsZero() || sums[0].Bytes.System != 0 {
		t.Errorf("%+v, %v", sums, err)
	}
}
