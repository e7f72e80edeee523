package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// Rearm takes the keys from alerts.
func (s *Store) Rearm(ctx context.Context, m ledger.Mute, c ledger.Change) (n int, err error) {
	if err := m.Check(); err != nil {
		return 0, err
	}
	err = s.changeAlerts(ctx, func(tx *sql.Tx) error {
		if n, err = takeKeys(ctx, tx, &m, math.MaxInt64); err != nil {
			return err
		}
		return appendRearm(ctx, tx, &m, n, &c)
	})
	return n, err
}

// takeKeys re-arms alerts that were raised before a time.
func takeKeys(ctx context.Context, tx *sql.Tx, m *ledger.Mute, before int64) (int, error) {
	all, err := alertsIn(ctx, tx, `rule = ?1 AND key <> '' AND (?2 = '' OR of = ?2) AND (?3 = '' OR team = ?3) AND at < ?4`, m.Rule, m.Of, m.Team, before)
	if err != nil {
		return 0, err
	}
	for i := range all {
		all[i].Rearmed = true
		if err := updateAlert(ctx, tx, &all[i]); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

func appendRearm(ctx context.Context, tx *sql.Tx, m *ledger.Mute, n int, c *ledger.Change) error {
	c.Subject, c.After = m.String(), json.RawMessage(fmt.Sprintf(`{"rearmed":%d}`, n))
	_, err := appendAudit(ctx, tx, c)
	return err
}

// Mute keeps m.
func (s *Store) Mute(ctx context.Context, m ledger.Mute, c ledger.Change) error {
	if err := m.Check(); err != nil {
		return err
	}
	return s.changeAlerts(ctx, func(tx *sql.Tx) error {
		before, err := muteLike(ctx, tx, &m)
		if err != nil {
			return err
		}
		return replaceMute(ctx, tx, before, &m, &c)
	})
}

// muteLike is the mute of the same rule, of and team; nil: there is none.
func muteLike(ctx context.Context, tx *sql.Tx, m *ledger.Mute) (*ledger.Mute, error) {
	all, err := mutesWhere(ctx, tx, `rule = ? AND of = ? AND team = ?`, m.Rule, m.Of, m.Team)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

func replaceMute(ctx context.Context, tx *sql.Tx, before, m *ledger.Mute, c *ledger.Change) error {
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO mutes (rule, of, team, at, until, actor, reason) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		m.Rule, m.Of, m.Team, micros(m.At), micros(m.Until), m.By, m.Why); err != nil {
		return err
	}
	c.Subject, c.Before, c.After = m.String(), nil, nil
	if before != nil && !before.Lifted() {
		c.Before = before.Said()
	}
	if !m.Lifted() {
		c.After = m.Said()
	}
	_, err := appendAudit(ctx, tx, c)
	return err
}

// Mutings returns those that were said after at.
func (s *Store) Mutings(ctx context.Context, at time.Time) ([]ledger.Mute, error) {
	all, err := mutesWhere(ctx, s.read, `at > ? ORDER BY at, rule, of, team`, micros(at))
	if err != nil {
		return nil, fmt.Errorf("read mutes of %s: %w", s.path, explain(err))
	}
	return all, nil
}

// Mutes returns those that mute and end after at.
func (s *Store) Mutes(ctx context.Context, at time.Time) ([]ledger.Mute, error) {
	all, err := mutesIn(ctx, s.read, micros(at))
	if err != nil {
		return nil, fmt.Errorf("read mutes of %s: %w", s.path, explain(err))
	}
	return all, nil
}

func mutesIn(ctx context.Context, in asker, at int64) ([]ledger.Mute, error) {
	return mutesWhere(ctx, in, `until > ? AND until > at ORDER BY until, rule, of, team`, at)
}

func mutesWhere(ctx context.Context, in asker, where string, args ...any) ([]ledger.Mute, error) {
	rows, err := in.QueryContext(ctx, `SELECT rule, of, team, at, until, actor, reason FROM mutes WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanMute)
}

func scanMute(rows *sql.Rows) (m ledger.Mute, err error) {
	var at, until int64
	err = rows.Scan(&m.Rule, &m.Of, &m.Team, &at, &until, &m.By, &m.Why)
	m.At, m.Until = instant(at), instant(until)
	return m, err
}
