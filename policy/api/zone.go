package api

import (
	"time"
	_ "time/tzdata" // zones are known on machines that have no zoneinfo
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
