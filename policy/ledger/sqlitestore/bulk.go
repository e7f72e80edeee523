package sqlitestore

import (
	"context"
	"database/sql"
)

// bulk is a statement in several sizes: starting one costs as much as some rows.
type bulk struct {
	width int         // arguments of a row
	sizes []*sql.Stmt // for one row, two, …; nil where there is none of that size
	args  []any       // of rows that wait
}

// add takes the arguments of one row, and copies them.
func (b *bulk) add(row []any) error {
	b.args = append(b.args, row...)
	if len(b.args) < len(b.sizes)*b.width {
		return nil
	}
	return b.flush(context.Background())
}

// flush writes the rows that wait, with the largest statements that fit.
func (b *bulk) flush(ctx context.Context) error {
	defer func() { b.args = b.args[:0] }()
	for args := b.args; len(args) > 0; {
		rows := len(args) / b.width
		for b.sizes[rows-1] == nil {
			rows--
		}
		if _, err := b.sizes[rows-1].ExecContext(ctx, args[:rows*b.width]...); err != nil {
			return err
		}
		args = args[rows*b.width:]
	}
	return nil
}

func exec(stmt *sql.Stmt, args []any) error {
	_, err := stmt.ExecContext(context.Background(), args...)
	return err
}
