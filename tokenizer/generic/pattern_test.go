package generic

import (
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func mustPattern(t *testing.T, text string) Pattern {
	t.Helper()
	p, err := ParsePattern(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		pattern string
		fit     []string
		unfit   []string
	}{
		{"/collections/{c}/points/search",
			[]string{"/collections/a/points/search", "/collections/a/points/search/", "//collections/a//points/search", "/collections/x/../a/points/search", "/collections/a b/points/./search"},
			[]string{"", "/", "*", "/collections/a/points", "/collections/a/points/search/batch", "/Collections/a/points/search", "/v1/collections/a/points/search", "/collections//points/search", "/collections/a/b/points/search"}},
		{"/tools/**", []string{"/tools", "/tools/", "/tools/a", "/tools/a/b/c"}, []string{"/", "/toolset", "/tools/../x"}},
		{"/*/rerank", []string{"/a/rerank"}, []string{"/rerank", "/a/b/rerank"}},
		{"/**", []string{"/", "", "/a/b"}, nil},
		{"/rerank/", []string{"/rerank"}, []string{"/rerank/x"}},
	} {
		p := mustPattern(t, c.pattern)
		for _, path := range c.fit {
			if !p.Fits(path) {
				t.Errorf("%s does not fit %q", c.pattern, path)
			}
		}
		for _, path := range c.unfit {
			if p.Fits(path) {
				t.Errorf("%s fits %q", c.pattern, path)
			}
		}
	}
}

func TestPart(t *testing.T) {
	p := mustPattern(t, "/v2/{tenant}/collections/{collection}/**")
	for _, c := range []struct{ path, name, want string }{
		{"/v2/acme/collections/docs/search", "collection", "docs"},
		{"/v2/acme/collections/docs/search", "tenant", "acme"},
		{"//v2/acme/x/../collections/./docs", "collection", "docs"},
		{"/v2/acme/collections/docs", "other", ""},
		{"/v2", "collection", ""},
	} {
		if got := p.Part(c.path, c.name); got != c.want {
			t.Errorf("Part(%q, %q) = %q, want %q", c.path, c.name, got, c.want)
		}
	}
}

func TestParsePatternRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "begins with a slash",
		"rerank":                        "begins with a slash",
		"/":                             "no segment",
		"/a?b":                          "without query",
		"/a%20b":                        "decoded",
		"/**/a":                         "at the end only",
		"/a*":                           "stands for a whole segment",
		"/{a}b":                         "stands for a whole segment",
		"/{}":                           "no name",
		"/{A}":                          "no name",
		"/{a}/{a}":                      "twice",
		strings.Repeat("/a", 33):        "32 segments",
		"/" + strings.Repeat("a", 1000): "256 bytes",
	} {
		if _, err := ParsePattern(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{
		{"/a/{x}", "/a/b", true},
		{"/a/*", "/a/{x}", true},
		{"/a/**", "/a/b/c", true},
		{"/a/**", "/a/**", true},
		{"/**", "/a/**", true},
		{"/a/b", "/a/{x}", false},
		{"/a/{x}", "/a/**", false},
		{"/a/{x}", "/a/b/c", false},
		{"/a/b/**", "/a/**", false},
		{"/a", "/b", false},
	} {
		wide, narrow := mustPattern(t, c.wide), mustPattern(t, c.narrow)
		if got := wide.covers(&narrow); got != c.want {
			t.Errorf("%s covers %s = %v", c.wide, c.narrow, got)
		}
	}
}

// oracle is the same pattern as a regular expression over cleaned paths.
func oracle(pattern string) *regexp.Regexp {
	var re strings.Builder
	for _, s := range strings.Split(strings.Trim(pattern, "/"), "/") {
		switch {
		case s == "":
		case s == "**":
			re.WriteString("(/[^/]+)*")
		case s == "*" || s[0] == '{':
			re.WriteString("/([^/]+)")
		default:
			re.WriteString("/" + regexp.QuoteMeta(s))
		}
	}
	return regexp.MustCompile(`(?s)\A` + re.String() + `\z`)
}

func FuzzFits(f *testing.F) {
	for _, s := range [][2]string{
		{"/collections/{c}/points/search", "/collections/a/points/search"}, {"/a/**", "/a/b//c/"}, {"/*/x", "/../x"}, {"/.", "/./"}, {"/..a/{b}", "/..a/b"}, {"/**", ""},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, of string) {
		p, err := ParsePattern(pattern)
		if err != nil || !utf8.ValidString(pattern) || strings.Contains(pattern+"/", "/./") || strings.Contains(pattern+"/", "/../") {
			return
		}
		fits := p.Fits(of)
		cleaned := strings.TrimSuffix(path.Clean("/"+of), "/")
		if want := oracle(pattern).FindStringSubmatch(cleaned); fits != (want != nil) && (of == "" || of[0] == '/') {
			t.Fatalf("%q fits %q: %v, the expression says %v", pattern, of, fits, want)
		}
		for _, name := range p.Names() {
			part := p.Part(of, name)
			if strings.Contains(part, "/") || fits && part == "" {
				t.Fatalf("%q of %q: part %s is %q", pattern, of, name, part)
			}
		}
		if !p.covers(&p) {
			t.Fatalf("%q does not cover itself", pattern)
		}
	})
}

func TestFitsAllocatesNothing(t *testing.T) {
	p := mustPattern(t, "/collections/{c}/points/search")
	if n := testing.AllocsPerRun(100, func() { p.Fits("/collections/a/points/search"); p.Part("/collections/a/points/search", "c") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
