package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// usageKeys are the keys of a usage query.
var usageKeys = []string{"from", "to", "by"}

// readQuery reads and completes a usage query. Its errors are for the asker.
func readQuery(raw string, now time.Time) (ledger.Query, *Error) {
	values, err := readKeys(raw, usageKeys)
	if err != nil {
		return ledger.Query{}, err
	}
	now = now.UTC()
	q := ledger.Query{
		From: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC),
		To:   now,
		By:   []string{"team"},
	}
	if text := values.Get("from"); text != "" {
		if q.From, err = readTime("from", text); err != nil {
			return q, err
		}
	}
	if text := values.Get("to"); text != "" {
		if q.To, err = readTime("to", text); err != nil {
			return q, err
		}
	}
	if text := values.Get("by"); text != "" {
		if q.By, err = readBy(text); err != nil {
			return q, err
		}
	}
	return q, checkRange(q)
}

// readKeys reads a query string that may have the allowed keys, each once.
func readKeys(raw string, allowed []string) (url.Values, *Error) {
	if len(raw) > maxQuery {
		return nil, invalid("the query has %d bytes; at most %d are read", len(raw), maxQuery)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalid("the query cannot be read: %v", err)
	}
	for key, given := range values {
		switch {
		case len(allowed) == 0:
			return nil, invalid("unknown query key %q: none is allowed here", key)
		case !slices.Contains(allowed, key):
			return nil, invalid("unknown query key %q: allowed are %s", key, strings.Join(allowed, ", "))
		case len(given) > 1:
			return nil, invalid("query key %q is given %d times: give it once", key, len(given))
		}
	}
	return values, nil
}

// ParseTime reads an RFC 3339 time or a date, which is its midnight in UTC.
func ParseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time %q: it is neither a date (2026-08-31) nor RFC 3339 (2026-08-31T18:00:00Z)", text)
	}
	return t.UTC(), nil
}

func readTime(key, text string) (time.Time, *Error) {
	t, err := ParseTime(text)
	if err != nil {
		return t, invalid("%s: %v", key, err)
	}
	return t, nil
}

// readBy reads a comma list of names to group by.
func readBy(text string) ([]string, *Error) {
	by := strings.Split(text, ",")
	if len(by) > MaxBy {
		return nil, invalid("by: %d names; at most %d", len(by), MaxBy)
	}
	for i, name := range by {
		by[i] = strings.TrimSpace(name)
		if !isName(by[i]) {
			return nil, invalid("by: %q is no name of an attribute; besides attributes there are %s", by[i], strings.Join(ledger.Dimensions, ", "))
		}
		if slices.Contains(by[:i], by[i]) {
			return nil, invalid("by: %q is given twice", by[i])
		}
	}
	return by, nil
}

// isName reports whether s may name an owner attribute: letters, digits, and
// _ - . between them.
func isName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '_' && c != '-' && c != '.') {
			return false
		}
	}
	return true
}

func checkRange(q ledger.Query) *Error {
	length := q.To.Sub(q.From)
	switch {
	case length <= 0:
		return invalid("from %s is not before to %s", q.From.Format(time.RFC3339), q.To.Format(time.RFC3339))
	case q.From.Year() < 1970 || q.To.Year() > 9999:
		return invalid("from and to lie between the years 1970 and 9999")
	case length > MaxRange:
		return invalid("from %s to %s is more than ten years", q.From.Format(time.RFC3339), q.To.Format(time.RFC3339))
	case length > MaxHourly && slices.Contains(q.By, "hour"):
		return invalid("from %s to %s is more than %d days, too many to show by the hour", q.From.Format(time.RFC3339), q.To.Format(time.RFC3339), MaxHourly/(24*time.Hour))
	}
	return nil
}

func invalid(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: InvalidQuery, Message: fmt.Sprintf(format, args...)}
}
