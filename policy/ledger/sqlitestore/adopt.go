package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"

	"github.com/farebox/farebox/policy/ledger"
)

// AdoptTopup keeps what this and another ledger have of t.
func (s *Store) AdoptTopup(ctx context.Context, t ledger.Topup, c ledger.Change) (met ledger.Topup, changed bool, err error) {
	err = s.changeTopup(ctx, func(tx *sql.Tx) error {
		found, err := topupsWhere(ctx, tx, `number = ?`, t.Number)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			met, changed = t.Kept(), true
			if err := met.Sound(); err != nil {
				return err
			}
			return insertTopup(ctx, tx, &met, &c)
		}
		if met, err = found[0].Meet(t); err != nil || bytes.Equal(met.Said(), found[0].Said()) {
			return err
		}
		changed = true
		return updateTopup(ctx, tx, &found[0], &met, &c)
	})
	return met, changed && err == nil, err
}

// AdoptApproval keeps what this and another ledger have of a.
func (s *Store) AdoptApproval(ctx context.Context, a ledger.Approval, c ledger.Change) (met ledger.Approval, changed bool, err error) {
	err = s.changeApproval(ctx, func(tx *sql.Tx) error {
		before, found, err := approvalOf(ctx, tx, a.Number)
		if err != nil {
			return err
		}
		if !found {
			met, changed = a.Kept(), true
			if err := met.Sound(); err != nil {
				return err
			}
			return insertApproval(ctx, tx, &met, &c)
		}
		if met, err = before.Meet(a); err != nil || bytes.Equal(met.Said(), before.Said()) {
			return err
		}
		changed = true
		return updateApproval(ctx, tx, &before, &met, &c)
	})
	return met, changed && err == nil, err
}

// AdoptAlert keeps what this and another ledger have of a.
func (s *Store) AdoptAlert(ctx context.Context, a ledger.Alert, c ledger.Change) (met ledger.Alert, changed bool, err error) {
	err = s.changeAlerts(ctx, func(tx *sql.Tx) error {
		found, err := alertsIn(ctx, tx, `number = ?`, a.Number)
		if err != nil {
			return err
		}
		before := ledger.AlertNew
		if len(found) == 0 {
			met, changed = a.Kept(), true
			err = insertElsewhere(ctx, tx, &met)
		} else {
			before = found[0].State()
			if met, err = found[0].Meet(a); err == nil && !sameAlert(&met, &found[0]) {
				changed = true
				err = updateAlert(ctx, tx, &met)
			}
		}
		after := met.State()
		if err != nil || after != ledger.AlertAcknowledged || before == after {
			return err
		}
		c.Subject, c.Before, c.After = met.Subject(), stateJSON(before), stateJSON(after)
		_, err = appendAudit(ctx, tx, &c)
		return err
	})
	return met, changed && err == nil, err
}

// insertElsewhere keeps an alert that another ledger raised. Where this one has one
// of its key, that has the key.
func insertElsewhere(ctx context.Context, tx *sql.Tx, a *ledger.Alert) error {
	same, err := alertsIn(ctx, tx, `key = ? AND key <> ''`, a.Key)
	if err != nil {
		return err
	}
	if len(same) > 0 {
		a.Key, a.Family = "", ""
	}
	a.Elsewhere = true
	_, err = insertAlert(ctx, tx, a)
	return err
}

func sameAlert(a, b *ledger.Alert) bool {
	ours, err := json.Marshal(a)
	theirs, another := json.Marshal(b)
	return err == nil && another == nil && bytes.Equal(ours, theirs)
}

// AdoptMute keeps the later of what this and another ledger have of m.
func (s *Store) AdoptMute(ctx context.Context, m ledger.Mute, c ledger.Change) (met ledger.Mute, changed bool, err error) {
	if err := m.Check(); err != nil {
		return m, false, err
	}
	err = s.changeAlerts(ctx, func(tx *sql.Tx) error {
		before, err := muteLike(ctx, tx, &m)
		if err != nil {
			return err
		}
		met = m.Kept()
		if before != nil {
			if met = before.Meet(m); met == before.Kept() {
				return nil
			}
		}
		changed = true
		return replaceMute(ctx, tx, before, &met, &c)
	})
	return met, changed && err == nil, err
}

// AdoptRearm takes the keys from alerts that were raised before m.At.
func (s *Store) AdoptRearm(ctx context.Context, m ledger.Mute, c ledger.Change) (n int, err error) {
	if err := m.Check(); err != nil {
		return 0, err
	}
	err = s.changeAlerts(ctx, func(tx *sql.Tx) error {
		if n, err = takeKeys(ctx, tx, &m, micros(m.At)); err != nil || n == 0 {
			return err
		}
		return appendRearm(ctx, tx, &m, n, &c)
	})
	return n, err
}
