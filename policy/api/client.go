package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks a running farebox. Make one with NewClient; it is safe for
// concurrent use.
type Client struct {
	base   string // as it is told
	origin string // as it is asked
	token  string
	http   http.Client
}

// NewClient makes a client of the admin address base: "http://127.0.0.1:9470",
// where http:// may be left out, "https://…", or "unix:///path" of a socket. A nil
// client is one that waits a minute; certificates are its business.
func NewClient(base string, client *http.Client) *Client {
	c := &Client{base: strings.TrimRight(base, "/"), http: http.Client{Timeout: time.Minute}}
	if client != nil {
		c.http = *client
	}
	if path, ok := strings.CutPrefix(base, "unix://"); ok {
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
		c.origin = "http://localhost"
		return c
	}
	if !strings.Contains(base, "://") {
		c.base = "http://" + c.base
	}
	c.origin = c.base
	return c
}

// WithToken returns a client that shows a bearer token.
func (c *Client) WithToken(token string) *Client {
	with := *c
	with.token = token
	return &with
}

// Usage sums settled calls. An *Error is farebox's own word; any other error
// means that it was not reached or not understood.
func (c *Client) Usage(ctx context.Context, q Query) (*UsageAnswer, error) {
	values := times(q.From, q.To)
	set(values, "by", strings.Join(q.By, ","))
	set(values, "tz", q.Zone)
	set(values, "team", q.Team)
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[UsageAnswer](ctx, c, usagePath, values)
}

// Interactions sums what served people.
func (c *Client) Interactions(ctx context.Context, q InteractionsQuery) (*InteractionsAnswer, error) {
	values := times(q.From, q.To)
	set(values, "by", strings.Join(q.By, ","))
	set(values, "tz", q.Zone)
	set(values, "team", q.Team)
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[InteractionsAnswer](ctx, c, interactionsPath, values)
}

// Multipliers sums what multiplied the cost of calls.
func (c *Client) Multipliers(ctx context.Context, q MultipliersQuery) (*MultipliersAnswer, error) {
	values := times(q.From, q.To)
	set(values, "by", strings.Join(q.By, ","))
	set(values, "tz", q.Zone)
	set(values, "team", q.Team)
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[MultipliersAnswer](ctx, c, multipliersPath, values)
}

// Budgets tells how accounts of budgets and rate limits stand.
func (c *Client) Budgets(ctx context.Context, q BudgetsQuery) (*BudgetsAnswer, error) {
	values := url.Values{}
	set(values, "budget", q.Budget)
	set(values, "team", q.Team)
	set(values, "who", q.Who)
	return ask[BudgetsAnswer](ctx, c, budgetsPath, values)
}

// Topups lists what limits are raised by, and what waits to.
func (c *Client) Topups(ctx context.Context) (*TopupsAnswer, error) {
	return ask[TopupsAnswer](ctx, c, topupsPath, nil)
}

// Topup raises the limit of an account, or asks for it.
func (c *Client) Topup(ctx context.Context, asked TopupAsked) (*Topup, error) {
	return post[Topup](ctx, c, topupsPath, asked)
}

// GrantTopup grants a top-up that somebody else has asked for.
func (c *Client) GrantTopup(ctx context.Context, g TopupGranted) (*Topup, error) {
	return post[Topup](ctx, c, grantPath, g)
}

// RefuseTopup refuses a top-up that waits.
func (c *Client) RefuseTopup(ctx context.Context, r TopupRevoked) (*Topup, error) {
	return post[Topup](ctx, c, refusePath, r)
}

// RevokeTopup takes back a top-up that is in force.
func (c *Client) RevokeTopup(ctx context.Context, r TopupRevoked) (*Topup, error) {
	return post[Topup](ctx, c, revokePath, r)
}

// Charges lists costs that no call tells, the one booked last first.
func (c *Client) Charges(ctx context.Context, q ChargesQuery) (*ChargesAnswer, error) {
	values := times(q.From, q.To)
	set(values, "team", q.Team)
	set(values, "provider", q.Provider)
	set(values, "model", q.Model)
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[ChargesAnswer](ctx, c, chargesPath, values)
}

// Book books a charge, or reverses one.
func (c *Client) Book(ctx context.Context, asked ChargeAsked) (*Charge, error) {
	return post[Charge](ctx, c, chargesPath, asked)
}

// Calls lists records, newest first.
func (c *Client) Calls(ctx context.Context, q CallsQuery) (*CallsAnswer, error) {
	values := times(q.From, q.To)
	set(values, "team", q.Team)
	set(values, "outcome", q.Outcome)
	set(values, "model", q.Model)
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[CallsAnswer](ctx, c, callsPath, values)
}

// Call finds the records of id: a call id, an x-request-id, a trace id or a
// provider's response id. When there is none the error is an *Error with the
// code NotFound.
func (c *Client) Call(ctx context.Context, id string) (*CallAnswer, error) {
	if id == "" || id == "." || id == ".." {
		return nil, fmt.Errorf("find call: %q is no id", id)
	}
	return ask[CallAnswer](ctx, c, callsPath+"/"+url.PathEscape(id), nil)
}

// SetOutcome says how a call or an interaction turned out.
func (c *Client) SetOutcome(ctx context.Context, o Outcome) (*OutcomeAnswer, error) {
	return post[OutcomeAnswer](ctx, c, outcomesPath, o)
}

// Approvals lists approvals of models, newest first.
func (c *Client) Approvals(ctx context.Context, q ApprovalsQuery) (*ApprovalsAnswer, error) {
	values := url.Values{}
	set(values, "team", q.Team)
	set(values, "state", q.State)
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[ApprovalsAnswer](ctx, c, approvalsPath, values)
}

// RequestApproval requests that a team may ask a model.
func (c *Client) RequestApproval(ctx context.Context, asked ApprovalAsked) (*Approval, error) {
	return post[Approval](ctx, c, approvalsPath, asked)
}

// DecideApproval grants or revokes an approval.
func (c *Client) DecideApproval(ctx context.Context, d ApprovalDecided) (*Approval, error) {
	return post[Approval](ctx, c, decisionPath, d)
}

// Outcomes lists what was said of calls and interactions, newest first.
func (c *Client) Outcomes(ctx context.Context, q OutcomesQuery) (*OutcomesAnswer, error) {
	values := times(q.From, q.To)
	set(values, "team", q.Team)
	if q.Success != nil {
		set(values, "success", strconv.FormatBool(*q.Success))
	}
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[OutcomesAnswer](ctx, c, outcomeListPath, values)
}

// Rerate prices calls anew, some at a time: the answer's Next is the Cursor of the
// same request for the rest.
func (c *Client) Rerate(ctx context.Context, r Rerate) (*RerateAnswer, error) {
	return post[RerateAnswer](ctx, c, reratePath, r)
}

// Audit lists changes, newest first.
func (c *Client) Audit(ctx context.Context, q AuditQuery) (*AuditAnswer, error) {
	values := times(q.From, q.To)
	set(values, "actor", q.Actor)
	set(values, "action", q.Action)
	set(values, "limit", number(q.Limit))
	set(values, "cursor", q.Cursor)
	return ask[AuditAnswer](ctx, c, auditPath, values)
}

// times are the bounds of a question that are given.
func times(from, to time.Time) url.Values {
	values := url.Values{}
	for key, t := range map[string]time.Time{"from": from, "to": to} {
		if !t.IsZero() {
			values.Set(key, t.Format(time.RFC3339Nano))
		}
	}
	return values
}

func set(values url.Values, key, value string) {
	if value != "" {
		values.Set(key, value)
	}
}

// number is n as text; 0 is not given.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// ask gets one answer.
func ask[A any](ctx context.Context, c *Client, path string, values url.Values) (*A, error) {
	if len(values) > 0 {
		path += "?" + values.Encode()
	}
	a := new(A)
	if err := c.do(ctx, http.MethodGet, path, nil, a); err != nil {
		return nil, err
	}
	return a, nil
}

// post sends one body and gets one answer.
func post[A any](ctx context.Context, c *Client, path string, sent any) (*A, error) {
	body, err := json.Marshal(sent)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	a := new(A)
	if err := c.do(ctx, http.MethodPost, path, body, a); err != nil {
		return nil, err
	}
	return a, nil
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.origin+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask farebox at %s: %w", c.base, cause(err))
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("cannot reach farebox at %s: %w; is `farebox serve` running? use --admin", c.base, cause(err))
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read answer of farebox at %s: %w", c.base, err)
	}
	if len(text) > maxAnswer {
		return fmt.Errorf("read answer of farebox at %s: more than %d bytes", c.base, maxAnswer)
	}
	return c.decode(answer, text, into)
}

// cause takes the address off an error that is about to be told with it.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Client) decode(answer *http.Response, body []byte, into any) error {
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return fmt.Errorf("ask farebox at %s: status %d without JSON; is this the admin address? use --admin", c.base, answer.StatusCode)
	}
	if answer.StatusCode != http.StatusOK {
		var f failure
		if err := json.Unmarshal(body, &f); err != nil || f.Error == nil {
			return fmt.Errorf("ask farebox at %s: status %d without a reason; is this the admin address? use --admin", c.base, answer.StatusCode)
		}
		f.Error.Status = answer.StatusCode
		return f.Error
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read answer of farebox at %s: %w", c.base, err)
	}
	return nil
}
