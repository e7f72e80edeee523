package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/tokenizer"
)

// usageQuestion is GET /api/v1/usage.
type usageQuestion struct {
	Period
	By     []string `query:"by" doc:"Names to sum by, at most 6: owner attributes, model, provider, dialect, operation, outcome, source, purpose, day, hour. Default: team."`
	Team   string   `query:"team" maxLength:"256" doc:"Only the calls of this team."`
	Limit  int      `query:"limit" minimum:"1" maximum:"20000" doc:"Rows of one page. Default: all, of which there may be 20000."`
	Cursor string   `query:"cursor" maxLength:"12000" doc:"The next of the page before, added to the same question."`
}

// asked is a question about sums as it was understood.
type asked struct {
	ledger.Query
	zone   *time.Location
	digest string
	after  *dearest // nil: the first page
}

// read completes a question of a kind. Its errors are for the asker.
func (q *usageQuestion) read(kind string, now time.Time) (a asked, refused *Error) {
	if a.By, refused = readBy(q.By); refused != nil {
		return a, refused
	}
	if a.From, a.To, a.zone, refused = q.Period.read(now); refused != nil {
		return a, refused
	}
	a.digest = digest(kind, q.From, q.To, q.Zone, strings.Join(a.By, ","), q.Team)
	if q.Cursor != "" {
		c, refused := readCursor[dearest](q.Cursor, a.digest)
		if refused != nil {
			return a, refused
		}
		if len(c.After.Keys) != len(a.By) {
			return a, invalid("cursor: it is not one that an answer gave")
		}
		a.From, a.To, a.after = c.From, c.To, &c.After
	}
	return a, checkHours(&a.Query)
}

// of leaves out what who may not see.
func (a *asked) of(who Who, team string) error {
	team, err := who.scope(team)
	if team != "" {
		a.Where = []ledger.Match{{Name: "team", Value: team}}
	}
	return err
}

func (s *server) usage(ctx context.Context, who Who, q *usageQuestion) (*UsageAnswer, error) {
	a, refused := q.read("usage", s.now())
	if refused != nil {
		return nil, refused
	}
	if err := a.of(who, q.Team); err != nil {
		return nil, err
	}
	rows, err := usageGroups(s.ledger).in(ctx, a.Query, a.zone)
	if err != nil {
		return nil, fmt.Errorf("sum usage: %w", err)
	}
	if q.Limit == 0 && len(rows) > MaxRows {
		return nil, tooMany(fmt.Sprintf("%d groups are more than %d without a limit", len(rows), MaxRows))
	}
	return a.usage(rows, q), nil
}

// usage names what the ledger's rows hold, sums them, and tells one page.
func (a *asked) usage(rows []ledger.Row, q *usageQuestion) *UsageAnswer {
	u := &UsageAnswer{From: a.From, To: a.To, By: a.By, Rows: []Row{}}
	if a.zone != time.UTC {
		u.Zone, u.From, u.To = q.Zone, a.From.In(a.zone), a.To.In(a.zone)
	}
	u.Total.Tokens = map[tokenizer.Class]int64{}
	p := page{of: a, limit: q.Limit}
	for i := range rows {
		named := nameRow(a.By, &rows[i])
		u.Total.add(&named)
		if p.tells(rows[i].Charged, rows[i].Keys) {
			u.Rows = append(u.Rows, named)
		}
	}
	u.Next = p.next
	return u
}

func nameRow(by []string, r *ledger.Row) Row {
	named := Row{
		Keys:  nameKeys(by, r.Keys),
		Calls: r.Calls, Unpriced: r.Unpriced,
		Tokens: map[tokenizer.Class]int64{},
		List:   r.List, Contracted: r.Contracted, Charged: r.Charged,
	}
	for c, n := range r.Tokens {
		if n != 0 {
			named.count(tokenizer.Class(c), n)
		}
	}
	return named
}

func nameKeys(by, keys []string) map[string]string {
	named := make(map[string]string, len(by))
	for i, name := range by {
		named[name] = keys[i]
	}
	return named
}

// add sums r into t. Sums of tokens and calls stay far from the ends of int64.
func (t *Row) add(r *Row) {
	t.Calls += r.Calls
	t.Unpriced += r.Unpriced
	for _, meters := range []map[tokenizer.Class]int64{r.Tokens, r.Units} {
		for c, n := range meters {
			t.count(c, n)
		}
	}
	t.List = t.List.Add(r.List)
	t.Contracted = t.Contracted.Add(r.Contracted)
	t.Charged = t.Charged.Add(r.Charged)
}

func usageOperation() operation {
	return operation{
		method: http.MethodGet, path: usagePath, id: "usage", summary: "Sums of settled calls",
		text:  "Calls, tokens and cost of the calls completed in a time, the dearest group first. Days and hours are those of tz.",
		least: Viewer, errors: []int{http.StatusUnprocessableEntity},
	}
}
