package sqlitestore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

func openings(numbers ...int) (all []policy.Opening) {
	for _, n := range numbers {
		all = append(all, ledgertest.Opening(n))
	}
	return all
}

func records(numbers ...int) (all []policy.Record) {
	for _, n := range numbers {
		all = append(all, ledgertest.Record(n))
	}
	return all
}

func write(t *testing.T, s ledger.Store, b ledger.Batch) {
	t.Helper()
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func wantOpen(t *testing.T, s ledger.Store, numbers ...int) {
	t.Helper()
	got, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(openings(numbers...), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("openings (-want +got):\n%s", diff)
	}
}

// A journal may be torn at every byte: the whole lines before stand, and what
// comes after is whole again.
func TestTornJournal(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	write(t, s, ledger.Batch{Openings: openings(1)})
	one := readFile(t, s.JournalPath())
	write(t, s, ledger.Batch{Openings: openings(2)})
	two := readFile(t, s.JournalPath())
	path := filepath.Join(t.TempDir(), "torn.db")
	torn := open(t, path, ledger.Process)
	for cut := len(two); cut >= len(one); cut-- {
		writeFile(t, torn.JournalPath(), two[:cut])
		want := []int{1}
		if cut == len(two) {
			want = []int{1, 2}
		}
		wantOpen(t, torn, want...)
	}
	for _, cut := range []int{0, 1, 9, len(one) - 1, len(one) + 60, len(two) - 1} {
		writeFile(t, torn.JournalPath(), two[:cut])
		again := open(t, path, ledger.Process)
		write(t, again, ledger.Batch{Openings: openings(3)})
		want := []int{1, 3}
		if cut < len(one) {
			want = []int{3}
		}
		wantOpen(t, again, want...)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A damaged line is no opening; the others are.
func TestDamagedJournal(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	write(t, s, ledger.Batch{Openings: openings(1, 2, 3)})
	whole := readFile(t, s.JournalPath())
	first, second := bytes.IndexByte(whole, '\n')+1, 0
	second = first + bytes.IndexByte(whole[first:], '\n')
	for at := first; at < second; at++ {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		writeFile(t, s.JournalPath(), damaged)
		wantOpen(t, s, 1, 3)
	}
	writeFile(t, s.JournalPath(), append(bytes.Clone(whole), whole...))
	wantOpen(t, s, 1, 2, 3)
}

// The journal stays small while calls come and go, and keeps those that stay.
func TestJournalIsBounded(t *testing.T) {
	for _, d := range []ledger.Durability{ledger.Process, ledger.Power} {
		s := open(t, filepath.Join(t.TempDir(), "l.db"), d)
		write(t, s, ledger.Batch{Openings: openings(0)})
		line := len(readFile(t, s.JournalPath()))
		for n := 1; n < 60; n++ {
			s.SetJournalBound(int64(5 * line))
			write(t, s, ledger.Batch{Openings: openings(n)})
			if n%20 != 0 {
				write(t, s, ledger.Batch{Records: records(n)})
			}
			if size := len(readFile(t, s.JournalPath())); size > 7*line {
				t.Fatalf("%d bytes after %d calls, of %d each", size, n, line)
			}
		}
		wantOpen(t, s, 0, 20, 40)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if size := len(readFile(t, s.JournalPath())); size > 4*line {
			t.Errorf("%d bytes after Close, of %d a call", size, line)
		}
	}
}

// The openings of a batch that failed are taken back, and written with it when
// it is tried again.
func TestJournalAfterFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	s := open(t, path, ledger.Process)
	write(t, s, ledger.Batch{Openings: openings(1)})
	before := readFile(t, s.JournalPath())
	run(t, path, `CREATE TRIGGER fault BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'fault'); END`)
	b := ledger.Batch{Openings: openings(1, 2, 3), Records: records(4)}
	for range 2 {
		if err := s.Write(t.Context(), b); err == nil {
			t.Fatal("no error")
		}
		if !bytes.Equal(readFile(t, s.JournalPath()), before) {
			t.Error("a failed Write left openings")
		}
	}
	run(t, path, `DROP TRIGGER fault`)
	write(t, s, b)
	wantOpen(t, s, 1, 2, 3)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func writeFile(t *testing.T, path string, all []byte) {
	t.Helper()
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
}
