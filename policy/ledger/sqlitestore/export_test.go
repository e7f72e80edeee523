package sqlitestore

import (
	"os"
	"testing"

	"github.com/farebox/farebox/policy/ledger"
)

// Pragma asks the writing connection for a setting.
func (s *Store) Pragma(t *testing.T, name string) (value string) {
	t.Helper()
	if err := s.write.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// SetMaxRows bounds the answers to queries by less than ledger.MaxRows.
func (s *Store) SetMaxRows(n int) { s.maxRows = n }

// Plan is how SQLite carries out Find.
func (s *Store) Plan(t *testing.T) []string { return s.plan(t, findSQL, "x", 1, []byte("x"), "[]", 1) }

// VerdictsPlan is how SQLite carries out Verdicts.
func (s *Store) VerdictsPlan(t *testing.T) []string {
	return s.plan(t, verdictsSQL, 1, 2, 3, []byte{}, "", "", -1, "support", 10)
}

// InteractionPlans is how SQLite carries out each statement of Interactions.
func (s *Store) InteractionPlans(t *testing.T, q ledger.Query) (plans [][]string) {
	g := groupingOf(q, 1)
	for _, statement := range []string{g.interactions(), g.interactionQuantities()} {
		plans = append(plans, s.plan(t, statement, g.args...))
	}
	return plans
}

// MultiplierPlans is how SQLite carries out each statement of Multipliers.
func (s *Store) MultiplierPlans(t *testing.T, q ledger.Query) (plans [][]string) {
	g := groupingOf(q, 1)
	for _, statement := range []string{g.multipliers(), g.summed("r.multipliers")} {
		plans = append(plans, s.plan(t, statement, g.args...))
	}
	return plans
}

func (s *Store) plan(t *testing.T, statement string, args ...any) (steps []string) {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil || len(steps) == 0 {
		t.Fatal("no plan", err)
	}
	return steps
}

// SetIndexRun makes runs of the index of fewer records.
func (s *Store) SetIndexRun(records int64) { s.index.size = records }

// Waiting is how many ids are not in the table of ids.
func (s *Store) Waiting() int { return len(s.index.run) - s.index.added + len(s.index.fresh) }

// SetJournalBound has the journal written anew from fewer bytes on; there must
// have been an opening.
func (s *Store) SetJournalBound(bytes int64) { s.journal.bound = bytes }

// JournalPath is where the openings are.
func (s *Store) JournalPath() string { return s.journalPath() }

// Checkpoint checkpoints, as from most pages on, beside whoever writes.
func (s *Store) Checkpoint(t *testing.T, most int64) {
	t.Helper()
	c := &checkpointer{db: s.checkpoints.db, gate: s.checkpoints.gate, most: most}
	if err := c.checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
}

// WAL is the size of the WAL in bytes.
func (s *Store) WAL(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(s.file + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
