package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/farebox/farebox/policy"
)

// Open returns the openings that no record has closed, oldest first.
func (s *Store) Open(ctx context.Context) ([]policy.Opening, error) {
	open, err := s.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read openings of %s: %w", s.path, explain(err))
	}
	slices.SortFunc(open, func(a, b policy.Opening) int {
		return cmp.Or(a.Ticket.At.Compare(b.Ticket.At), slices.Compare(a.Ticket.ID[:], b.Ticket.ID[:]))
	})
	return open, nil
}

// open reads the journal before the records, so that a call that is settled
// meanwhile is not open.
func (s *Store) open(ctx context.Context) (open []policy.Opening, err error) {
	var lines [][]byte
	var ids []policy.CallID
	err = readJournal(s.journalPath(), func(id policy.CallID, line []byte) {
		ids, lines = append(ids, id), append(lines, line)
	})
	if err != nil {
		return nil, err
	}
	seen := make(map[policy.CallID]struct{}, len(ids))
	for i, id := range ids {
		if _, again := seen[id]; again {
			continue
		}
		seen[id] = struct{}{}
		if over, err := s.settled(ctx, id); err != nil {
			return nil, err
		} else if over {
			continue
		}
		var o policy.Opening
		if err := json.Unmarshal(lines[i][jsonAt:], &o.Ticket); err != nil {
			return nil, fmt.Errorf("opening %s: %w", id, err)
		}
		open = append(open, o)
	}
	return open, nil
}

// settled reports whether a call has a record.
func (s *Store) settled(ctx context.Context, id policy.CallID) (over bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM records WHERE call = ?)`, id[:]).Scan(&over)
	return over, err
}

// Each branch of the inner part is the search of one index. ?2 is a hash, and ?4
// are records that may have the id and are not in that index yet, as JSON.
const findSQL = `SELECT ` + readColumns + ` FROM records WHERE id IN (
		SELECT id FROM records WHERE call = ?3
		UNION SELECT record FROM ids WHERE hash = ?2
		UNION SELECT value FROM json_each(?4))
	AND (call = ?3 OR ?1 IN (request_id, trace_id, response_id))
	ORDER BY completed, call, attempt LIMIT ?5`

// Find returns every record that has the id, oldest first, at most limit.
func (s *Store) Find(ctx context.Context, id string, limit int) ([]policy.Record, error) {
	if id == "" || limit <= 0 {
		return nil, nil
	}
	records, err := s.find(ctx, id, limit)
	if err != nil {
		return nil, fmt.Errorf("find records in %s: %w", s.path, explain(err))
	}
	return records, nil
}

func (s *Store) find(ctx context.Context, id string, limit int) ([]policy.Record, error) {
	var call any // NULL finds nothing
	if c := (policy.CallID{}); c.UnmarshalText([]byte(id)) == nil {
		call = c[:]
	}
	hash := hashID(id)
	waiting, err := json.Marshal(s.index.find(hash)) // before the table, into which they go
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, findSQL, id, hash, call, string(waiting), limit)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanRecord)
}

// collect scans all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) (all []T, err error) {
	defer rows.Close() // its error is that of Err
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
