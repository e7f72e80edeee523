package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// defaultPage is how many calls or changes are told without a limit.
const defaultPage = 100

// callsQuestion is GET /api/v1/calls.
type callsQuestion struct {
	Period
	Team    string `query:"team" maxLength:"256" doc:"Only the calls of this team."`
	Outcome string `query:"outcome" enum:"served,cached,refused,cut,failed" doc:"Only calls that ended so."`
	Model   string `query:"model" maxLength:"256" doc:"Only calls that this model answered, by its exact name."`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" doc:"Calls of one page. Default: 100."`
	Cursor  string `query:"cursor" maxLength:"1024" doc:"The next of the page before, added to the same question."`
}

func (s *server) calls(ctx context.Context, who Who, q *callsQuestion) (*CallsAnswer, error) {
	from, to, _, refused := q.read(s.now())
	if refused != nil {
		return nil, refused
	}
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	search := ledger.Search{From: from, To: to, Limit: limitOr(q.Limit) + 1}
	for _, m := range []ledger.Match{{Name: "team", Value: team}, {Name: "outcome", Value: q.Outcome}, {Name: "model", Value: q.Model}} {
		if m.Value != "" {
			search.Where = append(search.Where, m)
		}
	}
	question := digest("calls", q.From, q.To, q.Zone, q.Team, q.Outcome, q.Model)
	if q.Cursor != "" {
		c, refused := readCursor[ledger.Place](q.Cursor, question)
		if refused != nil {
			return nil, refused
		}
		search.From, search.To, search.After = c.From, c.To, c.After
	}
	records, err := s.ledger.List(ctx, search)
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	a := &CallsAnswer{Calls: make([]policy.Record, 0, len(records))}
	if len(records) == search.Limit {
		records = records[:search.Limit-1]
		c := cursor[ledger.Place]{question, search.From, search.To, ledger.PlaceOf(&records[len(records)-1])}
		a.Next = c.String()
	}
	a.Calls = append(a.Calls, records...)
	whole(a.Calls)
	return a, nil
}

func limitOr(given int) int {
	if given == 0 {
		return defaultPage
	}
	return given
}

// callQuestion is GET /api/v1/calls/{id}.
type callQuestion struct {
	ID string `path:"id" doc:"A call id, an x-request-id, a trace id, or the provider's id of the answer."`
}

func (s *server) call(ctx context.Context, who Who, q *callQuestion) (*CallAnswer, error) {
	if len(q.ID) > MaxID {
		return nil, invalid("an id of %d bytes; at most %d", len(q.ID), MaxID)
	}
	matches, err := s.ledger.Find(ctx, q.ID, MaxMatches+1)
	if err != nil {
		return nil, fmt.Errorf("find call: %w", err)
	}
	a := &CallAnswer{Truncated: len(matches) > MaxMatches, Matches: matches[:min(len(matches), MaxMatches)]}
	a.Matches = slices.DeleteFunc(a.Matches, func(r policy.Record) bool { return !who.sees(r.Owner.Value("team")) })
	if len(a.Matches) == 0 {
		return nil, &Error{
			Status: http.StatusNotFound, Code: NotFound,
			Message: fmt.Sprintf("no settled call has %q as its call id, x-request-id, trace id or response id", q.ID),
		}
	}
	whole(a.Matches)
	return a, nil
}

// whole makes absent lists empty lists, which is what JSON readers expect.
func whole(records []policy.Record) {
	for i := range records {
		r := &records[i]
		if r.Owner == nil {
			r.Owner = policy.Owner{}
		}
		if r.Lines == nil {
			r.Lines = []policy.Line{}
		}
	}
}

func callsOperation() operation {
	return operation{
		method: http.MethodGet, path: callsPath, id: "calls", summary: "Records of calls",
		text: "Records of the calls completed in a time, newest first.", least: Viewer,
	}
}

func callOperation() operation {
	return operation{
		method: http.MethodGet, path: callsPath + "/{id}", id: "call", summary: "One call, explained",
		text:  "Every settled record that an id finds, oldest first. Only the call id is Farebox's own: the others may find several calls.",
		least: Viewer, errors: []int{http.StatusNotFound},
	}
}
