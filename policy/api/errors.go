package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/farebox/farebox/policy/ledger"
)

// Codes of an Error.
const (
	InvalidQuery     = "invalid_query"
	InvalidBody      = "invalid_body"
	Unauthenticated  = "unauthenticated"
	Forbidden        = "forbidden"
	NotFound         = "not_found"
	Conflict         = "conflict"
	MethodNotAllowed = "method_not_allowed"
	TooManyRows      = "too_many_rows"
	Unavailable      = "unavailable"
	Internal         = "internal"
)

// Error is an answer that is no answer: Code for a program, Message for a
// person, Status of HTTP.
type Error struct {
	Status  int    `json:"-"`
	Code    string `json:"code" doc:"For a program."`
	Message string `json:"message" doc:"For a person."`
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%s, status %d)", e.Message, e.Code, e.Status) }

// GetStatus is huma's name for the status of an error.
func (e *Error) GetStatus() int { return e.Status }

// failure is an Error as it is sent.
type failure struct {
	Error *Error `json:"error"`
}

func invalid(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: InvalidQuery, Message: fmt.Sprintf(format, args...)}
}

// told is what the asker is told of err: as it is when it was made for them, else
// only that something is wrong, and the log has the rest.
func (s *server) told(ctx context.Context, err error) *Error {
	var told *Error
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, ledger.ErrTooManyRows):
		return tooMany("the ledger has more groups than it adds up")
	}
	if !errors.Is(err, context.Canceled) {
		s.log.ErrorContext(ctx, "answer operator", "err", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Status: http.StatusServiceUnavailable, Code: Unavailable, Message: fmt.Sprintf("the ledger did not answer in %v; ask for a shorter time", answerIn)}
	}
	return &Error{Status: http.StatusInternalServerError, Code: Internal, Message: "the ledger could not be read; farebox's log says why"}
}

func tooMany(what string) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Code: TooManyRows, Message: what + ": ask for a shorter time or fewer names in by"}
}

// failed makes a failure of every error that is sent: of ours, and of what huma
// says of a body that it could not take.
func failed(_ huma.Context, _ string, answer any) (any, error) {
	switch e := answer.(type) {
	case *Error:
		return failure{e}, nil
	case *huma.ErrorModel:
		words := []string{e.Detail}
		for _, d := range e.Errors {
			words = append(words, strings.TrimSpace(d.Location+" "+d.Message)) // never the value
		}
		return failure{&Error{Code: InvalidBody, Message: strings.Join(words, ": ")}}, nil
	}
	return answer, nil
}
