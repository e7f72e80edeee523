package serve

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/api"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const (
	financeToken = "finance-token-0123456789"
	supportToken = "support-token-0123456789"
)

func request(bearer string, leaf *x509.Certificate) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/usage", nil)
	if bearer != "" {
		r.Header.Set("Authorization", bearer)
	}
	if leaf != nil {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	}
	return r
}

func leafOf(t *testing.T, a *authority, names ...string) *x509.Certificate {
	t.Helper()
	pair := a.pair(t, names...)
	return pair.Leaf
}

func TestWhoAsks(t *testing.T) {
	dir, a := t.TempDir(), newAuthority(t, "a")
	k, err := newKeys(&config.Admin{
		Tokens: []config.AdminToken{
			{Name: "reports", File: put(t, dir+"/f", []byte(financeToken+"\n")), Role: "finance"},
			{Name: "dashboard", File: put(t, dir+"/s", []byte(supportToken)), Role: "viewer", Team: "support"},
		},
		Clients: []config.AdminClient{
			{SAN: "spiffe://mesh/ns/ops/*", Role: "admin"}, {SAN: "*.teams.test", Role: "owner", Team: "ml"},
		},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	finance := api.Who{Name: "reports", Role: api.Finance}
	ops := leafOf(t, a, "spiffe://mesh/ns/ops/sa/cli")
	for name, test := range map[string]struct {
		r    *http.Request
		want api.Who
		says string
	}{
		"a token":                   {request("Bearer "+financeToken, nil), finance, ""},
		"in other letters":          {request("bearer  "+financeToken, nil), finance, ""},
		"the token of a team":       {request("Bearer "+supportToken, nil), api.Who{Name: "dashboard", Role: api.Viewer, Team: "support"}, ""},
		"nothing":                   {request("", nil), api.Who{}, "show a bearer token"},
		"another token":             {request("Bearer finance-token-0123456788", nil), api.Who{}, "is not known"},
		"a part of a token":         {request("Bearer "+financeToken[:20], nil), api.Who{}, "is not known"},
		"an empty token":            {request("Bearer ", nil), api.Who{}, "is not known"},
		"a password":                {request("Basic "+financeToken, nil), api.Who{}, "no bearer token"},
		"a certificate":             {request("", ops), api.Who{Name: "spiffe://mesh/ns/ops/sa/cli", Role: api.Admin}, ""},
		"a DNS name":                {request("", leafOf(t, a, "x.other.test", "x.teams.test")), api.Who{Name: "x.teams.test", Role: api.Owner, Team: "ml"}, ""},
		"a name without a role":     {request("", leafOf(t, a, "spiffe://mesh/ns/shop/x")), api.Who{}, "no role"},
		"a token goes before":       {request("Bearer "+supportToken, ops), api.Who{Name: "dashboard", Role: api.Viewer, Team: "support"}, ""},
		"also when it is a bad one": {request("Bearer x", ops), api.Who{}, "is not known"},
	} {
		who, err := k.identify(test.r)
		if who != test.want || (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v, want %+v and %q", name, who, err, test.want, test.says)
		}
	}
}

func TestTokensFollowTheirFiles(t *testing.T) {
	dir := t.TempDir()
	file := put(t, dir+"/f", []byte(financeToken))
	var log bytes.Buffer
	k, err := newKeys(&config.Admin{Tokens: []config.AdminToken{
		{Name: "a", File: file, Role: "finance"}, {Name: "b", File: put(t, dir+"/b", []byte(supportToken)), Role: "admin"},
	}}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	known := func(token string) bool {
		_, err := k.identify(request("Bearer "+token, nil))
		return err == nil
	}
	const next = "the-next-token-0123456789"
	for _, step := range []struct {
		name    string
		do      func()
		now     string
		errors  int
		refused []string
	}{
		{"a new one", func() { put(t, string(file), []byte(next)) }, next, 0, []string{financeToken}},
		{"too short", func() { put(t, string(file), []byte("short")) }, supportToken, 1, []string{next, "short"}},
		{"removed", func() { _ = os.Remove(string(file)) }, supportToken, 2, []string{next}},
		{"back", func() { put(t, string(file), []byte(next)) }, next, 2, nil},
		{"another's", func() { put(t, string(file), []byte(supportToken)) }, supportToken, 3, []string{next}},
	} {
		step.do()
		k.look()
		k.look()
		if !known(step.now) {
			t.Errorf("%s: %s is refused", step.name, step.now)
		}
		for _, token := range step.refused {
			if known(token) {
				t.Errorf("%s: %s is taken", step.name, token)
			}
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != step.errors {
			t.Errorf("%s: %d errors, want %d:\n%s", step.name, n, step.errors, log.String())
		}
	}
	for _, token := range []string{financeToken, supportToken, next} {
		if strings.Contains(log.String(), token) {
			t.Error("a token was logged")
		}
	}
}

func TestTokensMustBeGood(t *testing.T) {
	dir := t.TempDir()
	good := config.AdminToken{Name: "a", File: put(t, dir+"/a", []byte(financeToken)), Role: "admin"}
	for name, also := range map[string]config.AdminToken{
		"no file":     {Name: "b", File: config.File(filepath.Join(dir, "none")), Role: "admin"},
		"empty":       {Name: "b", File: put(t, dir+"/e", nil), Role: "admin"},
		"long":        {Name: "b", File: put(t, dir+"/l", bytes.Repeat([]byte("x"), mostToken+1)), Role: "admin"},
		"two lines":   {Name: "b", File: put(t, dir+"/2", []byte(financeToken+"\n"+supportToken)), Role: "admin"},
		"not ASCII":   {Name: "b", File: put(t, dir+"/u", []byte("tökentökentökentöken")), Role: "admin"},
		"no role":     {Name: "b", File: put(t, dir+"/r", []byte(supportToken)), Role: "nobody"},
		"one for two": {Name: "b", File: good.File, Role: "viewer"},
	} {
		_, err := newKeys(&config.Admin{Tokens: []config.AdminToken{good, also}}, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), financeToken) || strings.Contains(err.Error(), supportToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOpenToThisMachineOnly: a page in a browser reaches a loopback listener under
// the name of its own site.
func TestOpenToThisMachineOnly(t *testing.T) {
	k, err := newKeys(&config.Admin{Address: "127.0.0.1:9470"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for host, open := range map[string]bool{
		"127.0.0.1:9470": true, "localhost:9470": true, "localhost": true, "[::1]:9470": true, "::1": true,
		"evil.example": false, "evil.example:9470": false, "": false,
	} {
		r := request("", nil)
		r.Host = host
		if who, err := k.identify(r); (err == nil) != open || open && who.Role != api.Admin {
			t.Errorf("as %q: %+v, %v, want open %v", host, who, err, open)
		}
	}
}

func TestMetricsOfAllTeams(t *testing.T) {
	dir := t.TempDir()
	k, err := newKeys(&config.Admin{Tokens: []config.AdminToken{
		{Name: "prometheus", File: put(t, dir+"/p", []byte(financeToken)), Role: "viewer"},
		{Name: "support", File: put(t, dir+"/s", []byte(supportToken)), Role: "owner", Team: "support"},
	}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGuards(&config.Config{}, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h := g.counted(k.seesAll(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, 200, "farebox_up 1") })))
	for bearer, want := range map[string]int{"Bearer " + financeToken: 200, "Bearer " + supportToken: 403, "": 401, "Bearer x": 401} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(bearer, nil))
		if w.Code != want || (want == 200) != strings.Contains(w.Body.String(), "farebox_up") || (want == 401) != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%q: %d %s, want %d", bearer, w.Code, w.Body, want)
		}
	}
	for reason, want := range map[string]float64{"unauthenticated": 2, "forbidden": 1} {
		if got := testutil.ToFloat64(g.forbidden.WithLabelValues(reason)); got != want {
			t.Errorf("%v %s, want %v", got, reason, want)
		}
	}
}
