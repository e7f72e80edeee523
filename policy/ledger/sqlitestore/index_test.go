package sqlitestore_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// Whether its ids still wait, are in a run of which a part is in the table, or
// are in the table, a record is found; also by a store that opens the file while
// the one that wrote it has not closed it, as after a crash.
func TestFindWhileIndexing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	s := open(t, path, ledger.Process)
	s.SetIndexRun(300)
	for n := 0; n < 1000; {
		var b ledger.Batch
		for range 1 + n%37 {
			b.Records = append(b.Records, ledgertest.Record(n))
			n++
		}
		if err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		wantFound(t, s, n)
	}
	indexed := query(t, path, `SELECT count(*) FROM ids`)
	if indexed == "0" || s.Waiting() == 0 {
		t.Fatalf("%s ids are in the table and %d wait: this test wants both", indexed, s.Waiting())
	}
	crashed := open(t, path, ledger.Process)
	wantFound(t, crashed, 1000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	after := `SELECT ((SELECT count(*) FROM ids) - 4 * count(*)) || ' ' || (max(id) - (SELECT upto FROM indexed)) FROM records`
	if left := query(t, path, after); left != "0 0" {
		t.Errorf("after Close: ids and records more than indexed: %s", left)
	}
	s = open(t, path, ledger.Process)
	if s.Waiting() != 0 {
		t.Errorf("%d ids were read again after a clean end", s.Waiting())
	}
	wantFound(t, s, 1000)
}

// wantFound looks for some of the records, by each of their ids.
func wantFound(t *testing.T, s ledger.Store, records int) {
	t.Helper()
	for n := records - 1; n >= 0; n -= 1 + records/7 {
		for _, id := range []string{fmt.Sprintf("req-%d", n), fmt.Sprintf("trace-%d", n), fmt.Sprintf("resp-%d", n)} {
			found, err := s.Find(t.Context(), id, 2)
			if err != nil || len(found) != 1 || found[0].ID != ledgertest.ID(n) {
				t.Fatalf("%s of %d records: %d found, %v", id, records, len(found), err)
			}
		}
	}
}

// A failed Write loses nothing of the index.
func TestIndexAfterFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	s := open(t, path, ledger.Process)
	s.SetIndexRun(100)
	for n := range 400 {
		b := ledger.Batch{Records: []policy.Record{ledgertest.Record(n)}}
		if n%50 == 0 {
			run(t, path, `CREATE TRIGGER fault BEFORE INSERT ON ids BEGIN SELECT RAISE(ABORT, 'fault'); END`)
		}
		if err := s.Write(t.Context(), b); err != nil {
			run(t, path, `DROP TRIGGER fault`)
			if err := s.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		} else if n%50 == 49 {
			run(t, path, `DROP TRIGGER IF EXISTS fault`)
		}
	}
	wantFound(t, s, 400)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := query(t, path, `SELECT count(*) FROM ids`); n != "1600" {
		t.Errorf("%s ids, want 1600", n)
	}
}
