package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// PricesRerate is the action of the audit when records were corrected.
const PricesRerate = "prices.rerate"

// Rater prices attempts anew, by the prices and terms in use.
type Rater interface {
	// Correction makes the record that corrects an attempt, of which revisions are
	// all records, the first one first; false: there is nothing to correct.
	Correction(revisions []policy.Record, reason string) (policy.Record, bool)
	// Correct writes it. What is there is left.
	Correct(ctx context.Context, c policy.Record) error
	// Flush returns when all that was settled and corrected before is committed, so
	// that the ledger tells it.
	Flush(ctx context.Context) error
}

// rerateRecords is how many records one request looks at.
const rerateRecords = 500

// Rerate asks to price the calls completed in [From, To) anew.
type Rerate struct {
	_            struct{}  `additionalProperties:"false"`
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	Model        string    `json:"model,omitempty" maxLength:"256" doc:"Only calls that this model answered, by its exact name."`
	Provider     string    `json:"provider,omitempty" maxLength:"256" doc:"Only calls that this provider answered."`
	Team         string    `json:"team,omitempty" maxLength:"256" doc:"Only the calls of this team."`
	OnlyUnpriced bool      `json:"only_unpriced,omitempty" doc:"Only calls of which a line has no price so far."`
	DryRun       bool      `json:"dry_run,omitempty" doc:"Say what would change, and change nothing."`
	Reason       string    `json:"reason,omitempty" maxLength:"1024" doc:"Why, for the audit and whoever asks what a call cost. Needed unless it is a dry run."`
	Cursor       string    `json:"cursor,omitempty" maxLength:"1024" doc:"The next of the answer before, added to the same request."`
}

// RerateAnswer is what was corrected, of some of the calls.
type RerateAnswer struct {
	Examined int           `json:"examined" doc:"Attempts of this answer that were looked at."`
	Groups   []RerateGroup `json:"groups" doc:"What was corrected; in a dry run, what would be."`
	// Attempts that policy.MaxCorrections keeps from being corrected.
	Uncorrected int    `json:"uncorrected" doc:"Attempts that should cost otherwise and are left as they are, for they have 99 corrections already."`
	Next        string `json:"next,omitempty" doc:"The cursor of the rest; absent: that was all."`
}

// RerateGroup sums the corrections of a team, a provider and a model.
type RerateGroup struct {
	Team       string       `json:"team"`
	Provider   string       `json:"provider"`
	Model      string       `json:"model"`
	Calls      int64        `json:"calls" doc:"Attempts that are corrected."`
	Was        money.Amount `json:"was_usd" doc:"What they were charged."`
	Is         money.Amount `json:"is_usd" doc:"What they are charged now."`
	Difference money.Amount `json:"difference_usd"`
}

// Add sums another group into g.
func (g *RerateGroup) Add(o *RerateGroup) {
	g.Calls += o.Calls
	g.Was, g.Is, g.Difference = g.Was.Add(o.Was), g.Is.Add(o.Is), g.Difference.Add(o.Difference)
}

// reratePost is POST /api/v1/prices/rerate.
type reratePost struct{ Body Rerate }

// rerate corrects the newest calls that no answer before has looked at. Requests
// take turns, and begin when what was settled and corrected before is committed:
// each must see what the one before has written, also where commits are not waited
// for. A call that is settled meanwhile by the prices of before is for the next.
func (s *server) rerate(ctx context.Context, who Who, q *reratePost) (*RerateAnswer, error) {
	search, question, err := s.rerateSearch(who, &q.Body)
	if err != nil {
		return nil, err
	}
	select {
	case s.rerating <- struct{}{}:
		defer func() { <-s.rerating }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another rerate: %w", ctx.Err())
	}
	if err := s.rater.Flush(ctx); err != nil {
		return nil, err
	}
	records, err := s.ledger.List(ctx, search)
	if err != nil {
		return nil, fmt.Errorf("list calls to rerate: %w", err)
	}
	a := &RerateAnswer{Groups: []RerateGroup{}}
	if len(records) == search.Limit {
		if records = wholeCalls(records); len(records) == 0 {
			return nil, fmt.Errorf("rerate: a call has more than %d records", search.Limit)
		}
		c := cursor[ledger.Place]{question, search.From, search.To, ledger.PlaceOf(&records[len(records)-1])}
		a.Next = c.String()
	}
	corrections := s.corrections(a, &q.Body, records)
	if q.Body.DryRun || len(corrections) == 0 {
		return a, nil
	}
	noted, err := s.noteRerate(ctx, who, &q.Body, a.Groups)
	if err != nil {
		return nil, err
	}
	return a, s.correct(ctx, corrections, noted.Number)
}

// correct writes corrections, each with the entry of the audit that caused it.
func (s *server) correct(ctx context.Context, corrections []policy.Record, entry int64) error {
	for i := range corrections {
		corrections[i].AuditEntry = entry
		if err := s.rater.Correct(ctx, corrections[i]); err != nil {
			return err
		}
	}
	return s.rater.Flush(ctx)
}

// rerateSearch is what to look at, and the digest of the question.
func (s *server) rerateSearch(who Who, q *Rerate) (search ledger.Search, question string, err error) {
	refuse := func(text string) (ledger.Search, string, error) {
		return search, "", &Error{Status: http.StatusUnprocessableEntity, Code: InvalidBody, Message: text}
	}
	if s.rater == nil {
		return search, "", &Error{Status: http.StatusServiceUnavailable, Code: Unavailable, Message: "this farebox prices no calls"}
	}
	if !q.DryRun && strings.TrimSpace(q.Reason) == "" {
		return refuse("say the reason; a dry run needs none")
	}
	if refused := checkRange(q.From, q.To); refused != nil {
		return refuse(refused.Message)
	}
	team, err := who.scope(q.Team)
	if err != nil {
		return search, "", err
	}
	search = ledger.Search{From: q.From, To: q.To, Limit: rerateRecords}
	for _, m := range []ledger.Match{{Name: "team", Value: team}, {Name: "provider", Value: q.Provider}, {Name: "model", Value: q.Model}} {
		if m.Value != "" {
			search.Where = append(search.Where, m)
		}
	}
	question = digest("rerate", q.From.UTC().String(), q.To.UTC().String(), team, q.Provider, q.Model, fmt.Sprint(q.OnlyUnpriced, q.DryRun))
	if q.Cursor != "" {
		c, refused := readCursor[ledger.Place](q.Cursor, question)
		if refused != nil {
			return refuse(refused.Message)
		}
		search.After = c.After
	}
	return search, question, nil
}

// wholeCalls leaves out the last call, of which records may be missing.
func wholeCalls(newestFirst []policy.Record) []policy.Record {
	n := len(newestFirst) - 1
	for last := newestFirst[n].ID; n > 0 && newestFirst[n-1].ID == last; {
		n--
	}
	return newestFirst[:n]
}

// corrections are those of the records, which are summed in a.
func (s *server) corrections(a *RerateAnswer, q *Rerate, newestFirst []policy.Record) (all []policy.Record) {
	for _, revisions := range byAttempt(newestFirst) {
		a.Examined++
		var unpriced int64
		var was money.Amount
		for i := range revisions {
			unpriced += revisions[i].UnpricedCalls()
			was = was.Add(charged(&revisions[i]))
		}
		if q.OnlyUnpriced && unpriced == 0 {
			continue
		}
		c, changed := s.rater.Correction(revisions, q.Reason)
		if !changed {
			continue
		}
		if len(revisions) > policy.MaxCorrections {
			a.Uncorrected++
			continue
		}
		all = append(all, c)
		difference := charged(&c)
		g := RerateGroup{Team: c.Owner.Value("team"), Provider: c.Provider, Model: c.Model, Calls: 1, Was: was, Is: was.Add(difference), Difference: difference}
		a.Groups = AddGroup(a.Groups, &g)
	}
	return all
}

// AddGroup adds g to the one of its keys, or to the end.
func AddGroup(groups []RerateGroup, g *RerateGroup) []RerateGroup {
	same := func(o RerateGroup) bool { return o.Team == g.Team && o.Provider == g.Provider && o.Model == g.Model }
	if i := slices.IndexFunc(groups, same); i >= 0 {
		groups[i].Add(g)
		return groups
	}
	return append(groups, *g)
}

// byAttempt puts the records of each attempt together, the first one first.
func byAttempt(newestFirst []policy.Record) (attempts [][]policy.Record) {
	type key struct {
		call    policy.CallID
		attempt int
	}
	at := map[key]int{}
	for _, r := range slices.Backward(newestFirst) {
		k := key{r.ID, r.Attempt}
		i, there := at[k]
		if !there {
			i = len(attempts)
			at[k], attempts = i, append(attempts, nil)
		}
		attempts[i] = append(attempts[i], r)
	}
	return attempts
}

func charged(r *policy.Record) (sum money.Amount) {
	for i := range r.Lines {
		sum = sum.Add(r.Lines[i].Charged)
	}
	return sum
}

// noteRerate is written before the corrections, so that none is without an entry.
func (s *server) noteRerate(ctx context.Context, who Who, q *Rerate, groups []RerateGroup) (ledger.Change, error) {
	var sum RerateGroup
	for i := range groups {
		sum.Add(&groups[i])
	}
	said := func(a money.Amount) json.RawMessage {
		text, err := json.Marshal(struct {
			Calls   int64        `json:"calls"`
			Charged money.Amount `json:"charged_usd"`
		}{sum.Calls, a})
		if err != nil {
			panic(err) // a number and a text can be written
		}
		return text
	}
	subject := fmt.Sprintf("calls completed from %s to %s", q.From.UTC().Format(time.RFC3339), q.To.UTC().Format(time.RFC3339))
	c, err := s.ledger.Note(ctx, ledger.Change{
		At: s.now(), Actor: who.Name, Role: who.Role.String(), Action: PricesRerate, Subject: subject,
		Before: said(sum.Was), After: said(sum.Is), Reason: q.Reason,
	})
	if err != nil {
		return c, fmt.Errorf("audit rerate: %w", err)
	}
	return c, nil
}

func rerateOperation() operation {
	return operation{
		method: http.MethodPost, path: reratePath, id: "rerate", summary: "Price calls anew",
		text: "Prices calls by the prices and terms in use, as of their admission, and writes the difference as corrections, which belong to the period of the call. " +
			"Records are never edited, and what is right already is left. One request looks at 500 records; next leads to the rest. " +
			"It is audited: audit_entry of a correction is the number of the entry.",
		least: Finance,
		errors: []int{
			http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity,
		},
	}
}
