package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// dimensions is what each of ledger.Dimensions is in SQL.
var dimensions = map[string]string{
	"model": "r.model", "model_asked": "coalesce(json_extract(r.detail, '$.model_asked'), '')", "provider": "r.provider", "dialect": "r.dialect", "operation": "r.operation",
	"outcome": "r.outcome", "source": "r.source", "purpose": "r.purpose",
	"day":  "strftime('%Y-%m-%d', r.completed / 1000000, 'unixepoch')",
	"hour": "strftime('%Y-%m-%dT%H', r.completed / 1000000, 'unixepoch')",
}

// grouping is a Query in SQL: ?1 and ?2 are its range, ?3 and on the paths of
// attributes in records.owner.
type grouping struct {
	keys  string // "r.model, coalesce(r.owner ->> ?3, ''), "
	by    string // "GROUP BY 1, 2"
	where string // " AND r.model = ?4"
	names int
	args  []any
	most  int // rows
}

func groupingOf(q ledger.Query, most int) grouping {
	g := grouping{most: most, names: len(q.By), args: []any{ceilMicros(q.From), ceilMicros(q.To)}}
	for i, name := range q.By {
		expression := dimensions[name]
		if expression == "" {
			g.args = append(g.args, `$."`+name+`"`) // Check let no quote through
			expression = fmt.Sprintf("coalesce(json_extract(r.owner, ?%d), '')", len(g.args))
		}
		g.keys += expression + ", "
		if i == 0 {
			g.by = "GROUP BY 1"
		} else {
			g.by += fmt.Sprintf(", %d", i+1)
		}
	}
	g.where, g.args = conditions(q.Where, g.args)
	return g
}

// ceilMicros is the first microsecond not before t: as records are kept to the
// microsecond, what is before t is before it.
func ceilMicros(t time.Time) int64 { return t.Add(time.Microsecond - 1).UnixMicro() }

// halves adds the upper and the lower 32 bits of large numbers apart, so that no
// sum overflows in SQL.
const halves = `sum(%[1]s >> 32), sum(%[1]s & 4294967295), `

// sums counts the records of each group and sums their money.
func (g *grouping) sums() string {
	columns := `sum(r.` + isCall + `), sum(r.unpriced), `
	for _, amount := range []string{"r.list", "r.contracted", "r.charged"} {
		columns += fmt.Sprintf(halves+`sum(%[2]s), `, amount+"_micro", amount+"_pico")
	}
	return `SELECT ` + g.keys + strings.TrimSuffix(columns, ", ") +
		` FROM records r WHERE r.completed >= ?1 AND r.completed < ?2` + g.where + ` ` + g.by +
		fmt.Sprintf(` HAVING count(*) > 0 LIMIT %d`, g.most+1)
}

// quantities sums those of each group by meter.
func (g *grouping) quantities() string { return g.summed("r.quantities") }

// summed sums each member of a column of JSON objects.
func (g *grouping) summed(column string) string {
	by := fmt.Sprintf("GROUP BY %d", g.names+1)
	if g.by != "" {
		by = fmt.Sprintf("%s, %d", g.by, g.names+1)
	}
	return `SELECT ` + g.keys + `q.key, ` + strings.TrimSuffix(fmt.Sprintf(halves, "q.value"), ", ") +
		` FROM records r, json_each(` + column + `) q WHERE r.completed >= ?1 AND r.completed < ?2` + g.where + ` ` + by
}

// Usage sums records. Both of its statements see one state of the ledger.
func (s *Store) Usage(ctx context.Context, q ledger.Query) ([]ledger.Row, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	rows, err := s.usage(ctx, groupingOf(q, s.maxRows))
	if err != nil {
		return nil, fmt.Errorf("query usage in %s: %w", s.path, explain(err))
	}
	ledger.SortRows(rows)
	return rows, nil
}

func (s *Store) usage(ctx context.Context, g grouping) ([]ledger.Row, error) {
	return sumTwice(ctx, s.read, g.most, twoSums[ledger.Row]{
		counts: g.sums(), scan: g.scanSums, keys: func(r *ledger.Row) []string { return r.Keys },
		quantities: g.quantities(), add: g.scanQuantity, args: g.args,
	})
}

// twoSums are the two statements that sum one grouping: one row for each group,
// then a row for each group and meter, which is added to its group.
type twoSums[T any] struct {
	counts     string
	scan       func(*sql.Rows) (T, error)
	keys       func(*T) []string
	quantities string
	add        func(*sql.Rows, map[string]*T) error
	args       []any // of both
}

// sumTwice runs both on one state of the ledger. More than most groups are
// ErrTooManyRows.
func sumTwice[T any](ctx context.Context, db *sql.DB, most int, q twoSums[T]) ([]T, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // it has only read
	return sumTwiceIn(ctx, tx, most, q)
}

func sumTwiceIn[T any](ctx context.Context, tx *sql.Tx, most int, q twoSums[T]) ([]T, error) {
	counted, err := tx.QueryContext(ctx, q.counts, q.args...)
	if err != nil {
		return nil, err
	}
	groups, err := collect(counted, q.scan)
	if err != nil {
		return nil, err
	}
	if len(groups) > most {
		return nil, ledger.ErrTooManyRows
	}
	index := make(map[string]*T, len(groups))
	for i := range groups {
		index[fmt.Sprintf("%q", q.keys(&groups[i]))] = &groups[i]
	}
	summed, err := tx.QueryContext(ctx, q.quantities, q.args...)
	if err != nil {
		return nil, err
	}
	defer summed.Close() // its error is that of Err
	for summed.Next() {
		if err := q.add(summed, index); err != nil {
			return nil, err
		}
	}
	return groups, summed.Err()
}

// scanKeys makes room for the keys of a row, and points at it.
func (g *grouping) scanKeys() (keys []string, targets []any) {
	keys = make([]string, g.names)
	for i := range keys {
		targets = append(targets, &keys[i])
	}
	return keys, targets
}

// sum is a sum as SQL gives it: the halves apart, and pico-USD of any size.
type sum struct{ high, low, pico int64 }

func (g *grouping) scanSums(rows *sql.Rows) (r ledger.Row, err error) {
	var list, contracted, charged sum
	keys, targets := g.scanKeys()
	targets = append(targets, &r.Calls, &r.Unpriced)
	for _, s := range []*sum{&list, &contracted, &charged} {
		targets = append(targets, &s.high, &s.low, &s.pico)
	}
	err = rows.Scan(targets...)
	r.Keys, r.List, r.Contracted, r.Charged = keys, list.amount(), contracted.amount(), charged.amount()
	return r, err
}

func (g *grouping) scanQuantity(rows *sql.Rows, index map[string]*ledger.Row) error {
	var meter string
	var quantity sum
	keys, targets := g.scanKeys()
	if err := rows.Scan(append(targets, &meter, &quantity.high, &quantity.low)...); err != nil {
		return err
	}
	class, err := parseClass(meter)
	if err != nil {
		return err
	}
	row := index[fmt.Sprintf("%q", keys)]
	if row == nil {
		return fmt.Errorf("quantities of the group %q, which has no records", keys)
	}
	row.Tokens[class] = quantity.whole()
	return nil
}

func (s sum) amount() money.Amount { return money.FromParts(s.whole(), s.pico) }

// whole puts the halves together, and stops at the ends of int64. low is never
// below zero.
func (s sum) whole() int64 {
	high := s.high + s.low>>32
	switch {
	case high > math.MaxInt32:
		return math.MaxInt64
	case high < math.MinInt32:
		return math.MinInt64
	}
	return high<<32 | s.low&math.MaxUint32
}
