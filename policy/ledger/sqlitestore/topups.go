package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// Topup keeps t, and notes that in the audit.
func (s *Store) Topup(ctx context.Context, t ledger.Topup, c ledger.Change) (ledger.Topup, error) {
	t = t.Kept()
	err := s.changeTopup(ctx, func(tx *sql.Tx) error { return insertTopup(ctx, tx, &t, &c) })
	return t, err
}

// insertTopup keeps t under its number, or gives it one.
func insertTopup(ctx context.Context, tx *sql.Tx, t *ledger.Topup, c *ledger.Change) error {
	until := int64(math.MaxInt64)
	if !t.Until.IsZero() {
		until = micros(t.Until)
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO topups (number, until, topup) VALUES (nullif(?, 0), ?, ?)`, t.Number, until, string(t.Said()))
	if err != nil {
		return err
	}
	if t.Number, err = result.LastInsertId(); err != nil {
		return err
	}
	c.Subject, c.Before, c.After = t.String(), nil, t.Said()
	_, err = appendAudit(ctx, tx, c)
	return err
}

// GrantTopup grants one, and notes that in the audit.
func (s *Store) GrantTopup(ctx context.Context, number int64, c ledger.Change) (ledger.Topup, error) {
	return s.decideTopup(ctx, number, c, ledger.Topup.Grant)
}

// RevokeTopup refuses one or takes it back, and notes that in the audit.
func (s *Store) RevokeTopup(ctx context.Context, number int64, c ledger.Change) (ledger.Topup, error) {
	return s.decideTopup(ctx, number, c, ledger.Topup.Revoke)
}

func (s *Store) decideTopup(ctx context.Context, number int64, c ledger.Change, decide func(ledger.Topup, *ledger.Change) (ledger.Topup, error)) (t ledger.Topup, err error) {
	err = s.changeTopup(ctx, func(tx *sql.Tx) error {
		found, err := topupsWhere(ctx, tx, `number = ?`, number)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ledger.ErrNoTopup
		}
		before := found[0]
		if t, err = decide(before, &c); err != nil {
			return err
		}
		return updateTopup(ctx, tx, &before, &t, &c)
	})
	return t, err
}

func updateTopup(ctx context.Context, tx *sql.Tx, before, t *ledger.Topup, c *ledger.Change) error {
	if _, err := tx.ExecContext(ctx, `UPDATE topups SET topup = ? WHERE number = ?`, string(t.Said()), t.Number); err != nil {
		return err
	}
	c.Subject, c.Before, c.After = t.String(), before.Said(), t.Said()
	_, err := appendAudit(ctx, tx, c)
	return err
}

// changeTopup runs do in a transaction of its own, beside Write.
func (s *Store) changeTopup(ctx context.Context, do func(tx *sql.Tx) error) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	err := inTx(ctx, s.change, do)
	for _, why := range []error{ledger.ErrNoTopup, ledger.ErrOwnTopup, ledger.ErrGranted, ledger.ErrWaits, ledger.ErrDecided, ledger.ErrEnded, ledger.ErrOther, ledger.ErrUnsound} {
		if errors.Is(err, why) {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("keep top-up in %s: %w", s.path, explain(err))
	}
	return nil
}

// Topups returns those that are not over.
func (s *Store) Topups(ctx context.Context, at time.Time) ([]ledger.Topup, error) {
	all, err := topupsWhere(ctx, s.read, `until > ? ORDER BY number LIMIT ?`, micros(at), ledger.MaxTopups)
	if err != nil {
		return nil, fmt.Errorf("read top-ups of %s: %w", s.path, explain(err))
	}
	return all, nil
}

func topupsWhere(ctx context.Context, in asker, where string, args ...any) ([]ledger.Topup, error) {
	rows, err := in.QueryContext(ctx, `SELECT number, topup FROM topups WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (t ledger.Topup, err error) {
		var text []byte
		if err := rows.Scan(&t.Number, &text); err != nil {
			return t, err
		}
		return t, json.Unmarshal(text, &t)
	})
}
