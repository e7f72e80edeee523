package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// Open returns the openings that no record has closed, oldest first.
func (s *Store) Open(ctx context.Context) ([]policy.Opening, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT ticket FROM openings ORDER BY admitted, call`)
	if err != nil {
		return nil, fmt.Errorf("read openings of %s: %w", s.path, explain(err))
	}
	open, err := collect(rows, func(rows *sql.Rows) (o policy.Opening, err error) {
		var ticket sql.RawBytes
		if err := rows.Scan(&ticket); err != nil {
			return o, err
		}
		return o, json.Unmarshal(ticket, &o.Ticket)
	})
	if err != nil {
		return nil, fmt.Errorf("read openings of %s: %w", s.path, explain(err))
	}
	return open, nil
}

// Each branch is the search of one index.
const findSQL = `SELECT id, ` + recordColumns + ` FROM records WHERE id IN (
		SELECT id FROM records WHERE call = ?2
		UNION SELECT id FROM records WHERE request_id = ?1 AND request_id <> ''
		UNION SELECT id FROM records WHERE trace_id = ?1 AND trace_id <> ''
		UNION SELECT id FROM records WHERE response_id = ?1 AND response_id <> '')
	ORDER BY completed, call, attempt LIMIT ?3`

const linesSQL = `SELECT ` + lineColumns + ` FROM lines WHERE record = ? ORDER BY n`

// found is a record and the row it came from.
type found struct {
	row int64
	policy.Record
}

// Find returns every record that has the id, oldest first, at most limit.
func (s *Store) Find(ctx context.Context, id string, limit int) ([]policy.Record, error) {
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
	rows, err := s.read.QueryContext(ctx, findSQL, id, call, max(limit, 0))
	if err != nil {
		return nil, err
	}
	all, err := collect(rows, scanRecord)
	if err != nil {
		return nil, err
	}
	return s.withLines(ctx, all)
}

// withLines returns the records with their lines.
func (s *Store) withLines(ctx context.Context, all []found) (_ []policy.Record, err error) {
	records := make([]policy.Record, len(all))
	for i := range all {
		records[i] = all[i].Record
		// A record and its lines are written together and never change.
		if records[i].Lines, err = s.lines(ctx, all[i].row); err != nil {
			return nil, fmt.Errorf("lines of %s: %w", records[i].ID, err)
		}
	}
	return records, nil
}

func (s *Store) lines(ctx context.Context, record int64) ([]policy.Line, error) {
	rows, err := s.read.QueryContext(ctx, linesSQL, record)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanLine)
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

func scanRecord(rows *sql.Rows) (r found, err error) {
	var call, values, rules, source string
	var admitted, completed int64
	var firstToken sql.NullInt64
	s := &r.Shares
	err = rows.Scan(&r.row, &call, &r.Attempt, &r.RequestID, &r.TraceID, &r.ResponseID, &values, &rules,
		&r.Dialect, &r.Operation, &r.Provider, &r.Developer, &r.Host, &r.KeyHash, &r.ModelAsked, &r.Model, &r.TierAsked, &r.Tier,
		&r.Stream, &r.Status, &r.Finish, &r.Outcome, &r.Reason, &r.Purpose, &r.Tries, &source, &r.Priced,
		&s.System, &s.History, &s.Last, &s.Tools, &s.Media, &admitted, &firstToken, &completed)
	if err != nil {
		return r, err
	}
	if copy(r.ID[:], call) != len(r.ID) {
		return r, fmt.Errorf("call id of row %d has %d bytes", r.row, len(call))
	}
	if r.Owner, err = readOwner(values, rules); err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	if r.Source, err = parseSource(source); err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	r.Admitted, r.Completed = instant(admitted), instant(completed)
	if firstToken.Valid {
		r.FirstToken = instant(firstToken.Int64)
	}
	return r, nil
}

func scanLine(rows *sql.Rows) (l policy.Line, err error) {
	var meter, source string
	err = rows.Scan(&l.Model, &meter, &l.Quantity, &source, &l.State, &l.RateID, &l.Rate,
		&l.List.Micro, &l.List.Pico, &l.Contracted.Micro, &l.Contracted.Pico, &l.Charged.Micro, &l.Charged.Pico,
		&l.ContractID, &l.ChargeID, &l.Currency, &l.FXRate, &l.ChargeCurrency, &l.ChargeFXRate)
	if err != nil {
		return l, err
	}
	if l.Class, err = parseClass(meter); err != nil {
		return l, err
	}
	l.Source, err = parseSource(source)
	return l, err
}

func parseClass(name string) (tokenizer.Class, error) {
	c, ok := tokenizer.ParseClass(name)
	if !ok {
		return 0, fmt.Errorf("meter %q is not known: a newer Farebox wrote it", name)
	}
	return c, nil
}

func parseSource(name string) (tokenizer.Source, error) {
	s, ok := tokenizer.ParseSource(name)
	if !ok {
		return 0, fmt.Errorf("source %q is not known: a newer Farebox wrote it", name)
	}
	return s, nil
}

func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
