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
// To). Its defaults are those of a Query.
type InteractionsQuery struct {
	From, To time.Time
	By       []string // owner attributes and ledger.Dimensions of the last calls, at most MaxBy
	Team     string   // only its interactions; empty: all that may be seen
}

// InteractionsAnswer is what the question was taken to mean, and its sums.
type InteractionsAnswer struct {
	From  time.Time         `json:"from"`
	To    time.Time         `json:"to"`
	By    []string          `json:"by"`
	Rows  []InteractionsRow `json:"rows" doc:"The dearest first."`
	Total InteractionsRow   `json:"total"`
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

// interactionsQuestion is GET /api/v1/interactions.
type interactionsQuestion struct {
	From string   `query:"from" doc:"A date, which begins at midnight in UTC, or an RFC 3339 time; included. Default: the start of this month."`
	To   string   `query:"to" doc:"The same; not included. Default: now."`
	By   []string `query:"by" doc:"Names to sum by, at most 6: what the last calls have of owner attributes, model, provider, dialect, operation, outcome, source, purpose, day, hour (in UTC). Default: team."`
	Team string   `query:"team" maxLength:"256" doc:"Only the interactions of this team."`
}

func (s *server) interactions(ctx context.Context, who Who, q *interactionsQuestion) (*InteractionsAnswer, error) {
	var a ledger.Query
	var refused *Error
	if a.By, refused = readBy(q.By); refused != nil {
		return nil, refused
	}
	period := Period{From: q.From, To: q.To}
	if a.From, a.To, _, refused = period.read(s.now()); refused != nil {
		return nil, refused
	}
	if refused = checkHours(&a); refused != nil {
		return nil, refused
	}
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	if team != "" {
		a.Where = []ledger.Match{{Name: "team", Value: team}}
	}
	rows, err := s.ledger.Interactions(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("sum interactions: %w", err)
	}
	if len(rows) > MaxRows {
		return nil, tooMany(fmt.Sprintf("%d groups are more than %d", len(rows), MaxRows))
	}
	return interactionsAnswer(&a, rows)
}

// checkHours refuses to show a long time by the hour.
func checkHours(a *ledger.Query) *Error {
	if a.To.Sub(a.From) > MaxHourly && slices.Contains(a.By, "hour") {
		return invalid("from %s to %s is more than %d days, too many to show by the hour",
			a.From.Format(time.RFC3339), a.To.Format(time.RFC3339), MaxHourly/(24*time.Hour))
	}
	return nil
}

func interactionsAnswer(q *ledger.Query, rows []ledger.Interactions) (*InteractionsAnswer, error) {
	a := &InteractionsAnswer{From: q.From, To: q.To, By: q.By, Rows: make([]InteractionsRow, len(rows))}
	for i := range rows {
		r := &rows[i]
		if len(r.Keys) != len(q.By) {
			return nil, fmt.Errorf("sum interactions: a row has %d keys, want %d", len(r.Keys), len(q.By))
		}
		named := InteractionsRow{
			Keys: make(map[string]string, len(q.By)), Interactions: r.Interactions, Successful: r.Successful,
			Calls: r.Calls, Unpriced: r.Unpriced, Input: r.Input, Output: r.Output, Charged: r.Charged,
		}
		for j, name := range q.By {
			named.Keys[name] = r.Keys[j]
		}
		a.Total.add(&named)
		named.derive()
		a.Rows[i] = named
	}
	a.Total.derive()
	return a, nil
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
			"unless an outcome says otherwise; its tokens and cost are those of all its calls.",
		least: Viewer, errors: []int{http.StatusUnprocessableEntity},
	}
}
