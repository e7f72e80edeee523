package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Days is a set of days of the week; bit 0 is Monday. None is every day.
type Days uint8

const (
	everyDay      = 1<<7 - 1
	minutesPerDay = 24 * 60
)

var dayNames = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// ParseDays reads days such as "mon-fri", "sat,sun" or "fri-mon".
func ParseDays(text string) (d Days, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, span := strings.Cut(part, "-")
		if !span {
			last = first
		}
		from, to := slices.Index(dayNames, first), slices.Index(dayNames, last)
		if from < 0 || to < 0 {
			return 0, fmt.Errorf("read days: %.32q is none of %s, or a span of them", part, strings.Join(dayNames, ", "))
		}
		for i := from; ; i = (i + 1) % len(dayNames) {
			d |= 1 << i
			if i == to {
				break
			}
		}
	}
	return d, nil
}

// String is what ParseDays reads; empty for every day.
func (d Days) String() string {
	if d.all() {
		return ""
	}
	var spans []string
	for i := 0; i < len(dayNames); i++ {
		if d&(1<<i) == 0 {
			continue
		}
		last := i
		for last+1 < len(dayNames) && d&(1<<(last+1)) != 0 {
			last++
		}
		if last == i {
			spans = append(spans, dayNames[i])
		} else {
			spans = append(spans, dayNames[i]+"-"+dayNames[last])
		}
		i = last
	}
	return strings.Join(spans, ",")
}

func (d Days) all() bool { return d == 0 || d == everyDay }

// on reports whether a day is in d.
func (d Days) on(day time.Weekday) bool { return d.all() || d&(1<<((day+6)%7)) != 0 }

// Clock is a minute of the day, 0 to 1440, as clocks show it.
type Clock int16

// ParseClock reads "00:00" to "24:00".
func ParseClock(text string) (Clock, error) {
	hours, minutes, ok := strings.Cut(text, ":")
	h, err1 := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	if !ok || err1 != nil || err2 != nil || len(hours) != 2 || len(minutes) != 2 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, fmt.Errorf("read time of day: %.16q is not from 00:00 to 24:00", text)
	}
	return Clock(h*60 + m), nil //nolint:gosec // at most 1440
}

// String is what ParseClock reads.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }

// Window is a part of some days, From included and To not, by the clocks of a
// place. One whose To is not after its From ends on the day after, and belongs to
// the day on which it begins. The zero Window is always.
type Window struct {
	Days     Days
	From, To Clock
}

// String is the window for a person: "mon-fri 20:00-06:00".
func (w Window) String() string {
	days, hours := w.Days.String(), w.From.String()+"-"+w.To.String()
	switch {
	case w.wholeDay() && days == "":
		return "always"
	case w.wholeDay():
		return days
	case days == "":
		return hours
	}
	return days + " " + hours
}

// wholeDay reports whether w begins and ends with its days.
func (w Window) wholeDay() bool { return w.From == 0 && (w.To == 0 || w.To == minutesPerDay) }

func (w Window) check() error {
	switch {
	case w.From < 0 || w.From >= minutesPerDay || w.To < 0 || w.To > minutesPerDay || w.Days > everyDay:
		return fmt.Errorf("window %v: beyond a day or a week", w)
	case w.From == w.To && w.From != 0:
		return fmt.Errorf("window %v: ends as it begins", w)
	}
	return nil
}

// holds reports whether clocks that show local are in w.
func (w Window) holds(local time.Time) bool {
	minute, day := Clock(local.Hour()*60+local.Minute()), local.Weekday() //nolint:gosec // below 1440
	if w.wholeDay() {
		return w.Days.on(day)
	}
	if w.From < w.To {
		return w.Days.on(day) && w.From <= minute && minute < w.To
	}
	return w.Days.on(day) && minute >= w.From || w.Days.on((day+6)%7) && minute < w.To
}
