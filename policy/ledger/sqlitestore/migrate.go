package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// What the driver says of a file that SQLite did not write (SQLITE_NOTADB), of
// one that is damaged (SQLITE_CORRUPT), that another process holds (SQLITE_BUSY),
// and that cannot be written (SQLITE_READONLY): the low byte of sqlite's codes.
const (
	codeBusy     = 5
	codeReadOnly = 8
	codeCorrupt  = 11
	codeNotADB   = 26
)

// explain adds what to do to errors that a person can do something about.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case codeBusy:
		return fmt.Errorf("another process is writing it: stop that one first: %w", err)
	case codeReadOnly:
		return fmt.Errorf("it cannot be written: check the mode of the file and its folder: %w", err)
	case codeCorrupt:
		return fmt.Errorf("it is damaged: restore a backup, or move it away to begin anew: %w", err)
	case codeNotADB:
		return fmt.Errorf("it is not a SQLite file: give another path: %w", err)
	}
	return err
}

// migration is one numbered file, "0001_ledger.sql".
type migration struct {
	version int
	sql     string
}

func readMigrations() ([]migration, error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var all []migration
	for i, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("read migration %s: want number %d", f.Name(), i+1)
		}
		text, err := migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version, string(text)})
	}
	return all, nil
}

// migrate brings the tables to the newest schema, one transaction a migration.
func migrate(ctx context.Context, db *sql.DB) error {
	all, err := readMigrations()
	if err != nil {
		return err
	}
	if err := adopt(ctx, db); err != nil {
		return err
	}
	for _, m := range all {
		if err := apply(ctx, db, m); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", m.version, err)
		}
	}
	var version int
	if err := db.QueryRowContext(ctx, `SELECT max(version) FROM schema_version`).Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if newest := len(all); version > newest {
		return fmt.Errorf("its schema is %d, this Farebox knows up to %d: run the newer Farebox, or restore the backup made before it", version, newest)
	}
	return nil
}

// adopt makes the table that knows the schema, in an empty file only.
func adopt(ctx context.Context, db *sql.DB) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		var tables, ours int
		err := tx.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name = 'schema_version') FROM sqlite_schema WHERE type = 'table'`).
			Scan(&tables, &ours)
		switch {
		case err != nil:
			return fmt.Errorf("read tables: %w", err)
		case ours > 0:
			return nil
		case tables > 0:
			return fmt.Errorf("it is a database of another program (%d tables): give another path", tables)
		}
		_, err = tx.ExecContext(ctx, `CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT`)
		return err
	})
}

func apply(ctx context.Context, db *sql.DB, m migration) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		var done bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM schema_version WHERE version >= ?)`, m.version).Scan(&done)
		if err != nil || done {
			return err
		}
		if _, err := tx.ExecContext(ctx, m.sql); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO schema_version (version, applied) VALUES (?, ?)`, m.version, time.Now().UnixMicro())
		return err
	})
}

func inTx(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
