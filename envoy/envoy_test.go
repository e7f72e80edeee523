package envoy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/encoding/protojson"
)

// shapes are Options that together reach every branch of the template.
var shapes = map[string]Options{
	"zero": {},
	"everything": {
		Listen: ":8080", Admin: "[::1]:9901", Farebox: "unix:///run/farebox/it's \"quoted\".sock", Upstream: "10.0.0.1:8443",
		UpstreamTLS: true, UpstreamSNI: "llm.example.com", UpstreamHTTP2: true, BufferLimit: 32 << 10, BodyLimit: 1 << 20,
		FailOpen: true, AccessLog: "/dev/stdout",
	},
	"plain":       {Upstream: "127.0.0.1:8000", Admin: "127.0.0.1:9901"},
	"plain h2":    {Upstream: "vllm.models.svc:8000", UpstreamHTTP2: true, Farebox: "farebox.farebox.svc:9002"},
	"path":        {Upstream: "127.0.0.1:8000", AccessLog: "/tmp/a: {b}, # \"c\"\\d %REQ(x)%"},
	"same name":   {Upstream: "farebox:80"},
	"farebox TLS": {Upstream: "127.0.0.1:8000", Farebox: "farebox.farebox.svc:9002", FareboxTLS: &FareboxTLS{CA: "/ca.pem"}},
	"farebox mTLS": {
		Upstream: "127.0.0.1:8000", Farebox: "unix:///run/farebox.sock",
		FareboxTLS: &FareboxTLS{CA: "/ca.pem", Cert: "/it's \"own\".pem", Key: "/key.pem", SNI: "farebox.test"},
	},
	"listen TLS":  {Upstream: "127.0.0.1:8000", ListenTLS: &ListenTLS{Cert: "/it's.pem", Key: "/key.pem"}},
	"listen mTLS": {Upstream: "127.0.0.1:8000", ListenTLS: &ListenTLS{Cert: "/cert.pem", Key: "/key.pem", ClientCA: "/ca.pem"}, TrustXFCC: true},
	"tokens": {
		Upstream: "127.0.0.1:8000", ListenTLS: &ListenTLS{Cert: "/cert.pem", Key: "/key.pem", ClientCA: "/ca.pem", Optional: true}, JWTOptional: true,
		JWT: []JWT{
			{Provider: "corp", Issuer: "https://id.example.com/\"a\"", Audiences: []string{"llm", "b: c"}, JWKS: "https://id.example.com/keys?a=b", Header: "x-identity"},
			{Provider: "1.0", JWKS: "http://10.0.0.9:8080/keys"},
			{Provider: "yes", JWKS: "/etc/it's/jwks.json"},
		},
		Attributes: []string{"connection.requested_server_name", "connection.mtls", "request.headers['x-\"a']"},
	},
	"a token":            {Upstream: "127.0.0.1:8000", JWT: []JWT{{Provider: "corp", JWKS: "https://id.example.com:8443/keys", CA: "/ca.pem"}}},
	"tokens of each try": {Upstream: "127.0.0.1:8000", PerTry: true, JWT: []JWT{{Provider: "corp", JWKS: "/jwks.json"}}},
}

// typed reads what Config wrote into Envoy's own types; an unknown field or a
// wrong type is an error.
func typed(t *testing.T, o Options) *bootstrapv3.Bootstrap {
	t.Helper()
	text, err := Config(o)
	if err != nil {
		t.Fatal(err)
	}
	j, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var b bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(j, &b); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if err := b.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func manager(t *testing.T, b *bootstrapv3.Bootstrap) *hcmv3.HttpConnectionManager {
	t.Helper()
	var m hcmv3.HttpConnectionManager
	any := b.StaticResources.Listeners[0].FilterChains[0].Filters[0].GetTypedConfig()
	if err := any.UnmarshalTo(&m); err != nil {
		t.Fatal(err)
	}
	if err := m.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	return &m
}

func filter(t *testing.T, m *hcmv3.HttpConnectionManager) *extprocv3.ExternalProcessor {
	t.Helper()
	n := len(m.HttpFilters)
	if n < 2 || m.HttpFilters[n-2].Name != "farebox" || n > 2 && m.HttpFilters[0].Name != "envoy.filters.http.jwt_authn" || n > 3 {
		t.Fatalf("%d HTTP filters, want farebox and the router, and before them at most what verifies tokens", n)
	}
	var p extprocv3.ExternalProcessor
	if err := m.HttpFilters[n-2].GetTypedConfig().UnmarshalTo(&p); err != nil {
		t.Fatal(err)
	}
	if err := p.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	return &p
}

func TestConfigIsStrictlyTyped(t *testing.T) {
	for name, o := range shapes {
		t.Run(name, func(t *testing.T) { filter(t, manager(t, typed(t, o))) })
	}
}

func TestZeroOptionsAreAWorkingExample(t *testing.T) {
	b := typed(t, Options{})
	if b.Admin != nil {
		t.Error("the admin pages are on without being asked for")
	}
	at := b.StaticResources.Listeners[0].Address.GetSocketAddress()
	if at.Address != "127.0.0.1" || at.GetPortValue() != 10000 {
		t.Errorf("listens at %v", at)
	}
	up, fare := b.StaticResources.Clusters[0], b.StaticResources.Clusters[1]
	if up.Name != "api.openai.com" || up.GetType() != clusterv3.Cluster_LOGICAL_DNS || up.TransportSocket == nil {
		t.Errorf("the provider is %s, %v, TLS %v", up.Name, up.GetType(), up.TransportSocket != nil)
	}
	to := fare.LoadAssignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address.GetSocketAddress()
	if to.Address != "127.0.0.1" || to.GetPortValue() != 9002 {
		t.Errorf("farebox is at %v", to)
	}
	m := manager(t, b)
	route := m.GetRouteConfig().VirtualHosts[0].Routes[0]
	if got := route.RequestBodyBufferLimit.GetValue(); got != DefaultBodyLimit {
		t.Errorf("body limit %d", got)
	}
	if got := route.GetRoute().GetHostRewriteLiteral(); got != "api.openai.com" {
		t.Errorf("the provider sees host %q", got)
	}
	if p := filter(t, m); p.FailureModeAllow || p.StatusOnError.GetCode() != 503 {
		t.Errorf("fail open %v, status on error %v", p.FailureModeAllow, p.StatusOnError)
	}
}

func TestEveryOptionArrives(t *testing.T) {
	o := shapes["everything"]
	b := typed(t, o)
	if got := b.Admin.GetAddress().GetSocketAddress().GetAddress(); got != "::1" {
		t.Errorf("admin at %q", got)
	}
	l := b.StaticResources.Listeners[0]
	if got := l.Address.GetSocketAddress().GetAddress(); got != "0.0.0.0" {
		t.Errorf("listens at %q", got)
	}
	if got := l.PerConnectionBufferLimitBytes.GetValue(); got != 32<<10 {
		t.Errorf("buffer limit %d", got)
	}
	pipe := b.StaticResources.Clusters[1].LoadAssignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address.GetPipe()
	if got, want := pipe.GetPath(), strings.TrimPrefix(o.Farebox, "unix://"); got != want {
		t.Errorf("pipe %q, want %q", got, want)
	}
	m := manager(t, b)
	if len(m.AccessLog) != 1 {
		t.Errorf("%d access logs", len(m.AccessLog))
	}
	if got := m.GetRouteConfig().VirtualHosts[0].Routes[0].GetRoute().GetHostRewriteLiteral(); got != "" {
		t.Errorf("host rewritten to %q for an IP address", got)
	}
	if !filter(t, m).FailureModeAllow {
		t.Error("fails closed")
	}
}

// TestFareboxIsAskedOverTLS with the names and files of the options, and without
// them in the clear.
func TestFareboxIsAskedOverTLS(t *testing.T) {
	for name, want := range map[string]tls{
		"plain": {}, "farebox TLS": {SNI: "farebox.farebox.svc", CA: "/ca.pem"},
		"farebox mTLS": {SNI: "farebox.test", CA: "/ca.pem", Cert: "/it's \"own\".pem", Key: "/key.pem"},
	} {
		socket := typed(t, shapes[name]).StaticResources.Clusters[1].TransportSocket
		if socket == nil {
			if want != (tls{}) {
				t.Errorf("%s: in the clear", name)
			}
			continue
		}
		var c tlsv3.UpstreamTlsContext
		if err := socket.GetTypedConfig().UnmarshalTo(&c); err != nil {
			t.Fatal(err)
		}
		common := c.CommonTlsContext
		got := tls{SNI: c.Sni, CA: common.GetValidationContext().GetTrustedCa().GetFilename()}
		if certs := common.TlsCertificates; len(certs) == 1 {
			got.Cert, got.Key = certs[0].CertificateChain.GetFilename(), certs[0].PrivateKey.GetFilename()
		}
		names := common.GetValidationContext().MatchTypedSubjectAltNames
		if got != want || len(names) != 1 || names[0].Matcher.GetExact() != want.SNI || common.AlpnProtocols[0] != "h2" {
			t.Errorf("%s: %+v with names %v, want %+v", name, got, names, want)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"listen":           {Listen: "localhost:80"},
		"admin":            {Admin: "127.0.0.1"},
		"farebox":          {Farebox: "127.0.0.1:0"},
		"farebox socket":   {Farebox: "unix:///" + strings.Repeat("x", 107)},
		"upstream":         {Upstream: "a\"b:80"},
		"upstream port":    {Upstream: "example.com:65536"},
		"upstream zone":    {Upstream: "[fe80::1%eth0]:80"},
		"SNI":              {Upstream: "10.0.0.1:443", UpstreamTLS: true},
		"CA":               {UpstreamCA: "ca.pem"},
		"upstream TLS":     {Upstream: "example.com:80", UpstreamCA: "/ca.pem"},
		"farebox TLS":      {FareboxTLS: &FareboxTLS{SNI: "a.test"}},
		"certificate":      {FareboxTLS: &FareboxTLS{CA: "/ca", SNI: "a.test", Key: "/key"}},
		"farebox TLS name": {FareboxTLS: &FareboxTLS{CA: "/ca"}},
		"farebox TLS key":  {FareboxTLS: &FareboxTLS{CA: "/ca", SNI: "a.test", Cert: "/cert", Key: "key"}},
		"buffer limit":     {BufferLimit: -1},
		"body limit":       {BodyLimit: maxBodyLimit + 1},
		"access log":       {AccessLog: "/tmp/a\nb"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := Config(o)
			if err == nil || text != nil {
				t.Fatalf("took %+v", o)
			}
			if word, _, _ := strings.Cut(name, " port"); !strings.Contains(err.Error(), strings.TrimSuffix(word, " zone")) {
				t.Errorf("%q does not name %q", err, word)
			}
		})
	}
}

// FuzzConfig holds that no option can break out of its place: whatever is taken
// still reads strictly, with the same filters.
func FuzzConfig(f *testing.F) {
	for _, o := range shapes {
		f.Add(o.Listen, o.Farebox, o.Upstream, o.AccessLog)
	}
	f.Fuzz(func(t *testing.T, listen, farebox, upstream, log string) {
		o := Options{Listen: listen, Farebox: farebox, Upstream: upstream, AccessLog: log}
		if _, err := Config(o); err != nil {
			return
		}
		filter(t, manager(t, typed(t, o)))
	})
}

// TestEnvoyTakesIt asks Envoy itself, where there is one: $ENVOY, or on the path.
func TestEnvoyTakesIt(t *testing.T) {
	binary := os.Getenv("ENVOY")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("envoy"); err != nil {
			t.Skip("no Envoy here; e2e/harness runs this configuration on the one it fetches")
		}
	}
	for name, o := range shapes {
		t.Run(name, func(t *testing.T) {
			if o.Upstream == "" || o.UpstreamTLS {
				o.UpstreamCA = authority(t)
			}
			if o.FareboxTLS != nil {
				o.FareboxTLS = pair(t, *o.FareboxTLS)
			}
			withFiles(t, &o)
			text, err := Config(o)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "envoy.yaml")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), binary, "--mode", "validate", "-l", "warning", "-c", file).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}
