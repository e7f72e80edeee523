package generic

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func mustNew(t testing.TB, r Route) *Dialect {
	t.Helper()
	if r.Operation == "" {
		r.Operation = "search"
	}
	d, err := New(r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return d
}

func TestMatch(t *testing.T) {
	d := mustNew(t, Route{Path: "/rerank"})
	if op, ok := d.Match("POST", "/rerank"); !ok || op != "search" {
		t.Errorf("POST: %q, %v", op, ok)
	}
	if _, ok := d.Match("GET", "/rerank"); ok {
		t.Error("GET is taken by a route of POST")
	}
	if _, ok := mustNew(t, Route{Method: "GET", Path: "/rerank"}).Match("GET", "/rerank"); !ok {
		t.Error("GET is not taken by a route of GET")
	}
}

func TestRead(t *testing.T) {
	const path = "/collections/docs/query"
	route := func(model, queries string) Route {
		return Route{Path: "/collections/{collection}/query", Model: model, Queries: queries}
	}
	for _, c := range []struct {
		name    string
		route   Route
		body    string
		model   string
		queries int64
		wrong   bool
	}{
		{"nothing is asked of the body", route("", ""), "\x00 no JSON", "search", 1, false},
		{"no body", route("m", "searches.*"), "", "m", 1, false},
		{"a list", route("m", "searches.*"), `{"searches":[{"a":[1,2]},{},null]}`, "m", 3, false},
		{"a list of lists, added up", route("m", "searches.*.vectors.*"), `{"searches":[{"vectors":[[1],[2]]},{"vectors":[[3]]}]}`, "m", 3, false},
		{"a list at the top", route("m", "*"), `[{},{},{}]`, "m", 3, false},
		{"a number", route("m", "params.nq"), `{"params":{"nq":12}}`, "m", 12, false},
		{"a broken number counts as begun", route("m", "nq"), `{"nq":1.2}`, "m", 2, false},
		{"an empty list is a call all the same", route("m", "searches.*"), `{"searches":[]}`, "m", 1, false},
		{"no list", route("m", "searches.*"), `{}`, "m", 1, false},
		{"a text where a number should be", route("m", "nq"), `{"nq":"12"}`, "m", 1, false},
		{"below zero", route("m", "nq"), `{"nq":-12}`, "m", 1, false},
		{"more than can be", route("m", "nq"), `{"nq":1e80}`, "m", 1, false},
		{"the same key twice counts twice", route("m", "q.*"), `{"q":[1],"q":[1,2]}`, "m", 3, false},
		{"cut", route("m", "searches.*"), `{"searches":[{},{}`, "m", 2, true},
		{"no JSON", route("m", "searches.*"), `{secret}`, "m", 1, true},
		{"model of path and body", route("{collection}/{body.params.model}", ""), `{"params":{"model":"e5"}}`, "docs/e5", 1, false},
		{"a number as model", route("v{body.v}", ""), `{"v":2}`, "v2", 1, false},
		{"model that is not there", route("x/{body.model}", ""), `{"model":{}}`, "", 1, false},
		{"model that is too long", route("{body.model}", ""), `{"model":"` + strings.Repeat("x", 300) + `"}`, "", 1, false},
	} {
		d := mustNew(t, c.route)
		got, err := d.Read("search", path, tokenizer.NoHead{}, []byte(c.body))
		want := tokenizer.Call{Dialect: Name, Operation: "search", Choices: 1, Model: c.model, Queries: c.queries}
		if got != want || (err != nil) != c.wrong {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.name, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the body: %v", c.name, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		route      Route
		part, text string
	}{
		{Route{Path: "x"}, "path", "slash"},
		{Route{Path: "/x", Operation: "-"}, "", ""},
		{Route{Path: "/x"}, "operation", "name"},
		{Route{Path: "/x", Operation: "o", Model: "{y}"}, "model", "in the path nowhere"},
		{Route{Path: "/x", Operation: "o", Model: "{body.}"}, "model", "names no member"},
		{Route{Path: "/x", Operation: "o", Model: "{body.a..b}"}, "model", "names no member"},
		{Route{Path: "/x", Operation: "o", Model: "a}"}, "model", "closes nothing"},
		{Route{Path: "/x", Operation: "o", Model: "{a"}, "model", "not closed"},
		{Route{Path: "/x", Operation: "o", Model: strings.Repeat("m", 257)}, "model", "longer"},
		{Route{Path: "/x", Operation: "o", Queries: "a..b"}, "queries", "leads nowhere"},
		{Route{Path: "/x", Operation: "o", Usage: []Count{{tokenizer.Classes, "a", 1}}}, "usage", "no such meter"},
		{Route{Path: "/x", Operation: "o", Usage: []Count{{tokenizer.Input, "a", 1}, {tokenizer.Input, "b", 1}}}, "usage", "input is counted twice"},
		{Route{Path: "/x", Operation: "o", Usage: []Count{{tokenizer.Input, "a", 1}, {tokenizer.Output, "a", 1}}}, "usage", "the same"},
		{Route{Path: "/x", Operation: "o", Usage: []Count{{tokenizer.Input, "a", MaxTimes + 1}}}, "usage", "times"},
		{Route{Path: "/x", Operation: "o", Usage: []Count{{tokenizer.Input, "a.*", 2}}}, "usage", "counted once"},
		{Route{Path: "/x", Operation: "o", Usage: make([]Count, MaxUsage+1)}, "usage", "at most 8"},
		{Route{Path: "/x", Operation: "o", Queries: "q.*", Usage: []Count{{tokenizer.Requests, "a", 1}}}, "usage", "which queries does too"},
	} {
		_, err := New(c.route)
		if c.part == "" {
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Part != c.part || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %s: … %s", c.route, err, c.part, c.text)
		}
	}
}

func TestRefuse(t *testing.T) {
	if got := string(mustNew(t, Route{Path: "/x"}).Refuse(403, "unmetered", "No.")); got != `{"error":{"code":"unmetered","message":"No."}}` {
		t.Error(got)
	}
}

// Shapes of servers in use, written here by their documentation.
func TestServersInUse(t *testing.T) {
	for _, c := range []struct {
		name  string
		route Route
		path  string
		body  string
		want  int64
		model string
	}{
		{"Qdrant", Route{Path: "/collections/{collection}/points/search", Model: "qdrant"}, "/collections/docs/points/search", `{"vector":[0.1,0.2],"limit":3}`, 1, "qdrant"},
		{"Qdrant, a batch", Route{Path: "/collections/{collection}/points/query/batch", Queries: "searches.*"}, "/collections/docs/points/query/batch", `{"searches":[{"query":[0.1]},{"query":[0.2]}]}`, 2, "search"},
		{"Weaviate", Route{Path: "/v1/graphql"}, "/v1/graphql", `{"query":"{Get{Docs(nearVector:{vector:[1]}){title}}}"}`, 1, "search"},
		{"Weaviate, a batch", Route{Path: "/v1/graphql/batch", Queries: "*"}, "/v1/graphql/batch", `[{"query":"{}"},{"query":"{}"}]`, 2, "search"},
		{"Milvus", Route{Path: "/v2/vectordb/entities/search", Queries: "data.*", Model: "milvus/{body.collectionName}"}, "/v2/vectordb/entities/search", `{"collectionName":"docs","data":[[0.1],[0.2],[0.3]]}`, 3, "milvus/docs"},
		{"pgvector behind PostgREST", Route{Path: "/rpc/{function}", Model: "pgvector/{function}"}, "/rpc/match_documents", `{"query_embedding":"[1,2]"}`, 1, "pgvector/match_documents"},
		{"a reranker", Route{Path: "/rerank", Queries: "texts.*"}, "/rerank", `{"query":"x","texts":["a","b","c","d"]}`, 4, "search"},
	} {
		d := mustNew(t, c.route)
		if _, ok := d.Match("POST", c.path); !ok {
			t.Errorf("%s: %s is not taken", c.name, c.path)
		}
		if got, err := d.Read("search", c.path, tokenizer.NoHead{}, []byte(c.body)); err != nil || got.Queries != c.want || got.Model != c.model {
			t.Errorf("%s: %d of %q, %v", c.name, got.Queries, got.Model, err)
		}
	}
}

func known(u *tokenizer.Usage) map[tokenizer.Class]int64 { return maps.Collect(u.All) }

func FuzzRead(f *testing.F) {
	f.Add(`{"searches":[{},{}],"n":3.5}`, "searches.*")
	f.Add(`[1,[2],"3"]`, "*")
	f.Add(`{"n":1e18}`, "n")
	f.Fuzz(func(t *testing.T, body, queries string) {
		d, err := New(Route{Path: "/x/{c}", Operation: "o", Queries: queries, Model: "{c}/{body.n}"})
		if err != nil {
			return
		}
		call, _ := d.Read("o", "/x/y", tokenizer.NoHead{}, []byte(body))
		if call.Queries < 1 || call.Queries > most || len(call.Model) > maxText || slices.Contains([]string{"y/", "/"}, call.Model) {
			t.Fatalf("%q: %+v", body, call)
		}
	})
}
