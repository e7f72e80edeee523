package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/price"
)

// TestTheTableIsThatOfItsPins makes tables and report once more: all must be what is
// in the checkout, byte for byte. Without the pinned wheels it is skipped,
// except where CI is set.
func TestTheTableIsThatOfItsPins(t *testing.T) {
	root, err := checkout()
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(filepath.Join(root, ".cache", "prices", "*", "litellm-*.whl")); len(found) == 0 && os.Getenv("CI") == "" {
		t.Skip("the pinned sources are not here; `make prices` fetches them, 44 MB")
	}
	s, err := fetch(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	files, _, err := made(s)
	if err != nil {
		t.Fatal(err)
	}
	for file, made := range files {
		have, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, made) {
			t.Errorf("%s is not what its sources make: `make prices` writes it anew", file)
		}
	}
}

// rows reads a table for the tests.
func rows(t *testing.T, text string) []price.Row {
	t.Helper()
	list, err := price.ReadCSV(bytes.NewReader([]byte("provider,model,tier,region,above,from,until,aliases,input,cache_read,output,web_search,source\n" + text)))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestMerge holds what is made of two sources to a table.
func TestMerge(t *testing.T) {
	m := &merger{asOf: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	m.litellm = rows(t, `p,same,,,,,,,1,,2,,l
p,same,batch,,,,,,0.5,,1,,l
p,same-2026-01-01,,,,,,,1,,2,,l
p,same-2026-01-01,batch,,,,,,0.5,,1,,l
p,differs,,,,,,,1,,2,,l
p,inherited,,,,,,,2,1,4,,l
p,inherited,batch,,,,,,1,1,2,,l
p,inherited,,eu,,,,,4,2,8,,l
p,inherited,batch,eu,,,,,2,2,4,,l
`)
	m.genai = rows(t, `p,same,,,,,,alias,1,0.1,2,10,g
p,same,,,200000,,,alias,2,0.2,3,10,g
p,same,,,,,2026-01-01,alias,9,,9,,g
p,same,,,,2027-01-01,,alias,3,,4,,g
p,differs,,,,,,other,1,,3,10,g
p,differs,,,200000,,,other,2,,4,10,g
p,inherited,,,,,,,2,1,4,,g
p,inherited,batch,,,,,,1,0.5,2,,g
p,alone,,,,,,,5,,6,,g
`)
	// The row of now begins where the one of before ends.
	m.genai[0].From = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := map[string]string{
		"p/same;from=2026-01-01":              "input 1, cache_read 0.1, output 2, web_search 10",
		"p/same;above=200000;from=2026-01-01": "input 2, cache_read 0.2, output 3, web_search 10",
		"p/same;tier=batch;from=2026-01-01":   "input 0.5, output 1, web_search 10",
		"p/same":                              "input 9, output 9, web_search 10",
		"p/same;from=2027-01-01":              "input 3, output 4, web_search 10",
		"p/differs":                           "input 1, output 2, web_search 10",
		"p/inherited":                         "input 2, cache_read 1, output 4",
		"p/inherited;tier=batch":              "input 1, cache_read 0.5, output 2",
		"p/inherited;region=eu":               "input 4, cache_read 2, output 8",
		"p/inherited;region=eu;tier=batch":    "input 2, cache_read 1, output 4",
		"p/alone":                             "input 5, output 6",
	}
	got := make(map[string]string)
	all := m.merge()
	for i := range all {
		got[all[i].ID] = all[i].Prices()
	}
	for id, prices := range want {
		if got[id] != prices {
			t.Errorf("%s: %q, want %q", id, got[id], prices)
		}
	}
	for id, prices := range got {
		if want[id] == "" {
			t.Errorf("%s: %q, want no such row", id, prices)
		}
	}
	if len(m.disagree) != 1 || m.disagree[0].row != "p/differs" || m.disagree[0].litellm != "2" || m.disagree[0].genai != "3" {
		t.Errorf("the sources differ on %v", m.disagree)
	}
	if _, err := price.New(all); err != nil {
		t.Error(err)
	}
}
