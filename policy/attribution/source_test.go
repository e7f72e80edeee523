package attribution

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/owners"
)

// call is an Identity of all kinds: "h:", "a:", "b:" and "p:" go before names of
// headers, attributes, members of the body and parts of the path, "c:" before
// provider:claim. A claim that is "several" is not one value.
type call map[string]string

func (c call) Header(name string) string    { return c["h:"+name] }
func (c call) Attribute(name string) string { return c["a:"+name] }
func (c call) Body(path string) string      { return c["b:"+path] }
func (c call) Claim(provider, name string) (string, bool) {
	v := c["c:"+provider+":"+name]
	return strings.TrimPrefix(v, "several"), v != "several"
}
func (c call) Part(name string) string { return c["p:"+name] }

const (
	supportKey  = "00112233445566778899aabbccddeeff"
	researchKey = "ffeeddccbbaa99887766554433221100"
)

var (
	july = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	june = july.Add(-time.Nanosecond)
)

func directory(t testing.TB) *owners.Directory {
	t.Helper()
	d, err := owners.New([]owners.Entry{
		{Team: "support", CostCentre: "CC-17", Entity: "Acme Ltd", Keys: []string{owners.KeyPrefix + supportKey}, Until: july},
		{Team: "support", CostCentre: "CC-18", Keys: []string{owners.KeyPrefix + supportKey}, From: july},
		{Team: "research", GLAccount: "6400", Keys: []string{owners.KeyPrefix + researchKey}, From: july},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// owner writes an Owner as "name=value (rule)" lines.
func owner(o policy.Owner) string {
	var b strings.Builder
	for _, a := range o {
		b.WriteString(a.Name + "=" + a.Value + " (" + a.Rule + ")\n")
	}
	return b.String()
}

func TestEverySource(t *testing.T) {
	const meta = "a:xds.route_metadata.filter_metadata['farebox']['team']"
	for name, tc := range map[string]struct {
		source Source
		in     call
		want   string
	}{
		"header":                   {Source{Header: "OpenAI-Project"}, call{"h:openai-project": "proj_1"}, "a=proj_1 (header openai-project)\n"},
		"body":                     {Source{Body: "metadata.project"}, call{"b:metadata.project": " alpha "}, "a=alpha (body metadata.project)\n"},
		"path":                     {Source{Path: "collection"}, call{"p:collection": "docs"}, "a=docs (path collection)\n"},
		"route":                    {Source{Route: "name"}, call{"a:xds.route_name": "chat"}, "a=chat (route name)\n"},
		"cluster":                  {Source{Route: "cluster"}, call{"a:xds.cluster_name": "vllm"}, "a=vllm (route cluster)\n"},
		"route metadata":           {Source{Route: "metadata.team"}, call{meta: "support"}, "a=support (route metadata.team)\n"},
		"attribute":                {Source{Attribute: "connection.requested_server_name"}, call{"a:connection.requested_server_name": "a.b"}, "a=a.b (attribute connection.requested_server_name)\n"},
		"namespace of the node":    {Source{Workload: "namespace"}, call{"a:xds.node.metadata['NAMESPACE']": "shop"}, "a=shop (workload namespace)\n"},
		"namespace of the id":      {Source{Workload: "namespace"}, call{"a:xds.node.id": "sidecar~10.0.0.1~bot-7f.v1.shop~shop.svc.cluster.local"}, "a=shop (workload namespace)\n"},
		"both":                     {Source{Workload: "namespace"}, call{"a:xds.node.id": "sidecar~1~p.other~x", "a:xds.node.metadata['NAMESPACE']": "shop"}, "a=shop (workload namespace)\n"},
		"service account":          {Source{Workload: "service_account"}, call{"a:xds.node.metadata['SERVICE_ACCOUNT']": "bot"}, "a=bot (workload service_account)\n"},
		"workload":                 {Source{Workload: "name"}, call{"a:xds.node.metadata['WORKLOAD_NAME']": "bot"}, "a=bot (workload name)\n"},
		"a gateway is no workload": {Source{Workload: "namespace"}, call{"a:xds.node.id": "router~10.0.0.1~gw.istio-system~x", "a:xds.node.metadata['NAMESPACE']": "istio-system"}, ""},
		"nor is a waypoint":        {Source{Workload: "name"}, call{"a:xds.node.id": "waypoint~10.0.0.1~w.shop~x", "a:xds.node.metadata['WORKLOAD_NAME']": "w"}, ""},
		"an id of another form":    {Source{Workload: "namespace"}, call{"a:xds.node.id": "envoy.1"}, ""},
		"an id cut short":          {Source{Workload: "namespace"}, call{"a:xds.node.id": "sidecar~1~"}, ""},
		"nothing of a workload":    {Source{Workload: "namespace"}, call{}, ""},
		"certificate":              {Source{SPIFFE: "spiffe://*/ns/{}/sa/*"}, showing("spiffe://acme/ns/shop/sa/bot"), "a=shop (spiffe spiffe://*/ns/{}/sa/*)\n"},
		"of a whole certificate":   {Source{SPIFFE: "spiffe://acme/*"}, showing("spiffe://acme/ns/shop/sa/bot"), "a=spiffe://acme/ns/shop/sa/bot (spiffe spiffe://acme/*)\n"},
		"a name without a proof":   {Source{SPIFFE: "spiffe://acme/*"}, call{"a:connection.uri_san_peer_certificate": "spiffe://acme/a"}, ""},
		"a proof that is not one":  {Source{SPIFFE: "spiffe://acme/*"}, call{"a:connection.uri_san_peer_certificate": "spiffe://acme/a", "a:connection.mtls": "false"}, ""},
		"what a caller writes":     {Source{SPIFFE: "spiffe://acme/*"}, call{"h:x-forwarded-client-cert": "URI=spiffe://acme/a"}, ""},
		"claim":                    {Source{JWT: Claim{"corp", "team"}}, call{"c:corp:team": "support"}, "a=support (jwt claim team of corp)\n"},
		"claim of another":         {Source{JWT: Claim{"corp", "team"}}, call{"c:other:team": "support"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := mustNew(t, Options{Rules: []Rule{{Name: "a", Sources: []Source{tc.source}}}})
			if got := owner(a.Resolve(&policy.Request{Identity: tc.in}).Owner); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
	a := mustNew(t, Options{Rules: []Rule{{Name: "interaction", Sources: []Source{{Header: "x-session-id"}, {Trace: true}}}}})
	if got := owner(a.Resolve(&policy.Request{Identity: call{}, TraceID: "4bf9"}).Owner); got != "interaction=4bf9 (trace id)\n" {
		t.Errorf("a trace gives %q", got)
	}
}

func TestOwnersAreAsked(t *testing.T) {
	byKey := []Source{{APIKey: "team"}, {Header: "x-team"}}
	const lost = "team=unattributed (unknown; "
	for name, tc := range map[string]struct {
		sources   []Source
		onUnknown OnUnknown
		fallback  string
		key       string
		in        call
		at        time.Time
		want      string
		unknown   string
	}{
		"the key's team, and what is known of it": {sources: byKey, key: supportKey, at: june,
			want: "team=support (api key)\ncost_centre=CC-17 (owners)\nentity=Acme Ltd (owners)\n"},
		"at the time of the call": {sources: byKey, key: supportKey, at: july,
			want: "team=support (api key)\ncost_centre=CC-18 (owners)\n"},
		"no header beats a key": {sources: byKey, key: supportKey, at: july, in: call{"h:x-team": "research"},
			want: "team=support (api key)\ncost_centre=CC-18 (owners)\n"},
		"a header where there is no key": {sources: byKey, at: july, in: call{"h:x-team": "research"},
			want: "team=research (header x-team)\ngl_account=6400 (owners)\n"},
		"a key that nobody has leaves it to the header": {sources: byKey, key: "0", at: july, in: call{"h:x-team": "research"},
			want: "team=research (header x-team; api key of no owner)\ngl_account=6400 (owners)\n"},
		"a key that nobody has": {sources: byKey, key: "0", at: july, want: lost + "api key of no owner)\n", unknown: "api key"},
		"a key before its time": {sources: byKey, key: researchKey, at: june, want: lost + "api key of no owner)\n", unknown: "api key"},
		"nothing":               {sources: byKey, at: july, want: "team=unattributed (missing)\n"},
		"a default":             {sources: byKey, key: "0", fallback: "support", at: july, want: "team=support (default; api key of no owner)\ncost_centre=CC-18 (owners)\n"},
		"a default of no owner": {sources: byKey, fallback: "pool", at: july, want: lost + "default of no owner)\n", unknown: "default"},
		"a team that nobody lists": {sources: header("x-team"), at: july, in: call{"h:x-team": "ghost"},
			want: lost + "header x-team of no owner)\n", unknown: "header x-team"},
		"it is not overruled by a later source": {sources: []Source{{Body: "team"}, {Header: "x-team"}}, at: july, in: call{"b:team": "ghost", "h:x-team": "support"},
			want: lost + "body team of no owner)\n", unknown: "body team"},
		"a team that is no more, or not yet": {sources: header("x-team"), at: june, in: call{"h:x-team": "research"},
			want: lost + "header x-team of no owner)\n", unknown: "header x-team"},
		"refused": {sources: header("x-team"), onUnknown: RefuseUnknown, at: july, in: call{"h:x-team": "ghost"},
			want: lost + "header x-team of no owner)\n", unknown: "header x-team"},
		"accepted": {sources: header("x-team"), onUnknown: Accept, at: july, in: call{"h:x-team": "ghost"},
			want: "team=ghost (header x-team)\n"},
		"a key that nobody has, where all are accepted": {sources: byKey, onUnknown: Accept, key: "0", at: july,
			want: "team=unattributed (missing; api key of no owner)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a := mustNew(t, Options{
				Rules:   []Rule{{Name: "team", Sources: tc.sources, Default: tc.fallback}},
				Require: []string{"team"}, Owners: directory(t), OnUnknown: tc.onUnknown,
			})
			if tc.in == nil {
				tc.in = call{}
			}
			who := a.Resolve(&policy.Request{Identity: tc.in, KeyHash: tc.key, At: tc.at})
			if diff := cmp.Diff(tc.want, owner(who.Owner)); diff != "" {
				t.Errorf("owner (-want +got):\n%s", diff)
			}
			if who.Unknown != tc.unknown {
				t.Errorf("unknown is %q, want %q", who.Unknown, tc.unknown)
			}
			if lost := who.Owner.Value("team") == policy.Unattributed; lost != (len(who.Missing) == 1) {
				t.Errorf("missing is %q", who.Missing)
			}
			if a.RefusesUnknown() != (tc.onUnknown == RefuseUnknown) {
				t.Error("RefusesUnknown does not say what was configured")
			}
		})
	}
}

func TestOwnersSayNothingOfOtherAttributes(t *testing.T) {
	a := mustNew(t, Options{Rules: []Rule{{Name: "project", Sources: []Source{{APIKey: "team"}, {Header: "x-project"}}}}, Owners: directory(t)})
	who := a.Resolve(&policy.Request{Identity: call{"h:x-project": "ghost"}, At: july})
	if got := owner(who.Owner); got != "project=ghost (header x-project)\n" || who.Unknown != "" {
		t.Errorf("%q, unknown %q", got, who.Unknown)
	}
	if got := owner(a.Resolve(&policy.Request{Identity: call{}, KeyHash: supportKey, At: july}).Owner); got != "project=support (api key)\n" {
		t.Errorf("a key gives %q", got)
	}
}

func TestSourceChecks(t *testing.T) {
	for name, tc := range map[string]struct {
		in   Source
		want string
	}{
		"nothing":              {Source{}, "names 0 places"},
		"two places":           {Source{Header: "x-a", Trace: true}, "names 2 places"},
		"no header":            {Source{Header: "x a"}, "is not the name of a header"},
		"a secret header":      {Source{Header: "X-Api-Key"}, "holds a secret"},
		"a prompt":             {Source{Body: "messages.content"}, `"messages" holds what callers ask`},
		"a step that is empty": {Source{Body: "metadata..a"}, "has an empty step"},
		"an endless path":      {Source{Body: "a.a.a.a.a.a.a.a.a"}, "has 9 steps, at most 8"},
		"a long path":          {Source{Body: strings.Repeat("a", 129)}, "at most 128 bytes"},
		"not of a key":         {Source{APIKey: "user"}, `"user" is not possible, but team`},
		"no word of a route":   {Source{Route: "host"}, `"host" is not possible, but name, cluster or metadata.KEY`},
		"no key of metadata":   {Source{Route: "metadata.a']['b"}, "is no key of metadata"},
		"no name of a part":    {Source{Path: "Collection"}, "no name of a part of a path"},
		"no word of a node":    {Source{Workload: "pod"}, "but namespace, service_account, name"},
		"a long attribute":     {Source{Attribute: strings.Repeat("a", 257)}, "at most 256 bytes"},
		"an unseen attribute":  {Source{Attribute: "a\x00"}, "that can be seen"},
		"no scheme":            {Source{SPIFFE: "acme/*"}, "does not begin with spiffe://"},
		"a pattern of a space": {Source{SPIFFE: "spiffe://a b"}, "that an ID can have"},
		"a pattern of a list":  {Source{SPIFFE: "spiffe://a,spiffe://b"}, "that an ID can have"},
		"two values":           {Source{SPIFFE: "spiffe://{}/ns/{}"}, "takes two values"},
		"half a value":         {Source{SPIFFE: "spiffe://a/{"}, "has a brace"},
		"a value within one":   {Source{SPIFFE: "spiffe://a/{{}}"}, "has a brace"},
		"a part of nothing":    {Source{SPIFFE: "spiffe://a//b"}, "has an empty part"},
		"a domain of nothing":  {Source{SPIFFE: "spiffe://"}, "has an empty part"},
		"a value without end":  {Source{SPIFFE: "spiffe://a/{}-*"}, "where the value ends"},
		"nobody's claim":       {Source{JWT: Claim{Name: "team"}}, "there is no provider"},
		"a claim of nothing":   {Source{JWT: Claim{Provider: "corp"}}, "there is no claim"},
		"a long claim":         {Source{JWT: Claim{"corp", strings.Repeat("a", 257)}}, "at most 256 bytes"},
		"a deep claim":         {Source{JWT: Claim{"corp", "a.b.c.d.e.f.g.h.i.j"}}, "has 9 dots"},
		"a claim and a header": {Source{JWT: Claim{"corp", "team"}, Header: "x-a"}, "names 2 places"},
		"a secret attribute":   {Source{Attribute: "request.headers['Authorization']"}, "holds a secret"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.in.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check = %v, want %q", err, tc.want)
			}
			if tc.in.String() != "" {
				t.Errorf("it is called %q all the same", tc.in.String())
			}
			if _, err := New(Options{Rules: []Rule{{Name: "a", Sources: []Source{tc.in}}}, Owners: directory(t)}); err == nil {
				t.Error("New takes it")
			}
		})
	}
	for _, s := range []Source{{Header: "x-a"}, {Body: "a"}, {Trace: true}} {
		if s.Identifies() || s.Check() != nil || s.String() == "" {
			t.Errorf("%+v: identifies %v, %v", s, s.Identifies(), s.Check())
		}
	}
	for _, s := range []Source{{APIKey: "team"}, {Route: "name"}, {Workload: "name"}, {Attribute: "a"}, {SPIFFE: "spiffe://a"}, {JWT: Claim{"a", "b"}}} {
		if !s.Identifies() {
			t.Errorf("%+v does not identify", s)
		}
	}
}

func TestNewRefusesWithOwners(t *testing.T) {
	full := make([]Rule, policy.MaxAttributes-2)
	for i := range full {
		full[i] = Rule{Name: "a" + strings.Repeat("b", i), Sources: header("x-a")}
	}
	for name, tc := range map[string]struct {
		in   Options
		want string
	}{
		"a fact with a rule":  {Options{Rules: []Rule{{Name: "entity", Sources: header("x-e")}}, Owners: directory(t)}, `"entity" has a rule, and the owners know it too`},
		"too many with facts": {Options{Rules: full, Owners: directory(t)}, "17 attributes"},
		"a key for nobody":    {Options{Rules: []Rule{{Name: "team", Sources: []Source{{APIKey: "team"}}}}}, "there are no owners"},
		"a source twice":      {Options{Rules: []Rule{{Name: "team", Sources: []Source{{Trace: true}, {Trace: true}}}}}, "named twice: trace id"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("New = %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestHowTellsOnlyWhatACallerCanGive(t *testing.T) {
	a := mustNew(t, Options{Rules: []Rule{{Name: "team", Sources: []Source{
		{SPIFFE: "spiffe://acme/*"}, {JWT: Claim{"corp", "team"}}, {APIKey: "team"}, {Workload: "namespace"}, {Body: "metadata.team"}, {Header: "X-Team"}, {Trace: true},
	}}}, Owners: directory(t)})
	if got := a.How("team"); got != "jwt claim team of corp or api key or body metadata.team or header x-team" {
		t.Errorf("How = %q", got)
	}
}

func TestResolveWithOwnersAllocatesOnce(t *testing.T) {
	a := mustNew(t, Options{Rules: []Rule{
		{Name: "team", Sources: []Source{{APIKey: "team"}, {Workload: "namespace"}, {Header: "x-team"}}},
		{Name: "place", Sources: []Source{{Workload: "namespace"}}},
	}, Owners: directory(t)})
	in := &policy.Request{Identity: call{"a:xds.node.id": "sidecar~1~pod.shop~shop"}, KeyHash: supportKey, At: july}
	if n := testing.AllocsPerRun(100, func() { a.Resolve(in) }); n > 3 { // two of them make the names of the test's map
		t.Errorf("Resolve allocates %v times", n)
	}
}
