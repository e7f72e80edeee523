package api

import (
	"context"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// InteractionsQuery asks for interactions whose last call was completed in [From,
// To). Its defaults are those of a Query, and so are its pages.
type InteractionsQuery struct {
	From, To time.Time
	By       []string // owner attributes and ledger.Dimensions of the last calls, at most MaxBy
	Zone     string   // of the tz database: whose days and hours; empty: UTC
	Team     string   // only its interactions; empty: all that may be seen
	Limit    int      // rows of one page; 0: all, of which there must be no more than MaxRows
	Cursor   string   // InteractionsAnswer.Next of the page before, to the same question
}

// InteractionsAnswer is what the question was taken to mean, and its sums.
type InteractionsAnswer struct {
	From  time.Time         `json:"from"`
	To    time.Time         `json:"to"`
	Zone  string            `json:"tz,omitempty" doc:"Whose days and hours these are; absent: UTC."`
	By    []string          `json:"by"`
	Rows  []InteractionsRow `json:"rows" doc:"The dearest first."`
	Total InteractionsRow   `json:"total" doc:"Of all pages."`
	Next  string            `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

// InteractionsRow is one group: how many interactions there were, and what all
// their calls took. The two figures per success are null when none succeeded.
type InteractionsRow struct {
	Keys             map[string]string `json:"keys,omitempty" doc:"By name; an empty value is what a last call does not have."`
	Interactions     int64             `json:"interactions"`
	Successful       int64             `json:"successful" doc:"Interactions whose last call came complete, with no error, filter or truncation, or that were judged a success."`
	Calls            int64             `json:"calls" doc:"All that the interactions are made of, failed attempts and retries too."`
	Unpriced         int64             `json:"unpriced_calls" doc:"Calls of which at least one line has no price; their cost is in no sum."`
	Input            int64             `json:"input_tokens" doc:"Of all calls."`
	Output           int64             `json:"output_tokens" doc:"Of all calls."`
	Charged          money.Amount      `json:"charged_usd" doc:"For all calls."`
	TokensPerSuccess *string           `json:"tokens_per_success" doc:"Tokens of all calls for each successful interaction, with 3 decimals; null: none succeeded."`
	USDPerSuccess    *money.Amount     `json:"usd_per_success" doc:"Charged for all calls for each successful interaction, rounded half up to a billionth; null: none succeeded."`
}

// interactionsQuestion is GET /api/v1/interactions: a usage question in other words.
type interactionsQuestion struct {
	Period
	By     []string `query:"by" doc:"Names to sum by, at most 6: what the last calls have of owner attributes, model, provider, dialect, operation, outcome, source, purpose, day, hour. Default: team."`
	Team   string   `query:"team" maxLength:"256" doc:"Only the interactions of this team."`
	Limit  int      `query:"limit" minimum:"1" maximum:"20000" doc:"Rows of one page. Default: all, of which there may be 20000."`
	Cursor string   `query:"cursor" maxLength:"12000" doc:"The next of the page before, added to the same question."`
}

func (s *server) interactions(ctx context.Context, who Who, q *interactionsQuestion) (*InteractionsAnswer, error) {
	a, refused := (*usageQuestion)(q).read("interactions", s.now())
	if refused != nil {
		return nil, refused
	}
	if err := a.of(who, q.Team); err != nil {
		return nil, err
	}
	rows, err := interactionGroups(s.ledger).in(ctx, a.Query, a.zone)
	if err != nil {
		return nil, fmt.Errorf("sum interactions: %w", err)
	}
	if q.Limit == 0 && len(rows) > MaxRows {
		return nil, tooMany(fmt.Sprintf("%d groups are more than %d without a limit", len(rows), MaxRows))
	}
	return a.interactions(rows, q), nil
}

// checkHours refuses to show a long time by the hour.
func checkHours(a *ledger.Query) *Error {
	if a.To.Sub(a.From) > MaxHourly && slices.Contains(a.By, "hour") {
		return invalid("from %s to %s is more than %d days, too many to show by the hour",
			a.From.Format(time.RFC3339), a.To.Format(time.RFC3339), MaxHourly/(24*time.Hour))
	}
	return nil
}

// interactions names what the ledger's rows hold, sums them, and tells one page.
func (a *asked) interactions(rows []ledger.Interactions, q *interactionsQuestion) *InteractionsAnswer {
	all := &InteractionsAnswer{From: a.From, To: a.To, By: a.By, Rows: []InteractionsRow{}}
	if a.zone != time.UTC {
		all.Zone, all.From, all.To = q.Zone, a.From.In(a.zone), a.To.In(a.zone)
	}
	p := page{of: a, limit: q.Limit}
	for i := range rows {
		r := &rows[i]
		named := InteractionsRow{
			Keys: nameKeys(a.By, r.Keys), Interactions: r.Interactions, Successful: r.Successful,
			Calls: r.Calls, Unpriced: r.Unpriced, Input: r.Input, Output: r.Output, Charged: r.Charged,
		}
		all.Total.add(&named)
		if p.tells(r.Charged, r.Keys) {
			named.derive()
			all.Rows = append(all.Rows, named)
		}
	}
	all.Total.derive()
	all.Next = p.next
	return all
}

// add sums r into t. Sums of tokens and calls stay far from the ends of int64.
func (t *InteractionsRow) add(r *InteractionsRow) {
	t.Interactions += r.Interactions
	t.Successful += r.Successful
	t.Calls += r.Calls
	t.Unpriced += r.Unpriced
	t.Input += r.Input
	t.Output += r.Output
	t.Charged = t.Charged.Add(r.Charged)
}

// derive sets what each success took.
func (t *InteractionsRow) derive() {
	if t.Successful < 1 {
		return
	}
	tokens, usd := thousandths(t.Input, t.Output, t.Successful), t.Charged.Per(t.Successful).Amount()
	t.TokensPerSuccess, t.USDPerSuccess = &tokens, &usd
}

// thousandths is (a + b) / n with three decimals, rounded half up. None is below
// zero, and n is not zero.
func thousandths(a, b, n int64) string {
	sum := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
	twice := sum.Mul(sum, big.NewInt(2000)) // halves of thousandths
	d := big.NewInt(n)
	text := twice.Quo(twice.Add(twice, d), d.Lsh(d, 1)).String()
	if short := 4 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	return text[:len(text)-3] + "." + text[len(text)-3:]
}

func interactionsOperation() operation {
	return operation{
		method: http.MethodGet, path: interactionsPath, id: "interactions", summary: "What served people, and all that it took",
		text: "Interactions whose last call was completed in a time, the dearest group first. Calls of a team with the same interaction attribute, " +
			"else the same trace id, else the same request id, are one. It belongs to the owner and the time of its last call, and succeeds as that did " +
			"unless an outcome says otherwise; its tokens and cost are those of all its calls. Days and hours are those of tz.",
		least: Viewer, errors: []int{http.StatusUnprocessableEntity},
	}
}
