package owners

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadCSV(t *testing.T) {
	text := "\ufeffteam,keys, cost_centre ,from,until,lead,parent\r\n" +
		"acme,,,,,,\r\n" +
		"\r\n" +
		",,,,,,\r\n" +
		"support,\"" + key(1) + "\n" + key(2) + "\",\"CC, 17\",2026-01-01,2026-07-01T09:00:00+02:00,lead@example.com,acme\r\n"
	d, err := ReadCSV(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []Entry
	for e := range d.Entries() {
		got = append(got, e)
	}
	want := []Entry{{Team: "acme"}, {
		Team: "support", Keys: []string{key(1), key(2)}, CostCentre: "CC, 17", Lead: "lead@example.com", Parent: "acme",
		From: date("2026-01-01"), Until: time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC),
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") })); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestReadCSVSaysWhere(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"nothing":             {"", "line 1, column 1: the file is empty"},
		"no rows is fine":     {"team\n", ""},
		"an unknown column":   {"team,centre\na,b\n", `line 1, column 6: no column is called "centre"; there are team, cost_centre,`},
		"no header":           {"support,sk-live-1\n", "line 1, column 1: no column is called \"support\""},
		"a column twice":      {"team,lead,lead\n", "line 1, column 11: lead: the column is there twice"},
		"no team column":      {"lead\na@b.c\n", "line 1, column 1: there is no column team"},
		"semicolons":          {"team;lead\na;b\n", "line 1, column 1: no column is called \"…\""},
		"a short row":         {"team,lead\nsupport\n", "line 2, column 1: this row ends at 1 fields, the header has 2"},
		"a long row":          {"team\nsupport,x,y\n", "line 2, column 11: this row ends at 3 fields, the header has 1"},
		"no date":             {"team,from\n\nsupport,July\n", `line 3, column 9: from: "July" is no date`},
		"the year one":        {"team,from\na,0001-01-01\n", "is no date"},
		"no team":             {"lead,team\na@b.c,\n", "line 2, column 7: team: is empty"},
		"after a long field":  {"team,slack,parent\n\"a\",\"#b\n\",ghost\n", "line 3, column 3: parent: no team"},
		"no parent":           {"team,parent\na,\nb,ghost\n", `line 3, column 3: parent: no team is called "ghost"`},
		"an unfinished quote": {"team\n\"a\n", "line 2, column 4: not CSV: extraneous or missing"},
		"a stray quote":       {"team\na\"b\n", "line 2, column 2: not CSV: bare"},
		"no key":              {"team,keys\na,sk-live-1\n", "line 2, column 3: keys: number 1 is no hash of a key"},
		"a key with zeros":    {"team,keys\na,hmac:0\x00\n", "line 2, column 3: keys: number 1 is no hash"},
		"a field not there":   {"lead,team\n,a\n,a\n", "line 3, column 2: team: a has another entry at any time"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ReadCSV(strings.NewReader(tc.in))
			if tc.want == "" {
				if err != nil || d == nil {
					t.Errorf("ReadCSV = %v", err)
				}
				return
			}
			if err == nil || d != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("ReadCSV = %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "sk-live-1") {
				t.Errorf("it tells a key: %v", err)
			}
		})
	}
}

func TestReadCSVIsBounded(t *testing.T) {
	if _, err := ReadCSV(strings.NewReader("team\n" + strings.Repeat("a\n", MaxCSV/2))); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a long file: %v", err)
	}
	if _, err := ReadCSV(strings.NewReader("team\n" + strings.Repeat("a\n", MaxEntries+1))); err == nil || !strings.Contains(err.Error(), "more than 100000 owners") {
		t.Errorf("a file of many rows: %v", err)
	}
	_, err := ReadCSV(strings.NewReader("team,from\n" + strings.Repeat("a,x\n", 50)))
	if n := strings.Count(err.Error(), "\n") + 1; n != maxMistakes {
		t.Errorf("%d mistakes are told", n)
	}
}

// FuzzReadCSV holds that no file makes it panic, and that what it accepts can be
// looked up and read again.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"team,parent,from,until,keys\na,,,,\nb,a,2026-01-01,2026-07-01," + key(1) + "\nb,,2026-07-01,,\n",
		"team,parent\na,b\nb,a\n", "\ufeffteam\r\n\"a\"\r\n", "team,lead,slack,pager,entity,gl_account,cost_centre\na,a@b.c,#a,p,E,1,c\n",
		"team\n\"", ",", "team,team", "team,from\na,9999-12-31T23:59:59-23:59\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ReadCSV(strings.NewReader(text))
		if (d == nil) == (err == nil) {
			t.Fatalf("ReadCSV = %v, %v", d, err)
		}
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		var again []Entry
		for e := range d.Entries() {
			again = append(again, e)
			line := d.Lineage(e.Team, e.From)
			if found, ok := d.At(e.Team, e.From); !ok || found.Team != e.Team || line[0] != e.Team || len(line) > MaxLevels {
				t.Errorf("%+v is not found, but %+v below %q", e, found, line)
			}
			for _, k := range e.Keys {
				if team, ok := d.ByKey(k, e.From); !ok || team != e.Team {
					t.Errorf("a key of %q is of %q", e.Team, team)
				}
			}
		}
		if _, err := New(again); err != nil {
			t.Errorf("what was accepted is refused: %v", err)
		}
	})
}
