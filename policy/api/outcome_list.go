package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/farebox/farebox/policy/ledger"
)

// outcomesQuestion is GET /api/v1/outcomes/list.
type outcomesQuestion struct {
	Period
	Team    string `query:"team" maxLength:"256" doc:"Only on calls and interactions of this team."`
	Success string `query:"success" enum:"true,false" doc:"Only what did its job, or only what did not."`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" doc:"Outcomes of one page. Default: 100."`
	Cursor  string `query:"cursor" maxLength:"6000" doc:"The next of the page before, added to the same question."`
}

var findings = map[string]ledger.Finding{"": ledger.AnyFinding, "true": ledger.Successes, "false": ledger.Failures}

func (s *server) outcomes(ctx context.Context, who Who, q *outcomesQuestion) (*OutcomesAnswer, error) {
	from, to, _, refused := q.read(s.now())
	if refused != nil {
		return nil, refused
	}
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	hearing := ledger.Hearing{From: from, To: to, Team: team, Only: findings[q.Success], Limit: limitOr(q.Limit) + 1}
	question := digest("outcomes", q.From, q.To, q.Zone, q.Team, q.Success)
	if q.Cursor != "" {
		c, refused := readCursor[ledger.Said](q.Cursor, question)
		if refused != nil {
			return nil, refused
		}
		hearing.From, hearing.To, hearing.After = c.From, c.To, c.After
	}
	verdicts, err := s.ledger.Verdicts(ctx, hearing)
	if err != nil {
		return nil, fmt.Errorf("list outcomes: %w", err)
	}
	a := &OutcomesAnswer{Outcomes: []OutcomeAnswer{}}
	if len(verdicts) == hearing.Limit {
		verdicts = verdicts[:hearing.Limit-1]
		c := cursor[ledger.Said]{question, hearing.From, hearing.To, ledger.SaidOf(&verdicts[len(verdicts)-1])}
		a.Next = c.String()
	}
	for i := range verdicts {
		a.Outcomes = append(a.Outcomes, *outcomeAnswer(&verdicts[i]))
	}
	return a, nil
}

func outcomesOperation() operation {
	return operation{
		method: http.MethodGet, path: outcomeListPath, id: "outcomes", summary: "How calls turned out",
		text: "The last word on each call and interaction of which someone has said how it turned out, newest first.", least: Viewer,
	}
}
