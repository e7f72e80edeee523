package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// Judge keeps v and what it changes, in one transaction.
func (s *Store) Judge(ctx context.Context, v ledger.Verdict, c ledger.Change) (ledger.Change, error) {
	if err := v.Check(); err != nil {
		return c, fmt.Errorf("keep verdict: %w", err)
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	err := inTx(ctx, s.change, func(tx *sql.Tx) error {
		before, found, err := verdictOn(ctx, tx, v.Subject)
		if err != nil {
			return err
		}
		c.Subject, c.Before, c.After = v.String(), nil, v.Said()
		if found {
			c.Before = before.Said()
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO outcomes (call, team, interaction, success, reason, at, actor) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			callBytes(v.Call), v.Team, v.Interaction, truth(v.Success), v.Reason, micros(v.At), v.By)
		if err != nil {
			return err
		}
		c.Number, err = appendAudit(ctx, tx, &c)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("keep verdict in %s: %w", s.path, explain(err))
	}
	c.At = instant(micros(c.At))
	return c, nil
}

// Note appends c to the audit.
func (s *Store) Note(ctx context.Context, c ledger.Change) (ledger.Change, error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	err := inTx(ctx, s.change, func(tx *sql.Tx) (err error) {
		c.Number, err = appendAudit(ctx, tx, &c)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("note change in %s: %w", s.path, explain(err))
	}
	c.At = instant(micros(c.At))
	return c, nil
}

// callBytes is a call id, or no bytes for none.
func callBytes(id policy.CallID) []byte {
	if id == (policy.CallID{}) {
		return []byte{}
	}
	return id[:]
}

// appendAudit returns the number of the entry.
func appendAudit(ctx context.Context, tx *sql.Tx, c *ledger.Change) (int64, error) {
	result, err := tx.ExecContext(ctx, `INSERT INTO audit (at, actor, role, action, subject, before, after, reason, via) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		micros(c.At), c.Actor, c.Role, c.Action, c.Subject, said(c.Before), said(c.After), c.Reason, c.Via)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// said is JSON as text, and NULL for nothing.
func said(j json.RawMessage) any {
	if j == nil {
		return nil
	}
	return string(j)
}

// Verdict returns the last verdict on a subject.
func (s *Store) Verdict(ctx context.Context, on ledger.Subject) (ledger.Verdict, bool, error) {
	v, found, err := verdictOn(ctx, s.read, on)
	if err != nil {
		return v, false, fmt.Errorf("read verdict in %s: %w", s.path, explain(err))
	}
	return v, found, nil
}

// row asks for one row: a database, or a transaction.
type row interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func verdictOn(ctx context.Context, in row, on ledger.Subject) (v ledger.Verdict, found bool, err error) {
	v.Subject = on
	var at int64
	err = in.QueryRowContext(ctx, `SELECT success, reason, at, actor FROM outcomes WHERE call = ? AND team = ? AND interaction = ?`,
		callBytes(on.Call), on.Team, on.Interaction).Scan(&v.Success, &v.Reason, &at, &v.By)
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	v.At = instant(at)
	return v, err == nil, err
}

// Audit returns the entries that r asks for, newest first.
func (s *Store) Audit(ctx context.Context, r ledger.Review) ([]ledger.Change, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT number, at, actor, role, action, subject, before, after, reason, via FROM audit
		WHERE at >= ?1 AND at < ?2 AND (?3 = '' OR actor = ?3) AND (?4 = '' OR action = ?4) AND (?5 = 0 OR number < ?5)
		ORDER BY number DESC LIMIT ?6`, ceilMicros(r.From), ceilMicros(r.To), r.Actor, r.Action, r.Below, r.Limit)
	if err != nil {
		return nil, fmt.Errorf("read audit of %s: %w", s.path, explain(err))
	}
	changes, err := collect(rows, scanChange)
	if err != nil {
		return nil, fmt.Errorf("read audit of %s: %w", s.path, explain(err))
	}
	return changes, nil
}

func scanChange(rows *sql.Rows) (c ledger.Change, err error) {
	var at int64
	var before, after sql.NullString
	if err := rows.Scan(&c.Number, &at, &c.Actor, &c.Role, &c.Action, &c.Subject, &before, &after, &c.Reason, &c.Via); err != nil {
		return c, err
	}
	c.At = instant(at)
	if before.Valid {
		c.Before = json.RawMessage(before.String)
	}
	if after.Valid {
		c.After = json.RawMessage(after.String)
	}
	return c, nil
}
