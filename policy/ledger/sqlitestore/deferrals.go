package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/farebox/farebox/policy"
)

// Defer keeps d, and forgets what has been settled meanwhile.
func (s *Store) Defer(ctx context.Context, d policy.Deferral) error {
	text, err := json.Marshal(&d)
	if err != nil {
		return fmt.Errorf("keep deferral of %s: %w", d.Ticket.ID, err)
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	err = inTx(ctx, s.change, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM deferrals WHERE EXISTS (SELECT 1 FROM records r WHERE r.call = deferrals.call AND r.attempt = deferrals.attempt)`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO deferrals (call, attempt, deferral) VALUES (?, ?, ?)`, d.Ticket.ID[:], d.Attempt, string(text))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep deferral in %s: %w", s.path, explain(err))
	}
	return nil
}

// Deferred returns what no record has settled.
func (s *Store) Deferred(ctx context.Context) ([]policy.Deferral, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT deferral FROM deferrals d
		WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.call = d.call AND r.attempt = d.attempt) ORDER BY call`)
	if err != nil {
		return nil, fmt.Errorf("read deferrals of %s: %w", s.path, explain(err))
	}
	all, err := collect(rows, scanDeferral)
	if err != nil {
		return nil, fmt.Errorf("read deferrals of %s: %w", s.path, explain(err))
	}
	return all, nil
}

func scanDeferral(rows *sql.Rows) (d policy.Deferral, err error) {
	var text []byte
	if err := rows.Scan(&text); err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}
