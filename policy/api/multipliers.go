package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// MultipliersQuery asks what multiplied the cost of the calls completed in [From,
// To). Its defaults are those of a Query, and so are its pages.
type MultipliersQuery struct {
	From, To time.Time
	By       []string // owner attributes and ledger.Dimensions, at most MaxBy
	Zone     string   // of the tz database: whose days and hours; empty: UTC
	Team     string   // only its calls; empty: all that may be seen
	Limit    int      // rows of one page; 0: all, of which there must be no more than MaxRows
	Cursor   string   // MultipliersAnswer.Next of the page before, to the same question
}

// MultipliersAnswer is what the question was taken to mean, and its sums.
type MultipliersAnswer struct {
	From  time.Time        `json:"from"`
	To    time.Time        `json:"to"`
	Zone  string           `json:"tz,omitempty" doc:"Whose days and hours these are; absent: UTC."`
	By    []string         `json:"by"`
	Rows  []MultipliersRow `json:"rows" doc:"The dearest first."`
	Total MultipliersRow   `json:"total" doc:"Of all pages."`
	Next  string           `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

// MultipliersRow is one group: what its calls cost, and how much of that for what
// was sent along with each or done again. The five parts of the input add up to it.
type MultipliersRow struct {
	Keys     map[string]string `json:"keys,omitempty" doc:"By name; an empty value is what a call does not have."`
	Calls    int64             `json:"calls"`
	Unpriced int64             `json:"unpriced_calls" doc:"Of which at least one line has no price; their cost is in no sum."`
	Charged  money.Amount      `json:"charged_usd" doc:"What the owner is charged."`

	Retries       int64        `json:"retries" doc:"Calls that were made again: as the client says, or by the same body after a failure."`
	Retried       money.Amount `json:"retries_usd" doc:"Charged for them."`
	Failures      int64        `json:"failed_attempts" doc:"Calls that failed or were cut. A retry may be one too."`
	Failed        money.Amount `json:"failed_attempts_usd" doc:"Charged for them."`
	Embedded      int64        `json:"embedded_inputs" doc:"Inputs of embedding calls, of each call at most 2048."`
	Repeated      int64        `json:"repeated_inputs" doc:"Of them, what the same team had embedded by the same model less than a day before, or earlier in the same call."`
	RepeatedInput money.Amount `json:"repeated_inputs_usd" doc:"The part of the cost of input that they are of their calls' inputs."`

	Bytes   Bytes        `json:"bytes" doc:"What was sent, whether it is priced or not."`
	Input   money.Amount `json:"input_usd" doc:"Charged for input: the sum of the five that follow."`
	System  money.Amount `json:"system_usd" doc:"For system prompts: by the bytes that they are of the text of each call."`
	History money.Amount `json:"history_usd" doc:"For earlier turns of conversations, likewise."`
	Last    money.Amount `json:"last_usd" doc:"For what was new in each call, and all that cannot be told apart."`
	Tools   money.Amount `json:"tools_usd" doc:"For descriptions of tools, and input that hosted tools added."`
	Media   money.Amount `json:"media_usd" doc:"For sound, pictures, films and documents that the provider counts apart."`
}

// Bytes are those of the requests' text, as it was sent.
type Bytes struct {
	System  int64 `json:"system"`
	History int64 `json:"history"`
	Last    int64 `json:"last"`
	Tools   int64 `json:"tools"`
	Media   int64 `json:"media" doc:"Encoded, where it is part of the request."`
}

// Text is all but media.
func (b Bytes) Text() int64 { return b.System + b.History + b.Last + b.Tools }

// multipliersQuestion is GET /api/v1/multipliers: a usage question in other words.
type multipliersQuestion usageQuestion

func (s *server) multipliers(ctx context.Context, who Who, q *multipliersQuestion) (*MultipliersAnswer, error) {
	a, refused := (*usageQuestion)(q).read("multipliers", s.now())
	if refused != nil {
		return nil, refused
	}
	if err := a.of(who, q.Team); err != nil {
		return nil, err
	}
	rows, err := multiplierGroups(s.ledger).in(ctx, a.Query, a.zone)
	if err != nil {
		return nil, fmt.Errorf("sum multipliers: %w", err)
	}
	if q.Limit == 0 && len(rows) > MaxRows {
		return nil, tooMany(fmt.Sprintf("%d groups are more than %d without a limit", len(rows), MaxRows))
	}
	return a.multipliers(rows, q), nil
}

// multipliers names what the ledger's rows hold, sums them, and tells one page.
func (a *asked) multipliers(rows []ledger.Multipliers, q *multipliersQuestion) *MultipliersAnswer {
	all := &MultipliersAnswer{From: a.From, To: a.To, By: a.By, Rows: []MultipliersRow{}}
	if a.zone != time.UTC {
		all.Zone, all.From, all.To = q.Zone, a.From.In(a.zone), a.To.In(a.zone)
	}
	var total ledger.Multipliers
	p := page{of: a, limit: q.Limit}
	for i := range rows {
		total.Add(&rows[i])
		if p.tells(rows[i].Charged, rows[i].Keys) {
			row := multipliersRow(&rows[i])
			row.Keys = nameKeys(a.By, rows[i].Keys)
			all.Rows = append(all.Rows, row)
		}
	}
	all.Total, all.Next = multipliersRow(&total), p.next
	return all
}

func multipliersRow(m *ledger.Multipliers) MultipliersRow {
	return MultipliersRow{
		Calls: m.Calls, Unpriced: m.Unpriced, Charged: m.Charged,
		Retries: m.Retries, Retried: m.Retried, Failures: m.Failures, Failed: m.Failed,
		Embedded: m.Embedded, Repeated: m.Repeated, RepeatedInput: m.RepeatedInput,
		Bytes: Bytes(m.Bytes), Input: m.Input.Total(),
		System: m.Input.System, History: m.Input.History, Last: m.Input.Last, Tools: m.Input.Tools, Media: m.Input.Media,
	}
}

func multipliersOperation() operation {
	return operation{
		method: http.MethodGet, path: multipliersPath, id: "multipliers", summary: "What multiplies the cost of calls unseen",
		text: "What was charged, of the calls completed in a time, for system prompts, conversation history and descriptions of tools, for retries and failed attempts, " +
			"and for inputs that were embedded before; the dearest group first. Corrections of prices change the money and no count. Days and hours are those of tz.",
		least: Viewer, errors: []int{http.StatusUnprocessableEntity},
	}
}
