package owners

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func date(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

func key(n int) string { return fmt.Sprintf("%s%032x", KeyPrefix, n) }

func mustNew(t testing.TB, entries ...Entry) *Directory {
	t.Helper()
	d, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func company(t testing.TB) *Directory {
	return mustNew(t,
		Entry{Team: "acme", Entity: "Acme Ltd"},
		Entry{Team: "support", Parent: "acme", CostCentre: "CC-17", Lead: "lead@example.com", Keys: []string{key(1)}, Until: date("2026-07-01")},
		Entry{Team: "support", Parent: "research", CostCentre: "CC-18", Keys: []string{key(1), key(2)}, From: date("2026-07-01")},
		Entry{Team: "research", Parent: "acme", GLAccount: "6400", From: date("2026-01-01")},
		Entry{Team: "shelf", Keys: []string{key(3)}, From: date("2026-01-01"), Until: date("2026-02-01")},
		Entry{Team: "desk", Keys: []string{key(3)}, From: date("2026-02-01")},
	)
}

func TestLookUp(t *testing.T) {
	d := company(t)
	for _, tc := range []struct{ team, at, cost, lineage string }{
		{"support", "2026-06-30", "CC-17", "support acme"},
		{"support", "2026-07-01", "CC-18", "support research acme"},
		{"support", "1990-01-01", "CC-17", "support acme"},
		{"research", "2025-12-31", "none", ""},
		{"research", "2026-01-01", "", "research acme"},
		{"shelf", "2026-02-01", "none", ""},
		{"ghost", "2026-02-01", "none", ""},
	} {
		e, ok := d.At(tc.team, date(tc.at))
		cost := "none"
		if ok {
			cost = e.Fact(CostCentre)
		}
		if cost != tc.cost || ok != d.Has(tc.team, date(tc.at)) {
			t.Errorf("%s at %s: cost centre %q, want %q", tc.team, tc.at, cost, tc.cost)
		}
		if got := strings.Join(d.Lineage(tc.team, date(tc.at)), " "); got != tc.lineage {
			t.Errorf("lineage of %s at %s = %q, want %q", tc.team, tc.at, got, tc.lineage)
		}
	}
	late := date("2026-07-01").Add(-time.Nanosecond)
	if e, _ := d.At("support", late); e.CostCentre != "CC-17" {
		t.Errorf("a nanosecond before midnight it is %q", e.CostCentre)
	}
	if e, _ := d.At("research", late); e.Fact(GLAccount) != "6400" || e.Fact(Entity) != "" || e.Fact("team") != "" {
		t.Errorf("the facts of research are %+v", e)
	}
}

func TestByKey(t *testing.T) {
	d := company(t)
	for _, tc := range []struct {
		key      int
		at, team string
	}{
		{1, "2026-01-01", "support"},
		{1, "2026-08-01", "support"},
		{2, "2026-06-30", ""},
		{2, "2026-07-01", "support"},
		{3, "2025-12-31", ""},
		{3, "2026-01-31", "shelf"},
		{3, "2026-02-01", "desk"},
		{4, "2026-02-01", ""},
	} {
		for _, hash := range []string{key(tc.key), strings.TrimPrefix(key(tc.key), KeyPrefix)} {
			if team, ok := d.ByKey(hash, date(tc.at)); team != tc.team || ok != (tc.team != "") {
				t.Errorf("key %d at %s is of %q, want %q", tc.key, tc.at, team, tc.team)
			}
		}
	}
	if _, ok := d.ByKey("", date("2026-02-01")); ok || !d.HasKeys() || mustNew(t, Entry{Team: "a"}).HasKeys() {
		t.Error("there is a key that nobody has, or none where there is one")
	}
}

func TestFactsAndEntries(t *testing.T) {
	d := company(t)
	if want := []string{CostCentre, GLAccount, Entity}; !slices.Equal(d.Facts(), want) {
		t.Errorf("Facts = %q, want %q", d.Facts(), want)
	}
	if d := mustNew(t, Entry{Team: "a", GLAccount: "1"}); !slices.Equal(d.Facts(), []string{GLAccount}) {
		t.Errorf("Facts = %q", d.Facts())
	}
	var teams []string
	for e := range d.Entries() {
		if teams = append(teams, e.Team); len(teams) == 4 {
			break
		}
	}
	if diff := cmp.Diff([]string{"acme", "support", "support", "research"}, teams); diff != "" {
		t.Error(diff)
	}
	if e := mustNew(t); e.Facts() != nil || e.Has("", time.Now()) {
		t.Error("an empty directory has something")
	}
}

func TestADirectoryKeepsNothingOfItsInput(t *testing.T) {
	in := []Entry{{Team: "a", Keys: []string{key(1)}}}
	d := mustNew(t, in...)
	in[0].Team, in[0].Keys[0] = "b", key(2)
	if e, ok := d.At("a", time.Now()); !ok || e.Keys[0] != key(1) {
		t.Errorf("it changed: %+v", e)
	}
}

func TestNewRefuses(t *testing.T) {
	early, late := date("2026-01-01"), date("2026-07-01")
	chain := make([]Entry, MaxLevels+1)
	for i := range chain {
		chain[i] = Entry{Team: fmt.Sprint(i), Parent: fmt.Sprint(i + 1)}
	}
	chain[MaxLevels].Parent = ""
	often := make([]Entry, MaxDated+2)
	for i := range often {
		often[i] = Entry{Team: "a", From: early.AddDate(0, 0, i), Until: early.AddDate(0, 0, i+1)}
	}
	keys := make([]string, MaxKeys+1)
	for i := range keys {
		keys[i] = key(i)
	}
	for name, tc := range map[string]struct {
		in   []Entry
		want string
	}{
		"no team":              {[]Entry{{Team: "a"}, {CostCentre: "c"}}, "owner 2: team: is empty"},
		"a long text":          {[]Entry{{Team: strings.Repeat("a", MaxText+1)}}, "owner 1: team: is longer than 128 bytes"},
		"space around":         {[]Entry{{Team: "a", Slack: " #a"}}, `owner 1: slack: " #a" has space around it`},
		"unseen":               {[]Entry{{Team: "a\u200b"}}, `owner 1: team: "a\u200b" has`},
		"nobody":               {[]Entry{{Team: "unattributed"}}, "is what nobody is called"},
		"no address":           {[]Entry{{Team: "a", Lead: "lead"}}, `owner 1: lead: "lead" is no e-mail address`},
		"a named address":      {[]Entry{{Team: "a", Lead: "L <l@example.com>"}}, "is no e-mail address"},
		"two addresses":        {[]Entry{{Team: "a", Lead: "l@example.com, m@example.com"}}, "is no e-mail address"},
		"ends as it begins":    {[]Entry{{Team: "a", From: early, Until: early}}, "owner 1: until: is not after from"},
		"too many keys":        {[]Entry{{Team: "a", Keys: keys}}, "owner 1: keys: has 257 keys"},
		"a key twice":          {[]Entry{{Team: "a", Keys: []string{key(1), key(2), key(1)}}}, "owner 1: keys: number 3 is there twice"},
		"a key of two":         {[]Entry{{Team: "a", Keys: keys[:1]}, {Team: "b", Keys: keys[:1], From: late}}, "owner 2: keys: a key of b is also a key of a from 2026-07-01 on"},
		"a team twice":         {[]Entry{{Team: "a", Until: late}, {Team: "a", From: early}}, "owner 2: team: a has another entry from 2026-01-01 until 2026-07-01"},
		"a team too often":     {often, "owner 129: team: a has more than 128 entries"},
		"no parent":            {[]Entry{{Team: "a", Parent: "b"}}, `owner 1: parent: no team is called "b"`},
		"a parent too late":    {[]Entry{{Team: "a", Parent: "b"}, {Team: "b", From: late}}, "owner 1: parent: b is not there until 2026-07-01"},
		"a parent too short":   {[]Entry{{Team: "a", Parent: "b", From: early}, {Team: "b", Until: late}}, "owner 1: parent: b is not there from 2026-07-01 on"},
		"a parent with a gap":  {[]Entry{{Team: "a", Parent: "b"}, {Team: "b", Until: early}, {Team: "b", From: late}}, "owner 1: parent: b is not there from 2026-01-01 until 2026-07-01"},
		"its own parent":       {[]Entry{{Team: "a", Parent: "a"}}, "owner 1: parent: its parents lead back to it at any time: a → a"},
		"a circle":             {[]Entry{{Team: "a", Parent: "b"}, {Team: "b", Parent: "c"}, {Team: "c", Parent: "a"}}, "owner 1: parent: its parents lead back to it at any time: a → b → c → a"},
		"a circle for a month": {[]Entry{{Team: "a", Parent: "b", Until: late}, {Team: "a", From: late}, {Team: "b", Until: early}, {Team: "b", Parent: "a", From: early}}, "owner 1: parent: its parents lead back to it from 2026-01-01 until 2026-07-01: a → b → a"},
		"too many levels":      {chain, "owner 1: parent: there are more than 15 levels above it"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(tc.in)
			if d != nil || err == nil {
				t.Fatalf("New = %v, %v", d, err)
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			if !strings.Contains(first, tc.want) {
				t.Errorf("it says %q, want %q", first, tc.want)
			}
			var m *Mistake
			if !errors.As(err, &m) {
				t.Errorf("%T is no *Mistake", err)
			}
		})
	}
	if _, err := New(make([]Entry, MaxEntries+1)); err == nil || !strings.HasPrefix(err.Error(), "100001 owners") {
		t.Errorf("too many entries: %v", err)
	}
	if _, err := New(chain[1:]); err != nil {
		t.Errorf("as many levels as are possible: %v", err)
	}
}

func TestMistakesAreBoundedAndTellNoKeys(t *testing.T) {
	const secret = "sk-live-abc123"
	in := make([]Entry, 30)
	for i := range in {
		in[i] = Entry{Team: "a", Keys: []string{secret, KeyPrefix + secret, strings.ToUpper(key(0xabc))}}
	}
	_, err := New(in)
	if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "ABC") {
		t.Fatalf("New = %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 21 || lines[20] != "70 more mistakes are not shown" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// daily is sixteen levels of teams that all change every day, at other minutes.
func daily(days int) (in []Entry) {
	for level := range MaxLevels {
		for i := range days {
			e := Entry{Team: fmt.Sprint(level), CostCentre: fmt.Sprint(i)}
			if level+1 < MaxLevels {
				e.Parent = fmt.Sprint(level + 1)
			}
			at := date("2026-01-01").Add(time.Duration(level) * time.Minute)
			if i > 0 {
				e.From = at.AddDate(0, 0, i)
			}
			if i < days-1 {
				e.Until = at.AddDate(0, 0, i+1)
			}
			in = append(in, e)
		}
	}
	return in
}

func TestParentsThatChange(t *testing.T) {
	d := mustNew(t, daily(10)...)
	for range 1000 {
		at := date("2026-01-01").Add(time.Duration(rand.Int64N(int64(12 * 24 * time.Hour))))
		if got := d.Lineage("0", at); len(got) != MaxLevels || got[0] != "0" || got[15] != "15" {
			t.Fatalf("lineage at %v = %q", at, got)
		}
	}
	many := daily(MaxDated)
	for i := range 100 {
		many = append(many, Entry{Team: fmt.Sprint("desk ", i), Parent: "1"})
	}
	if _, err := New(many); err == nil || !strings.Contains(err.Error(), "too many to be followed") {
		t.Errorf("a directory that would fill the memory: %v", err)
	}
}

func TestLookUpDoesNotAllocate(t *testing.T) {
	d, at, full := company(t), date("2026-08-01"), key(1)
	bare := strings.TrimPrefix(full, KeyPrefix)
	if n := testing.AllocsPerRun(100, func() {
		e, _ := d.At("support", at)
		team, _ := d.ByKey(bare, at)
		_, _ = d.ByKey(full, at)
		if e.Team != team || len(d.Lineage(team, at)) != 3 {
			t.Error("not what is there")
		}
	}); n > 0 {
		t.Errorf("looking up allocates %v times", n)
	}
}

func BenchmarkByKey(b *testing.B) {
	in := make([]Entry, 10_000)
	for i := range in {
		in[i] = Entry{Team: fmt.Sprint(i), Keys: []string{key(i)}}
	}
	d, at, hash := mustNew(b, in...), time.Now(), strings.TrimPrefix(key(4711), KeyPrefix)
	b.ReportAllocs()
	for b.Loop() {
		team, _ := d.ByKey(hash, at)
		d.At(team, at)
	}
}
