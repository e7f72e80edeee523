package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/ledger/sqlitestore"
)

func open(t testing.TB, path string, d ledger.Durability) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledger.Store { return open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process) })
	for _, d := range []ledger.Durability{ledger.Process, ledger.Power, ledger.Async} {
		t.Run(d.String(), func(t *testing.T) {
			ledgertest.RunPersistent(t, func(t *testing.T, dir string) ledger.Store { return open(t, filepath.Join(dir, "l.db"), d) })
		})
	}
}

func TestStoreAdopts(t *testing.T) {
	ledgertest.RunAdopts(t, func(t *testing.T) ledger.Adopts { return open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Async) })
}

func TestSettings(t *testing.T) {
	for d, want := range map[ledger.Durability]string{ledger.Process: "1", ledger.Async: "1", ledger.Power: "2"} {
		s := open(t, filepath.Join(t.TempDir(), "l.db"), d)
		for pragma, want := range map[string]string{"synchronous": want, "journal_mode": "wal", "busy_timeout": "5000", "wal_autocheckpoint": "0"} {
			if got := s.Pragma(t, pragma); got != want {
				t.Errorf("%s: %s is %s, want %s", d, pragma, got, want)
			}
		}
	}
}

// Names that mean something in a URI are names of files like any other.
func TestFile(t *testing.T) {
	for _, name := range []string{"l.db", "a b%20?mode=ro#x&.db", "ü.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path, ledger.Process)
		if err := s.Write(t.Context(), ledger.Batch{Openings: openings(2), Records: records(1)}); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{path, path + "-wal", path + "-shm", path + "-openings"} {
			info, err := os.Stat(file)
			if err != nil {
				t.Error(err)
			} else if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o, want 600", filepath.Base(file), info.Mode().Perm())
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.db")
	run(t, other, `CREATE TABLE accounts (id INTEGER)`)
	newer := filepath.Join(dir, "newer.db")
	if err := open(t, newer, ledger.Process).Close(); err != nil {
		t.Fatal(err)
	}
	run(t, newer, `INSERT INTO schema_version (version, applied) VALUES (99, 0)`)
	tests := []struct{ name, path, want string }{
		{"no path", "", "give its path"},
		{"memory", ":memory:", "give its path"},
		{"folder", dir, "give the path of a file"},
		{"no folder", filepath.Join(dir, "absent", "l.db"), filepath.Join(dir, "absent") + " does not exist: make it first"},
		{"no database", text, "not a SQLite file"},
		{"another program's", other, "database of another program"},
		{"newer", newer, "its schema is 99, this Farebox knows up to 12"},
	}
	for _, test := range tests {
		s, err := sqlitestore.Open(t.Context(), test.path, ledger.Process)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", test.name)
		} else if !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "open ledger "+test.path+": ") {
			t.Errorf("%s: %q, want it to name the path and to say %q", test.name, err, test.want)
		}
	}
	if tables := query(t, other, `SELECT group_concat(name) FROM sqlite_schema`); tables != "accounts" {
		t.Errorf("the other program's database has now %s", tables)
	}
}

func run(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, path, statement string) (text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), statement).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// A failed Write leaves nothing behind, and the next one works.
func TestWriteRecovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	s := open(t, path, ledger.Process)
	b := ledger.Batch{Records: []policy.Record{ledgertest.Record(1), ledgertest.Record(2)}}
	run(t, path, `CREATE TRIGGER fault BEFORE INSERT ON records WHEN new.request_id = 'req-2' BEGIN SELECT RAISE(ABORT, 'fault'); END`)
	for range 3 {
		if err := s.Write(t.Context(), b); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "fault") {
			t.Fatalf("want the fault and the path, got %v", err)
		}
		if n := query(t, path, `SELECT count(*) FROM records`); n != "0" {
			t.Fatalf("%s records after a failed write", n)
		}
	}
	run(t, path, `DROP TRIGGER fault`)
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if n := query(t, path, `SELECT count(*) || ' ' || sum(json_array_length(lines)) FROM records`); n != "2 4" {
		t.Errorf("records and lines: %s", n)
	}
}

// A lock that another process holds ends the Write with its context.
func TestWriteLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	s := open(t, path, ledger.Process)
	other, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	b := ledger.Batch{Records: []policy.Record{ledgertest.Record(1)}}
	if err := s.Write(ctx, b); err == nil {
		t.Error("written beside another writer")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), b); err != nil {
		t.Error(err)
	}
}

// Only the microseconds and some texts differ from what was given: bytes that are
// not UTF-8 cannot be said in JSON.
func TestOwnerBytes(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	r := ledgertest.Record(1)
	r.Owner = policy.Owner{{Name: "team", Value: "a\xff\xc3b", Rule: "\x80"}}
	if err := s.Write(t.Context(), ledger.Batch{Records: []policy.Record{r}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Find(t.Context(), "req-1", 1)
	want := policy.Owner{{Name: "team", Value: "a\ufffd\ufffdb", Rule: "\ufffd"}}
	if err != nil || len(got) != 1 || !cmp.Equal(got[0].Owner, want) {
		t.Errorf("got %v, %v", got, err)
	}
	rows, err := s.Usage(t.Context(), ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"team"}})
	if err != nil || len(rows) != 1 || rows[0].Keys[0] != "a\ufffd\ufffdb" {
		t.Errorf("got %v, %v", rows, err)
	}
}

func TestTooManyRows(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	var b ledger.Batch
	for n := range 3 {
		b.Records = append(b.Records, ledgertest.Record(n))
		b.Records[n].Model = fmt.Sprint("model ", n)
	}
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	q := ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"model"}}
	s.SetMaxRows(3)
	if rows, err := s.Usage(t.Context(), q); err != nil || len(rows) != 3 {
		t.Errorf("three groups of three: %d, %v", len(rows), err)
	}
	s.SetMaxRows(2)
	if rows, err := s.Usage(t.Context(), q); !errors.Is(err, ledger.ErrTooManyRows) {
		t.Errorf("three groups of two: %d, %v", len(rows), err)
	}
}

// Every search goes through an index: a ledger has millions of records.
func TestFindUsesIndexes(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	for _, step := range s.Plan(t) {
		if strings.HasPrefix(step, "SCAN records") {
			t.Errorf("reads the whole table: %s", step)
		}
	}
}

// Verdicts are read from the newest on, and no further than a page needs.
func TestVerdictsAreInOrder(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	for _, step := range s.VerdictsPlan(t) {
		if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "B-TREE") {
			t.Errorf("reads the whole table: %s", step)
		}
	}
}

// TestAuditIsAppendOnly: also for whoever opens the file.
func TestAuditIsAppendOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	s := open(t, path, ledger.Process)
	v := ledger.Verdict{Subject: ledger.Subject{Call: ledgertest.ID(1)}, Success: true, At: ledgertest.Start, By: "x"}
	if _, err := s.Judge(t.Context(), v, ledger.Change{At: ledgertest.Start, Actor: "x", Action: "outcome.set"}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, change := range []string{`UPDATE audit SET actor = 'y'`, `DELETE FROM audit`} {
		if _, err := db.ExecContext(t.Context(), change); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v, want that the audit is append-only", change, err)
		}
	}
}
