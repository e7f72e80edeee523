package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/envoy"
)

// envoyFile writes what is shipped, with was replaced by is.
func envoyFile(t *testing.T, m envoy.Metering, was, is string) string {
	t.Helper()
	text, err := envoy.Config(envoy.Options{Upstream: "127.0.0.1:8000", Metering: m})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(text), was, is)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCheckEnvoy(t *testing.T) {
	const none = "\x00"
	for _, c := range []struct {
		name, own, envoy string
		status           int
		says             string
	}{
		{"shipped", "", envoyFile(t, envoy.Auto, none, ""), 0, "envoy.yaml: ok\n"},
		{"shipped, and its own", soundFile, envoyFile(t, envoy.Inline, none, ""), 0, "farebox.yaml: ok\n"},
		{"both for both", "metering: {mode: auto}\n", envoyFile(t, envoy.Auto, none, ""), 0, "farebox.yaml: ok, 5 notes\n"},
		{"a planted mix", "", envoyFile(t, envoy.Native, "response_body_mode: NONE", "response_body_mode: STREAMED"), 1, ": error: response_body_mode: the AI protocol manager"},
		{"a warning", "", envoyFile(t, envoy.Inline, "message_timeout: 2s", ""), 0, "envoy.yaml: ok, 1 warning\n"},
		{"native unasked", soundFile, envoyFile(t, envoy.Native, none, ""), 1, "error: metering.mode: Envoy counts on 1 of its routes"},
		{"inline unasked", "metering: {mode: native}\n", envoyFile(t, envoy.Auto, none, ""), 1, "error: metering.mode: farebox counts on 1 of"},
		{"claims that nobody verifies", "attribution: {team: [{jwt: {claim: team, provider: corp}}]}\n", envoyFile(t, envoy.Inline, none, ""), 1, "error: http_filters: nothing verifies tokens before farebox"},
		{"certificates that nobody shows", "attribution: {team: [{spiffe: \"spiffe://a/{}\"}]}\n", envoyFile(t, envoy.Inline, none, ""), 1, "error: transport_socket: callers speak no TLS"},
		{"an attribute that is not sent", "attribution: {zone: [{attribute: request.scheme}]}\n", envoyFile(t, envoy.Inline, none, ""), 1, "error: request_attributes: attribution reads what farebox is not sent (request.scheme)"},
		{"its own is wrong", misspeltFile, envoyFile(t, envoy.Inline, none, ""), 1, "did you mean"},
		{"no file", "", filepath.Join(t.TempDir(), "none.yaml"), 1, "none.yaml: error: read"},
		{"no YAML", "", write(t, "a: ["), 1, "error: read"},
	} {
		args := []string{"check", "--envoy", c.envoy}
		if c.own != "" {
			args = append(args, write(t, c.own))
		}
		status, out, errOut := try(args...)
		if status != c.status || errOut != "" || !strings.Contains(out, c.says) {
			t.Errorf("%s: status %d, %s%s", c.name, status, out, errOut)
		}
		_, out, _ = try(append(args, "-o", "json")...)
		var r report
		if err := json.Unmarshal([]byte(out), &r); err != nil || r.OK != (c.status == 0) || r.File == "" {
			t.Errorf("%s as JSON: %+v, %v", c.name, r, err)
		}
	}
	if status, _, errOut := try("check"); status == 0 || !strings.Contains(errOut, "FILE") {
		t.Errorf("nothing to check: status %d, %s", status, errOut)
	}
}
