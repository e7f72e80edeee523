package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/farebox/farebox/policy/ledger"
)

// checkQuery holds a query string to what its operation describes: known keys,
// each once, with values in their bounds.
func (s *server) checkQuery(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if err := checkKeys(r.URL.RawQuery, ctx.Operation().Parameters); err != nil {
		s.fail(w, err)
		return
	}
	next(ctx)
}

func checkKeys(raw string, described []*huma.Param) *Error {
	if len(raw) > maxQuery {
		return invalid("the query has %d bytes; at most %d are read", len(raw), maxQuery)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return invalid("the query cannot be read: %v", err)
	}
	var allowed []string
	for _, p := range described {
		if p.In == "query" {
			allowed = append(allowed, p.Name)
		}
	}
	for key, given := range values {
		at := slices.IndexFunc(described, func(p *huma.Param) bool { return p.In == "query" && p.Name == key })
		switch {
		case len(allowed) == 0:
			return invalid("unknown query key %q: none is allowed here", key)
		case at < 0:
			return invalid("unknown query key %q: allowed are %s", key, strings.Join(allowed, ", "))
		case len(given) > 1:
			return invalid("query key %q is given %d times: give it once", key, len(given))
		}
		if err := checkValue(key, given[0], described[at].Schema); err != nil {
			return err
		}
	}
	return nil
}

// checkValue holds one value to its schema. An empty one is not given.
func checkValue(key, given string, schema *huma.Schema) *Error {
	if given == "" {
		return nil
	}
	if schema.Type == huma.TypeInteger {
		n, err := strconv.ParseInt(given, 10, 64)
		if err != nil || float64(n) < *schema.Minimum || float64(n) > *schema.Maximum {
			return invalid("%s: %.32q is no whole number from %v to %v", key, given, *schema.Minimum, *schema.Maximum)
		}
	}
	if schema.MaxLength != nil && len(given) > *schema.MaxLength {
		return invalid("%s: %d bytes; at most %d", key, len(given), *schema.MaxLength)
	}
	if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(given)) {
		return invalid("%s: %.32q is none of %v", key, given, schema.Enum)
	}
	return nil
}

// ParseTime reads an RFC 3339 time or a date, which is its midnight in UTC.
func ParseTime(text string) (time.Time, error) { return ParseTimeIn(text, time.UTC) }

// ParseTimeIn reads an RFC 3339 time or a date, which is its midnight in zone.
func ParseTimeIn(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return midnight(t.Year(), t.Month(), t.Day(), zone).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time %q: it is neither a date (2026-08-31) nor RFC 3339 (2026-08-31T18:00:00Z)", text)
	}
	return t.UTC(), nil
}

// Period is a stretch of time as it is asked for: [From, To). It is exported for the
// sake of those who read its tags.
type Period struct {
	From string `query:"from" doc:"A date, which begins at midnight in tz, or an RFC 3339 time; included. Default: the start of this month."`
	To   string `query:"to" doc:"The same; not included. Default: now."`
	Zone string `query:"tz" doc:"A zone of the tz database, whose dates, days and hours are meant. Default: UTC." example:"Europe/Berlin"`
}

// read completes a period.
func (p *Period) read(now time.Time) (from, to time.Time, zone *time.Location, refused *Error) {
	if zone, refused = readZone(p.Zone); refused != nil {
		return
	}
	local := now.In(zone)
	from, to = midnight(local.Year(), local.Month(), 1, zone).UTC(), now.UTC()
	for _, bound := range []struct {
		key, text string
		into      *time.Time
	}{{"from", p.From, &from}, {"to", p.To, &to}} {
		if bound.text == "" {
			continue
		}
		t, err := ParseTimeIn(bound.text, zone)
		if err != nil {
			return from, to, zone, invalid("%s: %v", bound.key, err)
		}
		*bound.into = t
	}
	return from, to, zone, checkRange(from, to)
}

func checkRange(from, to time.Time) *Error {
	length := to.Sub(from)
	switch {
	case length <= 0:
		return invalid("from %s is not before to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case from.Year() < 1970 || to.Year() > 9999:
		return invalid("from and to lie between the years 1970 and 9999")
	case length > MaxRange:
		return invalid("from %s to %s is more than ten years", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return nil
}

// readBy checks names to group by; none is by team.
func readBy(by []string) ([]string, *Error) {
	if len(by) == 0 {
		return []string{"team"}, nil
	}
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
