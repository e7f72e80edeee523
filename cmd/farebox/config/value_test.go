package config

import (
	"strings"
	"testing"
	"testing/quick"
	"time"
)

func TestSize(t *testing.T) {
	for in, want := range map[string]Size{
		"0": 0, "0B": 0, "17": 17, "17B": 17, "256KiB": 256 << 10, "32MiB": 32 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40,
		"3kB": 3000, "4MB": 4e6, "5GB": 5e9, "6TB": 6e12, "7 MiB": 7 << 20,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(in)); err != nil || got != want {
			t.Errorf("size of %q = %d, %v, want %d", in, got, err, want)
		}
	}
	for in, hint := range map[string]string{
		"32M": "`32MiB`", "32mb": "`32MiB`", "1k": "`1KiB`", "5 Gi": "`5GiB`", "3x": "write B,", "": "whole number", "-1": "whole number",
		"1.5GiB": "whole number", "MiB": "whole number", "9999999999TiB": "",
	} {
		var s Size
		err := s.UnmarshalText([]byte(in))
		if err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("size of %q = %v, want an error with %q", in, err, hint)
		}
	}
}

func TestSizeRoundTrips(t *testing.T) {
	same := func(n uint64, shift uint8) bool {
		s := Size(n >> 1 >> (shift % 63) << (shift % 13))
		if s < 0 {
			s = 0
		}
		var got Size
		return got.UnmarshalText([]byte(s.String())) == nil && got == s
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
	for s, want := range map[Size]string{0: "0B", 1000: "1kB", 1024: "1KiB", 1 << 30: "1GiB", 1001: "1001B"} {
		if got := s.String(); got != want {
			t.Errorf("Size(%d) = %s, want %s", int64(s), got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{
		"100ms": "100ms", "5s": "5s", "60s": "1m", "90s": "1m30s", "60m": "1h", "3600s": "1h", "1h0m10s": "1h0m10s", "0": "0s", "10m": "10m", "20s": "20s", "10h": "10h",
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err != nil || d.String() != want {
			t.Errorf("duration of %q = %s, %v, want %s", in, d, err, want)
		}
	}
	for _, in := range []string{"", "5", "-1s", "1d", "soon"} {
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("duration of %q = %s, want an error", in, d)
		}
	}
	same := func(n int64) bool {
		d, got := Duration(n&(1<<62-1)), Duration(0)
		return got.UnmarshalText([]byte(d.String())) == nil && got == d
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

func TestDate(t *testing.T) {
	for in, want := range map[string]string{
		"2026-07-01": "2026-07-01", "2026-07-01T00:00:00Z": "2026-07-01", "2026-07-01T02:00:00+02:00": "2026-07-01",
		"2026-07-01T09:30:00Z": "2026-07-01T09:30:00Z",
	} {
		var d Date
		if err := d.UnmarshalText([]byte(in)); err != nil {
			t.Errorf("date of %q: %v", in, err)
		}
		if got, err := d.MarshalText(); err != nil || string(got) != want {
			t.Errorf("date of %q = %s, %v, want %s", in, got, err, want)
		}
		if d.Location() != time.UTC {
			t.Errorf("date of %q is in %v", in, d.Location())
		}
	}
	for _, in := range []string{"", "2026-13-01", "2026-02-30", "01.07.2026", "0001-01-01"} {
		var d Date
		if err := d.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("date of %q = %v, want an error", in, d)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]struct {
		network, address string
		local            bool
	}{
		"127.0.0.1:9002":      {"tcp", "127.0.0.1:9002", true},
		"127.8.0.1:0":         {"tcp", "127.8.0.1:0", true},
		"localhost:1":         {"tcp", "localhost:1", true},
		"[::1]:9002":          {"tcp", "[::1]:9002", true},
		"0.0.0.0:9002":        {"tcp", "0.0.0.0:9002", false},
		"[::]:9002":           {"tcp", "[::]:9002", false},
		":9002":               {"tcp", ":9002", false},
		"10.0.0.1:65535":      {"tcp", "10.0.0.1:65535", false},
		"unix:///run/fb.sock": {"unix", "/run/fb.sock", true},
	} {
		var a Address
		if err := a.UnmarshalText([]byte(in)); err != nil {
			t.Errorf("address %q: %v", in, err)
		}
		if network, address := a.Network(); network != want.network || address != want.address || a.Local() != want.local {
			t.Errorf("address %q = %s %s, local %v, want %+v", in, network, address, a.Local(), want)
		}
	}
	for _, in := range []string{
		"", "9002", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:9002", "example.com:1", "unix:a", "unix://a/b", "unix:///",
		"unix:///a/../b", "unix:///" + strings.Repeat("a", 107), "127.0.0.1:+5",
	} {
		var a Address
		if err := a.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("address %q = %q, want an error", in, a)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		g    Glob
		s    string
		want bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"a*", "a", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"*b", "abc", false},
		{"a*c*e", "abcde", true}, {"a*c*e", "acce", true}, {"a*c*e", "ace!", false}, {"*", "", true}, {"**", "x", true}, {"a", "", false},
		{"*ab", "aab", true}, {"*aab", "aaab", true}, {"httproute/*/rule/0", "httproute/ns/name/rule/0", true}, {"[a]", "[a]", true}, {"?", "a", false},
	} {
		if got := tc.g.Match(tc.s); got != tc.want {
			t.Errorf("%q matches %q = %v, want %v", tc.g, tc.s, got, tc.want)
		}
	}
}

func TestGlobCovers(t *testing.T) {
	for _, tc := range []struct {
		g, h Glob
		want bool
	}{
		{"", "a", true}, {"*", "a", true}, {"**", "", true}, {"a*", "ab*", true}, {"a*", "a", true}, {"a", "a", true}, {"*.a", "*.b.a", true},
		{"a", "a*", false}, {"a", "", false}, {"ab*", "a*", false}, {"a*", "*", false}, {"*a", "", false},
	} {
		if got := tc.g.covers(tc.h); got != tc.want {
			t.Errorf("%q covers %q = %v, want %v", tc.g, tc.h, got, tc.want)
		}
	}
}

func TestProviderMatches(t *testing.T) {
	const authority, route, cluster = "VLLM.svc:8000", "ns/vllm/0", "outbound|8000||vllm"
	for in, want := range map[string]bool{
		"{host: \"vllm.*\"}":        true,
		"{host: VLLM.SVC}":          true,
		"{host: \"vllm.svc:8000\"}": true,
		"{host: \"vllm.svc:8001\"}": false,
		"{host: svc}":               false,
		"{route: \"ns/*\"}":         true,
		"{route: \"NS/*\"}":         false,
		"{cluster: \"*vllm\"}":      true,
		"{host: vllm.svc, route: \"*\", cluster: \"*vllm\"}": true,
		"{host: vllm.svc, route: other}":                     false,
		"{host: vllm.svc, cluster: other}":                   false,
	} {
		c := mustParse(t, "providers: [{name: local, dialect: openai, match: "+in+"}]")
		if got := c.Providers[0].Matches(authority, route, cluster); got != want {
			t.Errorf("match %s = %v, want %v", in, got, want)
		}
	}
	six := Provider{Match: Match{Host: "[::1]"}}
	if !six.Matches("[::1]", "", "") || !six.Matches("[::1]:80", "", "") || six.Matches("[::2]:80", "", "") {
		t.Error("an IPv6 host is not told from its port")
	}
}

func TestNearest(t *testing.T) {
	words := []string{"listen", "limits", "ledger", "inject_usage", "on_abort"}
	for in, want := range map[string]string{
		"lisen": "listen", "lsiten": "listen", "Listen": "listen", "limit": "limits", "leger": "ledger", "injectUsage": "inject_usage",
		"inject-usage": "inject_usage", "onabort": "on_abort", "x": "", "prices": "", "": "", strings.Repeat("l", 1000): "",
	} {
		if got := nearest(in, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}
