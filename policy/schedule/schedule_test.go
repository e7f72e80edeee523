package schedule

import (
	"math/rand/v2"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func window(t testing.TB, days, from, to string) Window {
	t.Helper()
	var w Window
	var err error
	if days != "" {
		if w.Days, err = ParseDays(days); err != nil {
			t.Fatal(err)
		}
	}
	if w.From, err = ParseClock(from); err != nil {
		t.Fatal(err)
	}
	if w.To, err = ParseClock(to); err != nil {
		t.Fatal(err)
	}
	return w
}

func of(requestType string) func(string) string {
	return func(key string) string {
		if key == "request_type" {
			return requestType
		}
		return ""
	}
}

// threeRows is a day of a machine whose hours have three prices: by day only what
// people wait for, batches in the evening too, training by night and at weekends.
func threeRows(t testing.TB) *Schedule {
	s, err := New([]Rule{
		{Name: "schedule[0]", Match: map[string][]string{"request_type": {"batch"}}, Location: zone(t, "Europe/Berlin"),
			Allow: []Window{window(t, "mon-fri", "18:00", "08:00"), window(t, "sat-sun", "00:00", "24:00")}},
		{Name: "schedule[1]", Match: map[string][]string{"request_type": {"training", "large_batch"}}, Location: zone(t, "Europe/Berlin"),
			Allow: []Window{window(t, "mon-fri", "22:00", "06:00"), window(t, "sat-sun", "00:00", "24:00")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAPriceTableOfThreeRows(t *testing.T) {
	s := threeRows(t)
	for _, c := range []struct{ at, requestType, next, rule string }{
		{"2026-03-18T11:00:00+01:00", "interactive", "", ""}, // a Wednesday, in business hours
		{"2026-03-18T11:00:00+01:00", "batch", "2026-03-18T18:00:00+01:00", "schedule[0]"},
		{"2026-03-18T11:00:00+01:00", "training", "2026-03-18T22:00:00+01:00", "schedule[1]"},
		{"2026-03-18T11:00:00+01:00", "large_batch", "2026-03-18T22:00:00+01:00", "schedule[1]"},
		{"2026-03-18T19:00:00+01:00", "batch", "", ""}, // the evening
		{"2026-03-18T19:00:00+01:00", "training", "2026-03-18T22:00:00+01:00", "schedule[1]"},
		{"2026-03-18T23:00:00+01:00", "interactive", "", ""}, // the night
		{"2026-03-18T23:00:00+01:00", "training", "", ""},
		{"2026-03-19T05:59:59+01:00", "training", "", ""},
		{"2026-03-19T06:00:00+01:00", "training", "2026-03-19T22:00:00+01:00", "schedule[1]"},
		{"2026-03-19T07:59:00+01:00", "batch", "", ""},
		{"2026-03-19T08:00:00+01:00", "batch", "2026-03-19T18:00:00+01:00", "schedule[0]"},
		{"2026-03-21T12:00:00+01:00", "training", "", ""},                                     // a Saturday
		{"2026-03-23T03:00:00+01:00", "training", "2026-03-23T22:00:00+01:00", "schedule[1]"}, // Monday night: Sunday's day is over
		{"2026-03-20T23:30:00+01:00", "training", "", ""},                                     // Friday
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		closed := s.Look(of(c.requestType), at)
		switch {
		case closed == nil && c.next != "":
			t.Errorf("%s at %s may be made", c.requestType, c.at)
		case closed != nil && (closed.Next.Format(time.RFC3339) != c.next || closed.Rule != c.rule):
			t.Errorf("%s at %s: %+v, want %s by %s", c.requestType, c.at, closed, c.next, c.rule)
		}
	}
}

func TestAllRulesThatMatchMustAllow(t *testing.T) {
	morning, noon := window(t, "", "08:00", "13:00"), window(t, "", "12:00", "14:00")
	s, err := New([]Rule{{Name: "a", Allow: []Window{morning}}, {Name: "b", Allow: []Window{noon}, Location: zone(t, "Europe/Berlin")}})
	if err != nil {
		t.Fatal(err)
	}
	closed := s.Look(of(""), time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	if closed == nil || closed.Rule != "b" || !closed.Next.Equal(time.Date(2026, 1, 5, 11, 0, 0, 0, time.UTC)) || closed.Windows != "12:00-14:00 (Europe/Berlin)" {
		t.Errorf("%+v", closed)
	}
	never, err := New([]Rule{{Name: "a", Allow: []Window{window(t, "mon", "08:00", "09:00")}}, {Name: "b", Allow: []Window{window(t, "tue", "08:00", "09:00")}}})
	if err != nil {
		t.Fatal(err)
	}
	if closed := never.Look(of(""), time.Now()); closed == nil || !closed.Next.IsZero() {
		t.Errorf("rules that never meet: %+v", closed)
	}
}

// A window has its beginning and not its end, and one that begins in an hour which
// clocks leave out begins when they go on.
func TestWindowsBeginAndEnd(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	s, err := New([]Rule{
		{Name: "day", Match: map[string][]string{"request_type": {"day"}}, Allow: []Window{window(t, "", "09:00", "17:00")}},
		{Name: "night", Match: map[string][]string{"request_type": {"night"}}, Allow: []Window{window(t, "", "02:30", "05:00")}, Location: berlin},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		requestType string
		at          time.Time
		next        string // empty: it is open
	}{
		{"day", time.Date(2026, 1, 5, 8, 59, 59, 0, time.UTC), "2026-01-05T09:00:00Z"},
		{"day", time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), ""},
		{"day", time.Date(2026, 1, 5, 16, 59, 59, 0, time.UTC), ""},
		{"day", time.Date(2026, 1, 5, 17, 0, 0, 0, time.UTC), "2026-01-06T09:00:00Z"},
		{"night", time.Date(2026, 3, 29, 0, 45, 0, 0, time.UTC), "2026-03-29T03:00:00+02:00"},
		{"night", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), ""},
		{"night", time.Date(2026, 3, 28, 0, 45, 0, 0, time.UTC), "2026-03-28T02:30:00+01:00"},
	} {
		closed, next := s.Look(of(c.requestType), c.at), ""
		if closed != nil {
			next = closed.Next.Format(time.RFC3339)
		}
		if next != c.next {
			t.Errorf("%s at %s: next %q, want %q", c.requestType, c.at, next, c.next)
		}
	}
}

// The next moment is the first: none before it is open. Minutes are tried one by
// one, over the days on which clocks change, and in places where they change oddly.
func TestTheNextMomentIsTheFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	places := []struct {
		zone string
		near time.Time
	}{
		{"UTC", time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)},
		{"Europe/Berlin", time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)},
		{"Europe/Berlin", time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)},
		{"America/Havana", time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC)},      // clocks change at midnight
		{"Australia/Lord_Howe", time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC)}, // by half an hour
		{"Asia/Kathmandu", time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
	}
	for range 300 {
		place := places[random.IntN(len(places))]
		r := Rule{Name: "r", Location: zone(t, place.zone)}
		for range 1 + random.IntN(2) {
			w := Window{Days: Days(random.IntN(everyDay + 1)), From: Clock(30 * random.IntN(48)), To: Clock(30 * random.IntN(49))}
			if w.check() == nil {
				r.Allow = append(r.Allow, w)
			}
		}
		s, err := New([]Rule{r})
		if err != nil {
			continue // no window
		}
		now := place.near.Add(time.Duration(random.IntN(48*60)) * time.Minute)
		closed := s.Look(of(""), now)
		if closed == nil {
			continue
		}
		want := now
		for !s.rules[0].open(want) {
			if want = want.Add(time.Minute); want.Sub(now) > 15*24*time.Hour {
				want = time.Time{}
				break
			}
		}
		if !closed.Next.Equal(want) {
			t.Fatalf("%v in %s at %v: next is %v, want %v", r.Allow, place.zone, now, closed.Next, want)
		}
	}
}

func TestAWindowIsReadAsItIsWritten(t *testing.T) {
	for _, c := range []struct{ days, from, to, want string }{
		{"mon-fri", "20:00", "06:00", "mon-fri 20:00-06:00"},
		{"sat,sun", "00:00", "24:00", "sat-sun"},
		{"fri-mon", "00:00", "00:00", "mon,fri-sun"},
		{"", "22:30", "23:00", "22:30-23:00"},
		{"mon-sun", "00:00", "24:00", "always"},
		{"wed", "09:00", "24:00", "wed 09:00-24:00"},
	} {
		if got := window(t, c.days, c.from, c.to).String(); got != c.want {
			t.Errorf("%s %s-%s: %q, want %q", c.days, c.from, c.to, got, c.want)
		}
	}
	for _, bad := range []string{"", "monday", "mon-", "mon--fri", "mon fri", "mon,,tue"} {
		if d, err := ParseDays(bad); err == nil {
			t.Errorf("ParseDays(%q) = %v", bad, d)
		}
	}
	for _, bad := range []string{"", "8:00", "08:60", "24:01", "25:00", "0800", "08:00:00", "-1:00", "+1:00"} {
		if c, err := ParseClock(bad); err == nil {
			t.Errorf("ParseClock(%q) = %v", bad, c)
		}
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	ok := Window{From: 60, To: 120}
	for name, r := range map[string]Rule{
		"no window":        {},
		"too many windows": {Allow: make([]Window, MaxWindows+1)},
		"ends as begins":   {Allow: []Window{{From: 60, To: 60}}},
		"beyond a day":     {Allow: []Window{{From: 60, To: 1441}}},
		"begins beyond":    {Allow: []Window{{From: 1440, To: 60}}},
		"a match of none":  {Allow: []Window{ok}, Match: map[string][]string{"team": nil}},
	} {
		if _, err := New([]Rule{r}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(make([]Rule, MaxRules+1)); err == nil {
		t.Error("too many rules: no error")
	}
}

func BenchmarkLook(b *testing.B) {
	s, now := threeRows(b), time.Date(2026, 3, 18, 20, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		s.Look(of("batch"), now)
	}
}
