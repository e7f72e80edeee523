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
