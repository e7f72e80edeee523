package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines that have no zoneinfo

	"github.com/farebox/farebox/policy/ledger"
)

// maxZone bounds the name of a time zone; the longest of the tz database has 32.
const maxZone = 64

// Forms of the names of days and hours. Where a zone is asked for, an hour has
// its offset, without which the hour that clocks repeat would be one of two.
const (
	dayForm      = "2006-01-02"
	hourForm     = "2006-01-02T15"
	zoneHourForm = "2006-01-02T15-07:00"
)

// readZone finds a zone of the tz database, such as Europe/Berlin; "" is UTC.
func readZone(name string) (*time.Location, *Error) {
	switch {
	case name == "" || name == "UTC":
		return time.UTC, nil
	case len(name) > maxZone || name == "Local":
		return nil, invalid("tz: %.64q is no time zone", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, invalid("tz: %q is no time zone of the tz database, such as Europe/Berlin", name)
	}
	return zone, nil
}

// midnight is the first moment of a date in a zone: where clocks skip midnight,
// the moment they do.
func midnight(year int, month time.Month, day int, zone *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if t.Day() != time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Day() {
		t = next(t, true) // Date chose the other side of the change
	}
	return t
}

// next is the start of the day or hour after t by t's clock, or the moment before
// then at which the clock is changed.
func next(t time.Time, days bool) time.Time {
	_, offset := t.Zone()
	length := time.Hour
	if days {
		length = 24 * time.Hour
	}
	local := t.Unix() + int64(offset) // what the clock shows, as if it were UTC
	size := int64(length / time.Second)
	since := (local%size + size) % size // also before 1970
	start := time.Unix(local-since+size-int64(offset), 0).In(t.Location())
	if _, change := t.ZoneBounds(); !change.IsZero() && change.Before(start) {
		return change
	}
	return start
}

// span is a stretch of time that belongs to one day or hour of a zone.
type span struct {
	from, to time.Time
	label    string // of the hour, or of the day where days are asked for
}

// spans cuts [from, to) into the days or hours of a zone. Most often each has one
// span; it has two where a changed clock repeats what it showed before.
func spans(from, to time.Time, days bool) []span {
	form := zoneHourForm
	if days {
		form = dayForm
	}
	var all []span
	for at := from; at.Before(to); {
		end := next(at, days)
		if end.After(to) {
			end = to
		}
		label := at.Format(form)
		if n := len(all); n > 0 && all[n-1].label == label {
			all[n-1].to = end
		} else {
			all = append(all, span{at, end, label})
		}
		at = end
	}
	return all
}

// usageIn sums like the ledger, with the days and hours of a zone instead of
// those of UTC.
func usageIn(ctx context.Context, l Ledger, q ledger.Query, zone *time.Location) ([]ledger.Row, error) {
	days, hours := slices.Contains(q.By, "day"), slices.Contains(q.By, "hour")
	switch {
	case zone == time.UTC || !days && !hours:
		return l.Usage(ctx, q)
	case hours && wholeHours(q.From.In(zone), q.To):
		return hourly(ctx, l, q, zone)
	}
	return bySpan(ctx, l, q, spans(q.From.In(zone), q.To, !hours))
}

// wholeHours reports whether the clock of from's zone is whole hours away from
// UTC until to.
func wholeHours(from, to time.Time) bool {
	for at := from; at.Before(to); {
		if _, offset := at.Zone(); offset%3600 != 0 {
			return false
		}
		_, end := at.ZoneBounds()
		if end.IsZero() {
			break
		}
		at = end
	}
	return true
}

// hourly sums by hour of UTC, each of which is an hour of the zone under another
// name.
func hourly(ctx context.Context, l Ledger, q ledger.Query, zone *time.Location) ([]ledger.Row, error) {
	by := q.By
	q.By = slices.DeleteFunc(slices.Clone(by), func(name string) bool { return name == "day" })
	rows, err := l.Usage(ctx, q)
	if err != nil {
		return nil, err
	}
	at := slices.Index(q.By, "hour")
	for i := range rows {
		if len(rows[i].Keys) != len(q.By) {
			return nil, fmt.Errorf("sum usage: a row has %d keys, want %d", len(rows[i].Keys), len(q.By))
		}
		hour, err := time.ParseInLocation(hourForm, rows[i].Keys[at], time.UTC)
		if err != nil {
			return nil, fmt.Errorf("sum usage: %w", err)
		}
		keys := slices.Delete(slices.Clone(rows[i].Keys), at, at+1)
		rows[i].Keys = labelled(keys, by, hour.In(zone).Format(zoneHourForm))
	}
	ledger.SortRows(rows)
	return rows, nil
}

// bySpan asks for each span, and adds up what has the same keys.
func bySpan(ctx context.Context, l Ledger, q ledger.Query, all []span) ([]ledger.Row, error) {
	by := q.By
	q.By = slices.DeleteFunc(slices.Clone(by), func(name string) bool { return name == "day" || name == "hour" })
	var rows []ledger.Row
	index := map[string]int{}
	for _, s := range all {
		q.From, q.To = s.from, s.to
		part, err := l.Usage(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range part {
			if len(part[i].Keys) != len(q.By) {
				return nil, fmt.Errorf("sum usage: a row has %d keys, want %d", len(part[i].Keys), len(q.By))
			}
			part[i].Keys = labelled(part[i].Keys, by, s.label)
			group := fmt.Sprintf("%q", part[i].Keys)
			if have, ok := index[group]; ok {
				addRow(&rows[have], &part[i])
				continue
			}
			index[group] = len(rows)
			rows = append(rows, part[i])
		}
		if len(rows) > ledger.MaxRows {
			return nil, ledger.ErrTooManyRows
		}
	}
	ledger.SortRows(rows)
	return rows, nil
}

// labelled puts a label where by has day and hour among the keys of the others.
func labelled(keys, by []string, label string) []string {
	day, _, _ := strings.Cut(label, "T")
	out := make([]string, 0, len(by))
	for _, name := range by {
		switch name {
		case "day":
			out = append(out, day)
		case "hour":
			out = append(out, label)
		default:
			out, keys = append(out, keys[0]), keys[1:]
		}
	}
	return out
}

func addRow(to, from *ledger.Row) {
	to.Calls += from.Calls
	to.Unpriced += from.Unpriced
	for c, n := range from.Tokens {
		to.Tokens[c] += n
	}
	to.List = to.List.Add(from.List)
	to.Contracted = to.Contracted.Add(from.Contracted)
	to.Charged = to.Charged.Add(from.Charged)
}
