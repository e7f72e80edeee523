package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/farebox/farebox/policy/ledger"
)

// verdictsSQL reads outcomes_at from its end. A call is its team's, which any of
// its records tells.
const verdictsSQL = `SELECT call, team, interaction, success, reason, at, actor FROM outcomes o
	WHERE at >= ?1 AND at < ?2 AND (at, call, team, interaction) < (?3, ?4, ?5, ?6) AND (?7 < 0 OR success = ?7)
		AND (?8 = '' OR ?8 = CASE WHEN o.call = x'' THEN o.team ELSE
			coalesce((SELECT json_extract(r.owner, '$.team') FROM records r WHERE r.call = o.call LIMIT 1), '') END)
	ORDER BY at DESC, call DESC, team DESC, interaction DESC LIMIT ?9`

// Verdicts returns the last verdicts that h asks for, newest first.
func (s *Store) Verdicts(ctx context.Context, h ledger.Hearing) ([]ledger.Verdict, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	after := int64(math.MaxInt64)
	if !h.After.Zero() {
		after = micros(h.After.At)
	}
	only := int64(-1)
	if h.Only != ledger.AnyFinding {
		only = truth(h.Only == ledger.Successes)
	}
	rows, err := s.read.QueryContext(ctx, verdictsSQL, ceilMicros(h.From), ceilMicros(h.To),
		after, callBytes(h.After.On.Call), h.After.On.Team, h.After.On.Interaction, only, h.Team, h.Limit)
	if err != nil {
		return nil, fmt.Errorf("read verdicts of %s: %w", s.path, explain(err))
	}
	all, err := collect(rows, scanVerdict)
	if err != nil {
		return nil, fmt.Errorf("read verdicts of %s: %w", s.path, explain(err))
	}
	return all, nil
}

func scanVerdict(rows *sql.Rows) (v ledger.Verdict, err error) {
	var call sql.RawBytes
	var at int64
	if err := rows.Scan(&call, &v.Team, &v.Interaction, &v.Success, &v.Reason, &at, &v.By); err != nil {
		return v, err
	}
	if n := copy(v.Call[:], call); n != 0 && n != len(v.Call) {
		return v, fmt.Errorf("call id %x has %d bytes", call, n)
	}
	v.At = instant(at)
	return v, nil
}
