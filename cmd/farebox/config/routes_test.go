package config

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestRoutesRead(t *testing.T) {
	c := fromFile(t, "testdata/good_routes.yaml")
	if found := Check(c); len(found) != 0 {
		t.Errorf("Check = %v", found)
	}
	for _, call := range []struct {
		method, path, host, body string
		operation, model         string
		queries                  int64
	}{
		{"POST", "/collections/docs/points/search", "q", "{}", "vector_search", "vector-search", 1},
		{"POST", "/collections/docs/points/query/batch", "q", `{"searches":[{},{}]}`, "vector_search", "vector-search", 2},
		{"POST", "/v2/vectordb/entities/search", "m", `{"collectionName":"docs","data":[[1],[2],[3]]}`, "vector_search", "milvus/docs", 3},
		{"POST", "/v1/graphql/batch", "WEAVIATE.acme:8080", `[{},{}]`, "vector_search", "vector_search", 2},
		{"POST", "/v1/graphql/batch", "other", `[{},{}]`, "", "", 0},
		{"GET", "/rpc/match", "pg", "", "vector_search", "pgvector/match", 1},
		{"POST", "/rpc/match", "pg", "", "", "", 0},
		{"POST", "/rerank", "tei.acme", `{"texts":["a","b"]}`, "rerank", "rerank", 2},
	} {
		var operation string
		var got tokenizer.Call
		for i := range c.Routes {
			d, err := c.Routes[i].Dialect()
			if err != nil {
				t.Fatal(err)
			}
			if op, ok := d.Match(call.method, call.path); ok && c.Routes[i].Matches(call.host, "", "postgrest") {
				operation = op
				if got, err = d.Read(op, call.path, tokenizer.NoHead{}, []byte(call.body)); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		if operation != call.operation || got.Model != call.model || got.Queries != call.queries {
			t.Errorf("%s %s at %s: %s, %+v", call.method, call.path, call.host, operation, got)
		}
	}
}

func TestCheckRoutes(t *testing.T) {
	for name, test := range map[string]struct{ routes, want string }{
		"one that takes everything": {`[{path: "/**", operation: o}]`, "warning: routes[0]: it takes every such path of every host"},
		"of one host it may":        {`[{path: "/**", operation: o, match: {host: tools}}]`, ""},
		"one that is never taken":   {`[{path: "/a/{x}", operation: o}, {path: /a/b, operation: o}]`, "warning: routes[1]: it is never taken: routes[0]"},
		"of another method it is":   {`[{path: "/a/{x}", operation: o}, {path: /a/b, operation: o, method: GET}]`, ""},
		"elsewhere it is":           {`[{path: /a, operation: o, match: {host: a}}, {path: /a, operation: o}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := Check(mustParse(t, "routes: "+test.routes))
			if test.want == "" && len(found) > 0 || test.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0].String(), test.want)) {
				t.Errorf("found %v, want %q", found, test.want)
			}
		})
	}
}
