package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/farebox/farebox/policy/ledger"
)

// auditQuestion is GET /api/v1/audit.
type auditQuestion struct {
	Period
	Actor  string `query:"actor" maxLength:"256" doc:"Only what this one changed."`
	Action string `query:"action" maxLength:"64" doc:"Only this kind of change." example:"outcome.set"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" doc:"Changes of one page. Default: 100."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next of the page before, added to the same question."`
}

func (s *server) audit(ctx context.Context, _ Who, q *auditQuestion) (*AuditAnswer, error) {
	from, to, _, refused := q.read(s.now())
	if refused != nil {
		return nil, refused
	}
	review := ledger.Review{From: from, To: to, Actor: q.Actor, Action: q.Action, Limit: limitOr(q.Limit) + 1}
	question := digest("audit", q.From, q.To, q.Zone, q.Actor, q.Action)
	if q.Cursor != "" {
		c, refused := readCursor[int64](q.Cursor, question)
		if refused != nil {
			return nil, refused
		}
		review.From, review.To, review.Below = c.From, c.To, c.After
	}
	changes, err := s.ledger.Audit(ctx, review)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	a := &AuditAnswer{Changes: []Change{}}
	if len(changes) == review.Limit {
		changes = changes[:review.Limit-1]
		c := cursor[int64]{question, review.From, review.To, changes[len(changes)-1].Number}
		a.Next = c.String()
	}
	for _, c := range changes {
		a.Changes = append(a.Changes, Change(c))
	}
	return a, nil
}

func auditOperation() operation {
	return operation{
		method: http.MethodGet, path: auditPath, id: "audit", summary: "Who changed what",
		text: "Every change that was made through this API, newest first. Entries are never changed or removed.", least: Finance,
	}
}
