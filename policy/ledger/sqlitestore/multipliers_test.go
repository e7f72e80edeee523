package sqlitestore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// What is summed, and what a correction corrects, are searches of indexes.
func TestMultipliersUseIndexes(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	q := ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"team"}}
	for i, plan := range s.MultiplierPlans(t, q) {
		text := strings.Join(plan, "\n")
		if strings.Contains(text, "SCAN r\n") || strings.Contains(text, "SCAN f") || !strings.Contains(text, "SEARCH r USING INDEX records_completed (completed>? AND completed<?)") {
			t.Errorf("reads a whole table:\n%s", text)
		}
		if i == 0 && !strings.Contains(text, "SEARCH f USING INDEX sqlite_autoindex_records_1 (call=? AND attempt=?)") {
			t.Errorf("looks for what a correction corrects as\n%s", text)
		}
	}
}

func TestTooManyGroupsOfMultipliers(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	var b ledger.Batch
	for n := range 3 {
		r := ledgertest.Record(n)
		r.Model = fmt.Sprint("model ", n)
		b.Records = append(b.Records, r)
	}
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	q := ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"model"}}
	for most, want := range map[int]error{3: nil, 2: ledger.ErrTooManyRows} {
		s.SetMaxRows(most)
		if all, err := s.Multipliers(t.Context(), q); !errors.Is(err, want) {
			t.Errorf("three groups of %d: %d, %v", most, len(all), err)
		}
	}
}
