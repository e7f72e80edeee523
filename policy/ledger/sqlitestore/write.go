package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// writer is the connection that writes, with its statements. They run without a
// context: each is short, and a context that can end costs a goroutine a
// statement. Write looks at its context between them.
type writer struct {
	conn          *sql.Conn
	statements    []*sql.Stmt // all of them, to be closed
	begin, commit *sql.Stmt
	mark          *sql.Stmt // indexed.upto
	records       bulk
	ids           bulk
	last          int64 // the number of the last record
	columns       columns
	args          []any
}

// recordBulk is how many records one statement writes at most: so many are
// committed by it alone.
const recordBulk = 8

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn}
	w.records = bulk{width: strings.Count(recordColumns, ",") + 1, sizes: make([]*sql.Stmt, recordBulk)}
	w.ids = bulk{width: 2, sizes: make([]*sql.Stmt, indexBulk)}
	if err := w.prepare(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	err = conn.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM records`).Scan(&w.last)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *writer) prepare(ctx context.Context) error {
	insertIDs := `INSERT OR IGNORE INTO ids (hash, record) VALUES (?, ?)`
	statements := map[**sql.Stmt]string{
		&w.begin:                  `BEGIN IMMEDIATE`,
		&w.commit:                 `COMMIT`,
		&w.mark:                   `UPDATE indexed SET upto = ?`,
		&w.ids.sizes[0]:           insertIDs,
		&w.ids.sizes[indexBulk-1]: insertIDs + strings.Repeat(`, (?, ?)`, indexBulk-1),
	}
	record := `(?` + strings.Repeat(", ?", w.records.width-1) + `)`
	insertRecords := `INSERT OR IGNORE INTO records (` + recordColumns + `) VALUES ` + record
	for i := range w.records.sizes {
		statements[&w.records.sizes[i]] = insertRecords + strings.Repeat(`, `+record, i)
	}
	for place, text := range statements {
		stmt, err := w.conn.PrepareContext(ctx, text) //nolint:sqlclosecheck // w.close closes every statement
		if err != nil {
			return err
		}
		*place, w.statements = stmt, append(w.statements, stmt)
	}
	return nil
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

// Write writes the openings into the journal and commits the records. After a
// failure it begins anew with a fresh connection.
func (s *Store) Write(ctx context.Context, b ledger.Batch) error {
	if err := s.writeBatch(ctx, b); err != nil {
		return fmt.Errorf("write ledger %s: %w", s.path, errors.Join(explain(err), s.dropWriter()))
	}
	return nil
}

func (s *Store) writeBatch(ctx context.Context, b ledger.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(b.Openings) == 0 {
		return s.writeRecords(ctx, b.Records)
	}
	if s.journal == nil {
		j, err := openJournal(s.journalPath(), s.power, func(id policy.CallID) (bool, error) { return s.settled(ctx, id) })
		if err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		s.journal = j
	}
	if err := s.journal.append(b.Openings); err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), s.dropJournal())
	}
	if err := s.writeRecords(ctx, b.Records); err != nil {
		if failed := s.journal.cut(); failed != nil {
			err = errors.Join(err, failed, s.dropJournal())
		}
		return err
	}
	return nil
}

func (s *Store) writeRecords(ctx context.Context, records []policy.Record) error {
	if len(records) == 0 {
		return nil
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.writer == nil {
		w, err := newWriter(ctx, s.write)
		if err != nil {
			return err
		}
		s.writer = w
	}
	first := s.writer.last + 1
	part, last := s.index.part()
	if err := s.writer.batch(ctx, records, part, s.index.mark(last)); err != nil {
		return err
	}
	s.index.committed(part, last)
	s.index.add(first, records)
	if s.journal != nil {
		s.journal.settle(records)
	}
	s.checkpoints.wrote(pagesOf(len(records), len(part)))
	return nil
}

// pagesOf is about how many pages a commit writes: a few in any case, rows of a
// third of a page, and one for each second id.
func pagesOf(records, ids int) int { return 4 + records/2 + ids/2 }

func (s *Store) dropWriter() error {
	if s.writer == nil {
		return nil
	}
	w := s.writer
	s.writer = nil
	return w.close()
}

func (s *Store) dropJournal() error {
	if s.journal == nil {
		return nil
	}
	j := s.journal
	s.journal = nil
	return j.close()
}

// batch commits the records, numbered on from w.last, and a part of the index; a
// mark above zero is how far that makes the index complete.
func (w *writer) batch(ctx context.Context, records []policy.Record, part []entry, mark int64) error {
	w.records.args, w.ids.args = w.records.args[:0], w.ids.args[:0]
	if len(records) <= recordBulk && len(part) == 0 && mark == 0 { // one statement is a transaction
		return w.write(ctx, records)
	}
	if _, err := w.begin.ExecContext(ctx); err != nil { // may wait for a lock
		return fmt.Errorf("begin: %w", err)
	}
	if err := w.write(ctx, records); err != nil {
		return err
	}
	if err := w.index(part, mark); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if err := exec(w.commit, nil); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// write inserts the records, at most recordBulk with one statement.
func (w *writer) write(ctx context.Context, records []policy.Record) error {
	for bulk := range slices.Chunk(records, recordBulk) {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.records.args = w.records.args[:0]
		for i := range bulk {
			w.records.args = w.columns.appendTo(w.records.args, w.last+1, &bulk[i])
			w.last++
		}
		if err := w.records.flush(ctx); err != nil {
			return fmt.Errorf("records: %w", err)
		}
	}
	return nil
}

func (w *writer) index(part []entry, mark int64) error {
	for _, e := range part {
		w.args = append(w.args[:0], e.hash, e.record)
		if err := w.ids.add(w.args); err != nil {
			return err
		}
	}
	if err := w.ids.flush(context.Background()); err != nil || mark == 0 {
		return err
	}
	w.args = append(w.args[:0], mark)
	return exec(w.mark, w.args)
}
