package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// counted is what the column multipliers counts of a record, by name.
func counted(m *ledger.Multipliers) [7]*int64 {
	return [...]*int64{&m.Bytes.System, &m.Bytes.History, &m.Bytes.Last, &m.Bytes.Tools, &m.Bytes.Media, &m.Embedded, &m.Repeated}
}

var countedNames = [...]string{"system", "history", "last", "tools", "media", "embedded", "repeated"}

// paid is what it says of money, each as micro- and pico-USD.
func paid(m *ledger.Multipliers) [6]*money.Amount {
	return [...]*money.Amount{&m.Input.System, &m.Input.History, &m.Input.Last, &m.Input.Tools, &m.Input.Media, &m.RepeatedInput}
}

var paidNames = [...][2]string{
	{"system_micro", "system_pico"}, {"history_micro", "history_pico"}, {"last_micro", "last_pico"},
	{"tools_micro", "tools_pico"}, {"media_micro", "media_pico"}, {"repeated_micro", "repeated_pico"},
}

// appendMultipliers appends the JSON object of what of a record is not zero. A
// correction counts nothing again.
func appendMultipliers(out []byte, r *policy.Record) []byte {
	m := ledger.Multipliers{Input: ledger.InputCostOf(r)}
	m.RepeatedInput = ledger.RepeatedCost(r, m.Input)
	if r.Revision == 0 {
		m.Bytes, m.Embedded, m.Repeated = r.Shares, int64(r.Inputs), int64(r.Repeated)
	}
	o := object{out: append(out, '{')}
	for i, n := range counted(&m) {
		o.number(countedNames[i], *n)
	}
	for i, amount := range paid(&m) {
		o.number(paidNames[i][0], amount.Micro)
		o.number(paidNames[i][1], amount.Pico)
	}
	return append(o.out, '}')
}

// isRetry is of a record, or of the first record of the attempt that it corrects.
const isRetry = `(CASE WHEN r.` + isCall + ` THEN r.purpose
	ELSE (SELECT f.purpose FROM records f WHERE f.call = r.call AND f.attempt = r.attempt & 4294967295) END IS '` + policy.Retry + `')`

const isFailure = `r.outcome IN ('` + policy.Failed + `', '` + policy.CutOff + `')`

// multipliers counts the records of each group, and sums their money.
func (g *grouping) multipliers() string {
	columns := `sum(r.` + isCall + `), sum(r.unpriced), sum(r.` + isCall + ` AND ` + isRetry + `), sum(r.` + isCall + ` AND ` + isFailure + `), `
	for _, which := range []string{"1", isRetry, isFailure} {
		columns += fmt.Sprintf(halves+`sum(%[2]s), `, `(CASE WHEN `+which+` THEN r.charged_micro ELSE 0 END)`, `CASE WHEN `+which+` THEN r.charged_pico ELSE 0 END`)
	}
	return `SELECT ` + g.keys + strings.TrimSuffix(columns, ", ") +
		` FROM records r WHERE r.completed >= ?1 AND r.completed < ?2` + g.where + ` ` + g.by +
		fmt.Sprintf(` HAVING count(*) > 0 LIMIT %d`, g.most+1)
}

// Multipliers sums records. Both of its statements see one state of the ledger.
func (s *Store) Multipliers(ctx context.Context, q ledger.Query) ([]ledger.Multipliers, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	g := groupingOf(q, s.maxRows)
	all, err := sumTwice(ctx, s.read, g.most, twoSums[ledger.Multipliers]{
		counts: g.multipliers(), scan: g.scanMultipliers, keys: func(m *ledger.Multipliers) []string { return m.Keys },
		quantities: g.summed("r.multipliers"), add: g.scanMultiplied, args: g.args,
	})
	if err != nil {
		return nil, fmt.Errorf("query multipliers in %s: %w", s.path, explain(err))
	}
	ledger.SortMultipliers(all)
	return all, nil
}

func (g *grouping) scanMultipliers(rows *sql.Rows) (m ledger.Multipliers, err error) {
	var charged, retried, failed sum
	keys, targets := g.scanKeys()
	targets = append(targets, &m.Calls, &m.Unpriced, &m.Retries, &m.Failures)
	for _, s := range []*sum{&charged, &retried, &failed} {
		targets = append(targets, &s.high, &s.low, &s.pico)
	}
	err = rows.Scan(targets...)
	m.Keys, m.Charged, m.Retried, m.Failed = keys, charged.amount(), retried.amount(), failed.amount()
	return m, err
}

func (g *grouping) scanMultiplied(rows *sql.Rows, index map[string]*ledger.Multipliers) error {
	var name string
	var n sum
	keys, targets := g.scanKeys()
	if err := rows.Scan(append(targets, &name, &n.high, &n.low)...); err != nil {
		return err
	}
	m := index[fmt.Sprintf("%q", keys)]
	if m == nil {
		return fmt.Errorf("multipliers of the group %q, which has no records", keys)
	}
	for i, into := range counted(m) {
		if name == countedNames[i] {
			*into = n.whole()
		}
	}
	for i, into := range paid(m) {
		switch name {
		case paidNames[i][0]:
			*into = money.FromParts(n.whole(), 0).Add(*into)
		case paidNames[i][1]:
			*into = money.FromParts(0, n.whole()).Add(*into)
		}
	}
	return nil
}
