package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// Actions of the audit when a charge is booked, and when one is reversed.
const (
	ChargeBook    = "charge.book"
	ChargeReverse = "charge.reverse"
)

// ChargeAsked asks for a charge to be booked, or reversed.
type ChargeAsked struct {
	_           struct{}          `additionalProperties:"false"`
	ID          string            `json:"id,omitempty" maxLength:"64" doc:"By which it is booked once: asking again changes nothing. Letters, digits, _ - . :; absent: it is given one." example:"azure-ptu-2026-11"`
	USD         string            `json:"usd,omitempty" maxLength:"40" doc:"Decimal text, above 0, to a billionth." example:"120"`
	For         map[string]string `json:"for,omitempty" maxProperties:"16" doc:"Attributes of the owners it is for, by name, as calls have them."`
	Provider    string            `json:"provider,omitempty" maxLength:"256" example:"azure"`
	Model       string            `json:"model,omitempty" maxLength:"256" doc:"As callers name it."`
	At          *time.Time        `json:"at,omitempty" doc:"The moment that it counts at, not to come; absent: now."`
	Description string            `json:"description" minLength:"1" maxLength:"1024" doc:"What it is, for a person." example:"provisioned throughput, November"`
	Reverses    string            `json:"reverses,omitempty" maxLength:"64" doc:"The id of a charge that is taken back whole; besides there are an id and a description."`
}

// Charge is a cost that no call tells.
type Charge struct {
	Number      int64             `json:"number" doc:"Grows from one to the next."`
	ID          string            `json:"id"`
	USD         money.Amount      `json:"usd" doc:"Contracted and charged alike; below 0: it reverses another."`
	Reverses    string            `json:"reverses,omitempty" doc:"The id of the charge that it takes back."`
	For         map[string]string `json:"for,omitempty"`
	Provider    string            `json:"provider,omitempty"`
	Model       string            `json:"model,omitempty"`
	At          time.Time         `json:"at" doc:"The moment that it counts at."`
	Description string            `json:"description"`
	By          string            `json:"by" doc:"Who booked it."`
	Booked      time.Time         `json:"booked" doc:"When that was."`
}

// ChargesQuery asks for charges that count in [From, To). Its times are those of a
// Query; what is empty is not asked for. A zero Limit is 100.
type ChargesQuery struct {
	From, To              time.Time
	Team, Provider, Model string
	Limit                 int
	Cursor                string // ChargesAnswer.Next of the page before, to the same question
}

// ChargesAnswer is a page of charges, the one booked last first.
type ChargesAnswer struct {
	Charges []Charge `json:"charges"`
	Next    string   `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

func tellCharge(c *ledger.Charge) *Charge {
	return &Charge{
		Number: c.Number, ID: c.ID, USD: c.Amount.Amount(), Reverses: c.Of, For: c.For, Provider: c.Provider, Model: c.Model,
		At: c.At.UTC(), Description: c.Description, By: c.By, Booked: c.Booked.UTC(),
	}
}

// chargesQuestion is GET /api/v1/charges.
type chargesQuestion struct {
	Period
	Team     string `query:"team" maxLength:"256" doc:"Only of this team."`
	Provider string `query:"provider" maxLength:"256" doc:"Only of this provider."`
	Model    string `query:"model" maxLength:"256" doc:"Only of this model."`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" doc:"Charges of one page. Default: 100."`
	Cursor   string `query:"cursor" maxLength:"1024" doc:"The next of the page before, added to the same question."`
}

func (s *server) charges(ctx context.Context, who Who, q *chargesQuestion) (*ChargesAnswer, error) {
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	from, to, _, refused := q.read(s.now())
	if refused != nil {
		return nil, refused
	}
	search := ledger.ChargeSearch{From: from, To: to, Limit: limitOr(q.Limit) + 1}
	for _, m := range []ledger.Match{{Name: "team", Value: team}, {Name: "provider", Value: q.Provider}, {Name: "model", Value: q.Model}} {
		if m.Value != "" {
			search.Where = append(search.Where, m)
		}
	}
	question := digest("charges", q.From, q.To, q.Zone, q.Team, q.Provider, q.Model)
	if q.Cursor != "" {
		c, refused := readCursor[int64](q.Cursor, question)
		if refused != nil {
			return nil, refused
		}
		search.From, search.To, search.Below = c.From, c.To, c.After
	}
	found, err := s.ledger.Charges(ctx, search)
	if err != nil {
		return nil, fmt.Errorf("list charges: %w", err)
	}
	a := &ChargesAnswer{Charges: []Charge{}}
	if len(found) == search.Limit {
		found = found[:search.Limit-1]
		c := cursor[int64]{question, search.From, search.To, found[len(found)-1].Number}
		a.Next = c.String()
	}
	for i := range found {
		a.Charges = append(a.Charges, *tellCharge(&found[i]))
	}
	return a, nil
}

// chargePost is POST /api/v1/charges.
type chargePost struct{ Body ChargeAsked }

// book books a charge, or reverses one.
func (s *server) book(ctx context.Context, who Who, q *chargePost) (*Charge, error) {
	c, err := s.chargeOf(who, &q.Body)
	if err != nil {
		return nil, err
	}
	action := ChargeBook
	if c.Of != "" {
		if action, err = ChargeReverse, s.mayReverse(ctx, who, c); err != nil {
			return nil, err
		}
	}
	if err := c.Check(); err != nil {
		return nil, unfit("%v", err)
	}
	booked, _, err := s.ledger.Book(ctx, *c, ledger.Change{At: c.Booked, Actor: who.Name, Role: who.Role.String(), Action: action, Reason: c.Description})
	if err != nil {
		return nil, notBooked(c, err)
	}
	return tellCharge(&booked), nil
}

// chargeOf is what is asked for.
func (s *server) chargeOf(who Who, asked *ChargeAsked) (*ledger.Charge, error) {
	c := &ledger.Charge{
		ID: asked.ID, For: maps.Clone(asked.For), Provider: strings.ToLower(asked.Provider), Model: asked.Model, Of: asked.Reverses,
		Description: asked.Description, By: who.Name, Booked: s.now(),
	}
	if c.ID == "" {
		c.ID = "c-" + strings.ToLower(rand.Text()[:13])
	}
	if c.Of != "" {
		if asked.USD != "" || len(asked.For) > 0 || asked.Provider != "" || asked.Model != "" || asked.At != nil {
			return nil, unfit("a reversal has an id and a description: the rest is that of the charge %.64q", c.Of)
		}
		return c, nil
	}
	if asked.At != nil {
		c.At = *asked.At
	}
	nano, err := read(budget.Charged, asked.USD)
	if err != nil {
		return nil, unfit("usd: %v", err)
	}
	c.Amount = money.Nano(nano)
	team, err := who.scope(asked.For["team"])
	if err != nil {
		return nil, err
	}
	if team != "" && c.For["team"] == "" {
		if c.For == nil {
			c.For = map[string]string{}
		}
		c.For["team"] = team
	}
	return c, nil
}

// mayReverse says why a charge is not for who to reverse.
func (s *server) mayReverse(ctx context.Context, who Who, c *ledger.Charge) error {
	whole, there, err := s.ledger.Charge(ctx, c.Of)
	var other *ledger.Elsewhere
	if errors.As(err, &other) {
		there = other.Booked != nil || who.Team == ""
		if other.Booked != nil {
			whole = *other.Booked
		}
	}
	if err != nil && other == nil || there && who.sees(whole.For["team"]) {
		return notBooked(c, err)
	}
	return &Error{Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("there is no charge %.64q", c.Of)}
}

// notBooked says why a charge is not.
func notBooked(c *ledger.Charge, err error) error {
	var other *ledger.Elsewhere
	switch {
	case err == nil:
		return nil
	case errors.As(err, &other):
		told := &Error{Status: http.StatusConflict, Code: Conflict, Message: other.Error()}
		if other.Booked != nil && other.ID == c.ID {
			told.Message = "another " + told.Message
		}
		return told
	case errors.Is(err, ledger.ErrOtherCharge):
		return &Error{Status: http.StatusConflict, Code: Conflict, Message: fmt.Sprintf("another charge has the id %s", c.ID)}
	case errors.Is(err, ledger.ErrReversed), errors.Is(err, ledger.ErrReversal):
		return &Error{Status: http.StatusConflict, Code: Conflict, Message: fmt.Sprintf("charge %s: %v", c.Of, err)}
	case errors.Is(err, ledger.ErrNotYet):
		return unfit("at: %s has not come: book the charge then", c.At.UTC().Format(time.RFC3339))
	case errors.Is(err, ledger.ErrUncounted):
		return &Error{Status: http.StatusServiceUnavailable, Code: Unavailable, Message: "nothing is booked, as the store of budgets does not answer: book it again shortly, under the same id"}
	}
	return fmt.Errorf("book charge: %w", err)
}

func chargesOperation() operation {
	return operation{
		method: http.MethodGet, path: chargesPath, id: "charges", summary: "Costs that no call tells",
		text: "The charges that count in a period, and reversals of them, the one booked last first.", least: Viewer,
	}
}

func bookOperation() operation {
	return operation{
		method: http.MethodPost, path: chargesPath, id: "book-charge", summary: "Book a cost that no call tells",
		text: "Books a charge, such as a subscription, provisioned throughput or a fee, once for each id, or reverses one. Budgets that include charges count it " +
			"in the window of its moment at once. It is audited.",
		least: Finance, errors: append([]int{http.StatusNotFound, http.StatusConflict}, posted...),
	}
}
