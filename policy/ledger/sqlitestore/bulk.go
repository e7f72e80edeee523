package sqlitestore

import (
	"context"
	"database/sql"
)

// bulkRows is how many rows a bulk gives to one statement.
const bulkRows = 16

// bulk is a statement in two sizes, for one row and for bulkRows: starting a
// statement costs more than a row.
type bulk struct {
	one, many *sql.Stmt
	width     int   // arguments of a row
	args      []any // of rows that wait
}

// add takes the arguments of one row, and copies them.
func (b *bulk) add(row []any) error {
	b.args = append(b.args, row...)
	if len(b.args) < bulkRows*b.width {
		return nil
	}
	err := exec(b.many, b.args)
	b.args = b.args[:0]
	return err
}

// flush writes the rows that wait.
func (b *bulk) flush() error {
	defer func() { b.args = b.args[:0] }()
	for i := 0; i < len(b.args); i += b.width {
		if err := exec(b.one, b.args[i:i+b.width]); err != nil {
			return err
		}
	}
	return nil
}

func exec(stmt *sql.Stmt, args []any) error {
	_, err := stmt.ExecContext(context.Background(), args...)
	return err
}
