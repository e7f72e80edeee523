package envoy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/prototext"
)

// withFiles puts files that Envoy can read in the place of those that o names for
// callers.
func withFiles(t *testing.T, o *Options) {
	t.Helper()
	if o.ListenTLS != nil {
		files, was := pair(t, FareboxTLS{Cert: "cert"}), *o.ListenTLS
		was.Cert, was.Key = files.Cert, files.Key
		if was.ClientCA != "" {
			was.ClientCA = files.CA
		}
		o.ListenTLS = &was
	}
	o.JWT = slices.Clone(o.JWT)
	for i := range o.JWT {
		if strings.HasPrefix(o.JWT[i].JWKS, "/") {
			o.JWT[i].JWKS = filepath.Join(t.TempDir(), "it's a jwks.json")
			if err := os.WriteFile(o.JWT[i].JWKS, []byte(`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"c2VjcmV0"}]}`), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(o.JWT[i].JWKS, "https:") {
			o.JWT[i].CA = authority(t)
		}
	}
}

func TestCallersShowACertificateWhereTheyMust(t *testing.T) {
	for name, want := range map[string]struct {
		ca       string
		required bool
		forward  hcmv3.HttpConnectionManager_ForwardClientCertDetails
	}{
		"listen TLS":  {"", false, hcmv3.HttpConnectionManager_SANITIZE},
		"listen mTLS": {"/ca.pem", true, hcmv3.HttpConnectionManager_FORWARD_ONLY},
		"tokens":      {"/ca.pem", false, hcmv3.HttpConnectionManager_SANITIZE},
	} {
		b := typed(t, shapes[name])
		var c tlsv3.DownstreamTlsContext
		if err := b.StaticResources.Listeners[0].FilterChains[0].TransportSocket.GetTypedConfig().UnmarshalTo(&c); err != nil {
			t.Fatal(err)
		}
		common := c.CommonTlsContext
		if got := common.GetValidationContext().GetTrustedCa().GetFilename(); got != want.ca || c.RequireClientCertificate.GetValue() != want.required {
			t.Errorf("%s: authorities %q, required %v", name, got, c.RequireClientCertificate.GetValue())
		}
		if certs := common.TlsCertificates; len(certs) != 1 || certs[0].CertificateChain.GetFilename() != shapes[name].ListenTLS.Cert || !slices.Equal(common.AlpnProtocols, []string{"h2", "http/1.1"}) {
			t.Errorf("%s: shows %v, speaks %v", name, certs, common.AlpnProtocols)
		}
		if got := manager(t, b).ForwardClientCertDetails; got != want.forward {
			t.Errorf("%s: x-forwarded-client-cert: %v, want %v", name, got, want.forward)
		}
	}
	if typed(t, Options{}).StaticResources.Listeners[0].FilterChains[0].TransportSocket != nil {
		t.Error("TLS is spoken without being asked for")
	}
}

// verifies reads the filter that verifies tokens.
func verifies(t *testing.T, m *hcmv3.HttpConnectionManager) *jwtv3.JwtAuthentication {
	t.Helper()
	var j jwtv3.JwtAuthentication
	if err := m.HttpFilters[0].GetTypedConfig().UnmarshalTo(&j); err != nil {
		t.Fatal(err)
	}
	if err := j.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	return &j
}

func TestTokensAreVerifiedBeforeFareboxIsAsked(t *testing.T) {
	b := typed(t, shapes["tokens"])
	m := manager(t, b)
	j := verifies(t, m)
	for name, want := range map[string]string{
		"corp": `issuer:"https://id.example.com/\"a\"" audiences:"llm" audiences:"b: c" from_headers:{name:"x-identity"} payload_in_metadata:"corp" ` +
			`remote_jwks:{http_uri:{uri:"https://id.example.com/keys?a=b" cluster:"jwks-corp" timeout:{seconds:5}} cache_duration:{seconds:600} async_fetch:{}}`,
		"1.0": `payload_in_metadata:"1.0" remote_jwks:{http_uri:{uri:"http://10.0.0.9:8080/keys" cluster:"jwks-1.0" timeout:{seconds:5}} cache_duration:{seconds:600} async_fetch:{}}`,
		"yes": `payload_in_metadata:"yes" local_jwks:{filename:"/etc/it's/jwks.json"}`,
	} {
		var p jwtv3.JwtProvider
		if err := prototext.Unmarshal([]byte(want), &p); err != nil {
			t.Fatal(err)
		}
		if got := j.Providers[name]; got.String() != p.String() {
			t.Errorf("%s: %v, want %v", name, got, &p)
		}
	}
	any := j.Rules[0].GetRequires().GetRequiresAny().GetRequirements()
	if len(j.Providers) != 3 || len(j.Rules) != 1 || len(any) != 4 || any[0].GetProviderName() != "corp" || any[3].GetAllowMissing() == nil {
		t.Errorf("required is %v", j.Rules)
	}
	p := filter(t, m)
	if got := p.MetadataOptions.ForwardingNamespaces.GetUntyped(); !slices.Equal(got, []string{"envoy.filters.http.jwt_authn"}) {
		t.Errorf("farebox is sent %v", got)
	}
	if got := p.RequestAttributes; !slices.Equal(got, append(slices.Clone(usualAttributes), "connection.requested_server_name", "request.headers['x-\"a']")) {
		t.Errorf("farebox is sent the attributes %q", got)
	}
	var names []string
	for _, c := range b.StaticResources.Clusters {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"upstream", "jwks-corp", "jwks-1.0", "farebox"}) {
		t.Errorf("clusters %v", names)
	}
}

func TestOneTokenIsRequired(t *testing.T) {
	b := typed(t, shapes["a token"])
	j := verifies(t, manager(t, b))
	if got := j.Rules[0].GetRequires().GetProviderName(); got != "corp" {
		t.Errorf("required is %v", j.Rules)
	}
	var c tlsv3.UpstreamTlsContext
	if err := b.StaticResources.Clusters[1].TransportSocket.GetTypedConfig().UnmarshalTo(&c); err != nil {
		t.Fatal(err)
	}
	at := b.StaticResources.Clusters[1].LoadAssignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address.GetSocketAddress()
	if c.Sni != "id.example.com" || c.CommonTlsContext.GetValidationContext().GetTrustedCa().GetFilename() != "/ca.pem" || at.GetPortValue() != 8443 {
		t.Errorf("keys are fetched from %v by %v", at, &c)
	}
	options := filter(t, manager(t, typed(t, shapes["tokens of each try"]))).MetadataOptions
	if len(options.ForwardingNamespaces.GetUntyped()) != 1 || len(options.ReceivingNamespaces.GetUntyped()) != 1 {
		t.Errorf("with each try observed, metadata are %v", options)
	}
	if filter(t, manager(t, typed(t, Options{}))).MetadataOptions != nil {
		t.Error("metadata are sent without being asked for")
	}
}

func TestNativeRoutesHaveClaimsToo(t *testing.T) {
	text, err := Config(Options{Metering: Auto, JWT: []JWT{{Provider: "corp", JWKS: "/jwks.json"}}})
	if err != nil || !strings.Contains(string(text), "{ typed: [envoy.ai.token_usage], untyped: [envoy.filters.http.jwt_authn] }") {
		t.Errorf("%v in\n%s", err, text)
	}
}

func TestConfigRefusesIdentities(t *testing.T) {
	corp := JWT{Provider: "corp", JWKS: "/jwks.json"}
	with := func(change func(*JWT)) Options {
		j := corp
		change(&j)
		return Options{JWT: []JWT{j}}
	}
	for name, tc := range map[string]struct {
		o    Options
		says string
	}{
		"no certificate":            {Options{ListenTLS: &ListenTLS{Key: "/k"}}, "listen TLS certificate"},
		"no key":                    {Options{ListenTLS: &ListenTLS{Cert: "/c"}}, "listen TLS key"},
		"a relative authority":      {Options{ListenTLS: &ListenTLS{Cert: "/c", Key: "/k", ClientCA: "ca"}}, "listen TLS client CA"},
		"optional without":          {Options{ListenTLS: &ListenTLS{Cert: "/c", Key: "/k", Optional: true}}, "needs a client CA"},
		"trust of anyone":           {Options{TrustXFCC: true}, "client CA"},
		"trust without certificate": {Options{TrustXFCC: true, ListenTLS: &ListenTLS{Cert: "/c", Key: "/k"}}, "client CA"},
		"nobody's token":            {with(func(j *JWT) { j.Provider = "" }), "provider must match"},
		"a provider of two words":   {with(func(j *JWT) { j.Provider = "a b" }), "provider must match"},
		"twice":                     {Options{JWT: []JWT{corp, corp}}, `"corp" is given twice`},
		"too many":                  {Options{JWT: make([]JWT, maxJWTs+1)}, "at most 16"},
		"optional of nothing":       {Options{JWTOptional: true}, "no JWT is verified"},
		"no keys":                   {with(func(j *JWT) { j.JWKS = "" }), "jwks"},
		"keys by ftp":               {with(func(j *JWT) { j.JWKS = "ftp://a/b" }), "jwks"},
		"keys of an address":        {with(func(j *JWT) { j.JWKS = "https://10.0.0.1/b" }), "needs a host name"},
		"keys of a user":            {with(func(j *JWT) { j.JWKS = "https://a:b@id.example.com/b" }), "not a plain URL"},
		"keys of a strange host":    {with(func(j *JWT) { j.JWKS = "https://a_*/b" }), "jwks"},
		"a relative CA":             {with(func(j *JWT) { j.CA = "ca.pem" }), "CA"},
		"a header of two words":     {with(func(j *JWT) { j.Header = "x y" }), "not the name of a header"},
		"an issuer on two lines":    {with(func(j *JWT) { j.Issuer = "a\nb" }), "printable"},
		"an audience on two lines":  {with(func(j *JWT) { j.Audiences = []string{"a\nb"} }), "printable"},
		"an attribute of nothing":   {Options{Attributes: []string{""}}, "send attribute"},
		"attributes without end": {Options{Attributes: strings.Split(strings.Repeat("a,", 65)+strings.Join(func() (s []string) {
			for i := range 65 {
				s = append(s, strings.Repeat("b", i+1))
			}
			return s
		}(), ","), ",")}, "at most 64"},
	} {
		if text, err := Config(tc.o); err == nil || text != nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.says)
		}
	}
}

// FuzzIdentities holds that no option of callers can break out of its place.
func FuzzIdentities(f *testing.F) {
	f.Add("corp", "https://id.example.com", "llm", "https://id.example.com/keys", "x-identity", "/cert.pem", "connection.requested_server_name")
	f.Add("1.0", "a: b\\", "\"", "/jwks: {a}.json", "authorization", "/it's", "request.headers['x']")
	f.Fuzz(func(t *testing.T, provider, issuer, audience, jwks, header, cert, attribute string) {
		o := Options{
			JWT:       []JWT{{Provider: provider, Issuer: issuer, Audiences: []string{audience}, JWKS: jwks, Header: header}},
			ListenTLS: &ListenTLS{Cert: cert, Key: cert, ClientCA: cert}, Attributes: []string{attribute},
		}
		if _, err := Config(o); err != nil {
			return
		}
		m := manager(t, typed(t, o))
		filter(t, m)
		verifies(t, m)
	})
}
