package sqlitestore

import "testing"

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
func (s *Store) Plan(t *testing.T) (steps []string) {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+findSQL, "x", []byte("x"), 1)
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
