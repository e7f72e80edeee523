package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/farebox/farebox/policy/ledger"
)

// RequestApproval keeps a, and notes that in the audit.
func (s *Store) RequestApproval(ctx context.Context, a ledger.Approval, c ledger.Change) (ledger.Approval, error) {
	a = a.Kept()
	a.State = ledger.ApprovalRequested
	err := s.changeApproval(ctx, func(tx *sql.Tx) error { return insertApproval(ctx, tx, &a, &c) })
	return a, err
}

// insertApproval keeps a under its number, or gives it one.
func insertApproval(ctx context.Context, tx *sql.Tx, a *ledger.Approval, c *ledger.Change) error {
	result, err := tx.ExecContext(ctx, `INSERT INTO approvals (number, team, state, approval) VALUES (nullif(?, 0), ?, ?, ?)`,
		a.Number, a.Team, a.State, string(a.Said()))
	if err != nil {
		return err
	}
	if a.Number, err = result.LastInsertId(); err != nil {
		return err
	}
	c.Subject, c.Before, c.After = a.String(), nil, a.Said()
	_, err = appendAudit(ctx, tx, c)
	return err
}

// DecideApproval changes an approval, and notes that in the audit.
func (s *Store) DecideApproval(ctx context.Context, number int64, d ledger.Decision, c ledger.Change) (a ledger.Approval, err error) {
	err = s.changeApproval(ctx, func(tx *sql.Tx) error {
		before, found, err := approvalOf(ctx, tx, number)
		if err != nil {
			return err
		}
		if !found {
			return ledger.ErrNoApproval
		}
		if a, err = before.Decide(d); err != nil {
			return err
		}
		return updateApproval(ctx, tx, &before, &a, &c)
	})
	return a, err
}

func updateApproval(ctx context.Context, tx *sql.Tx, before, a *ledger.Approval, c *ledger.Change) error {
	_, err := tx.ExecContext(ctx, `UPDATE approvals SET state = ?, approval = ? WHERE number = ?`, a.State, string(a.Said()), a.Number)
	if err != nil {
		return err
	}
	c.Subject, c.Before, c.After = a.String(), before.Said(), a.Said()
	_, err = appendAudit(ctx, tx, c)
	return err
}

// changeApproval runs do in a transaction of its own, beside Write.
func (s *Store) changeApproval(ctx context.Context, do func(tx *sql.Tx) error) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	err := inTx(ctx, s.change, do)
	for _, why := range []error{ledger.ErrNoApproval, ledger.ErrOwnApproval, ledger.ErrDecided, ledger.ErrEnded, ledger.ErrOther, ledger.ErrUnsound} {
		if errors.Is(err, why) {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("keep approval in %s: %w", s.path, explain(err))
	}
	return nil
}

// Approval returns the approval of that number.
func (s *Store) Approval(ctx context.Context, number int64) (ledger.Approval, bool, error) {
	a, found, err := approvalOf(ctx, s.read, number)
	if err != nil {
		return a, false, fmt.Errorf("read approval in %s: %w", s.path, explain(err))
	}
	return a, found, nil
}

func approvalOf(ctx context.Context, in row, number int64) (a ledger.Approval, found bool, err error) {
	var text []byte
	err = in.QueryRowContext(ctx, `SELECT approval FROM approvals WHERE number = ?`, number).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	a.Number = number
	return a, err == nil, err
}

// Approvals returns those that p asks for, newest first.
func (s *Store) Approvals(ctx context.Context, p ledger.Petition) ([]ledger.Approval, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT number, approval FROM approvals
		WHERE (?1 = '' OR team = ?1) AND (?2 = '' OR state = ?2) AND (?3 = 0 OR number < ?3)
		ORDER BY number DESC LIMIT ?4`, p.Team, p.State, p.Below, p.Limit)
	if err != nil {
		return nil, fmt.Errorf("list approvals in %s: %w", s.path, explain(err))
	}
	all, err := collect(rows, func(rows *sql.Rows) (a ledger.Approval, err error) {
		var text []byte
		if err := rows.Scan(&a.Number, &text); err != nil {
			return a, err
		}
		return a, json.Unmarshal(text, &a)
	})
	if err != nil {
		return nil, fmt.Errorf("list approvals in %s: %w", s.path, explain(err))
	}
	return all, nil
}
