package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/envoy"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// All variants run the shipped configuration; what differs is held here.
func TestVariantsDifferOnlyInTheFilter(t *testing.T) {
	o := envoy.Options{Listen: "127.0.0.1:1", Admin: "127.0.0.1:2", Farebox: "127.0.0.1:3", Upstream: "127.0.0.1:4"}
	shippedText, err := configFor(variantFarebox)(o)
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]string{}
	for _, v := range []string{variantEnvoy, variantNoop, variantFarebox} {
		config, err := configFor(v)(o)
		if err != nil {
			t.Fatalf("configFor(%s) = %v", v, err)
		}
		var tree any
		if err := yaml.Unmarshal(config, &tree); err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		lines, err := json.MarshalIndent(tree, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		trees[v] = string(lines)
	}
	for _, v := range []string{variantBudgets, variantRedis} {
		if config, err := configFor(v)(o); err != nil || !bytes.Equal(config, shippedText) {
			t.Errorf("configFor(%s) differs from that of Farebox: %v", v, err)
		}
	}
	shipped := trees[variantFarebox]
	const none, streamed = `"response_body_mode": "NONE"`, `"response_body_mode": "STREAMED"`
	if got := strings.Replace(trees[variantNoop], streamed, none, 1); got != shipped {
		t.Errorf("the no-op's configuration differs in more than the mode:\n%s", cmp.Diff(shipped, got))
	}
	if strings.Contains(trees[variantEnvoy], "ExternalProcessor") || !strings.Contains(trees[variantEnvoy], "filters.http.router") {
		t.Errorf("Envoy alone must have a router and no ext_proc filter:\n%s", trees[variantEnvoy])
	}
	left := strings.Split(shipped, "\n")
	for line := range strings.SplitSeq(trees[variantEnvoy], "\n") {
		at := slices.Index(left, line)
		if at < 0 {
			t.Fatalf("Envoy alone has a line that is not shipped: %s", line)
		}
		left = left[at+1:]
	}
}

func TestScenariosAreOfTheirSize(t *testing.T) {
	for _, c := range []struct {
		name        string
		least, most int
	}{{"json-1k", 1000, 1100}, {"json-100k", 100_000, 104_000}, {"sse-paced", 1000, 1100}, {"sse-unpaced", 1000, 1100}} {
		s := find(allScenarios(), c.name)
		if s == nil {
			t.Fatalf("no scenario %s", c.name)
		}
		if n := len(s.request); n < c.least || n > c.most || !json.Valid(s.request) {
			t.Errorf("%s: a request of %d bytes, valid JSON %v, want %d to %d", c.name, n, json.Valid(s.request), c.least, c.most)
		}
		if n := len(s.answer); s.chunks == 0 && (n < 900 || n > 1200 || !json.Valid(s.answer)) {
			t.Errorf("%s: an answer of %d bytes, valid JSON %v, want about 1 KB", c.name, n, json.Valid(s.answer))
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name string
		args string
		ok   bool
	}{
		{"nothing", "", true},
		{"all", "-rounds 3 -slice 10 -scenarios json-1k,sse-paced -variants noop,farebox -o json", true},
		{"budgets", "-variants farebox,budgets,redis", true},
		{"no rounds", "-rounds 0", false},
		{"negative slice", "-slice -1", false},
		{"unknown output", "-o csv", false},
		{"unknown variant", "-variants noop,nop", false},
		{"no variant", "-variants ,", false},
		{"a word too many", "json-1k", false},
	} {
		if _, err := parse(strings.Fields(c.args)); (err == nil) != c.ok {
			t.Errorf("%s: parse(%q) = %v, want ok %v", c.name, c.args, err, c.ok)
		}
	}
	if got, err := pick([]string{"sse-unpaced", "json-1k"}); err != nil || len(got) != 2 || got[0].name != "json-1k" {
		t.Errorf("pick = %v, %v, want two in the table's order", got, err)
	}
	if _, err := pick([]string{"json-2k"}); err == nil {
		t.Error("pick takes a scenario that there is not")
	}
}
