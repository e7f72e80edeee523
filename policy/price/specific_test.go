package price

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/tokenizer"
)

// narrowings are rows that differ from a plain one in a single condition, from
// the one that weighs most to the one that weighs least, and what makes each hold.
var narrowings = []struct {
	name   string
	row    func(*Row)
	fulfil func(*Query)
}{
	{"provider", func(r *Row) { r.Provider = "p" }, func(q *Query) { q.Provider = "p" }},
	{"account", func(r *Row) { r.Account = "acme" }, func(q *Query) { q.Account = "acme" }},
	{"deployment", func(r *Row) { r.Deployment = "data_zone" }, func(q *Query) { q.Deployment = "data_zone" }},
	{"exact region", func(r *Row) { r.Region = "eu-west-1" }, func(q *Query) { q.Region = "eu-west-1" }},
	{"regions", func(r *Row) { r.Region = "eu-*" }, func(q *Query) { q.Region = "eu-west-1" }},
	{"any region", func(r *Row) { r.Region = "*" }, func(q *Query) { q.Region = "eu-west-1" }},
	{"tier", func(r *Row) { r.Tier = "batch" }, func(q *Query) { q.Tier = "batch" }},
	{"size", func(r *Row) { r.Size = "1024x1024" }, func(q *Query) { q.Size = "1024x1024" }},
	{"quality", func(r *Row) { r.Quality = "hd" }, func(q *Query) { q.Quality = "hd" }},
	{"high band", func(r *Row) { r.Above = 400 }, func(q *Query) { q.Input = 401 }},
	{"band", func(r *Row) { r.Above = 200 }, func(q *Query) { q.Input = max(q.Input, 201) }},
	{"hours", func(r *Row) { r.Hours = Window{From: 0, To: 60} }, func(*Query) {}},
	{"late start", func(r *Row) { r.From = day("2026-02-01") }, func(*Query) {}},
	{"start", func(r *Row) { r.From = day("2026-01-01") }, func(*Query) {}},
	{"plain", func(*Row) {}, func(*Query) {}},
}

// Of every two conditions the weightier one wins, in whatever order the rows are
// given.
func TestTheOrderOfSpecificity(t *testing.T) {
	for i, strong := range narrowings {
		for _, weak := range narrowings[i+1:] {
			a, b := priced("strong", "", "m", strong.row), priced("weak", "", "m", weak.row)
			q := Query{Model: "m", At: day("2026-03-02").Add(30 * time.Minute)} // a Monday
			weak.fulfil(&q)
			strong.fulfil(&q)
			for _, rows := range [][]Row{{a, b}, {b, a}} {
				c, err := New(rows)
				if err != nil {
					t.Fatalf("%s, %s: %v", strong.name, weak.name, err)
				}
				if row, ok := c.Find(q); !ok || row.ID != "strong" {
					t.Errorf("%s against %s: %v, %v", strong.name, weak.name, row, ok)
				}
			}
		}
	}
}

// A row whose condition does not hold is never found, alone as it may be.
func TestConditionsMustHold(t *testing.T) {
	for _, n := range narrowings[:12] {
		c, err := New([]Row{priced("r", "", "m", n.row)})
		if err != nil {
			t.Fatal(err)
		}
		if row, ok := c.Find(Query{Model: "m", Provider: "other", At: day("2025-01-01").Add(2 * time.Hour)}); ok {
			t.Errorf("%s: %v holds for a call that says nothing of it", n.name, row)
		}
	}
	c, err := New([]Row{priced("r", "", "m", func(r *Row) { r.Region = "*" })})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Find(Query{Model: "m", Region: "global"}); ok {
		t.Error("global is taken for a region")
	}
}

func TestAmbiguousRowsAreRefused(t *testing.T) {
	from := func(d string) func(*Row) { return func(r *Row) { r.From = day(d) } }
	until := func(d string) func(*Row) { return func(r *Row) { r.Until = day(d) } }
	hours := func(s string) func(*Row) {
		w, err := ParseWindow(s)
		if err != nil {
			t.Fatal(err)
		}
		return func(r *Row) { r.Hours = w }
	}
	region := func(s string) func(*Row) { return func(r *Row) { r.Region = s } }
	alias := func(s string) func(*Row) { return func(r *Row) { r.Aliases = []string{s} } }
	for _, x := range []struct {
		name      string
		a, b      Row
		ambiguous bool
	}{
		{"the same twice", priced("a", "p", "m"), priced("b", "p", "M"), true},
		{"other providers", priced("a", "p", "m"), priced("b", "q", "m"), false},
		{"one ends before the other begins", priced("a", "p", "m", until("2026-01-01")), priced("b", "p", "m", from("2026-01-01")), false},
		{"one end, one start", priced("a", "p", "m", from("2026-01-01"), until("2026-02-01")), priced("b", "p", "m", from("2026-01-01")), true},
		{"both only end", priced("a", "p", "m", until("2026-01-01")), priced("b", "p", "m", until("2026-02-01")), true},
		{"hours that meet", priced("a", "p", "m", hours("10:00-12:00")), priced("b", "p", "m", hours("11:59-13:00")), true},
		{"hours that do not", priced("a", "p", "m", hours("10:00-12:00")), priced("b", "p", "m", hours("12:00-10:00")), false},
		{"days that do not", priced("a", "p", "m", hours("mon-fri 00:00-24:00")), priced("b", "p", "m", hours("sat-sun 00:00-24:00")), false},
		{"past midnight into a day", priced("a", "p", "m", hours("fri 23:00-01:00")), priced("b", "p", "m", hours("sat 00:30-02:00")), true},
		{"regions that meet", priced("a", "p", "m", region("eu-*1")), priced("b", "p", "m", region("*-x-1")), true},
		{"regions that do not", priced("a", "p", "m", region("eu-*")), priced("b", "p", "m", region("us-*")), false},
		{"patterns that meet", priced("a", "p", "ab*"), priced("b", "p", "*ba"), true},
		{"patterns of unlike length", priced("a", "p", "ab*"), priced("b", "p", "*b"), false},
		{"patterns that do not meet", priced("a", "p", "ab*"), priced("b", "p", "ac*"), false},
		{"one alias for two", priced("a", "p", "m", alias("x")), priced("b", "p", "n", alias("X")), true},
		{"an alias and a name", priced("a", "p", "m", alias("n")), priced("b", "p", "n"), false},
		{"a tuned pattern and a plain one", priced("a", "p", "ft:*"), priced("b", "p", "*:ab"), false},
	} {
		_, err := New([]Row{x.a, x.b})
		if x.ambiguous != (err != nil && strings.Contains(err.Error(), "may fulfil both")) || !x.ambiguous && err != nil {
			t.Errorf("%s: New = %v", x.name, err)
		}
		if _, err := New([]Row{x.a}, []Row{x.b}); err != nil {
			t.Errorf("%s: in two layers: %v", x.name, err)
		}
	}
}

// Whatever New takes, the answer of Find does not depend on the order of rows,
// and is a row that no other one that holds is narrower than.
func TestFindIsTheNarrowest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for range 3000 {
		rows := make([]Row, 2+random.IntN(5))
		for i := range rows {
			rows[i] = priced(fmt.Sprint("r", i), "", "m")
			for _, n := range narrowings {
				if random.IntN(4) == 0 {
					n.row(&rows[i])
				}
			}
		}
		c, err := New(rows)
		if err != nil {
			continue
		}
		taken++
		q := Query{Model: "m", At: day("2026-03-02").Add(time.Duration(random.IntN(120)) * time.Minute)}
		for _, n := range narrowings {
			if random.IntN(3) > 0 {
				n.fulfil(&q)
			}
		}
		found, ok := c.Find(q)
		if x := c.Explain(q); x.Row != found {
			t.Fatalf("Explain gives %v, Find %v", x.Row, found)
		}
		for i := range rows {
			if rows[i].holds(&q) != holdsAll(&rows[i], &q) {
				t.Fatalf("holds differs from the conditions: %+v, %+v", rows[i], q)
			}
			if !rows[i].holds(&q) {
				continue
			}
			if !ok {
				t.Fatalf("%v holds, and nothing was found", rows[i])
			}
			if order, _ := narrower(&rows[i], found); order > 0 {
				t.Fatalf("%+v is narrower than %+v", rows[i], *found)
			}
		}
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		again, err := New(rows)
		if err != nil {
			t.Fatal(err)
		}
		if other, _ := again.Find(q); ok && other.ID != found.ID {
			t.Fatalf("Find = %s, in another order %s", found.ID, other.ID)
		}
	}
	if taken < 1000 {
		t.Errorf("only %d catalogues were tried", taken)
	}
}

func holdsAll(r *Row, q *Query) bool {
	for i := range conditions {
		if !conditions[i].holds(r, q) {
			return false
		}
	}
	return true
}

func TestHours(t *testing.T) {
	at := func(s string) time.Time {
		m, err := time.Parse("2006-01-02T15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, x := range []struct {
		window, at string // 2026-03-02 is a Monday
		in         bool
	}{
		{"", "2026-03-02T12:00", true},
		{"00:30-16:30", "2026-03-02T00:29", false},
		{"00:30-16:30", "2026-03-02T00:30", true},
		{"00:30-16:30", "2026-03-02T16:29", true},
		{"00:30-16:30", "2026-03-02T16:30", false},
		{"16:30-00:30", "2026-03-02T23:59", true},
		{"16:30-00:30", "2026-03-03T00:29", true},
		{"16:30-00:30", "2026-03-03T00:30", false},
		{"fri 23:00-01:00", "2026-03-07T00:30", true},
		{"fri 23:00-01:00", "2026-03-06T00:30", false},
		{"sat-sun 00:00-24:00", "2026-03-08T23:59", true},
		{"sat-sun 00:00-24:00", "2026-03-09T00:00", false},
		{"mon,wed-fri 10:00-24:00", "2026-03-03T11:00", false},
		{"mon,wed-fri 10:00-24:00", "2026-03-05T11:00", true},
	} {
		w, err := ParseWindow(x.window)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.holds(at(x.at)); got != x.in {
			t.Errorf("%q at %s: %v", x.window, x.at, got)
		}
		if elsewhere := at(x.at).In(time.FixedZone("", 5*3600+1800)); w.holds(elsewhere) != x.in {
			t.Errorf("%q at %s: the zone of the clock matters", x.window, x.at)
		}
		if w.String() != x.window {
			t.Errorf("%q is written %q", x.window, w)
		}
	}
	for _, bad := range []string{"10:00", "1:00-2:00", "25:00-26:00", "10:60-11:00", "24:00-01:00", "fri-mon 10:00-11:00", "day 10:00-11:00", " 10:00-11:00", "10:00-24:01"} {
		if w, err := ParseWindow(bad); err == nil {
			t.Errorf("ParseWindow(%q) = %v", bad, w)
		}
	}
}

// meets is held against a walk over each minute of a week.
func TestWindowsMeet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	window := func() Window {
		return Window{Days: uint8(random.IntN(128)), From: int16(random.IntN(24) * 60), To: int16(60 + random.IntN(24)*60)} //nolint:gosec // small
	}
	monday := day("2024-01-01")
	for range 300 {
		a, b := window(), window()
		want := false
		for m := 0; m < 7*minutesPerDay; m += 30 {
			at := monday.Add(time.Duration(m) * time.Minute)
			want = want || a.holds(at) && b.holds(at)
		}
		if got := a.meets(b); got != want {
			t.Fatalf("%v, %v: meets = %v", a, b, got)
		}
	}
}

// overlap is held against all short texts of two letters.
func TestGlobsOverlap(t *testing.T) {
	var globs, texts []string
	var grow func(s string, letters string, into *[]string, left int)
	grow = func(s, letters string, into *[]string, left int) {
		*into = append(*into, s)
		for i := range letters {
			if left > 0 {
				grow(s+letters[i:i+1], letters, into, left-1)
			}
		}
	}
	grow("", "ab*", &globs, 3)
	grow("", "ab", &texts, 6)
	for _, a := range globs {
		for _, b := range globs {
			want := false
			for _, text := range texts {
				_, one := match(a, text)
				_, two := match(b, text)
				want = want || one && two
			}
			if got := overlap(a, b); got != want {
				t.Fatalf("overlap(%q, %q) = %v", a, b, got)
			}
			if want && !endsAgree([]byte(a), []byte(b)) {
				t.Fatalf("the ends of %q and %q do not agree, yet they overlap", a, b)
			}
		}
	}
}

func TestEndsThatDoNotAgree(t *testing.T) {
	for a, b := range map[string]string{"ab*": "ac*", "*ab": "*cb", "a*b*c": "a*b*d", "ab": "abc"} {
		if endsAgree([]byte(a), []byte(b)) || endsAgree([]byte(b), []byte(a)) {
			t.Errorf("the ends of %q and %q agree", a, b)
		}
	}
}

func TestDeploymentsStandForModels(t *testing.T) {
	profile := "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc"
	c, err := NewWith(Options{Deployments: map[string]string{"Chat-Prod": "gpt-4o", profile: "eu.claude", "mine": "ft:gpt-4o:acme", "lost": "nothing"}},
		[]Row{priced("gpt", "azure", "gpt-4o"), priced("claude", "bedrock", "eu.claude"), priced("tuned", "azure", "ft:gpt-4o:*"), priced("own", "azure", "lost")})
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{"chat-prod": "gpt", "CHAT-PROD": "gpt", profile: "claude", "mine": "tuned", "lost": "", "gpt-4o": "gpt"} {
		got := ""
		if row, ok := c.Find(Query{Model: asked}); ok {
			got = row.ID
		}
		if got != want {
			t.Errorf("Find(%q) = %q, want %q", asked, got, want)
		}
	}
	q := Query{Provider: "azure", Model: "chat-prod"}
	if n := testing.AllocsPerRun(100, func() { c.Find(q) }); n != 0 {
		t.Errorf("a deployment costs %v allocations", n)
	}
	for _, bad := range []map[string]string{{"": "m"}, {"d": ""}, {"d": "m", "D": "n"}, {strings.Repeat("d", 257): "m"}} {
		if _, err := NewWith(Options{Deployments: bad}); err == nil {
			t.Errorf("NewWith took %v", bad)
		}
	}
}

func TestFractionsAreExact(t *testing.T) {
	r := NewRow("r", "p", "m")
	r.SetPer(tokenizer.HostingSeconds, 1_700_000*1_000_000, 3600) // 1.70 an hour
	for seconds, want := range map[int64]string{3600: "1.7", 1: "0.000472222222", 5400: "2.55", 7: "0.003305555556"} {
		got, as, ok := r.Cost(tokenizer.HostingSeconds, seconds)
		if !ok || as != tokenizer.HostingSeconds || got.String() != want {
			t.Errorf("%d seconds cost %v, %v, want %s", seconds, got, ok, want)
		}
	}
	shown, _, _ := r.Rate(tokenizer.HostingSeconds)
	if shown.String() != "472.222222" || r.Prices() != "hosting_seconds 1700000/3600" {
		t.Errorf("shown as %v, %s", shown, r.Prices())
	}
	other := r
	other.Set(tokenizer.HostingSeconds, 1)
	if _, per, _ := r.own(tokenizer.HostingSeconds); per != 3600 {
		t.Errorf("changing a copy changed the row: per %d", per)
	}
}
