package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy/ledger"
)

// teamOfR is the team of the record r.
const teamOfR = `coalesce(json_extract(r.owner, '$.team'), '')`

// calls are those of all interactions that have one in the range ?1 to ?2,
// wherever they are, each with the last of its interaction. Ids find them, and
// for records that may not be there yet, a look at each; of what hashes alike, or
// has the name as another id, only calls of such interactions are left.
const calls = `WITH
	touched AS MATERIALIZED (SELECT DISTINCT part FROM records WHERE completed >= ?1 AND completed < ?2 AND part <> 0),
	members AS MATERIALIZED (
		SELECT i.record AS id FROM touched t CROSS JOIN ids i ON i.hash = t.part
		UNION SELECT id FROM records WHERE id > (SELECT upto FROM indexed) AND part IN touched),
	calls AS MATERIALIZED (
		SELECT r.id, first_value(r.id) OVER (PARTITION BY ` + teamOfR + `, r.interaction ORDER BY r.completed DESC, r.` + isCorrection + `, r.call DESC, r.attempt DESC) AS last
		FROM members m CROSS JOIN records r ON r.id = m.id WHERE r.part IN touched)
	`

// lastCalls joins the last calls of interactions, r, and all their calls, a.
const lastCalls = ` FROM calls c CROSS JOIN records r ON r.id = c.last CROSS JOIN records a ON a.id = c.id`

// inRange is of the last calls.
const inRange = ` WHERE r.completed >= ?1 AND r.completed < ?2`

// judged is the success of the interaction whose last call is r: the later of the
// verdicts on the two, else that of the call.
const judged = `coalesce((SELECT success FROM (
	SELECT success, at, 0 AS whole FROM outcomes WHERE call = r.call AND team = '' AND interaction = ''
	UNION ALL SELECT success, at, 1 FROM outcomes WHERE call = x'' AND team = ` + teamOfR + ` AND interaction = r.interaction)
	ORDER BY at DESC, whole DESC LIMIT 1), r.success)`

// interactions counts those of each group and their calls, and sums their money.
func (g *grouping) interactions() string {
	columns := `sum(a.id = r.id), sum(CASE WHEN a.id = r.id THEN ` + judged + ` ELSE 0 END), sum(a.` + isCall + `), sum(a.unpriced), ` +
		fmt.Sprintf(halves, "a.charged_micro") + `sum(a.charged_pico)`
	return calls + `SELECT ` + g.keys + columns + lastCalls + inRange + g.where + ` ` + g.by + fmt.Sprintf(` HAVING count(*) > 0 LIMIT %d`, g.most+1)
}

// interactionQuantities sums those of each group by meter.
func (g *grouping) interactionQuantities() string {
	by := fmt.Sprintf("GROUP BY %d", g.names+1)
	if g.by != "" {
		by = fmt.Sprintf("%s, %d", g.by, g.names+1)
	}
	return calls + `SELECT ` + g.keys + `q.key, ` + strings.TrimSuffix(fmt.Sprintf(halves, "q.value"), ", ") +
		lastCalls + `, json_each(a.quantities) q` + inRange + g.where + ` ` + by
}

// Interactions sums interactions. Both of its statements see one state of the
// ledger.
func (s *Store) Interactions(ctx context.Context, q ledger.Query) ([]ledger.Interactions, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	all, err := s.interactions(ctx, groupingOf(q, s.maxRows))
	if err != nil {
		return nil, fmt.Errorf("query interactions in %s: %w", s.path, explain(err))
	}
	ledger.SortInteractions(all)
	return all, nil
}

func (s *Store) interactions(ctx context.Context, g grouping) ([]ledger.Interactions, error) {
	return sumTwice(ctx, s.read, g.most, twoSums[ledger.Interactions]{
		counts: g.interactions(), scan: g.scanInteractions, keys: func(i *ledger.Interactions) []string { return i.Keys },
		quantities: g.interactionQuantities(), add: g.scanTheirQuantity, args: g.args,
	})
}

func (g *grouping) scanInteractions(rows *sql.Rows) (i ledger.Interactions, err error) {
	var charged sum
	keys, targets := g.scanKeys()
	err = rows.Scan(append(targets, &i.Interactions, &i.Successful, &i.Calls, &i.Unpriced, &charged.high, &charged.low, &charged.pico)...)
	i.Keys, i.Charged = keys, charged.amount()
	return i, err
}

func (g *grouping) scanTheirQuantity(rows *sql.Rows, index map[string]*ledger.Interactions) error {
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
	i := index[fmt.Sprintf("%q", keys)]
	if i == nil {
		return fmt.Errorf("quantities of the group %q, which has no interactions", keys)
	}
	i.AddTokens(class, quantity.whole())
	return nil
}
