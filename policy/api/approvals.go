package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// Actions of the audit when someone asks for an approval, and decides on one.
const (
	ApprovalRequest = ledger.ActRequest
	ApprovalGrant   = ledger.ActGrant
	ApprovalRevoke  = ledger.ActRevoke
)

// MaxApproval is how long an approval may last.
const MaxApproval = 366 * 24 * time.Hour

// ApprovalAsked asks for an approval.
type ApprovalAsked struct {
	_     struct{}  `additionalProperties:"false"`
	Team  string    `json:"team,omitempty" maxLength:"256" doc:"Whose calls it is for. Not needed by who has one team."`
	Model string    `json:"model" minLength:"1" maxLength:"256" doc:"As callers name it, or a pattern in which * stands for any characters." example:"o3*"`
	Until time.Time `json:"until" doc:"When it ends: at most 366 days from now."`
	Note  string    `json:"note,omitempty" maxLength:"1024" doc:"What for, for a person. No prompts."`
}

// ApprovalDecided decides on an approval.
type ApprovalDecided struct {
	_      struct{} `additionalProperties:"false"`
	Number int64    `json:"number" minimum:"1"`
	Grant  bool     `json:"grant" doc:"false: it is refused, or taken back."`
	Note   string   `json:"note,omitempty" maxLength:"1024" doc:"Why, for a person. No prompts."`
}

// Approval is a team's leave to ask a model.
type Approval struct {
	Number      int64      `json:"number" doc:"Grows from request to request."`
	Team        string     `json:"team"`
	Model       string     `json:"model"`
	State       string     `json:"state" enum:"requested,granted,revoked" doc:"A granted one is in force until it ends."`
	Until       time.Time  `json:"until" doc:"Just before then it ends."`
	Ended       bool       `json:"ended" doc:"It has."`
	By          string     `json:"by" doc:"Who requested it."`
	At          time.Time  `json:"at" doc:"When that was."`
	Note        string     `json:"note,omitempty"`
	DecidedBy   string     `json:"decided_by,omitempty"`
	DecidedAt   *time.Time `json:"decided_at,omitempty"`
	DecidedNote string     `json:"decided_note,omitempty"`
}

// ApprovalsQuery asks for approvals; what is empty is not asked for. A zero Limit is
// 100.
type ApprovalsQuery struct {
	Team, State string
	Limit       int
	Cursor      string // ApprovalsAnswer.Next of the page before, to the same question
}

// ApprovalsAnswer is a page of approvals, newest first.
type ApprovalsAnswer struct {
	Approvals []Approval `json:"approvals"`
	Next      string     `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

func (s *server) tell(a *ledger.Approval) *Approval {
	t := &Approval{
		Number: a.Number, Team: a.Team, Model: a.Model, State: a.State, Until: a.Until.UTC(), Ended: !s.now().Before(a.Until),
		By: a.By, At: a.At.UTC(), Note: a.Note, DecidedBy: a.DecidedBy, DecidedNote: a.DecidedNote,
	}
	if !a.DecidedAt.IsZero() {
		at := a.DecidedAt.UTC()
		t.DecidedAt = &at
	}
	return t
}

// approvalsQuestion is GET /api/v1/approvals.
type approvalsQuestion struct {
	Team   string `query:"team" maxLength:"256" doc:"Only of this team."`
	State  string `query:"state" enum:"requested,granted,revoked" doc:"Only in this state."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" doc:"Approvals of one page. Default: 100."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next of the page before, added to the same question."`
}

func (s *server) approvals(ctx context.Context, who Who, q *approvalsQuestion) (*ApprovalsAnswer, error) {
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	now := s.now()
	ask := ledger.Petition{Team: team, State: q.State, Limit: limitOr(q.Limit) + 1}
	question := digest("approvals", q.Team, q.State)
	if q.Cursor != "" {
		c, refused := readCursor[int64](q.Cursor, question)
		if refused != nil {
			return nil, refused
		}
		ask.Below = c.After
	}
	found, err := s.ledger.Approvals(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	a := &ApprovalsAnswer{Approvals: []Approval{}}
	if len(found) == ask.Limit {
		found = found[:ask.Limit-1]
		c := cursor[int64]{question, now.Add(-time.Second), now, found[len(found)-1].Number}
		a.Next = c.String()
	}
	for i := range found {
		a.Approvals = append(a.Approvals, *s.tell(&found[i]))
	}
	return a, nil
}

// approvalPost is POST /api/v1/approvals.
type approvalPost struct{ Body ApprovalAsked }

func (s *server) requestApproval(ctx context.Context, who Who, q *approvalPost) (*Approval, error) {
	team, err := who.scope(q.Body.Team)
	if err != nil {
		return nil, err
	}
	now := s.now()
	switch {
	case team == "":
		return nil, unfit("name the team that it is for")
	case strings.TrimSpace(q.Body.Model) != q.Body.Model:
		return nil, unfit("the model begins or ends with a space")
	case !q.Body.Until.After(now):
		return nil, unfit("until: %s is not in the future", q.Body.Until.Format(time.RFC3339))
	case q.Body.Until.After(now.Add(MaxApproval)):
		return nil, unfit("until: an approval lasts at most %d days", int(MaxApproval.Hours())/24)
	}
	asked := ledger.Approval{Team: team, Model: q.Body.Model, Until: q.Body.Until, Note: q.Body.Note, By: who.Name, At: now}
	kept, err := s.ledger.RequestApproval(ctx, asked, ledger.Change{At: now, Actor: who.Name, Role: who.Role.String(), Action: ApprovalRequest, Reason: asked.Note})
	if err != nil {
		return nil, fmt.Errorf("keep approval: %w", err)
	}
	return s.tell(&kept), nil
}

// decisionPost is POST /api/v1/approvals/decision.
type decisionPost struct{ Body ApprovalDecided }

func (s *server) decideApproval(ctx context.Context, who Who, q *decisionPost) (*Approval, error) {
	a, found, err := s.ledger.Approval(ctx, q.Body.Number)
	if err != nil {
		return nil, fmt.Errorf("find approval: %w", err)
	}
	if !found || !who.sees(a.Team) {
		return nil, &Error{Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("there is no approval %d", q.Body.Number)}
	}
	d := ledger.Decision{Grant: q.Body.Grant, By: who.Name, At: s.now(), Note: q.Body.Note}
	action := ApprovalRevoke
	if d.Grant {
		action = ApprovalGrant
	}
	a, err = s.ledger.DecideApproval(ctx, a.Number, d, ledger.Change{At: d.At, Actor: who.Name, Role: who.Role.String(), Action: action, Reason: d.Note})
	switch {
	case errors.Is(err, ledger.ErrOwnApproval):
		return nil, forbidden("%v: %s has requested approval %d, and someone else must decide", err, who.Name, q.Body.Number)
	case errors.Is(err, ledger.ErrDecided), errors.Is(err, ledger.ErrEnded):
		return nil, &Error{Status: http.StatusConflict, Code: Conflict, Message: fmt.Sprintf("approval %d: %v", q.Body.Number, err)}
	case err != nil:
		return nil, fmt.Errorf("decide on approval: %w", err)
	}
	return s.tell(&a), nil
}

func unfit(format string, args ...any) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Code: InvalidBody, Message: fmt.Sprintf(format, args...)}
}

// posted are the errors that only what is posted may get.
var posted = []int{http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

func approvalsOperation() operation {
	return operation{
		method: http.MethodGet, path: approvalsPath, id: "approvals", summary: "Which teams may ask which models, and want to",
		text: "Requests of approvals and what became of them, newest first.", least: Viewer,
	}
}

func requestApprovalOperation() operation {
	return operation{
		method: http.MethodPost, path: approvalsPath, id: "request-approval", summary: "Request that a team may ask a model",
		text: "Requests leave for a team to ask a model that the configuration's access says takes an approval. It is audited.", least: Owner, errors: posted,
	}
}

func decideApprovalOperation() operation {
	return operation{
		method: http.MethodPost, path: decisionPath, id: "decide-approval", summary: "Grant or revoke an approval",
		text:  "Grants what someone else has requested, refuses it, or takes it back. Calls that come from then on follow it. It is audited.",
		least: Approver, errors: append([]int{http.StatusNotFound, http.StatusConflict}, posted...),
	}
}
