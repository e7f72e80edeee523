package attribution

import (
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/policy"
)

// showing is a call over a connection with a certificate.
func showing(id string) call {
	return call{"a:connection.mtls": "true", "a:connection.uri_san_peer_certificate": id}
}

func TestPatternsOfCertificates(t *testing.T) {
	const account = "spiffe://*/ns/{}/sa/*"
	for name, tc := range map[string]struct {
		pattern, id, want string
		is                reading
	}{
		"one part":                          {account, "spiffe://acme.local/ns/shop/sa/bot", "shop", told},
		"more behind the end":               {account, "spiffe://acme.local/ns/shop/sa/bot/v2", "shop", told},
		"nothing behind the end":            {account, "spiffe://acme.local/ns/shop/sa/", "shop", told},
		"a star is within one part":         {account, "spiffe://acme/tenant/evil/ns/shop/sa/bot", "", misfit},
		"a namespace that looks like two":   {account, "spiffe://acme/ns/a/sa/b/ns/shop/sa/bot", "a", told},
		"too short":                         {account, "spiffe://acme/ns/shop", "", misfit},
		"an empty value":                    {account, "spiffe://acme/ns//sa/bot", "", told},
		"another form":                      {account, "spiffe://acme/workload/bot", "", misfit},
		"no SPIFFE ID":                      {account, "https://acme/ns/shop/sa/bot", "", misfit},
		"nothing":                           {account, "", "", told},
		"the whole of it":                   {"spiffe://acme/ns/*/sa/bot", "spiffe://acme/ns/shop/sa/bot", "spiffe://acme/ns/shop/sa/bot", told},
		"whole, longer than the pattern":    {"spiffe://acme/ns/*/sa/bot", "spiffe://acme/ns/shop/sa/bot/x", "", misfit},
		"anything":                          {"spiffe://*", "spiffe://acme/a/b", "spiffe://acme/a/b", told},
		"a domain alone":                    {"spiffe://*", "spiffe://acme", "spiffe://acme", told},
		"without a star all must be there":  {"spiffe://acme/a", "spiffe://acme/a/b", "", misfit},
		"a prefix of a domain is another":   {"spiffe://acme/*", "spiffe://acme.evil/a", "", misfit},
		"stars before the end":              {"spiffe://acme/team-*-*", "spiffe://acme/team-a/b-c", "", misfit},
		"some of a part":                    {"spiffe://acme/team-{}-prod", "spiffe://acme/team-a-b-prod", "a-b", told},
		"some of a part, and it is too few": {"spiffe://acme/aa{}aa", "spiffe://acme/aaa", "", misfit},
		"the domain":                        {"spiffe://{}.acme/*", "spiffe://eu.acme/x", "eu", told},
		"a value at the end":                {"spiffe://acme/{}", "spiffe://acme/a", "a", told},
		"a value at the end has no slash":   {"spiffe://acme/{}", "spiffe://acme/a/b", "", misfit},
	} {
		if err := checkPattern(tc.pattern); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, is := fit(tc.id, tc.pattern); got != tc.want || is != tc.is {
			t.Errorf("%s: fit(%q, %q) = %q, %v, want %q, %v", name, tc.id, tc.pattern, got, is, tc.want, tc.is)
		}
		if n := testing.AllocsPerRun(10, func() { fit(tc.id, tc.pattern) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestTheLastElementIsTheNearestProxysCaller(t *testing.T) {
	const gw = "By=spiffe://acme/gw;Hash=" + "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688"
	for name, tc := range map[string]struct{ header, want string }{
		"one":                         {gw + ";URI=spiffe://acme/a", "spiffe://acme/a"},
		"with a subject":              {gw + `;Subject="/C=US/O=Acme, Inc;URI=spiffe://acme/x/CN=a";URI=spiffe://acme/a;DNS=a.local`, "spiffe://acme/a"},
		"forged before it":            {"URI=spiffe://acme/boss," + gw + ";URI=spiffe://acme/a", "spiffe://acme/a"},
		"forged and of no caller":     {"URI=spiffe://acme/boss," + gw, ""},
		"a quote left open before it": {`Subject="x,` + gw + ";URI=spiffe://acme/a", ""},
		"a quote that is escaped":     {`Subject="a\",URI=spiffe://acme/x";URI=spiffe://acme/a`, "spiffe://acme/a"},
		"in quotes":                   {`URI="spiffe://acme/a"`, "spiffe://acme/a"},
		"escaped itself":              {`URI="spiffe://acme/\"a"`, ""},
		"several":                     {"URI=spiffe://acme/a;URI=spiffe://acme/b", ""},
		"in small letters":            {"hash=1; uri=spiffe://acme/a", "spiffe://acme/a"},
		"a comma at the end":          {"URI=spiffe://acme/a,", ""},
		"no value":                    {"URI", ""},
		"nothing":                     {"", ""},
	} {
		if got := lastURI(tc.header); got != tc.want {
			t.Errorf("%s: lastURI(%q) = %q, want %q", name, tc.header, got, tc.want)
		}
	}
}

func TestTheHeaderCountsOnlyWhereItIsTrusted(t *testing.T) {
	rules := []Rule{{Name: "team", Sources: []Source{{SPIFFE: "spiffe://acme/{}"}, {Header: "x-team"}}}}
	with := func(header string) call {
		c := showing("spiffe://acme/gateway")
		c["h:x-forwarded-client-cert"], c["h:x-team"] = header, "forged"
		return c
	}
	for name, tc := range map[string]struct {
		trust bool
		in    call
		want  string
	}{
		"not trusted":                     {false, with("URI=spiffe://acme/a"), "team=gateway (spiffe spiffe://acme/{})\n"},
		"trusted":                         {true, with("URI=spiffe://acme/a"), "team=a (spiffe spiffe://acme/{})\n"},
		"trusted, and there is none":      {true, with(""), "team=gateway (spiffe spiffe://acme/{})\n"},
		"trusted, and it tells of nobody": {true, with("Hash=1"), "team=forged (header x-team)\n"},
		"of another form":                 {true, with("URI=spiffe://acme/a/b"), "team=forged (header x-team; spiffe spiffe://acme/{} unusable)\n"},
		"longer than a value":             {true, with("URI=spiffe://acme/" + strings.Repeat("a", MaxValue+1)), "team=forged (header x-team; spiffe spiffe://acme/{} unusable)\n"},
	} {
		a := mustNew(t, Options{Rules: rules, TrustXFCC: tc.trust})
		if slices.Contains(a.Drop(), "x-forwarded-client-cert") != tc.trust {
			t.Errorf("%s: upstream goes all but %q", name, a.Drop())
		}
		if got := owner(a.Resolve(&policy.Request{Identity: tc.in}).Owner); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestTheHeaderCountsOnlyOfItsProxies(t *testing.T) {
	a := mustNew(t, Options{
		Rules: []Rule{{Name: "team", Sources: []Source{{SPIFFE: "spiffe://acme/{}"}}}}, TrustXFCC: true, Proxies: []string{"spiffe://other/*", "spiffe://acme/edge-*"},
	})
	for name, tc := range map[string]struct {
		in   call
		want string
	}{
		"a proxy":         {showing("spiffe://acme/edge-1"), "boss"},
		"another one":     {showing("spiffe://other/a/b"), "boss"},
		"a workload":      {showing("spiffe://acme/a"), "a"},
		"below a proxy":   {showing("spiffe://acme/edge-1/a"), "boss"}, // what an ID has beneath it is its own
		"no certificate":  {call{}, policy.Unattributed},
		"a claim of one":  {call{"a:connection.uri_san_peer_certificate": "spiffe://acme/edge-1"}, policy.Unattributed},
		"another's proxy": {showing("spiffe://acme.evil/edge-1"), policy.Unattributed},
	} {
		tc.in["h:x-forwarded-client-cert"] = "URI=spiffe://acme/boss"
		if got := a.Resolve(&policy.Request{Identity: tc.in}).Owner.Value("team"); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	for _, p := range []string{"edge", "spiffe://acme/{}", ""} {
		if _, err := New(Options{TrustXFCC: true, Proxies: []string{p}}); err == nil {
			t.Errorf("New takes the proxy %q", p)
		}
	}
}

// TestNoHeaderBeatsAnIdentity asks with every source of identity before a header
// that a caller forges.
func TestNoHeaderBeatsAnIdentity(t *testing.T) {
	for name, tc := range map[string]struct {
		source Source
		in     call
		want   string
	}{
		"certificate":      {Source{SPIFFE: "spiffe://acme/{}"}, showing("spiffe://acme/a"), "team=a (spiffe spiffe://acme/{})\n"},
		"claim":            {Source{JWT: Claim{"corp", "team"}}, call{"c:corp:team": "a"}, "team=a (jwt claim team of corp)\n"},
		"several claims":   {Source{JWT: Claim{"corp", "team"}}, call{"c:corp:team": "several"}, "team=forged (header x-team; jwt claim team of corp unusable)\n"},
		"nobody's claim":   {Source{JWT: Claim{"corp", "team"}}, call{}, "team=forged (header x-team)\n"},
		"unattributed, ha": {Source{JWT: Claim{"corp", "team"}}, call{"c:corp:team": policy.Unattributed}, "team=forged (header x-team; jwt claim team of corp unusable)\n"},
	} {
		a := mustNew(t, Options{Rules: []Rule{{Name: "team", Sources: []Source{tc.source, {Header: "x-team"}}}}})
		tc.in["h:x-team"] = "forged"
		if got := owner(a.Resolve(&policy.Request{Identity: tc.in}).Owner); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// FuzzLastURI holds that no text before the last element changes what that says,
// as long as it closes its quotes.
func FuzzLastURI(f *testing.F) {
	f.Add("URI=spiffe://acme/boss", "Hash=1;URI=spiffe://acme/a")
	f.Add(`Subject="a\",b"`, `Subject="/CN=a,b";URI=spiffe://acme/a`)
	f.Fuzz(func(t *testing.T, before, last string) {
		want := lastURI(last)
		if strings.ContainsAny(want, "\",;\\") {
			t.Errorf("lastURI(%q) = %q", last, want)
		}
		if _, open := cutPair(before); open == '"' || strings.ContainsAny(before, `"`) {
			return
		}
		if got := lastURI(before + "," + last); got != want {
			t.Errorf("lastURI(%q, %q) = %q, want %q", before, last, got, want)
		}
	})
}
