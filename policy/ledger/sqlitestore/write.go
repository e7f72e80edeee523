package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// recordColumns is the order of writer.recordArgs, where unpriced follows, and of
// scanRecord.
const recordColumns = `call, attempt, request_id, trace_id, response_id, owner, owner_rules,
	dialect, operation, provider, developer, host, key_hash, model_asked, model, tier_asked, tier,
	stream, status, finish, outcome, reason, purpose, tries, source, priced,
	system_bytes, history_bytes, last_bytes, tools_bytes, media_bytes, admitted, first_token, completed`

// lineColumns is the order of writer.lineArgs and of scanLine.
const lineColumns = `model, meter, quantity, source, state, rate_id, rate,
	list_micro, list_pico, contracted_micro, contracted_pico, charged_micro, charged_pico,
	contract_id, charge_id, currency, fx_rate, charge_currency, charge_fx_rate`

// writer is the connection that writes, with its statements. They run without a
// context: each is short, and a context that can end costs a goroutine a
// statement. Write looks at its context between them.
type writer struct {
	conn          *sql.Conn
	statements    []*sql.Stmt // all of them, to be closed
	begin, commit *sql.Stmt
	record        *sql.Stmt
	opening       *sql.Stmt
	lines         bulk
	closed        bulk // calls whose openings are over
	args          []any
	text          []byte
}

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn}
	line := `(?, ?, ` + marks(lineColumns) + `)`
	insertLines := `INSERT INTO lines (record, n, ` + lineColumns + `) VALUES ` + line
	w.lines.width, w.closed.width = strings.Count(line, "?"), 1
	for _, p := range []struct {
		stmt **sql.Stmt
		sql  string
	}{
		{&w.begin, `BEGIN IMMEDIATE`},
		{&w.commit, `COMMIT`},
		{&w.record, `INSERT OR IGNORE INTO records (` + recordColumns + `, unpriced) VALUES (` + marks(recordColumns) + `, ?)`},
		{&w.opening, `INSERT OR IGNORE INTO openings (call, admitted, ticket)
			SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM records WHERE call = ?1)`},
		{&w.lines.one, insertLines},
		{&w.lines.many, insertLines + strings.Repeat(", "+line, bulkRows-1)},
		{&w.closed.one, `DELETE FROM openings WHERE call = ?`},
		{&w.closed.many, `DELETE FROM openings WHERE call IN (?` + strings.Repeat(", ?", bulkRows-1) + `)`},
	} {
		stmt, err := conn.PrepareContext(ctx, p.sql) //nolint:sqlclosecheck // w.close closes every statement
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		*p.stmt, w.statements = stmt, append(w.statements, stmt)
	}
	return w, nil
}

// marks is one question mark for each of the columns.
func marks(columns string) string {
	return "?" + strings.Repeat(", ?", strings.Count(columns, ","))
}

// close closes the statements, without which SQLite would keep the connection
// and its locks, then the connection itself, and with it any open transaction.
func (w *writer) close() error {
	var err error
	for _, stmt := range w.statements {
		err = errors.Join(err, stmt.Close())
	}
	discard := func(any) error { return driver.ErrBadConn } // takes it out of the pool
	if failed := w.conn.Raw(discard); !errors.Is(failed, driver.ErrBadConn) {
		err = errors.Join(err, failed)
	}
	return err
}

// Write commits a batch. After a failure it begins anew with a fresh connection.
func (s *Store) Write(ctx context.Context, b ledger.Batch) error {
	if err := s.writeBatch(ctx, b); err != nil {
		if s.writer != nil {
			err = errors.Join(err, s.writer.close())
			s.writer = nil
		}
		return fmt.Errorf("write ledger %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) writeBatch(ctx context.Context, b ledger.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.writer == nil {
		w, err := newWriter(ctx, s.write)
		if err != nil {
			return explain(err)
		}
		s.writer = w
	}
	if err := s.writer.batch(ctx, b); err != nil {
		return explain(err)
	}
	return nil
}

func (w *writer) batch(ctx context.Context, b ledger.Batch) error {
	if _, err := w.begin.ExecContext(ctx); err != nil { // may wait for a lock
		return fmt.Errorf("begin: %w", err)
	}
	for i := range b.Records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.writeRecord(&b.Records[i]); err != nil {
			return fmt.Errorf("record %s: %w", b.Records[i].ID, err)
		}
	}
	if err := errors.Join(w.lines.flush(), w.closed.flush()); err != nil {
		return fmt.Errorf("lines: %w", err)
	}
	for i := range b.Openings {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.writeOpening(&b.Openings[i].Ticket); err != nil {
			return fmt.Errorf("opening %s: %w", b.Openings[i].Ticket.ID, err)
		}
	}
	if err := exec(w.commit, nil); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// writeRecord writes a record with its lines, unless it is there, and closes its
// opening.
func (w *writer) writeRecord(r *policy.Record) error {
	result, err := w.record.ExecContext(context.Background(), w.recordArgs(r)...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err // it is there, and its opening was closed with it
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	for n := range r.Lines {
		if err := w.lines.add(w.lineArgs(id, n, &r.Lines[n])); err != nil {
			return fmt.Errorf("lines: %w", err)
		}
	}
	w.args = append(w.args[:0], r.ID[:])
	return w.closed.add(w.args)
}

// recordArgs reuses the room of the arguments before.
func (w *writer) recordArgs(r *policy.Record) []any {
	w.text = appendValues(w.text[:0], r.Owner)
	values := string(w.text)
	w.text = appendRules(w.text[:0], r.Owner)
	var firstToken any
	if !r.FirstToken.IsZero() {
		firstToken = micros(r.FirstToken)
	}
	s := &r.Shares
	w.args = append(w.args[:0],
		r.ID[:], int64(r.Attempt), r.RequestID, r.TraceID, r.ResponseID, values, string(w.text),
		r.Dialect, r.Operation, r.Provider, r.Developer, r.Host, r.KeyHash, r.ModelAsked, r.Model, r.TierAsked, r.Tier,
		truth(r.Stream), int64(r.Status), r.Finish, r.Outcome, r.Reason, r.Purpose, int64(r.Tries), r.Source.String(), truth(r.Priced),
		s.System, s.History, s.Last, s.Tools, s.Media, micros(r.Admitted), firstToken, micros(r.Completed),
		truth(slices.ContainsFunc(r.Lines, unpriced)))
	return w.args
}

// lineArgs reuses the room of the arguments before.
func (w *writer) lineArgs(record int64, n int, l *policy.Line) []any {
	w.args = append(w.args[:0], record, int64(n),
		l.Model, l.Class.String(), l.Quantity, l.Source.String(), l.State, l.RateID, int64(l.Rate),
		l.List.Micro, l.List.Pico, l.Contracted.Micro, l.Contracted.Pico, l.Charged.Micro, l.Charged.Pico,
		l.ContractID, l.ChargeID, l.Currency, l.FXRate, l.ChargeCurrency, l.ChargeFXRate)
	return w.args
}

func (w *writer) writeOpening(t *policy.Ticket) error {
	ticket, err := json.Marshal(t)
	if err != nil {
		return err
	}
	w.args = append(w.args[:0], t.ID[:], micros(t.At), string(ticket))
	return exec(w.opening, w.args)
}

func unpriced(l policy.Line) bool { return l.State == policy.Unpriced }

func micros(t time.Time) int64 { return t.UnixMicro() }

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
