package extproc_test

import (
	"context"
	"slices"
	"testing"

	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/generic"
)

func route(t *testing.T, r generic.Route) tokenizer.Dialect {
	t.Helper()
	d, err := generic.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func routesStand(t *testing.T, look func(*policy.Request)) *stand {
	t.Helper()
	return newStand(t, func(o *extproc.Options) {
		o.Decider = admitting{o.Decider, look}
		o.Rules.Providers = []extproc.Provider{{
			Name: "qdrant-eu", Dialect: "openai", Region: "eu", Matches: func(authority, _, _ string) bool { return authority == "eu.qdrant" },
		}}
		o.Rules.Routes = []extproc.Route{
			{Dialect: route(t, generic.Route{Path: "/collections/{collection}/points/search", Operation: "vector_search"}), Provider: "qdrant"},
			{Dialect: route(t, generic.Route{Path: "/collections/{collection}/points/query/batch", Operation: "vector_search", Queries: "searches.*"})},
			{Dialect: route(t, generic.Route{Path: "/v1/embeddings", Operation: "embed"}), Matches: func(authority, _, _ string) bool { return authority == "tei" }},
			{Dialect: route(t, generic.Route{Method: "GET", Path: "/rpc/{function}", Operation: "vector_search", Model: "{function}"})},
			{Dialect: route(t, generic.Route{Path: "/jobs/{job}", Operation: "train", Usage: []generic.Count{{Meter: tokenizer.GPUSeconds, Path: "gpu_hours", Times: 3600}}})},
		}
	})
}

// admitting shows who decides what is only there while a call is admitted.
type admitting struct {
	extproc.Decider
	look func(*policy.Request)
}

func (a admitting) Admit(ctx context.Context, r *policy.Request) (policy.Ticket, error) {
	if a.look != nil {
		a.look(r)
	}
	return a.Decider.Admit(ctx, r)
}

// answerHeaders are those that a reply to an answer's headers sets.
func answerHeaders(r *extprocv3.ProcessingResponse) map[string]string {
	set := map[string]string{}
	for _, h := range r.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders() {
		set[h.GetHeader().GetKey()] = string(h.GetHeader().GetRawValue())
	}
	return set
}

func TestARouteIsPricedByItsRequest(t *testing.T) {
	var parts []string
	s := routesStand(t, func(r *policy.Request) {
		parts = append(parts, r.Identity.Part("collection"), r.Identity.Part("other"))
	})
	e := s.begin(t)
	const body = `{"vector":[0.1],"limit":1}`
	e.send(requestHeaders(false, ":method", "POST", ":path", "/collections/docs/points/search?timeout=1", ":authority", "q", "content-length", itoa(len(body))))
	e.send(requestBody(body))
	r := e.send(responseHeaders(false, ":status", "200", "content-type", "application/json", "content-length", "200"))
	if mode := r.GetModeOverride().GetResponseBodyMode(); mode != modev3.ProcessingMode_NONE || r.GetModeOverride() == nil {
		t.Errorf("the answer's body is wanted: %v", r)
	}
	if set := answerHeaders(r); set["x-farebox-cost-usd"] == "" {
		t.Errorf("the answer does not tell its cost: %v", set)
	}
	o := s.cashier.settled(t)
	if n, known := o.Reading.Usage[0].Count(tokenizer.Requests); n != 1 || !known || o.End != tokenizer.Complete {
		t.Errorf("settled %+v", o)
	}
	got := s.cashier.admitted[0]
	if got.Provider != "qdrant" || got.Call.Operation != "vector_search" || got.Call.Model != "vector_search" || got.Call.Queries != 1 {
		t.Errorf("admitted %+v", got)
	}
	if !slices.Equal(parts, []string{"docs", ""}) {
		t.Errorf("parts of the path: %q", parts)
	}
}

func TestWhereARouteGoes(t *testing.T) {
	for _, c := range []struct {
		name                       string
		method, authority, path    string
		provider, region, op, body string
		dialect                    string
		queries                    int64
	}{
		{"its own provider, whoever is there", "POST", "eu.qdrant", "/collections/a/points/search", "qdrant", "", "vector_search", "{}", "generic", 1},
		{"the provider of the place", "POST", "eu.qdrant", "/collections/a/points/query/batch", "qdrant-eu", "eu", "vector_search", `{"searches":[1,2]}`, "generic", 2},
		{"nobody is known there", "POST", "q", "/collections/a/points/query/batch", "", "", "vector_search", `{"searches":[1,2]}`, "generic", 2},
		{"a dialect's path where the route is for", "POST", "tei", "/v1/embeddings", "", "", "embed", "{}", "generic", 1},
		{"and elsewhere", "POST", "api.openai.com", "/v1/embeddings", "openai", "", "embeddings", `{"input":"x"}`, "openai", 0},
	} {
		s := routesStand(t, nil)
		e := s.begin(t)
		e.send(requestHeaders(false, ":method", c.method, ":path", c.path, ":authority", c.authority, "content-length", itoa(len(c.body))))
		e.send(requestBody(c.body))
		got := s.cashier.admitted[0]
		if got.Provider != c.provider || got.Region != c.region || got.Call.Operation != c.op || got.Call.Queries != c.queries || got.Call.Dialect != c.dialect {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestOnlyAnswersThatAreReadComePlain(t *testing.T) {
	for path, want := range map[string]bool{"/collections/a/points/search": false, "/jobs/7": true, "/v1/embeddings": true} {
		s := routesStand(t, nil)
		r := s.begin(t).send(requestHeaders(false, ":method", "POST", ":path", path, ":authority", "x", "accept-encoding", "gzip", "content-length", "2"))
		drop := r.GetRequestHeaders().GetResponse().GetHeaderMutation().GetRemoveHeaders()
		if got := slices.Contains(drop, "accept-encoding"); got != want || !slices.Contains(drop, "x-team") {
			t.Errorf("%s: drops %q", path, drop)
		}
	}
}

func TestARouteNeedsNoBodies(t *testing.T) {
	s := routesStand(t, nil)
	e := s.begin(t)
	e.send(requestHeaders(true, ":method", "GET", ":path", "/rpc/match?x=1", ":authority", "pg"))
	r := e.send(responseHeaders(true, ":status", "204"))
	if r.GetModeOverride() != nil {
		t.Errorf("an answer without a body has a mode: %v", r)
	}
	if o := s.cashier.settled(t); o.End != tokenizer.Complete || len(o.Reading.Usage) != 1 || s.cashier.admitted[0].Call.Model != "match" {
		t.Errorf("settled %+v", o)
	}
}

func TestARouteThatFails(t *testing.T) {
	s := routesStand(t, nil)
	e := s.begin(t)
	e.send(requestHeaders(true, ":method", "GET", ":path", "/rpc/match", ":authority", "pg"))
	r := e.send(responseHeaders(false, ":status", "500", "content-type", "text/html"))
	if set := answerHeaders(r); len(set) != 0 {
		t.Errorf("a failure has headers %v", set)
	}
	if o := s.cashier.settled(t); o.End != tokenizer.Failed || len(o.Reading.Usage) != 0 || o.Status != 500 {
		t.Errorf("settled %+v", o)
	}
}

func TestARouteIsPricedByWhatItsAnswerTells(t *testing.T) {
	s := routesStand(t, nil)
	e := s.begin(t)
	e.send(requestHeaders(false, ":method", "POST", ":path", "/jobs/7", ":authority", "gpu", "content-length", "2"))
	e.send(requestBody("{}"))
	e.send(responseHeaders(false, ":status", "200", "content-type", "application/json"))
	e.send(responseBody(`{"gpu_ho`, false))
	e.send(responseBody(`urs":1.5}`, false))
	o := s.cashier.settled(t)
	if n, _ := o.Reading.Usage[0].Count(tokenizer.GPUSeconds); n != 5400 || o.End != tokenizer.Complete {
		t.Errorf("settled %+v", o)
	}
}

func TestARouteThatNobodySeesTheEndOf(t *testing.T) {
	s := routesStand(t, nil)
	e := s.begin(t)
	e.send(requestHeaders(false, ":method", "POST", ":path", "/collections/a/points/search", ":authority", "q", "content-length", "2"))
	e.send(requestBody("{}"))
	e.hangUp()
	if o := s.cashier.settled(t); o.End != tokenizer.Cut || s.cashier.admitted[0].Call.Queries != 1 {
		t.Errorf("settled %+v", o)
	}
}

func TestWhatARouteDoesNotReadIsUnmetered(t *testing.T) {
	s := newStand(t, func(o *extproc.Options) {
		o.Rules.RefuseUnmetered = true
		o.Rules.Routes = []extproc.Route{{Dialect: route(t, generic.Route{Path: "/qdrant.Points/Search", Operation: "vector_search"})}}
	})
	e := s.begin(t)
	r := e.send(requestHeaders(false, ":method", "POST", ":path", "/qdrant.Points/Search", ":authority", "q", "content-type", "application/grpc"))
	refusal(t, r, 403, "unmetered")
}

func TestARouteNeedsADialect(t *testing.T) {
	s := newStand(t, nil)
	if err := s.server.Configure(extproc.Rules{Routes: []extproc.Route{{Provider: "x"}}}); err == nil {
		t.Error("a route without a dialect is taken")
	}
}
