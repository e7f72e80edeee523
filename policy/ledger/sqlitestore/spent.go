package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/farebox/farebox/policy/ledger"
)

// admitted is when the call of record r was. No call is completed before it was
// admitted, so that the index of completions finds all.
const admitted = `json_extract(r.detail, '$.admitted')`

// nano is an amount of record r in whole nano-USD, rounded half up.
func nano(amount string) string {
	return fmt.Sprintf("sum(r.%[1]s_micro * 1000 + (r.%[1]s_pico + 500) / 1000)", amount)
}

// spent counts the calls of each group and sums their money.
func (g *grouping) spent() string {
	return `SELECT ` + g.keys + `sum(r.` + isCall + ` AND r.outcome <> 'refused'), ` + nano("charged") + `, ` + nano("contracted") +
		g.admitted() + fmt.Sprintf(` HAVING count(*) > 0 LIMIT %d`, g.most+1)
}

// spentTokens sums the tokens of each group, by meter.
func (g *grouping) spentTokens() string {
	return `SELECT ` + g.keys + `q.key, sum(q.value)` + g.admittedWith(`, json_each(r.quantities) q`, fmt.Sprintf(", %d", g.names+1))
}

func (g *grouping) admitted() string { return g.admittedWith("", "") }

func (g *grouping) admittedWith(tables, by string) string {
	if g.by == "" && by != "" {
		by = "GROUP BY " + by[2:]
	} else {
		by = g.by + by
	}
	return ` FROM records r` + tables + ` WHERE r.completed >= ?1 AND ` + admitted + ` >= ?1 AND ` + admitted + ` < ?2` + g.where + ` ` + by
}

var _ ledger.Freezer = (*Store)(nil)

// Spent sums what budgets count. Both of its statements see one state of the
// ledger.
func (s *Store) Spent(ctx context.Context, q ledger.Query) ([]ledger.Spent, error) {
	asOf, end, err := s.Freeze(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return asOf.Spent(ctx, q)
}

// Freeze implements ledger.Freezer.
func (s *Store) Freeze(ctx context.Context) (ledger.Spending, func(), error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", s.path, explain(err))
	}
	end := func() { _ = tx.Rollback() } // it has only read
	var some int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM records LIMIT 1)`).Scan(&some); err != nil { // its first read is its moment
		end()
		return nil, nil, fmt.Errorf("read %s: %w", s.path, explain(err))
	}
	return &frozen{s, tx}, end, nil
}

// frozen is the ledger as a transaction sees it.
type frozen struct {
	s  *Store
	tx *sql.Tx
}

// Spent implements ledger.Spending.
func (f *frozen) Spent(ctx context.Context, q ledger.Query) ([]ledger.Spent, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	g := groupingOf(q, f.s.maxRows)
	rows, err := sumTwiceIn(ctx, f.tx, g.most, twoSums[ledger.Spent]{
		counts: g.spent(), scan: g.scanSpent, keys: func(r *ledger.Spent) []string { return r.Keys },
		quantities: g.spentTokens(), add: g.scanTokens, args: g.args,
	})
	if err != nil {
		return nil, fmt.Errorf("query what was spent in %s: %w", f.s.path, explain(err))
	}
	ledger.SortSpent(rows)
	return rows, nil
}

func (g *grouping) scanSpent(rows *sql.Rows) (r ledger.Spent, err error) {
	keys, targets := g.scanKeys()
	err = rows.Scan(append(targets, &r.Calls, &r.Charged, &r.Contracted)...)
	r.Keys = keys
	return r, err
}

func (g *grouping) scanTokens(rows *sql.Rows, index map[string]*ledger.Spent) error {
	var meter string
	var quantity int64
	keys, targets := g.scanKeys()
	if err := rows.Scan(append(targets, &meter, &quantity)...); err != nil {
		return err
	}
	class, err := parseClass(meter)
	if err != nil {
		return err
	}
	row := index[fmt.Sprintf("%q", keys)]
	if row == nil {
		return fmt.Errorf("tokens of the group %q, which has no records", keys)
	}
	if class.IsToken() {
		row.Tokens += quantity
	}
	return nil
}
