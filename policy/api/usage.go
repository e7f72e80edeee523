package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
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

// dearest is where a page of usage ended: rows come in the order of SortRows.
type dearest struct {
	Charged money.Amount `json:"c"`
	Keys    []string     `json:"k"`
}

func (d *dearest) before(r *ledger.Row) bool {
	return cmp.Or(d.Charged.Cmp(r.Charged), slices.Compare(r.Keys, d.Keys)) > 0
}

// asked is a usage question as it was understood.
type asked struct {
	ledger.Query
	zone   *time.Location
	digest string
	after  *dearest // nil: the first page
}

// read completes a question. Its errors are for the asker.
func (q *usageQuestion) read(now time.Time) (a asked, refused *Error) {
	if a.By, refused = readBy(q.By); refused != nil {
		return a, refused
	}
	if a.From, a.To, a.zone, refused = q.Period.read(now); refused != nil {
		return a, refused
	}
	a.digest = digest("usage", q.From, q.To, q.Zone, strings.Join(a.By, ","), q.Team)
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

func (s *server) usage(ctx context.Context, who Who, q *usageQuestion) (*UsageAnswer, error) {
	a, refused := q.read(s.now())
	if refused != nil {
		return nil, refused
	}
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	if team != "" {
		a.Where = []ledger.Match{{Name: "team", Value: team}}
	}
	rows, err := usageIn(ctx, s.ledger, a.Query, a.zone)
	if err != nil {
		return nil, fmt.Errorf("sum usage: %w", err)
	}
	if q.Limit == 0 && len(rows) > MaxRows {
		return nil, tooMany(fmt.Sprintf("%d groups are more than %d without a limit", len(rows), MaxRows))
	}
	return a.answer(rows, q)
}

// answer names what the ledger's rows hold, sums them, and tells one page.
func (a *asked) answer(rows []ledger.Row, q *usageQuestion) (*UsageAnswer, error) {
	u := &UsageAnswer{From: a.From, To: a.To, By: a.By, Rows: []Row{}}
	if a.zone != time.UTC {
		u.Zone, u.From, u.To = q.Zone, a.From.In(a.zone), a.To.In(a.zone)
	}
	u.Total.Tokens = map[tokenizer.Class]int64{}
	var last *ledger.Row
	for i := range rows {
		r := &rows[i]
		if len(r.Keys) != len(a.By) {
			return nil, fmt.Errorf("sum usage: a row has %d keys, want %d", len(r.Keys), len(a.By))
		}
		named := nameRow(a.By, r)
		u.Total.add(&named)
		switch full := q.Limit > 0 && len(u.Rows) == q.Limit; {
		case a.after != nil && !a.after.before(r):
		case !full:
			u.Rows, last = append(u.Rows, named), r
		case u.Next == "":
			c := cursor[dearest]{a.digest, a.From, a.To, dearest{last.Charged, last.Keys}}
			u.Next = c.String()
		}
	}
	return u, nil
}

func nameRow(by []string, r *ledger.Row) Row {
	named := Row{
		Keys:  make(map[string]string, len(by)),
		Calls: r.Calls, Unpriced: r.Unpriced,
		Tokens: map[tokenizer.Class]int64{},
		List:   r.List, Contracted: r.Contracted, Charged: r.Charged,
	}
	for i, name := range by {
		named.Keys[name] = r.Keys[i]
	}
	for c, n := range r.Tokens {
		if n != 0 {
			named.count(tokenizer.Class(c), n)
		}
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
