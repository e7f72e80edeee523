package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/farebox/farebox/envoy"
)

// shapes are what is shipped.
var shapes = map[string]envoy.Options{
	"inline": {Upstream: "127.0.0.1:8000", FailOpen: true},
	"native": {Upstream: "127.0.0.1:8000", Metering: envoy.Native},
	"auto":   {Metering: envoy.Auto, Farebox: "farebox.farebox.svc:9002", FareboxTLS: &envoy.FareboxTLS{CA: "/ca.pem"}, AccessLog: "/dev/stdout"},
	"callers": {
		Upstream: "127.0.0.1:8000", ListenTLS: &envoy.ListenTLS{Cert: "/cert.pem", Key: "/key.pem", ClientCA: "/ca.pem"}, TrustXFCC: true,
		JWT: []envoy.JWT{{Provider: "corp", JWKS: "/jwks.json"}, {Provider: "other", JWKS: "/jwks.json"}}, Attributes: []string{"connection.requested_server_name"},
	},
	"each try": {Upstream: "vllm.models.svc:8000", UpstreamHTTP2: true, PerTry: true, Farebox: "unix:///run/farebox.sock", Admin: "127.0.0.1:9901"},
}

func shipped(t testing.TB, shape string) string {
	t.Helper()
	text, err := envoy.Config(shapes[shape])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// needed is what a farebox reads that a shape is made for.
func needed(shape string) Needs {
	if shape != "callers" {
		return Needs{}
	}
	return Needs{
		Attributes: []string{"connection.mtls", "connection.requested_server_name", "connection.uri_san_peer_certificate"},
		Tokens:     []string{"corp"}, Certificates: true, XFCC: true,
	}
}

func found(t *testing.T, text string) Report {
	t.Helper()
	return foundFor(t, Needs{}, text)
}

func foundFor(t *testing.T, n Needs, text string) Report {
	t.Helper()
	r, err := FilesFor(n, File{"envoy.yaml", []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatIsShippedIsSound(t *testing.T) {
	for shape, routes := range map[string][2]int{"inline": {0, 1}, "native": {1, 0}, "auto": {1, 1}, "each try": {0, 1}, "callers": {0, 1}} {
		text := shipped(t, shape)
		json, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{"YAML": text, "CR LF": strings.ReplaceAll(text, "\n", "\r\n"), "JSON": string(json)} {
			if r := foundFor(t, needed(shape), text); len(r.Findings) > 0 || r.Native != routes[0] || r.Inline != routes[1] {
				t.Errorf("%s as %s: %+v", shape, form, r)
			}
		}
	}
}

// planted are mistakes: in a shape that is shipped, text is replaced, once from
// its last place. On is what the line of the finding has.
var planted = []struct {
	name, shape, was, is string
	severity             Severity
	key, on              string
}{
	{"a native route that is sent bodies", "native", "response_body_mode: NONE\n                        response_trailer", "response_body_mode: STREAMED\n                        response_trailer", Alarm, "response_body_mode", "STREAMED"},
	{"by its number", "native", "response_body_mode: NONE\n                        response_trailer", "response_body_mode: 2\n                        response_trailer", Alarm, "response_body_mode", "body_mode: 2"},
	{"a native route without SKIP", "native", "response_header_mode: SKIP", "response_header_mode: SEND", Alarm, "response_header_mode", "SEND"},
	{"a native route that says nothing of headers", "native", "response_header_mode: SKIP\n", "\n", Alarm, "response_header_mode", "request_header_mode"},
	{"a native route whose trailers are kept", "native", "response_trailer_mode: SEND\n                      grpc", "response_trailer_mode: SKIP\n                      grpc", Alarm, "response_trailer_mode", "SKIP"},
	{"a native route without a word", "native", "- { key: x-farebox-metering, value: native }", "[]", Alarm, "x-farebox-metering", "name: \"llm-native\""},
	{"a word without a native route", "native", "SYNTHESIZE_TRAILERS", "NONE", Alarm, "x-farebox-metering", "llm-native"},
	{"a count that is not forwarded", "native", "typed: [envoy.ai.token_usage]", "untyped: [envoy.ai.token_usage]", Alarm, "metadata_options.forwarding_namespaces", "@type"},
	{"trailers that HTTP/1.1 does not show", "native", "enable_trailers: true\n          # Realtime", "enable_trailers: false\n          # Realtime", Warning, "http_protocol_options.enable_trailers", "@type"},
	{"Envoy counts everywhere", "auto", "{ usage_signal: SYNTHESIZE_TRAILERS }", "{ usage_signal: 1, include_unconfigured_routes: true }", Alarm, "response_header_mode", "response_header_mode: SEND"},
	{"no mode in the overrides", "native", "overrides:\n                      processing_mode:", "overrides:\n                      other:", Alarm, "response_header_mode", "SEND"},
	{"a body not shown", "inline", "request_body_mode: BUFFERED", "request_body_mode: NONE", Alarm, "request_body_mode", "NONE"},
	{"a body not waited for", "inline", "request_body_mode: BUFFERED", "request_body_mode: STREAMED", Alarm, "request_body_mode", "STREAMED"},
	{"a call not shown", "inline", "request_header_mode: SEND", "request_header_mode: SKIP", Alarm, "request_header_mode", "SKIP"},
	{"an answer not shown", "inline", "response_header_mode: SEND", "response_header_mode: SKIP", Alarm, "response_header_mode", "SKIP"},
	{"an answer that cannot be asked for", "inline", "allow_mode_override: true", "allow_mode_override: false", Alarm, "allow_mode_override", "@type"},
	{"an answer that nobody sends on", "inline", "response_body_mode: NONE", "response_body_mode: FULL_DUPLEX_STREAMED", Alarm, "response_body_mode", "FULL_DUPLEX"},
	{"an answer held back", "inline", "response_body_mode: NONE", "response_body_mode: BUFFERED", Warning, "response_body_mode", "BUFFERED"},
	{"last bytes lost", "inline", "response_trailer_mode: SEND", "response_trailer_mode: SKIP", Alarm, "response_trailer_mode", "SKIP"},
	{"no time", "inline", "message_timeout: 2s\n", "\n", Warning, "message_timeout", "@type"},
	{"little time", "inline", "message_timeout: 2s\n", "message_timeout: 0.2s\n", Warning, "message_timeout", "0.2s"},
	{"no status", "native", "status_on_error: { code: ServiceUnavailable }", "", Warning, "status_on_error", "@type"},
	{"refusals without a reason", "inline", "message_timeout: 2s", "message_timeout: 2s\n              disable_immediate_response: true", Alarm, "disable_immediate_response", "disable_immediate"},
	{"farebox only listens", "inline", "message_timeout: 2s", "message_timeout: 2s\n              observability_mode: true", Alarm, "observability_mode", "observability"},
	{"short bodies", "inline", "request_body_buffer_limit: 34603008", "", Warning, "request_body_buffer_limit", "name: \"llm\""},
	{"few calls", "inline", "max_requests: 100000 }", "max_requests: 1024 }", Warning, "circuit_breakers", "thresholds"},
	{"the usual number of calls", "inline", ", max_requests: 100000 }", " }", Warning, "circuit_breakers", "thresholds"},
	{"pings too often", "inline", "interval: 5s", "interval: 1s", Alarm, "connection_keepalive.interval", "1s"},
	{"no pings", "inline", "connection_keepalive: { interval: 5s, timeout: 2s }", "{}", Warning, "connection_keepalive", ""},
	{"no HTTP/2", "inline", "http2_protocol_options:", "http_protocol_options:", Alarm, "http2_protocol_options", "name: farebox"},
	{"tries that are not seen", "each try", "value: observe", "value: other", Alarm, "x-farebox-metering", "@type"},
	{"tries of nobody knows which call", "each try", "receiving_namespaces", "forwarding_namespaces", Alarm, "metadata_options.receiving_namespaces", "@type"},
	{"tries that fail without farebox", "each try", "failure_mode_allow: true # else", "failure_mode_allow: false # else", Alarm, "failure_mode_allow", "@type"},
	{"tries that wait", "each try", "observability_mode: true", "observability_mode: false", Alarm, "observability_mode", "@type"},
	{"tries half seen", "each try", "response_body_mode: STREAMED", "response_body_mode: NONE", Alarm, "processing_mode", "request_header_mode"},
	{"answers seen twice", "each try", "response_header_mode: SKIP", "response_header_mode: SEND", Warning, "response_header_mode", "SEND"},
	{"claims of nobody", "callers", "payload_in_metadata: \"corp\"", "payload_in_metadata: \"corporation\"", Alarm, "payload_in_metadata", "@type"},
	{"claims that are not forwarded", "callers", "untyped: [envoy.filters.http.jwt_authn]", "typed: [envoy.filters.http.jwt_authn]", Alarm, "metadata_options.forwarding_namespaces", "forwarding_namespaces"},
	{"no metadata at all", "callers", "metadata_options:", "other:", Alarm, "metadata_options.forwarding_namespaces", "@type"},
	{"tokens that are not verified", "callers", "jwt_authn.v3.JwtAuthentication", "lua.v3.Lua", Alarm, "http_filters", "name: farebox"},
	{"tokens that fail", "callers", "requires_any:\n                    requirements:", "requires_any:\n                    requirements:\n                    - allow_missing_or_failed: {}", Warning, "allow_missing_or_failed", "allow_missing_or_failed"},
	{"a proof that is not sent", "callers", "- connection.mtls\n", "- connection.id\n", Alarm, "request_attributes", "request.id"},
	{"no attributes at all", "callers", "request_attributes:", "other:", Alarm, "request_attributes", "@type"},
	{"no TLS", "callers", "transport_socket:", "other:", Alarm, "transport_socket", "other"},
	{"no authority", "callers", "trusted_ca: { filename: \"/ca.pem\" }", "crl: {}", Alarm, "validation_context.trusted_ca", "crl"},
	{"nobody is asked", "callers", "validation_context:", "other:", Alarm, "validation_context", "alpn_protocols"},
	{"anybody is believed", "callers", "trusted_ca: { filename: \"/ca.pem\" }", "trusted_ca: { filename: \"/ca.pem\" }\n              trust_chain_verification: ACCEPT_UNTRUSTED", Alarm, "trust_chain_verification", "ACCEPT_UNTRUSTED"},
	{"a header that is removed", "callers", "forward_client_cert_details: FORWARD_ONLY", "", Alarm, "forward_client_cert_details", "@type"},
	{"a header of Envoy's own", "callers", "forward_client_cert_details: FORWARD_ONLY", "forward_client_cert_details: 3", Alarm, "forward_client_cert_details", "details: 3"},
	{"a header of two proxies", "callers", "forward_client_cert_details: FORWARD_ONLY", "forward_client_cert_details: APPEND_FORWARD", Alarm, "forward_client_cert_details", "APPEND"},
	{"a header of anyone", "callers", "forward_client_cert_details: FORWARD_ONLY", "forward_client_cert_details: ALWAYS_FORWARD_ONLY", Warning, "forward_client_cert_details", "ALWAYS"},
	{"no farebox", "inline", "ext_proc.v3.ExternalProcessor", "lua.v3.Lua", Alarm, "http_filters", "Envoy with Farebox"},
}

func TestPlantedMistakesAreFound(t *testing.T) {
	for _, p := range planted {
		text := shipped(t, p.shape)
		at := strings.LastIndex(text, p.was)
		if at < 0 {
			t.Fatalf("%s: nothing to replace", p.name)
		}
		text = text[:at] + p.is + text[at+len(p.was):]
		r := foundFor(t, needed(p.shape), text)
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Key == p.key && f.Severity == p.severity })
		if i < 0 {
			t.Errorf("%s: found %+v", p.name, r.Findings)
			continue
		}
		f := r.Findings[i]
		if f.File != "envoy.yaml" || f.Happens == "" || f.Write == "" {
			t.Errorf("%s: %+v says too little", p.name, f)
		}
		if line := strings.Split(text, "\n")[max(f.Line-1, 0)]; !strings.Contains(line, p.on) {
			t.Errorf("%s: found at %d: %s", p.name, f.Line, line)
		}
	}
}

// moved puts the filter farebox behind the AI protocol manager.
func moved(text string) string {
	from := strings.Index(text, "          - name: farebox\n")
	manager := strings.Index(text, "          # Counts tokens, on routes")
	router := strings.Index(text, "          - name: envoy.filters.http.router")
	return text[:from] + text[manager:router] + text[from:manager] + text[router:]
}

// verifiedLate puts what verifies tokens behind farebox.
func verifiedLate(text string) string {
	from := strings.Index(text, "          # Before Farebox: verifies")
	farebox := strings.Index(text, "          - name: farebox\n")
	router := strings.Index(text, "          - name: envoy.filters.http.router")
	return text[:from] + text[farebox:router] + text[from:farebox] + text[router:]
}

func TestTokensAreVerifiedBeforeFareboxIsAsked(t *testing.T) {
	late := verifiedLate(shipped(t, "callers"))
	r := foundFor(t, needed("callers"), late)
	if len(r.Findings) != 1 || r.Findings[0].Severity != Alarm || r.Findings[0].Key != "http_filters" || !strings.Contains(r.Findings[0].Happens, "sees no claim") {
		t.Errorf("needed: %+v", r.Findings)
	}
	if r = found(t, late); len(r.Findings) != 1 || r.Findings[0].Severity != Warning || !strings.Contains(r.Findings[0].Happens, "401") {
		t.Errorf("not needed: %+v", r.Findings)
	}
	if r = found(t, shipped(t, "callers")); len(r.Findings) != 0 {
		t.Errorf("where nothing is needed: %+v", r.Findings)
	}
}

func TestOrderOfFilters(t *testing.T) {
	const plain = "          - name: envoy.filters.http.router"
	add := func(text, filter string) string {
		return strings.Replace(text, plain, "          - name: added\n            typed_config: "+filter+"\n"+plain, 1)
	}
	native := shipped(t, "native")
	for name, c := range map[string]struct{ text, key, says string }{
		"behind the manager": {moved(native), "http_filters", "stands after"},
		"a decompressor":     {add(shipped(t, "inline"), `{"@type": type.googleapis.com/envoy.extensions.filters.http.decompressor.v3.Decompressor}`), "http_filters", "decompressor"},
		"another's filter": {
			strings.Replace(native, "          - name: farebox\n", `          - name: other
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor, processing_mode: {response_body_mode: STREAMED}}
          - name: farebox
`, 1), "response_body_mode", "a route of this filter",
		},
	} {
		r := found(t, c.text)
		if len(r.Findings) != 1 || r.Findings[0].Key != c.key || r.Findings[0].Severity != Alarm || !strings.Contains(r.Findings[0].Happens, c.says) {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
}

// Listeners, routes and clusters may come in files of their own, and a control
// plane's patch holds one filter.
func TestPartsOfAConfiguration(t *testing.T) {
	listener := `
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  filter_chains:
  - filters:
    - typedConfig:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        rds: {routeConfigName: main}
        httpFilters:
        - &filter
          name: fare
          typed_config: &config
            "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
            grpcService: {envoyGrpc: {clusterName: "outbound|9002||pay"}}
            processingMode: {requestBodyMode: BUFFERED, responseTrailerMode: SEND}
            allowModeOverride: true
            messageTimeout: 2s
            statusOnError: {code: 503}
`
	routes := `{virtualHosts: [{routes: [{route: {cluster: a}, requestBodyBufferLimit: 9, typedPerFilterConfig: {fare: {"@type": t/envoy.ExtProcPerRoute, overrides: {processingMode: {}}}}},
  {route: {weightedClusters: {clusters: [{name: a, typedPerFilterConfig: {fare: {disabled: true}}}, {name: b}]}}}, {redirect: {}}]}], name: main}`
	r, err := Files(File{"lds.yaml", []byte(listener)}, File{"rds.json", []byte(routes)})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, f := range r.Findings {
		keys = append(keys, f.File+" "+f.Key)
	}
	want := []string{"rds.json request_body_mode", "rds.json response_trailer_mode", "rds.json request_body_buffer_limit"}
	if !slices.Equal(keys, want) || r.Inline != 2 {
		t.Errorf("found %v on %d routes, want %v on 2", keys, r.Inline, want)
	}
	patch := `
spec:
  configPatches:
  - patch:
      value:
        name: farebox
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
          processing_mode: {request_body_mode: BUFFERED, response_trailer_mode: SEND}
          message_timeout: 2s
          failure_mode_allow: true
`
	if r := found(t, patch); len(r.Findings) != 1 || r.Findings[0].Key != "allow_mode_override" {
		t.Errorf("of a patch: %+v", r.Findings)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"no YAML": {"a: [", "envoy.yaml"}, "too deep": {strings.Repeat("[", 200), "nested"}, "a knot": {"a: &a [*a]", "more values"},
		"a bomb": {"a: &a [x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" +
			"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n", "more values"},
	} {
		if r, err := Files(File{"envoy.yaml", []byte(c.text)}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// Whatever a file says, checking it ends, and every finding has its place.
func FuzzFiles(f *testing.F) {
	for shape := range shapes {
		f.Add([]byte(shipped(f, shape)))
	}
	f.Add([]byte("http_filters: [{typed_config: {'@type': x.ext_proc.v3.ExternalProcessor}}]"))
	f.Add([]byte("<<: &a {b: *a}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := FilesFor(needed("callers"), File{"f", text})
		if err != nil {
			return
		}
		for _, one := range r.Findings {
			if one.File != "f" || one.Key == "" || one.Line < 0 {
				t.Errorf("%+v", one)
			}
		}
	})
}
