package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/farebox/farebox/policy/ledger"
)

const alertColumns = `number, alert`

// changeAlerts runs do in a transaction of its own, beside Write.
func (s *Store) changeAlerts(ctx context.Context, do func(tx *sql.Tx) error) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	err := inTx(ctx, s.change, do)
	if err != nil && !errors.Is(err, ledger.ErrNoAlert) && !errors.Is(err, ledger.ErrOther) {
		return fmt.Errorf("keep alerts in %s: %w", s.path, explain(err))
	}
	return err
}

// Raise keeps a, and what it makes of its family.
func (s *Store) Raise(ctx context.Context, a ledger.Alert) (kept ledger.Alert, fresh bool, err error) {
	a = a.Kept()
	err = s.changeAlerts(ctx, func(tx *sql.Tx) error {
		same, err := alertsIn(ctx, tx, `key = ? AND key <> ''`, a.Key)
		if err != nil {
			return err
		}
		if len(same) > 0 {
			kept = same[0]
			return nil
		}
		family, err := alertsIn(ctx, tx, `family = ? AND family <> '' AND key <> ''`, a.Family)
		if err != nil {
			return err
		}
		mutes, err := mutesIn(ctx, tx, micros(a.At))
		if err != nil {
			return err
		}
		for _, o := range a.Place(family, mutes) {
			if err := updateAlert(ctx, tx, &o); err != nil {
				return err
			}
		}
		kept, fresh = a, true
		kept.Number, err = insertAlert(ctx, tx, &a)
		return err
	})
	return kept, fresh && err == nil, err
}

func insertAlert(ctx context.Context, tx *sql.Tx, a *ledger.Alert) (number int64, err error) {
	text, err := json.Marshal(a)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO alerts (number, at, key, family, kind, severity, rule, of, team, state, review, open, alert)
		VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, a.Number, micros(a.At), keyOf(a), a.Family, a.Kind, a.Severity, a.Rule, a.Of, a.Team,
		a.State(), truth(a.Unreviewed()), truth(a.Open()), string(text))
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func updateAlert(ctx context.Context, tx *sql.Tx, a *ledger.Alert) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE alerts SET key = ?, state = ?, review = ?, open = ?, alert = ? WHERE number = ?`,
		keyOf(a), a.State(), truth(a.Unreviewed()), truth(a.Open()), string(text), a.Number)
	return err
}

// keyOf is empty where another alert may have the key.
func keyOf(a *ledger.Alert) string {
	if a.Rearmed {
		return ""
	}
	return a.Key
}

// asker asks for rows: a database, or a transaction.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func alertsIn(ctx context.Context, in asker, where string, args ...any) ([]ledger.Alert, error) {
	rows, err := in.QueryContext(ctx, `SELECT `+alertColumns+` FROM alerts WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanAlert)
}

func scanAlert(rows *sql.Rows) (a ledger.Alert, err error) {
	var text []byte
	if err := rows.Scan(&a.Number, &text); err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("alert %d: %w", a.Number, err)
	}
	return a, nil
}

// Tell notes of each alert how a try to tell a receiver went.
func (s *Store) Tell(ctx context.Context, numbers []int64, d ledger.Delivery) error {
	return s.changeAlerts(ctx, func(tx *sql.Tx) error {
		for _, n := range numbers {
			all, err := alertsIn(ctx, tx, `number = ?`, n)
			if err != nil {
				return err
			}
			for _, a := range all {
				a.Tell(d)
				a = a.Kept()
				if err := updateAlert(ctx, tx, &a); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Untold returns alerts that someone is still to be told of.
func (s *Store) Untold(ctx context.Context, receiver string, limit int) ([]ledger.Alert, error) {
	return s.readAlerts(ctx, `open = 1 AND (?1 = '' OR EXISTS (SELECT 1 FROM json_each(alert, '$.deliveries') d
		WHERE d.value ->> '$.receiver' = ?1 AND d.value ->> '$.state' = 'new')) ORDER BY number LIMIT ?2`, receiver, limit)
}

func (s *Store) readAlerts(ctx context.Context, where string, args ...any) ([]ledger.Alert, error) {
	all, err := alertsIn(ctx, s.read, where, args...)
	if err != nil {
		return nil, fmt.Errorf("read alerts of %s: %w", s.path, explain(err))
	}
	return all, nil
}

// Alert returns one.
func (s *Store) Alert(ctx context.Context, number int64) (ledger.Alert, error) {
	all, err := s.readAlerts(ctx, `number = ?`, number)
	if err == nil && len(all) == 0 {
		err = ledger.ErrNoAlert
	}
	if err != nil {
		return ledger.Alert{}, err
	}
	return all[0], nil
}

// Alerts returns those that q asks for, newest first.
func (s *Store) Alerts(ctx context.Context, q ledger.AlertSearch) ([]ledger.Alert, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	return s.readAlerts(ctx, `at >= ?1 AND at < ?2 AND (?3 = '' OR state = ?3) AND (?4 = '' OR severity = ?4) AND (?5 = '' OR kind = ?5)
		AND (?6 = '' OR rule = ?6) AND (?7 = '' OR of = ?7) AND (?8 = '' OR team = ?8) AND (?9 = 0 OR review = 1) AND (?10 = 0 OR number < ?10)
		ORDER BY number DESC LIMIT ?11`, ceilMicros(q.From), ceilMicros(q.To), q.State, q.Severity, q.Kind, q.Rule, q.Of, q.Team,
		truth(q.Review), q.Below, q.Limit)
}

// Acknowledge notes that someone knows.
func (s *Store) Acknowledge(ctx context.Context, number int64, c ledger.Change) (a ledger.Alert, err error) {
	err = s.changeAlerts(ctx, func(tx *sql.Tx) error {
		all, err := alertsIn(ctx, tx, `number = ?`, number)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return ledger.ErrNoAlert
		}
		a = all[0]
		c.Subject, c.Before = a.Subject(), stateJSON(a.State())
		a.Acknowledge(&c)
		a = a.Kept()
		c.After = stateJSON(a.State())
		if err := updateAlert(ctx, tx, &a); err != nil {
			return err
		}
		_, err = appendAudit(ctx, tx, &c)
		return err
	})
	return a, err
}

func stateJSON(state string) json.RawMessage { return json.RawMessage(`"` + state + `"`) }
