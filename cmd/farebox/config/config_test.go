package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

var update = flag.Bool("update", false, "write the expected files anew")

func mustParse(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("", []byte(text))
	if err != nil {
		t.Fatalf("Parse(%q) = %v", text, err)
	}
	return c
}

// golden compares got with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", file, diff)
	}
}

// TestFiles reads each file of testdata: bad_*.yaml gives the errors in the .txt
// beside it, good_*.yaml gives none.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		base := filepath.Base(file)
		t.Run(base, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse(base, data)
			if strings.HasPrefix(base, "good_") {
				if err != nil {
					t.Errorf("Parse = %v, want no error", err)
				}
				return
			}
			if err == nil || c != nil {
				t.Fatalf("Parse = %v, %v, want errors only", c, err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", Explain(err))
		})
	}
}

func TestEmptyFileIsDefault(t *testing.T) {
	want := Default()
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "null\n", "{}"} {
		if diff := cmp.Diff(&want, mustParse(t, text)); diff != "" {
			t.Errorf("Parse(%q) (-default +got):\n%s", text, diff)
		}
	}
	if found := Check(&want); found != nil {
		t.Errorf("Check(Default()) = %v, want nothing", found)
	}
	if _, err := attribution.New(want.Attribution()); err != nil {
		t.Error(err)
	}
}

// TestDefaultsRoundTrip writes every default out and reads it back.
func TestDefaultsRoundTrip(t *testing.T) {
	want := Default()
	text := written(t, reflect.ValueOf(want), "")
	if diff := cmp.Diff(&want, mustParse(t, text)); diff != "" {
		t.Errorf("Parse of\n%s (-default +got):\n%s", text, diff)
	}
	for _, key := range []string{"mode:", "address:", "buffer_json:", "commit_wait:", "strip:", "on_unpriced:", "rates:"} {
		if !strings.Contains(text, key) {
			t.Errorf("%s was not written", key)
		}
	}
}

// written prints every key of a section as YAML.
func written(t *testing.T, v reflect.Value, indent string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range schemaOf(v.Type()).fields {
		value := v.Field(f.index)
		switch {
		case value.Kind() == reflect.Pointer && value.IsNil():
			b.WriteString(indent + "# " + f.name + ": not given\n")
		case isSection(f.typ):
			below := written(t, value, indent+"  ")
			if strings.Trim(regexp.MustCompile(`(?m)^ *#.*$`).ReplaceAllString(below, ""), "\n") == "" {
				b.WriteString(indent + f.name + ": {}\n") // nothing of it is given
				break
			}
			b.WriteString(indent + f.name + ":\n" + below)
		case f.typ.Kind() == reflect.Slice && value.Len() == 0 && value.IsNil(), value.Kind() == reflect.String && value.Len() == 0, value.Interface() == Tokens(0):
			b.WriteString(indent + "# " + f.name + ": not given\n")
		default:
			b.WriteString(indent + f.name + ": " + strings.Trim(defaultWord(value, f, ""), "`") + "\n")
		}
	}
	return b.String()
}

func TestExample(t *testing.T) {
	c := mustParse(t, Example)
	if found := checkAt(c, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)); found != nil { // before its exceptions are over
		t.Errorf("checkAt = %v, want nothing", found)
	}
	no, yes := false, true
	want := []Provider{
		{Name: "local", Dialect: "openai", Match: Match{Host: "vllm.*", Route: "vllm-*"}, InjectUsage: &yes},
		{Name: "old-gateway", Dialect: "openai", Match: Match{Cluster: "old-gateway"}, InjectUsage: &no},
		{
			Name: "azure", Dialect: "openai", Match: Match{Host: "acme-eu.openai.azure.com"},
			Account: "5f6c2a10-acme-eu", Deployment: "data_zone", Region: "eu",
		},
	}
	if diff := cmp.Diff(want, c.Providers); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
	if got := c.Prices.Rates[3].USD[tokenizer.CacheRead].String(); got != "1.10" && got != "1.1" {
		t.Errorf("cache_read = %s", got)
	}
}

// TestMarkdown holds docs/config.md to the code.
func TestMarkdown(t *testing.T) {
	golden(t, "../../../docs/config.md", Markdown())
}

// TestTags reads every tag, so that decoding never meets an unreadable one.
func TestTags(t *testing.T) {
	seen := 0
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		for _, f := range schemaOf(typ).fields {
			seen++
			at := join(path, f.name)
			if f.doc == "" || strings.ContainsAny(f.doc, "|\n") {
				t.Errorf("%s: doc %q", at, f.doc)
			}
			inner := f.typ
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
				if n, err := strconv.Atoi(f.max); err != nil || n < 1 {
					t.Errorf("%s: a list needs a bound, not %q", at, f.max)
				}
			} else if inner.Kind() == reflect.Int || inner.Kind() == reflect.Int64 {
				if f.max == "" || bound(inner, f.max) <= 0 || f.min != "" && f.min != "0" && bound(inner, f.min) <= 0 {
					t.Errorf("%s: bounds %q and %q", at, f.min, f.max)
				}
			}
			if isSection(inner) {
				walk(inner, at)
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	walk(reflect.TypeFor[Source](), "attribution.NAME[]")
	walk(reflect.TypeFor[Owner](), "owners[]")
	if seen < 40 {
		t.Errorf("only %d keys were seen", seen)
	}
}

func TestAttributesAreMergedByName(t *testing.T) {
	c := mustParse(t, `attribution:
  team: [{header: X-Dept}, {header: x-team}]
  user: []
  nobody: []
  region: [{header: x-region, one_of: [eu, us], default: eu}]
  require: [team]
  on_missing: refuse
  strip: [X-Dept]`)
	want := attribution.Options{
		Rules: []attribution.Rule{
			{Name: "team", Sources: []attribution.Source{{Header: "X-Dept"}, {Header: "x-team"}}},
			{Name: "project", Sources: []attribution.Source{{Header: "x-project"}}},
			{
				Name: "request_type", Sources: []attribution.Source{{Header: "x-request-type"}},
				OneOf: []string{"interactive", "batch", "background", "training"}, Default: "interactive",
			},
			{Name: "user_tier", Sources: []attribution.Source{{Header: "x-user-tier"}}},
			{Name: "region", Sources: []attribution.Source{{Header: "x-region"}}, OneOf: []string{"eu", "us"}, Default: "eu"},
		},
		Require: []string{"team"}, Refuse: true, Strip: []string{"x-dept"},
	}
	if diff := cmp.Diff(want, c.Attribution()); diff != "" {
		t.Errorf("Attribution() (-want +got):\n%s", diff)
	}
}

func TestPriceRows(t *testing.T) {
	c := mustParse(t, `prices: {rates: [
  {provider: local, model: "smollm2*", input: 2.50, cache_write_5m: "3", reasoning: "0", from: 2026-07-01, until: 2026-08-01},
  {provider: other, free: true}]}`)
	rows, err := c.PriceRows()
	if err != nil || len(rows) != 2 {
		t.Fatalf("PriceRows = %v, %v", rows, err)
	}
	first, second := &rows[0], &rows[1]
	if first.ID != "config:prices.rates[0]" || first.Provider != "local" || first.Model != "smollm2*" || first.Free {
		t.Errorf("first row is %+v", first)
	}
	if from, until := first.From.Format(time.DateOnly), first.Until.Format(time.DateOnly); from != "2026-07-01" || until != "2026-08-01" {
		t.Errorf("first row holds from %s until %s", from, until)
	}
	for class, want := range map[tokenizer.Class]string{tokenizer.Input: "2.50", tokenizer.CacheWrite5m: "3", tokenizer.Reasoning: "0"} {
		wanted, err := money.ParseRate(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, as, ok := first.Rate(class); got != wanted || as != class || !ok {
			t.Errorf("rate of %v = %v as %v, %v, want %v", class, got, as, ok, wanted)
		}
	}
	if _, _, ok := first.Rate(tokenizer.Output); ok {
		t.Error("output has a price that nobody gave")
	}
	if second.ID != "config:prices.rates[1]" || second.Model != "*" || !second.Free {
		t.Errorf("second row is %+v", second)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "farebox.yaml")
	for text, want := range map[string]string{
		"":                                       "sqlite:" + filepath.Join(dir, "farebox.db"),
		"ledger: {store: sqlite:data/l.db}":      "sqlite:" + filepath.Join(dir, "data/l.db"),
		"ledger: {store: sqlite:/var/l.db}":      "sqlite:/var/l.db",
		"ledger: {store: sqlite:../up/other.db}": "sqlite:" + filepath.Join(filepath.Dir(dir), "up/other.db"),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(c.Ledger.Store); got != want {
			t.Errorf("store of %q = %s, want %s", text, got, want)
		}
	}
	if _, err := Load(filepath.Join(dir, "absent.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of no file = %v", err)
	}
	if err := os.WriteFile(file, make([]byte, MaxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("Load of a long file = %v", err)
	}
}

func TestErrorHasItsFacts(t *testing.T) {
	_, err := Parse("a.yaml", []byte("mode: observe\nlisten:\n\n  admin: {adress: x}\n"))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("Parse = %v, want an *Error", err)
	}
	want := Error{
		File: "a.yaml", Line: 4, Column: 11, Key: "listen.admin.adress", Message: "unknown key `adress` in `listen.admin`",
		Hint: "did you mean `address`?", Excerpt: "    4 |   admin: {adress: x}\n      |           ^\n",
	}
	if diff := cmp.Diff(want, *e); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	const line = "a.yaml:4:11: unknown key `adress` in `listen.admin`; did you mean `address`?"
	if e.Error() != line {
		t.Errorf("Error() = %s, want %s", e.Error(), line)
	}
}

// FuzzParse holds that no text makes Parse panic, that what it refuses it
// explains, and that what it accepts can be used.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(Example))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", c, err)
		}
		if err != nil {
			if Explain(err) == "" || err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		Check(c)
		if _, err := c.PriceRows(); err != nil {
			t.Errorf("accepted rates are refused: %v", err)
		}
		if _, err := attribution.New(c.Attribution()); err != nil {
			t.Errorf("accepted attribution is refused: %v", err)
		}
	})
}
