package owners

import "time"

// span is the time from a moment until just before another.
type span struct{ from, until time.Time }

// forever is later than any date that is written.
var forever = time.Date(100_000, 1, 1, 0, 0, 0, 0, time.UTC)

func (e *Entry) span() span {
	s := span{e.From, e.Until}
	if s.until.IsZero() {
		s.until = forever
	}
	return s
}

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.until) }
func (s span) overlaps(other span) bool {
	return s.from.Before(other.until) && other.from.Before(s.until)
}
func (s span) within(other span) span {
	if s.from.Before(other.from) {
		s.from = other.from
	}
	if other.until.Before(s.until) {
		s.until = other.until
	}
	return s
}

// String writes the days of its bounds, or the moments where they are no midnight.
func (s span) String() string {
	switch open := s.until.Equal(forever); {
	case s.from.IsZero() && open:
		return "at any time"
	case s.from.IsZero():
		return "until " + day(s.until)
	case open:
		return "from " + day(s.from) + " on"
	}
	return "from " + day(s.from) + " until " + day(s.until)
}

func day(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}
