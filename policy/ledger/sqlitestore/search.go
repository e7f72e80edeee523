package sqlitestore

import (
	"context"
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// conditions is a Where in SQL, whose arguments follow those there are.
func conditions(where []ledger.Match, args []any) (string, []any) {
	text := ""
	for _, m := range where {
		expression := dimensions[m.Name]
		if expression == "" {
			args = append(args, `$."`+m.Name+`"`) // Check let no quote through
			expression = fmt.Sprintf("coalesce(json_extract(r.owner, ?%d), '')", len(args))
		}
		args = append(args, m.Value)
		text += fmt.Sprintf(" AND %s = ?%d", expression, len(args))
	}
	return text, args
}

// List returns the records that q asks for, newest first.
func (s *Store) List(ctx context.Context, q ledger.Search) ([]policy.Record, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	records, err := s.list(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list records in %s: %w", s.path, explain(err))
	}
	return records, nil
}

func (s *Store) list(ctx context.Context, q ledger.Search) ([]policy.Record, error) {
	where, args := conditions(q.Where, []any{ceilMicros(q.From), ceilMicros(q.To)})
	if !q.After.Zero() {
		args = append(args, micros(q.After.Completed), q.After.Call[:], attemptColumn(q.After.Revision, q.After.Attempt))
		n := len(args)
		// The first condition is implied by the second, and is what the index takes.
		where += fmt.Sprintf(" AND r.completed <= ?%d AND (r.completed, r.call, r.attempt) < (?%d, ?%d, ?%d)", n-2, n-2, n-1, n)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+readColumns+` FROM records r WHERE r.completed >= ?1 AND r.completed < ?2`+where+
		fmt.Sprintf(` ORDER BY r.completed DESC, r.call DESC, r.attempt DESC LIMIT %d`, q.Limit), args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanRecord)
}
