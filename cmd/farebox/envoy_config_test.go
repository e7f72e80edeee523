package main

import (
	"strings"
	"testing"
)

func TestEnvoyFollowsFareboxsOwnFile(t *testing.T) {
	const tls = `, tls: {cert: c, key: k, client_ca: a}`
	at := func(address, more string) string {
		return "listen: {extproc: {address: \"" + address + "\"" + more + "}}\n"
	}
	const claims = "attribution: {team: [{jwt: {claim: team, provider: corp}}], zone: [{attribute: connection.requested_server_name}, {workload: namespace}]}\n"
	const certificates = "attribution: {team: [{spiffe: \"spiffe://a/{}\"}], trust_xfcc: true}\n"
	const shown = "--listen-tls-cert /c --listen-tls-key /k --listen-tls-client-ca /ca"
	for _, c := range []struct {
		name, text, flags string
		has, lacks        []string
		fails             string
	}{
		{"nothing said", "mode: observe\n", "", []string{"port_value: 9002", "failure_mode_allow: true", "request_body_buffer_limit: 34603008", "per_connection_buffer_limit_bytes: 1048576"}, []string{"ai_protocol_manager"}, ""},
		{"enforced", "mode: enforce\n", "", []string{"failure_mode_allow: false"}, nil, ""},
		{"enforced, but open", "mode: enforce\n", "--fail-open", []string{"failure_mode_allow: true"}, nil, ""},
		{"observed, but closed", "mode: observe\n", "--fail-open=false", []string{"failure_mode_allow: false"}, nil, ""},
		{"native", "metering: {mode: native}\n", "", []string{"ai_protocol_manager", `"llm-native"`}, []string{`name: "llm"`}, ""},
		{"auto", "metering: {mode: auto}\n", "", []string{"ai_protocol_manager", `"llm-native"`, `name: "llm"`}, nil, ""},
		{"auto, but not here", "metering: {mode: auto}\n", "--metering inline", nil, []string{"ai_protocol_manager"}, ""},
		{"sizes", "metering: {max_request_body: 1MiB, buffer_json: 1MiB}\n", "", []string{"request_body_buffer_limit: 2097152", "per_connection_buffer_limit_bytes: 4194304"}, nil, ""},
		{"sizes that flags say", "metering: {max_request_body: 1MiB, buffer_json: 1MiB}\n", "--body-limit 5 --buffer-limit 6", []string{"request_body_buffer_limit: 5", "per_connection_buffer_limit_bytes: 6"}, nil, ""},
		{"another port", at("127.0.0.2:9102", ""), "", []string{`address: "127.0.0.2", port_value: 9102`}, nil, ""},
		{"every address", at(":9102", ""), "", []string{`address: "127.0.0.1", port_value: 9102`}, nil, ""},
		{"every address, of IPv6 too", at("[::]:9102", ""), "", []string{`address: "127.0.0.1", port_value: 9102`}, nil, ""},
		{"a socket", at("unix:///run/fb.sock", ""), "", []string{`pipe: { path: "/run/fb.sock" }`}, nil, ""},
		{"a flag's place", at("127.0.0.2:9102", ""), "--farebox far.test:9002", []string{`"far.test"`}, []string{"127.0.0.2"}, ""},
		{"TLS that nothing is said of", at("127.0.0.1:9102", tls), "", nil, nil, "--farebox-tls-ca"},
		{"a certificate that is missing", at("127.0.0.1:9102", tls), "--farebox-tls-ca /a --farebox-tls-name f.test", nil, nil, "--farebox-tls-cert"},
		{"TLS", at("127.0.0.1:9102", tls), "--farebox-tls-ca /a --farebox-tls-name f.test --farebox-tls-cert /c --farebox-tls-key /k", []string{`"f.test"`}, nil, ""},
		{"claims of nobody", claims, "", nil, nil, "--jwt provider=corp,jwks=FILE or URL"},
		{"claims of another", claims, "--jwt provider=other,jwks=/j", nil, nil, "--jwt provider=corp"},
		{"claims", claims, "--jwt provider=corp,jwks=/j,issuer=https://id,audience=a,audience=b,header=x-id", []string{
			`payload_in_metadata: "corp"`, `issuer: "https://id"`, `- "a"`, `- "b"`, `name: "x-id"`, `filename: "/j"`, "untyped: [envoy.filters.http.jwt_authn]", `- "connection.requested_server_name"`,
		}, []string{"allow_missing", `- "xds.node.id"`}, ""},
		{"claims of some", claims, "--jwt provider=corp,jwks=https://id.example/keys --jwt-optional", []string{"allow_missing", `cluster: "jwks-corp"`}, nil, ""},
		{"certificates of nobody", certificates, "", nil, nil, "--listen-tls-client-ca"},
		{"certificates that are not asked for", certificates, "--listen-tls-cert /c --listen-tls-key /k", nil, nil, "--listen-tls-client-ca"},
		{"certificates", certificates, shown, []string{"require_client_certificate: true", "FORWARD_ONLY"}, nil, ""},
		{"certificates, and none of proxies", certificates, shown + " --trust-xfcc=false --listen-tls-optional", []string{"require_client_certificate: false"}, []string{"FORWARD_ONLY"}, ""},
		{"half a token", "", "--jwt provider=corp", nil, nil, "it needs provider= and jwks="},
		{"a token of a strange key", "", "--jwt provider=corp,jwks=/j,realm=a", nil, nil, `"realm" is not known`},
		{"a token of nothing", "", "--jwt provider=corp,jwks=/j,issuer", nil, nil, `"issuer" is not key=value`},
		{"a token of two", "", "--jwt provider=corp,jwks=/j,provider=a", nil, nil, `"provider" is given twice`},
		{"a mistake", "metring: {}\n", "", nil, nil, "metering"},
	} {
		args := append([]string{"envoy", "--for", "envoy", "--upstream", "127.0.0.1:8000", "--config", write(t, c.text)}, strings.Fields(c.flags)...)
		status, out, errOut := try(args...)
		if (status != 0) != (c.fails != "") || !strings.Contains(errOut, c.fails) {
			t.Errorf("%s: status %d, %s", c.name, status, errOut)
			continue
		}
		for _, want := range c.has {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q", c.name, want)
			}
		}
		for _, no := range c.lacks {
			if strings.Contains(out, no) {
				t.Errorf("%s: has %q", c.name, no)
			}
		}
	}
}
