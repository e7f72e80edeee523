package budget

import "time"

// At returns the window that now is in, half open. Days begin at the first moment
// of their date where the window is, so they have 23 to 25 hours where clocks
// change; where a date begins twice, at its first. Hours begin with the hour that
// clocks there show, and wherever those change. Windows follow each other without
// gap or overlap. Both are zero for Rolling and Total, which have none.
func (w *Window) At(now time.Time) (start, end time.Time) {
	now = now.In(w.location())
	switch w.Every {
	case Hour:
		return hourOf(now)
	case Day, Week, Month, Quarter, Year:
	default:
		return time.Time{}, time.Time{}
	}
	first := w.first(now)
	next := w.next(first)
	start, end = firstMoment(first, now.Location()), firstMoment(next, now.Location())
	for !now.Before(end) { // it is yesterday once more: clocks went back over midnight
		next = w.next(next)
		start, end = end, firstMoment(next, now.Location())
	}
	return start, end
}

// Begin is since when what was spent counts at now: zero where it always does.
func (w *Window) Begin(now time.Time) time.Time {
	if w.Every == Rolling {
		return now.Add(-w.Length)
	}
	start, _ := w.At(now)
	return start
}

func (w *Window) location() *time.Location {
	if w.Location == nil {
		return time.UTC
	}
	return w.Location
}

// civil is a date, as midnight UTC, so that it can be counted with.
func civil(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// first is the first date of the window that has the date of local.
func (w *Window) first(local time.Time) time.Time {
	year, month, day := local.Date()
	switch w.Every {
	case Week:
		return civil(year, month, day-int(local.Weekday()-w.WeekStart+7)%7)
	case Month:
		return civil(year, month, 1)
	case Quarter:
		return civil(year, month-(month-w.firstMonth()+12)%3, 1)
	case Year:
		return civil(year, month-(month-w.firstMonth()+12)%12, 1)
	default:
		return civil(year, month, day)
	}
}

func (w *Window) firstMonth() time.Month { return max(w.FirstMonth, time.January) }

// next is the first date of the window after the one that begins with first.
func (w *Window) next(first time.Time) time.Time {
	switch w.Every {
	case Week:
		return first.AddDate(0, 0, 7)
	case Month:
		return first.AddDate(0, 1, 0)
	case Quarter:
		return first.AddDate(0, 3, 0)
	case Year:
		return first.AddDate(1, 0, 0)
	default:
		return first.AddDate(0, 0, 1)
	}
}

// firstMoment is the first moment at which clocks in loc show date, or a later
// one: some dates have no midnight, some have two, and some were left out.
func firstMoment(date time.Time, loc *time.Location) time.Time {
	// No place is a day ahead of UTC. What is looked at are the spans in which its
	// offset stays.
	for at := date.AddDate(0, 0, -1).In(loc); ; {
		since, until := at.ZoneBounds()
		_, offset := at.Zone()
		midnight := date.Add(-time.Duration(offset) * time.Second).In(loc)
		if !since.IsZero() && midnight.Before(since) {
			midnight = since
		}
		if until.IsZero() || midnight.Before(until) {
			return midnight
		}
		at = until
	}
}

// hourOf is the hour that clocks show at local, cut where they change.
func hourOf(local time.Time) (start, end time.Time) {
	_, offset := local.Zone()
	shown := local.Add(time.Duration(offset) * time.Second).Truncate(time.Hour) // UTC has whole hours
	start = shown.Add(-time.Duration(offset) * time.Second)
	end = start.Add(time.Hour)
	since, until := local.ZoneBounds()
	if start.Before(since) && offsetBefore(since) != offset {
		start = since
	}
	if !until.IsZero() && until.Before(end) && offsetOf(until) != offset {
		end = until
	}
	return start, end
}

func offsetOf(t time.Time) int {
	_, offset := t.Zone()
	return offset
}

func offsetBefore(t time.Time) int { return offsetOf(t.Add(-1)) }
