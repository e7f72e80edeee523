package price

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is a part of each day, or of some days of the week, in UTC. Its zero
// value is all time.
type Window struct {
	Days uint8 // bit 0 is Monday; 0: every day
	From int16 // minute of the day, inclusive
	To   int16 // minute of the day, exclusive, at most 1440; not after From: of the next day
}

const (
	minutesPerDay = 24 * 60
	everyDay      = 1<<7 - 1
)

var dayNames = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// IsZero reports whether w is all time.
func (w Window) IsZero() bool { return w == Window{} }

// holds reports whether at lies in w. A window past midnight belongs to the day
// on which it begins.
func (w Window) holds(at time.Time) bool {
	if w.IsZero() {
		return true
	}
	at = at.UTC()
	minute, day := int16(at.Hour()*60+at.Minute()), (int(at.Weekday())+6)%7 //nolint:gosec // below 1440
	if w.From < w.To {
		return w.on(day) && w.From <= minute && minute < w.To
	}
	return minute >= w.From && w.on(day) || minute < w.To && w.on((day+6)%7)
}

func (w Window) on(day int) bool { return w.Days == 0 || w.Days&(1<<day) != 0 }

// meets reports whether some minute of a week lies in both: then one of them
// begins within the other.
func (w Window) meets(other Window) bool {
	if w.IsZero() || other.IsZero() {
		return true
	}
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := range len(dayNames) {
		begin := func(w Window) time.Time { return monday.AddDate(0, 0, day).Add(time.Duration(w.From) * time.Minute) }
		if w.on(day) && other.holds(begin(w)) || other.on(day) && w.holds(begin(other)) {
			return true
		}
	}
	return false
}

func (w Window) check() error {
	if w.IsZero() {
		return nil
	}
	if w.From < 0 || w.From >= minutesPerDay || w.To < 0 || w.To > minutesPerDay || w.Days > everyDay {
		return errors.New("hours: beyond a day or a week")
	}
	return nil
}

// ParseWindow reads "00:30-16:30", "mon-fri 10:00-24:00" or "sat,sun
// 00:00-24:00": UTC, the days of the beginning, the end exclusive. Empty is all
// time.
func ParseWindow(s string) (w Window, err error) {
	if s == "" {
		return Window{}, nil
	}
	days, hours, both := strings.Cut(s, " ")
	if !both {
		hours = s
	} else if w.Days, err = parseDays(days); err != nil {
		return Window{}, err
	}
	from, to, ok := strings.Cut(hours, "-")
	if !ok {
		return Window{}, fmt.Errorf("parse hours %q: want hh:mm-hh:mm", s)
	}
	if w.From, err = parseClock(from); err == nil {
		w.To, err = parseClock(to)
	}
	if err == nil && w.From == minutesPerDay {
		err = errors.New("begins at 24:00")
	}
	if err != nil {
		return Window{}, fmt.Errorf("parse hours %q: %w", s, err)
	}
	if w.To == 0 {
		w.To = minutesPerDay
	}
	return w, nil
}

func parseDays(s string) (days uint8, err error) {
	for part := range strings.SplitSeq(s, ",") {
		first, last, span := strings.Cut(part, "-")
		if !span {
			last = first
		}
		a, b := dayOf(first), dayOf(last)
		if a < 0 || b < a {
			return 0, fmt.Errorf("parse days %q: want mon, tue, wed, thu, fri, sat, sun, or mon-fri", s)
		}
		for d := a; d <= b; d++ {
			days |= 1 << d
		}
	}
	return days, nil
}

func dayOf(name string) int {
	for d, n := range dayNames {
		if n == name {
			return d
		}
	}
	return -1
}

func parseClock(s string) (int16, error) {
	if len(s) != len("15:04") || s[2] != ':' {
		return 0, errors.New("want hh:mm")
	}
	h, err1 := strconv.ParseUint(s[:2], 10, 8)
	m, err2 := strconv.ParseUint(s[3:], 10, 8)
	minute := h*60 + m
	if err1 != nil || err2 != nil || m > 59 || minute > minutesPerDay {
		return 0, errors.New("want hh:mm up to 24:00")
	}
	return int16(minute), nil //nolint:gosec // at most 1440
}

// String is what ParseWindow reads.
func (w Window) String() string {
	if w.IsZero() {
		return ""
	}
	hours := fmt.Sprintf("%02d:%02d-%02d:%02d", w.From/60, w.From%60, w.To/60, w.To%60)
	if w.Days == 0 {
		return hours
	}
	var days []string
	for d := 0; d < len(dayNames); d++ {
		if !w.on(d) {
			continue
		}
		last := d
		for last+1 < len(dayNames) && w.on(last+1) {
			last++
		}
		name := dayNames[d]
		if last > d {
			name += "-" + dayNames[last]
		}
		days = append(days, name)
		d = last
	}
	return strings.Join(days, ",") + " " + hours
}
