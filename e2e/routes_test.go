package e2e_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

const searching = `
routes:
  - {path: "/collections/{collection}/points/search", operation: vector_search, provider: qdrant, model: vector-search}
  - {path: "/collections/{collection}/points/query/batch", operation: vector_search, provider: qdrant, model: vector-search, queries: searches.*}
attribution:
  collection: [{path: collection}]
prices:
  rates: [{provider: qdrant, model: vector-search, requests: "40"}]
  rate_card:
    - {service: vector-search, unit: 1K queries, price: "0.10"}
    - {service: fine-tuning, unit: GPU-hour, price: "8.00"}
`

func newSearching(t *testing.T, config string) (*harness.Stack, *vectors) {
	t.Helper()
	v := newVectors(t)
	return kit.Start(t, harness.StackOptions{Config: config, Envoy: harness.EnvoyOptions{Options: envoy.Options{Upstream: v.Listener.Addr().String()}}}), v
}

// asTeam is an errand of a team.
func asTeam(s *harness.Stack, team, path, body string) errand {
	e := ask(s, path, body)
	e.header.Set("X-Team", team)
	return e
}

// Searches of vectors cost by the thousand, a batch as many as it holds, and
// finance sees them by team and collection.
func TestSearchesOfVectorsAreChargedByTheThousandAndShownByCollection(t *testing.T) {
	t.Parallel()
	s, v := newSearching(t, searching)
	for _, c := range []struct {
		team, path, body, want, cost string
	}{
		{"support", "/collections/docs/points/search?timeout=3", `{"vector":[0.9,0.1,0],"limit":2}`, `"result":[{"id":1,"score":0.99`, "0.0001"},
		{"support", "/collections/docs/points/search", `{"vector":[0,0,2],"limit":1}`, `"result":[{"id":3,"score":1}]`, "0.0001"},
		{"research", "/collections/docs/points/query/batch", `{"searches":[{"query":[0,1,0],"limit":1},{"query":[1,0,0],"limit":1},{"query":[0,0,1],"limit":1}]}`,
			`"result":[[{"id":2,"score":0.8}],[{"id":1,"score":1}],[{"id":3,"score":1}]]`, "0.0003"},
		{"research", "/collections/images/points/search", `{"vector":[-3,0],"limit":1}`, `"result":[{"id":8,"score":1}]`, "0.0001"},
	} {
		g := asTeam(s, c.team, c.path, c.body).run(t.Context())
		if g.err != nil || g.status != http.StatusOK || !strings.Contains(string(g.body), c.want) {
			t.Errorf("%s: %d %s, %v, want %s", c.path, g.status, g.body, g.err, c.want)
		}
		if got := g.header.Get("X-Farebox-Cost-Usd"); got != c.cost {
			t.Errorf("%s: it cost %q, want %s", c.path, got, c.cost)
		}
	}
	failed := asTeam(s, "support", "/collections/none/points/search", `{"vector":[1],"limit":1}`)
	if g := failed.run(t.Context()); g.status != http.StatusNotFound {
		t.Errorf("a collection that is not there: %d", g.status)
	}
	if b := settled(t, s.Farebox, failed.trace); b.Outcome != "failed" || b.Cost != "0" || b.Operation != "vector_search" {
		t.Errorf("a search that failed: %+v", b)
	}
	if n := v.searches.Load(); n != 6 {
		t.Errorf("%d searches came there, want 6", n)
	}
	out, err := s.Farebox.Command(t.Context(), "usage", "--by", "team,collection,model", "-o", "csv")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"research", "docs", "vector-search", "1", "0.0003", "0.00012"},
		{"research", "images", "vector-search", "1", "0.0001", "0.00004"},
		{"support", "docs", "vector-search", "2", "0.0002", "0.00008"},
		{"support", "none", "vector-search", "1", "0", "0"},
	}
	if diff := cmp.Diff(want, columns(t, out, "team", "collection", "model", "calls", "charged_usd", "list_usd")); diff != "" {
		t.Errorf("usage (-want +got):\n%s\n%s", diff, out)
	}
	if n := metric(t, s, "farebox_units_total", `meter="requests"`, `team="research"`); n != 4 {
		t.Errorf("%v queries of research are counted, want 4", n)
	}
	if n := metric(t, s, "farebox_degraded_total") + metric(t, s, "farebox_tokens_total"); n != 0 {
		t.Errorf("%v calls were decided without full information, or counted in tokens", n)
	}
}

// columns are those of a table, sorted by its first ones.
func columns(t *testing.T, text string, names ...string) (rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	for _, line := range all[1:] {
		row := make([]string, len(names))
		for i, name := range names {
			for j, head := range all[0] {
				if head == name {
					row[i] = line[j]
				}
			}
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, slices.Compare)
	return rows
}

const jobs = `
  - path: /jobs/{job}/run
    operation: fine_tuning
    model: fine-tuning
    usage: [{meter: gpu_seconds, path: usage.gpu_hours, times: 3600}]
`

// A job that tells its hours is charged by them, from the moment that a reload says
// so; before that it is nobody's call.
func TestAJobOnAGPUIsChargedByTheHourThatItTells(t *testing.T) {
	t.Parallel()
	s, _ := newSearching(t, searching)
	run := func() got {
		return asTeam(s, "research", "/jobs/tune-7/run", `{"gpus":2,"minutes":7.5}`).run(t.Context())
	}
	if g := run(); g.status != http.StatusOK || g.header.Get("X-Farebox-Cost-Usd") != "" {
		t.Fatalf("before there is a route: %d, %v", g.status, g.header)
	}
	config := strings.Replace(searching, "attribution:", strings.TrimPrefix(jobs, "\n")+"attribution:", 1)
	if err := s.Farebox.Reconfigure(config); err != nil {
		t.Fatal(err)
	}
	var g got
	eventually(t, "the job has a price", func(context.Context) (bool, error) {
		g = run()
		return g.header.Get("X-Farebox-Cost-Usd") != "", g.err
	})
	if cost := g.header.Get("X-Farebox-Cost-Usd"); cost != "2" || !strings.Contains(string(g.body), `"gpu_hours":0.25`) {
		t.Errorf("a quarter of an hour at 8 USD cost %s: %s", cost, g.body)
	}
	if n := metric(t, s, "farebox_units_total", `meter="gpu_seconds"`); n != 900 {
		t.Errorf("%v seconds are counted, want 900", n)
	}
}

// A team that has spent what it may on searches is told so in JSON, and no further
// search goes to the server; another team's do.
func TestSearchesEndWithTheirBudget(t *testing.T) {
	t.Parallel()
	s, v := newSearching(t, "mode: enforce\n"+searching+`
budgets: [{name: searches-day, per: [team], match: {operation: vector_search}, limit: {usd: "0.0004"}, window: {every: day}, on_exhausted: refuse}]
`)
	const three = `{"searches":[{"query":[1,0,0],"limit":1},{"query":[0,1,0],"limit":1},{"query":[0,0,1],"limit":1}]}`
	batch := func(team string) got {
		return asTeam(s, team, "/collections/docs/points/query/batch", three).run(t.Context())
	}
	if g := batch("support"); g.status != http.StatusOK {
		t.Fatalf("the first batch: %d %s", g.status, g.body)
	}
	g := batch("support")
	var said struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(g.body, &said); err != nil || g.status != http.StatusTooManyRequests || said.Error.Code != "budget_exhausted" || said.Error.Message == "" {
		t.Errorf("the second batch: %d %s", g.status, g.body)
	}
	if g := batch("research"); g.status != http.StatusOK {
		t.Errorf("another team's batch: %d %s", g.status, g.body)
	}
	one := asTeam(s, "support", "/collections/docs/points/search", `{"vector":[1,0,0],"limit":1}`).run(t.Context())
	if one.status != http.StatusOK {
		t.Errorf("one search that is still paid for: %d %s", one.status, one.body)
	}
	if n := v.searches.Load(); n != 7 {
		t.Errorf("%d searches came there, want 7", n)
	}
}
