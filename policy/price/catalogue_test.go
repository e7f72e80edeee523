package price

import (
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

func priced(id, provider, model string, more ...func(*Row)) Row {
	r := NewRow(id, provider, model)
	r.Set(tokenizer.Input, 1_000_000)
	for _, m := range more {
		m(&r)
	}
	return r
}

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestFindTakesTheMostSpecific(t *testing.T) {
	c, err := New(
		[]Row{
			priced("exact", "p", "small"),
			priced("exact-until", "p", "old", func(r *Row) { r.Until = day("2026-01-01") }),
			priced("exact-from", "p", "old", func(r *Row) { r.From = day("2026-01-01") }),
			priced("exact-later", "p", "old", func(r *Row) { r.From = day("2026-06-01") }),
			priced("short-glob", "p", "m*"),
			priced("long-glob", "p", "medium*"),
			priced("star-inside", "p", "m*um-x"),
			priced("anyone", "", "shared"),
			priced("someone", "p", "shared"),
			priced("other", "q", "twin"),
			priced("another", "p", "twin"),
			priced("resold", "r", "small", func(r *Row) { r.Resold = true }),
			priced("tuned", "p", "ft:small*"),
			priced("overruled", "p", "top"),
		},
		[]Row{
			priced("config", "p", "to*"),
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	at := day("2026-03-01")
	for _, x := range []struct {
		name string
		q    Query
		want string
	}{
		{"exact", Query{Provider: "p", Model: "small", At: at}, "exact"},
		{"case", Query{Provider: "p", Model: "SMALL", At: at}, "exact"},
		{"prefix", Query{Provider: "p", Model: "org/small", At: at}, "exact"},
		{"two prefixes", Query{Provider: "p", Model: "a/b/small", At: at}, "exact"},
		{"snapshot", Query{Provider: "p", Model: "small@20260102", At: at}, "exact"},
		{"another provider", Query{Provider: "z", Model: "small", At: at}, ""},
		{"resold, asked for", Query{Provider: "r", Model: "small", At: at}, "resold"},
		{"resold, unknown provider", Query{Model: "small", At: at}, "exact"},
		{"before the change", Query{Provider: "p", Model: "old", At: day("2026-01-01").Add(-1)}, "exact-until"},
		{"at the change", Query{Provider: "p", Model: "old", At: day("2026-01-01")}, "exact-from"},
		{"latest start", Query{Provider: "p", Model: "old", At: day("2026-07-01")}, "exact-later"},
		{"short glob", Query{Provider: "p", Model: "mini", At: at}, "short-glob"},
		{"longer glob", Query{Provider: "p", Model: "medium-x", At: at}, "long-glob"},
		{"star inside", Query{Provider: "p", Model: "metrum-x", At: at}, "star-inside"},
		{"named provider", Query{Provider: "p", Model: "shared", At: at}, "someone"},
		{"any provider", Query{Provider: "q", Model: "shared", At: at}, "anyone"},
		{"two providers", Query{Model: "twin", At: at}, ""},
		{"one of two providers", Query{Provider: "q", Model: "twin", At: at}, "other"},
		{"fine-tuned", Query{Provider: "p", Model: "ft:small:acme", At: at}, "tuned"},
		{"a later layer, though less specific", Query{Provider: "p", Model: "top", At: at}, "config"},
		{"nothing", Query{Provider: "p", Model: "zzz", At: at}, ""},
	} {
		got := ""
		if row, ok := c.Find(x.q); ok {
			got = row.ID
		}
		if got != x.want {
			t.Errorf("%s: Find(%+v) = %q, want %q", x.name, x.q, got, x.want)
		}
	}
}

// A configuration that names a model settles what the builtin rows leave open.
func TestLaterLayerIsNotAmbiguous(t *testing.T) {
	c, err := New([]Row{priced("a", "a", "m"), priced("b", "b", "m")}, []Row{priced("mine", "c", "m")})
	if err != nil {
		t.Fatal(err)
	}
	if row, ok := c.Find(Query{Model: "m"}); !ok || row.ID != "mine" {
		t.Errorf("Find = %v, %v, want mine", row, ok)
	}
}

func TestNewRefuses(t *testing.T) {
	for want, rows := range map[string][]Row{
		"no id":             {priced("", "p", "m")},
		"want 1 to":         {priced("a", "p", "")},
		"has that id":       {priced("a", "p", "m"), priced("a", "p", "n")},
		"not free":          {NewRow("a", "p", "m")},
		"yet it has rates":  {priced("a", "p", "m", func(r *Row) { r.Free = true })},
		"not after":         {priced("a", "p", "m", func(r *Row) { r.From, r.Until = day("2026-02-01"), day("2026-02-01") })},
		"above is below":    {priced("a", "p", "m", func(r *Row) { r.Above = -1 })},
		"is below 0":        {priced("a", "p", "m", func(r *Row) { r.Set(tokenizer.Output, -1) })},
		"want 1 to 256 byt": {priced("a", "p", strings.Repeat("m", 257))},
	} {
		if _, err := New(rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want an error with %q", err, want)
		}
	}
}

func TestRateFallsBack(t *testing.T) {
	type given map[tokenizer.Class]money.Rate
	for _, c := range []struct {
		name   string
		row    given
		ask    tokenizer.Class
		rate   money.Rate
		wantAs tokenizer.Class
		ok     bool
	}{
		{"its own", given{tokenizer.Input: 1, tokenizer.CacheRead: 2}, tokenizer.CacheRead, 2, tokenizer.CacheRead, true},
		{"no discount", given{tokenizer.Input: 1}, tokenizer.CacheRead, 1, tokenizer.Input, true},
		{"reasoning", given{tokenizer.Output: 3}, tokenizer.Reasoning, 3, tokenizer.Output, true},
		{"write unsaid", given{tokenizer.Input: 1, tokenizer.CacheWrite5m: 2, tokenizer.CacheWrite1h: 4}, tokenizer.CacheWrite, 2, tokenizer.CacheWrite5m, true},
		{"write 5m by unsaid", given{tokenizer.Input: 1, tokenizer.CacheWrite: 2}, tokenizer.CacheWrite5m, 2, tokenizer.CacheWrite, true},
		{"write 1h by unsaid", given{tokenizer.Input: 1, tokenizer.CacheWrite: 2, tokenizer.CacheWrite5m: 3}, tokenizer.CacheWrite1h, 2, tokenizer.CacheWrite, true},
		{"write 1h by 5m", given{tokenizer.Input: 1, tokenizer.CacheWrite5m: 3}, tokenizer.CacheWrite1h, 3, tokenizer.CacheWrite5m, true},
		{"write by input", given{tokenizer.Input: 1}, tokenizer.CacheWrite12h, 1, tokenizer.Input, true},
		{"tools", given{tokenizer.Input: 1}, tokenizer.InputTool, 1, tokenizer.Input, true},
		{"pictures", given{tokenizer.Input: 1}, tokenizer.InputImage, 1, tokenizer.Input, true},
		{"documents", given{tokenizer.Input: 1}, tokenizer.InputDocument, 1, tokenizer.Input, true},
		{"cached pictures", given{tokenizer.Input: 2, tokenizer.CacheRead: 1}, tokenizer.CacheReadImage, 1, tokenizer.CacheRead, true},
		{"sound", given{tokenizer.Input: 1, tokenizer.CacheRead: 1}, tokenizer.InputAudio, 0, tokenizer.InputAudio, false},
		{"cached sound", given{tokenizer.Input: 1, tokenizer.CacheRead: 1, tokenizer.InputAudio: 9}, tokenizer.CacheReadAudio, 9, tokenizer.InputAudio, true},
		{"video", given{tokenizer.Input: 1, tokenizer.CacheRead: 1}, tokenizer.CacheReadVideo, 0, tokenizer.CacheReadVideo, false},
		{"spoken output", given{tokenizer.Output: 1}, tokenizer.OutputAudio, 0, tokenizer.OutputAudio, false},
		{"output of an embedding", given{tokenizer.Input: 1}, tokenizer.Output, 0, tokenizer.Output, false},
		{"no class", given{tokenizer.Input: 1}, tokenizer.Classes, 0, tokenizer.Classes, false},
	} {
		row := NewRow("id", "p", "m")
		for class, rate := range c.row {
			row.Set(class, rate)
		}
		if rate, as, ok := row.Rate(c.ask); rate != c.rate || as != c.wantAs || ok != c.ok {
			t.Errorf("%s: Rate(%v) = %v, %v, %v, want %v, %v, %v", c.name, c.ask, rate, as, ok, c.rate, c.wantAs, c.ok)
		}
	}
	free := Row{Free: true}
	if rate, as, ok := free.Rate(tokenizer.OutputVideo); rate != 0 || as != tokenizer.OutputVideo || !ok {
		t.Errorf("a free row: %v, %v, %v", rate, as, ok)
	}
}

// FuzzMatch holds the matcher against the standard library's, for the patterns
// that mean the same to both.
func FuzzMatch(f *testing.F) {
	f.Add("gpt-4*", "gpt-4o")
	f.Add("*a*b*", "xxaxxbab")
	f.Add("a*", "")
	f.Fuzz(func(t *testing.T, glob, name string) {
		if strings.ContainsAny(glob, `?[]\/`) || strings.Contains(name, "/") || len(glob)+len(name) > 60 ||
			strings.ToValidUTF8(glob, "") != glob || strings.ToValidUTF8(name, "") != name {
			t.Skip()
		}
		want, err := path.Match(glob, name)
		if err != nil {
			t.Skip()
		}
		literals, got := match([]byte(glob), []byte(name))
		if got != want || got && literals != len(glob)-strings.Count(glob, "*") {
			t.Fatalf("match(%q, %q) = %d, %v, want %v", glob, name, literals, got, want)
		}
	})
}

func FuzzFind(f *testing.F) {
	c := builtin(f)
	f.Add("openai", "gpt-4o-2024-08-06")
	f.Add("", "a/b/-latest")
	f.Add("", "ft:/@default")
	f.Fuzz(func(t *testing.T, provider, model string) {
		row, ok := c.Find(Query{Provider: provider, Model: model})
		if ok && (provider != "" && row.Provider != provider || strings.HasPrefix(model, "ft:")) {
			t.Fatalf("Find(%q, %q) = %s", provider, model, row.ID)
		}
	})
}

func TestFindAllocatesNothingAndMayBeShared(t *testing.T) {
	c := builtin(t)
	q := Query{Provider: "openai", Model: "openai/GPT-4o-2024-08-06", At: time.Now()}
	if n := testing.AllocsPerRun(200, func() { c.Find(q) }); n != 0 {
		t.Errorf("Find allocates %v times", n)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if row, ok := c.Find(q); !ok || row.ID != "openai/gpt-4o" {
					t.Errorf("Find = %v, %v", row, ok)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkFind(b *testing.B) {
	c := builtin(b)
	for name, q := range map[string]Query{
		"exact":   {Provider: "openai", Model: "gpt-4o", At: time.Now()},
		"dated":   {Provider: "openai", Model: "gpt-4o-2024-08-06", At: time.Now()},
		"unknown": {Model: "no/such/model", At: time.Now()},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Find(q)
			}
		})
	}
}
