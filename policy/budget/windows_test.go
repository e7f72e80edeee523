package budget

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWindowAt(t *testing.T) {
	for _, test := range []struct {
		name            string
		window          Window
		zone            string
		now, start, end string
	}{
		{"an hour", Window{Every: Hour}, "UTC", "2026-03-01T10:59:59Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"},
		{"the first moment of an hour", Window{Every: Hour}, "UTC", "2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"},
		{"an hour of Kolkata", Window{Every: Hour}, "Asia/Kolkata", "2026-03-01T10:20:00Z", "2026-03-01T09:30:00Z", "2026-03-01T10:30:00Z"},
		{"the hour before half an hour is left out", Window{Every: Hour}, "Australia/Lord_Howe", "2026-10-03T15:20:00Z", "2026-10-03T14:30:00Z", "2026-10-03T15:30:00Z"},
		{"the half hour after that", Window{Every: Hour}, "Australia/Lord_Howe", "2026-10-03T15:40:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"},
		{"half an hour once more", Window{Every: Hour}, "Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"},
		{"an hour shown the first time", Window{Every: Hour}, "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"and the second", Window{Every: Hour}, "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		{"a day", Window{Every: Day}, "UTC", "2026-03-01T10:59:59Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"a day of 23 hours", Window{Every: Day}, "Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"a day of 25 hours", Window{Every: Day}, "Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"a day of 23 and a half", Window{Every: Day}, "Australia/Lord_Howe", "2026-10-04T01:00:00Z", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"},
		{"a day of St John's", Window{Every: Day}, "America/St_Johns", "2026-01-05T03:29:59Z", "2026-01-04T03:30:00Z", "2026-01-05T03:30:00Z"},
		{"a day without midnight", Window{Every: Day}, "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		{"a day with two midnights", Window{Every: Day}, "America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"yesterday once more", Window{Every: Day}, "America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		{"before a date that was left out", Window{Every: Day}, "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"after it", Window{Every: Day}, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"a week from Monday", Window{Every: Week, WeekStart: time.Monday}, "UTC", "2026-03-01T10:00:00Z", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"a week from Sunday", Window{Every: Week}, "UTC", "2026-03-01T10:00:00Z", "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"},
		{"a week from Saturday", Window{Every: Week, WeekStart: time.Saturday}, "UTC", "2026-03-01T10:00:00Z", "2026-02-28T00:00:00Z", "2026-03-07T00:00:00Z"},
		{"a month", Window{Every: Month}, "UTC", "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"a month of New York", Window{Every: Month}, "America/New_York", "2026-03-01T04:59:59Z", "2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z"},
		{"a quarter", Window{Every: Quarter}, "UTC", "2026-02-10T00:00:00Z", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"a quarter of a year from February", Window{Every: Quarter, FirstMonth: time.February}, "UTC", "2026-01-10T00:00:00Z", "2025-11-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		{"a year", Window{Every: Year}, "UTC", "2026-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"a year from October", Window{Every: Year, FirstMonth: time.October}, "UTC", "2026-09-30T23:59:59Z", "2025-10-01T00:00:00Z", "2026-10-01T00:00:00Z"},
		{"a year from April in India", Window{Every: Year, FirstMonth: time.April}, "Asia/Kolkata", "2026-03-31T18:30:00Z", "2026-03-31T18:30:00Z", "2027-03-31T18:30:00Z"},
	} {
		test.window.Location = zone(t, test.zone)
		start, end := test.window.At(moment(t, test.now))
		if got, want := fmt.Sprint(start.UTC(), end.UTC()), fmt.Sprint(moment(t, test.start).UTC(), moment(t, test.end).UTC()); got != want {
			t.Errorf("%s: At(%s) = %s, want %s", test.name, test.now, got, want)
		}
	}
}

func TestWindowsWithoutBounds(t *testing.T) {
	now := moment(t, "2026-03-01T10:00:00Z")
	for _, test := range []struct {
		window Window
		begin  time.Time
	}{
		{Window{Every: Total}, time.Time{}},
		{Window{Every: Rolling, Length: time.Hour}, now.Add(-time.Hour)},
		{Window{Every: Month}, moment(t, "2026-03-01T00:00:00Z")},
	} {
		if got := test.window.Begin(now); !got.Equal(test.begin) {
			t.Errorf("%s: Begin = %s, want %s", test.window.Every, got, test.begin)
		}
		start, end := test.window.At(now)
		if bounded := test.window.Every == Month; start.IsZero() == bounded || end.IsZero() == bounded {
			t.Errorf("%s: At = %s, %s", test.window.Every, start, end)
		}
	}
}

// Windows follow each other, and every moment of one is in that one.
func TestWindowsTileTime(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata",
		"Africa/Cairo", "America/Havana", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "Atlantic/Azores",
	}
	lengths := map[Every][2]time.Duration{
		Hour: {time.Minute, time.Hour}, Day: {23 * time.Hour, 25 * time.Hour}, Week: {6 * 24 * time.Hour, 169 * time.Hour},
		Month: {27 * 24 * time.Hour, 745 * time.Hour}, Quarter: {89 * 24 * time.Hour, 2209 * time.Hour}, Year: {364 * 24 * time.Hour, 8809 * time.Hour},
	}
	for _, name := range zones {
		for every, bounds := range lengths {
			for _, year := range []int{2009, 2024} { // the first have clocks that change at a minute past midnight, the others those of today
				w := Window{Every: every, Location: zone(t, name), WeekStart: time.Wednesday, FirstMonth: time.July}
				if got := tiles(&w, year, bounds); got != "" {
					t.Errorf("%s of %s from %d: %s", every, name, year, got)
				}
			}
		}
	}
}

// tiles goes through five years of windows, and says what is wrong with them.
func tiles(w *Window, year int, bounds [2]time.Duration) string {
	random := rand.New(rand.NewPCG(uint64(year), 1))
	at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	start, end := w.At(at)
	for last := at.AddDate(5, 0, 0); start.Before(last); {
		length := end.Sub(start)
		if length < bounds[0] || length > bounds[1] {
			return fmt.Sprintf("%s to %s is %s", start, end, length)
		}
		for _, in := range []time.Time{start, start.Add(time.Duration(random.Int64N(int64(length)))), end.Add(-1)} {
			if s, e := w.At(in.UTC()); !s.Equal(start) || !e.Equal(end) {
				return fmt.Sprintf("%s is in %s to %s, not in %s to %s", in, s, e, start, end)
			}
		}
		next, after := w.At(end)
		if !next.Equal(end) {
			return fmt.Sprintf("%s is followed by %s", end, next)
		}
		start, end = next, after
	}
	return ""
}
