package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy/ledger"
)

// Book keeps c, and notes that in the audit.
func (s *Store) Book(ctx context.Context, c ledger.Charge, by ledger.Change) (booked ledger.Charge, fresh bool, err error) {
	if err := c.Check(); err != nil {
		return c, false, fmt.Errorf("book charge: %w", err)
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	err = inTx(ctx, s.change, func(tx *sql.Tx) error {
		there, err := chargesWhere(ctx, tx, `id = ?`, c.ID)
		if err != nil {
			return err
		}
		if len(there) > 0 {
			if booked = there[0]; !c.Again(&booked) {
				return ledger.ErrOtherCharge
			}
			return nil
		}
		fresh = true
		booked, err = insertCharge(ctx, tx, c, &by)
		return err
	})
	for _, why := range []error{ledger.ErrOtherCharge, ledger.ErrNoCharge, ledger.ErrReversal, ledger.ErrReversed} {
		if errors.Is(err, why) {
			return c, false, why
		}
	}
	if err != nil {
		return c, false, fmt.Errorf("book charge in %s: %w", s.path, explain(err))
	}
	return booked, fresh, nil
}

// insertCharge adds a charge that is not there.
func insertCharge(ctx context.Context, tx *sql.Tx, c ledger.Charge, by *ledger.Change) (ledger.Charge, error) {
	var reverses *string
	var before json.RawMessage
	if c.Of != "" {
		found, err := chargesWhere(ctx, tx, `id = ?1 OR reverses = ?1 ORDER BY number`, c.Of)
		if err != nil {
			return c, err
		}
		switch {
		case len(found) == 0:
			return c, ledger.ErrNoCharge
		case len(found) > 1:
			return c, ledger.ErrReversed
		}
		if c, err = c.Reverse(&found[0]); err != nil {
			return c, err
		}
		reverses, before = &c.Of, found[0].Said()
	}
	c = c.Kept()
	result, err := tx.ExecContext(ctx, `INSERT INTO charges (id, reverses, at, nano, charge) VALUES (?, ?, ?, ?, ?)`,
		c.ID, reverses, micros(c.At), int64(c.Amount), string(c.Said()))
	if err != nil {
		return c, err
	}
	if c.Number, err = result.LastInsertId(); err != nil {
		return c, err
	}
	by.Subject, by.Before, by.After = c.String(), before, c.Said()
	_, err = appendAudit(ctx, tx, by)
	return c, err
}

// Charge returns the one of that ID.
func (s *Store) Charge(ctx context.Context, id string) (c ledger.Charge, found bool, err error) {
	all, err := chargesWhere(ctx, s.read, `id = ?`, id)
	if err != nil {
		return c, false, fmt.Errorf("read charge of %s: %w", s.path, explain(err))
	}
	if len(all) == 0 {
		return c, false, nil
	}
	return all[0], true, nil
}

// Charges returns those that q asks for.
func (s *Store) Charges(ctx context.Context, q ledger.ChargeSearch) ([]ledger.Charge, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	where, args := `at >= ? AND at < ?`, []any{ceilMicros(q.From), ceilMicros(q.To)}
	if q.Below > 0 {
		where, args = where+` AND number < ?`, append(args, q.Below)
	}
	for _, m := range q.Where {
		where, args = where+` AND coalesce(json_extract(charge, ?), '') = ?`, append(args, chargeValue(m.Name), m.Value)
	}
	all, err := chargesWhere(ctx, s.read, where+` ORDER BY number DESC LIMIT ?`, append(args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list charges of %s: %w", s.path, explain(err))
	}
	return all, nil
}

func chargesWhere(ctx context.Context, in asker, where string, args ...any) ([]ledger.Charge, error) {
	rows, err := in.QueryContext(ctx, `SELECT number, charge FROM charges WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (c ledger.Charge, err error) {
		var text []byte
		if err := rows.Scan(&c.Number, &text); err != nil {
			return c, err
		}
		return c, json.Unmarshal(text, &c)
	})
}

// chargeValue is ledger.Charge.Value in SQL: where in column charge it is.
func chargeValue(name string) (path string) {
	switch {
	case name == "provider":
		return "$.provider"
	case name == "model" || name == "model_asked":
		return "$.model"
	case ledger.IsDimension(name):
		return "$.none"
	}
	return `$.for."` + name + `"` // Check let no quote through
}

// Booked implements ledger.Spending.
func (s *Store) Booked(ctx context.Context, q ledger.Query) ([]ledger.Spent, error) {
	return s.bookedIn(ctx, s.read, q)
}

// Booked implements ledger.Spending.
func (f *frozen) Booked(ctx context.Context, q ledger.Query) ([]ledger.Spent, error) {
	return f.s.bookedIn(ctx, f.tx, q)
}

func (s *Store) bookedIn(ctx context.Context, in asker, q ledger.Query) ([]ledger.Spent, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	keys, group := "", ""
	args := []any{ceilMicros(q.From), ceilMicros(q.To)}
	for i, name := range q.By {
		args = append(args, chargeValue(name))
		keys += fmt.Sprintf("coalesce(json_extract(charge, ?%d), ''), ", len(args))
		group += fmt.Sprintf(", %d", i+1)
	}
	if group != "" {
		group = " GROUP BY " + group[2:]
	}
	sums := strings.TrimSuffix(fmt.Sprintf(halves, "nano"), ", ")
	rows, err := in.QueryContext(ctx, `SELECT `+keys+sums+` FROM charges WHERE at >= ?1 AND at < ?2`+group+
		fmt.Sprintf(` HAVING count(*) > 0 LIMIT %d`, s.maxRows+1), args...)
	if err != nil {
		return nil, fmt.Errorf("sum charges of %s: %w", s.path, explain(err))
	}
	all, err := collect(rows, func(rows *sql.Rows) (r ledger.Spent, err error) {
		g := grouping{names: len(q.By)}
		keys, targets := g.scanKeys()
		var nano sum
		err = rows.Scan(append(targets, &nano.high, &nano.low)...)
		return ledger.Spent{Keys: keys, Charged: nano.whole(), Contracted: nano.whole()}, err
	})
	if err != nil {
		return nil, fmt.Errorf("sum charges of %s: %w", s.path, explain(err))
	}
	if len(all) > s.maxRows {
		return nil, ledger.ErrTooManyRows
	}
	ledger.SortSpent(all)
	return all, nil
}
