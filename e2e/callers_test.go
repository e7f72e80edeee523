package e2e_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

// shownTo is the TLS of an Envoy that asks callers for certificates of a.
func shownTo(t *testing.T, a *authority) *envoy.ListenTLS {
	t.Helper()
	dir := t.TempDir()
	l := &envoy.ListenTLS{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"), ClientCA: filepath.Join(dir, "ca")}
	cert, key := a.issue(t, "127.0.0.1")
	for name, data := range map[string][]byte{l.Cert: cert, l.Key: key, l.ClientCA: a.pem} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// with is a connection of its own with a certificate of names that by signed; without
// names it has none.
func (a *authority) with(t *testing.T, by *authority, names ...string) http.RoundTripper {
	t.Helper()
	c := &tls.Config{RootCAs: a.pool()}
	if len(names) > 0 {
		cert, key := by.issue(t, names...)
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DisableCompression: true, DisableKeepAlives: true}
}

// byCertificate takes the team from the caller's certificate, and where that says
// nothing from a header.
const byCertificate = `attribution:
  team: [{spiffe: "spiffe://story/ns/{}/sa/*"}, {header: x-team}]
  workload: [{spiffe: "spiffe://story/*"}]
  user: []
  request_type: []
`

func TestACallerIsWhoItsCertificateSays(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	s := kit.Start(t, harness.StackOptions{Config: shop + byCertificate, Envoy: harness.EnvoyOptions{Options: envoy.Options{ListenTLS: shownTo(t, a)}}})
	const bot = "spiffe://story/ns/shop/sa/bot"
	shopBot := "team=shop (spiffe spiffe://story/ns/{}/sa/*)\nworkload=" + bot + " (spiffe spiffe://story/*)\n"
	for _, story := range []struct {
		name, id, body string
		header         http.Header
		want           string
	}{
		{"a workload", bot, plainBody, nil, shopBot},
		{"a forger", bot, streamBody, http.Header{"X-Team": {"boss"}}, shopBot},
		{"a forger of certificates", bot, plainBody, http.Header{"X-Forwarded-Client-Cert": {"URI=spiffe://story/ns/boss/sa/boss"}, "X-Team": {"boss"}}, shopBot},
		{"a longer ID", "spiffe://story/x/ns/boss/sa/bot", plainBody, nil, "team=unattributed (missing; spiffe spiffe://story/ns/{}/sa/* unusable)\nworkload=spiffe://story/x/ns/boss/sa/bot (spiffe spiffe://story/*)\n"},
		{"another domain", "spiffe://elsewhere/ns/boss/sa/bot", plainBody, nil, "team=unattributed (missing; spiffe spiffe://story/ns/{}/sa/* unusable)\n"},
		{"no SPIFFE ID", "bot.story.test", plainBody, http.Header{"X-Team": {"search"}}, "team=search (header x-team)\n"},
	} {
		e := ask(s, chatPath, story.body)
		e.header.Del(identityName)
		for name, values := range story.header {
			e.header[name] = values
		}
		e.via = a.with(t, a, story.id)
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Errorf("%s: status %d, %v", story.name, g.status, g.err)
			continue
		}
		if got := owned(t, s, e.trace); got != story.want {
			t.Errorf("%s: pays\n%s, want\n%s", story.name, got, story.want)
		}
	}
	s.Provider.Forget()
	for name, via := range map[string]http.RoundTripper{"no certificate": a.with(t, a), "another authority's": a.with(t, other, bot)} {
		e := ask(s, chatPath, plainBody)
		e.via = via
		if g := e.run(t.Context()); g.err == nil {
			t.Errorf("%s: status %d", name, g.status)
		}
	}
	if n := len(s.Provider.Calls()); n != 0 {
		t.Errorf("the provider saw %d calls of strangers", n)
	}
}

func TestAProxyTellsWhoseCallItSendsOn(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	const told = "By=spiffe://story/ns/edge/sa/proxy;Hash=00;Subject=\"CN=bot, O=Story\";URI=spiffe://story/ns/shop/sa/bot"
	const trusted, ofProxies = "  trust_xfcc: true\n", "  trust_xfcc: true\n  xfcc_proxies: [\"spiffe://story/ns/relay/*\"]\n"
	for trust, stories := range map[string]map[string]string{
		"":        {told: "edge", "": "edge"},
		ofProxies: {told: "edge", "": "edge"}, // who sends it is none of them
		trusted: {
			told: "shop", "": "edge", "URI=spiffe://story/ns/boss/sa/boss," + told: "shop", "Hash=00": "unattributed",
			`Subject="` + told: "unattributed", // a quote that does not end
		},
	} {
		s := kit.Start(t, harness.StackOptions{Config: shop + byCertificate + trust, Envoy: harness.EnvoyOptions{Options: envoy.Options{ListenTLS: shownTo(t, a), TrustXFCC: trust != ""}}})
		for header, want := range stories {
			e := ask(s, chatPath, plainBody)
			e.header.Del(identityName)
			e.header["X-Forwarded-Client-Cert"] = strings.SplitAfterN(header, "boss,", 2) // in two headers
			e.via = a.with(t, a, "spiffe://story/ns/edge/sa/proxy")
			if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
				t.Fatalf("%s: status %d, %v", header, g.status, g.err)
			}
			if b := settled(t, s.Farebox, e.trace); b.Team != want {
				t.Errorf("trusted %q, %q: team %s, want %s", trust, header, b.Team, want)
			}
		}
		for _, c := range s.Provider.Calls() {
			if v := c.Header.Values("X-Forwarded-Client-Cert"); v != nil {
				t.Errorf("trusted %q: the provider saw %q", trust, v)
			}
		}
	}
}

// byClaim takes who calls from tokens.
const byClaim = `attribution:
  team: [{jwt: {claim: "https://story.test/team", provider: corp}}, {header: x-team}]
  user: [{jwt: {claim: sub, provider: corp}}]
  actor: [{jwt: {claim: act.sub, provider: corp}}]
  request_type: []
`

func TestATokenSaysWhoCalls(t *testing.T) {
	t.Parallel()
	corp := newIssuer(t, "https://id.story.test")
	for name, o := range map[string]envoy.Options{"inline": {}, "native": {Metering: envoy.Native}, "each try": {PerTry: true}} {
		config := shop + byClaim
		if o.Metering == envoy.Native {
			config += "metering: {mode: native}\n"
		}
		o.JWT = []envoy.JWT{corp.verified(t, "corp")}
		s := kit.Start(t, harness.StackOptions{Config: config, Envoy: harness.EnvoyOptions{Options: o}})
		for _, story := range []struct {
			name, body string
			claims     claims
			want       string
		}{
			{"a person", plainBody, claims{"sub": "ann", "https://story.test/team": "support"}, "team=support (jwt claim https://story.test/team of corp)\nuser=ann (jwt claim sub of corp)\n"},
			{"an agent for a person", streamBody, claims{"sub": "ann", "act": claims{"sub": "bot"}, "https://story.test/team": []string{"support"}}, "team=support (jwt claim https://story.test/team of corp)\nuser=ann (jwt claim sub of corp)\nactor=bot (jwt claim act.sub of corp)\n"},
			{"a person of two teams", plainBody, claims{"sub": "bob", "https://story.test/team": []string{"support", "search"}}, "team=claimed (header x-team; jwt claim https://story.test/team of corp unusable)\nuser=bob (jwt claim sub of corp)\n"},
			{"of no team", plainBody, claims{}, "team=claimed (header x-team)\n"},
		} {
			e := ask(s, chatPath, story.body)
			e.header.Set(identityName, "claimed")
			e.header.Set("X-Identity", corp.token(t, story.claims))
			if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
				t.Errorf("%s, %s: status %d, %v: %s", name, story.name, g.status, g.err, g.body)
				continue
			}
			if got := owned(t, s, e.trace); got != story.want {
				t.Errorf("%s, %s: pays\n%s, want\n%s", name, story.name, got, story.want)
			}
		}
		for _, c := range s.Provider.Calls() {
			if v := c.Header.Get("X-Identity"); v != "" {
				t.Errorf("%s: the provider saw the token", name)
			}
		}
	}
}

func TestATokenThatIsNotValidIsNobodys(t *testing.T) {
	t.Parallel()
	corp, forger := newIssuer(t, "https://id.story.test"), newIssuer(t, "https://id.story.test")
	s := kit.Start(t, harness.StackOptions{Config: shop + byClaim, Envoy: harness.EnvoyOptions{Options: envoy.Options{JWT: []envoy.JWT{corp.verified(t, "corp")}}}})
	boss := claims{"sub": "boss", "https://story.test/team": "boss", "iss": corp.name, "aud": "llm", "exp": time.Now().Add(time.Hour).Unix()}
	var traces []string
	for name, story := range map[string]struct {
		token  string
		status int
	}{
		"none":                 {"", http.StatusUnauthorized},
		"expired":              {corp.token(t, claims{"sub": "boss", "exp": time.Now().Add(-time.Hour).Unix()}), http.StatusUnauthorized},
		"unsigned":             {unsigned(t, boss), http.StatusUnauthorized},
		"signed by another":    {forger.token(t, boss), http.StatusUnauthorized},
		"of another issuer":    {corp.token(t, claims{"iss": "https://elsewhere.test"}), http.StatusUnauthorized},
		"for somebody else":    {corp.token(t, claims{"aud": "payroll"}), http.StatusForbidden},
		"not a token":          {"sk-story", http.StatusUnauthorized},
		"with another payload": {strings.Split(corp.token(t, claims{}), ".")[0] + "." + part(t, boss) + "." + strings.Split(corp.token(t, claims{}), ".")[2], http.StatusUnauthorized},
	} {
		e := ask(s, chatPath, plainBody)
		if story.token != "" {
			e.header.Set("X-Identity", story.token)
		}
		if g := e.run(t.Context()); g.status != story.status || g.err != nil {
			t.Errorf("%s: status %d, %v, want %d", name, g.status, g.err, story.status)
		}
		traces = append(traces, e.trace)
	}
	e := ask(s, chatPath, plainBody)
	e.header.Set("X-Identity", corp.token(t, claims{"sub": "ann"}))
	if g := e.run(t.Context()); g.status != http.StatusOK {
		t.Fatalf("a valid token: status %d: %s", g.status, g.body)
	}
	settled(t, s.Farebox, e.trace)
	for _, trace := range traces {
		if found, err := bills(t.Context(), s.Farebox, trace); err != nil || len(found) > 0 {
			t.Errorf("a call that Envoy refused has the records %+v, %v", found, err)
		}
	}
	if n := len(s.Provider.Calls()); n != 1 {
		t.Errorf("the provider saw %d calls, want 1", n)
	}
	if n := metric(t, s, "farebox_degraded_total"); n != 0 {
		t.Errorf("%v calls were decided without full information", n)
	}
}

func TestACallWithoutATokenIsTheCertificatesWhereBothMayBe(t *testing.T) {
	t.Parallel()
	a, corp := newAuthority(t), newIssuer(t, "https://id.story.test")
	listen := shownTo(t, a)
	listen.Optional = true
	s := kit.Start(t, harness.StackOptions{
		Config: shop + `attribution: {team: [{spiffe: "spiffe://story/ns/{}/sa/*"}, {jwt: {claim: team, provider: corp}}], user: [], request_type: []}` + "\n",
		Envoy:  harness.EnvoyOptions{Options: envoy.Options{ListenTLS: listen, JWT: []envoy.JWT{corp.published(t, "corp")}, JWTOptional: true}},
	})
	const certified, claimed = "team=shop (spiffe spiffe://story/ns/{}/sa/*)\n", "team=support (jwt claim team of corp)\n"
	for _, story := range []struct {
		id, token, want string
	}{
		{"spiffe://story/ns/shop/sa/bot", "", certified},
		{"spiffe://story/ns/shop/sa/bot", corp.token(t, claims{"team": "support"}), certified},
		{"", corp.token(t, claims{"team": "support"}), claimed},
		{"", "", "team=unattributed (missing)\n"},
	} {
		e := ask(s, chatPath, plainBody)
		e.via = a.with(t, a)
		if story.id != "" {
			e.via = a.with(t, a, story.id)
		}
		if story.token != "" {
			e.header.Set("X-Identity", story.token)
		}
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Fatalf("%+v: status %d, %v: %s", story, g.status, g.err, g.body)
		}
		if got := owned(t, s, e.trace); got != story.want {
			t.Errorf("%+v: pays %s", story, got)
		}
	}
	e := ask(s, chatPath, plainBody)
	e.via = a.with(t, a)
	e.header.Set("X-Identity", corp.token(t, claims{"exp": 1}))
	if g := e.run(t.Context()); g.status != http.StatusUnauthorized {
		t.Errorf("a token that has expired: status %d", g.status)
	}
}
