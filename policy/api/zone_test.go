package api

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// zones change their clocks in every way: at night, at midnight, by half an hour,
// by a day, and never.
var zones = []string{
	"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo",
	"Pacific/Apia", "Pacific/Chatham", "America/St_Johns", "Atlantic/Azores", "America/Havana", "Etc/GMT+12", "Africa/Monrovia",
}

// TestSpans: they are the time asked for, whole and once, each moment under the
// name that the zone's clock shows.
func TestSpans(t *testing.T) {
	for _, name := range zones {
		z := zone(t, name)
		for _, year := range []int{1970, 2007, 2011, 2018} {
			for _, days := range []bool{true, false} {
				if !days && year != 2018 {
					continue // 8760 each
				}
				from := time.Date(year, 1, 1, 3, 17, 0, 5, time.UTC)
				to := from.AddDate(1, 0, 0)
				form := zoneHourForm
				if days {
					form = dayForm
				}
				at := from
				for _, s := range spans(from.In(z), to, days) {
					if !s.from.Equal(at) || !s.from.Before(s.to) {
						t.Fatalf("%s: %v follows on %v", name, s, at)
					}
					for _, inside := range []time.Time{s.from, s.to.Add(-1), s.from.Add(s.to.Sub(s.from) / 2)} {
						if got := inside.In(z).Format(form); got != s.label {
							t.Errorf("%s: %v is in %s, the clock shows %s", name, inside, s.label, got)
						}
					}
					at = s.to
				}
				if !at.Equal(to) {
					t.Errorf("%s: spans end at %v, want %v", name, at, to)
				}
			}
		}
	}
}

// TestMidnight: it is the first moment of its date that the clock shows.
func TestMidnight(t *testing.T) {
	for _, name := range zones {
		z := zone(t, name)
		for day := time.Date(2016, 1, 1, 12, 0, 0, 0, time.UTC); day.Year() < 2020; day = day.AddDate(0, 0, 1) {
			at := midnight(day.Year(), day.Month(), day.Day(), z)
			if got, want := at.Format(dayForm), day.Format(dayForm); got != want {
				t.Errorf("%s: midnight of %s is %v", name, want, at)
			}
			if before := at.Add(-1).Format(dayForm); before >= day.Format(dayForm) {
				t.Errorf("%s: before midnight of %s it is %s", name, day.Format(dayForm), before)
			}
		}
	}
	if got := midnight(2018, 11, 4, zone(t, "America/Sao_Paulo")); got.Hour() != 1 {
		t.Errorf("midnight is skipped there, and the day begins at one: %v", got)
	}
}

// TestZoneSums: grouped by the days and hours of a zone, records are summed as if
// each had been looked at alone.
func TestZoneSums(t *testing.T) {
	records := ledgertest.Varied(11, 300)
	start := time.Date(2026, 3, 28, 13, 7, 0, 0, time.UTC) // clocks change that night
	for i := range records {
		records[i].Completed = start.Add(records[i].Completed.Sub(ledgertest.Start))
	}
	m := &ledgertest.Memory{}
	if err := m.Write(t.Context(), ledger.Batch{Records: records}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"} {
		z := zone(t, name)
		for _, by := range [][]string{{"day"}, {"team", "day"}, {"hour", "model"}, {"model", "hour", "team", "day"}, {"team"}} {
			q := ledger.Query{From: start.Add(time.Hour), To: start.Add(45 * time.Hour), By: by}
			got, err := usageGroups(m).in(t.Context(), q, z)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(alone(t, records, q, z), got); d != "" {
				t.Errorf("%s by %v (-want +got):\n%s", name, by, d)
			}
		}
	}
}

// alone sums every record under its own name.
func alone(t *testing.T, records []policy.Record, q ledger.Query, z *time.Location) []ledger.Row {
	t.Helper()
	form := hourForm
	if z.String() != "UTC" {
		form = zoneHourForm
	}
	var rows []ledger.Row
	for i := range records {
		r := records[i]
		if r.Completed.Before(q.From) || !r.Completed.Before(q.To) {
			continue
		}
		one := &ledgertest.Memory{}
		if err := one.Write(t.Context(), ledger.Batch{Records: []policy.Record{r}}); err != nil {
			t.Fatal(err)
		}
		row, err := one.Usage(t.Context(), q)
		if err != nil || len(row) != 1 {
			t.Fatal(row, err)
		}
		for k, name := range q.By {
			switch name {
			case "day":
				row[0].Keys[k] = r.Completed.In(z).Format(dayForm)
			case "hour":
				row[0].Keys[k] = r.Completed.In(z).Format(form)
			}
		}
		same := func(o ledger.Row) bool { return slices.Equal(o.Keys, row[0].Keys) }
		if at := slices.IndexFunc(rows, same); at >= 0 {
			addRow(&rows[at], &row[0])
		} else {
			rows = append(rows, row[0])
		}
	}
	ledger.SortRows(rows)
	return rows
}

// TestUsageInAZone: the bounds, the month by default and the answer are the zone's.
func TestUsageInAZone(t *testing.T) {
	m := &memory{}
	_, c := serve(t, m, nil)
	a, err := c.Usage(t.Context(), Query{Zone: "Asia/Kolkata"})
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 7, 31, 18, 30, 0, 0, time.UTC); !m.asked.From.Equal(want) || !a.From.Equal(want) || a.Zone != "Asia/Kolkata" {
		t.Errorf("from %v, told %v in %q, want %v", m.asked.From, a.From, a.Zone, want)
	}
	s, _ := serve(t, m, nil)
	if status, body := get(t, s, "/api/v1/usage?from=2026-08-01&to=2026-08-02&tz=Europe/Berlin"); status != 200 || !m.asked.To.Equal(time.Date(2026, 8, 1, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("%d %s: asked to %v", status, body, m.asked.To)
	}
}
