package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files and docs/commands.md")

// try runs one command line.
func try(args ...string) (status int, out, errOut string) {
	var o, e bytes.Buffer
	status = run(args, &o, &e)
	return status, o.String(), e.String()
}

// golden compares with a file below testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	compare(t, filepath.Join("testdata", name), got)
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: run the test with -update if this is meant:\n%s", path, d)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct{ line, says string }{
		{"fare", `unknown command "fare" for "farebox"`},
		{"usage --nope", "unknown flag: --nope; see `farebox usage --help`"},
		{"usage -o xml", "allowed are table, json, csv; see `farebox usage --help`"},
		{"usage --from yesterday", "neither a date"},
		{"usage extra", `unknown command "extra"`},
		{"usage --admin http://127.0.0.1:1", "cannot reach farebox at http://127.0.0.1:1: "},
		{"explain", "0 arguments, want one ID; see `farebox explain --help`"},
		{"explain a b", "2 arguments, want one ID"},
		{"explain x -o csv", "allowed are table, json"},
		{"check", "want one FILE"},
		{"envoy", "choose what to configure: use --for envoy"},
		{"envoy --for istio", "this version does not have it yet"},
		{"envoy --for nginx", "it is not known"},
		{"envoy --for envoy --upstream nowhere", "upstream"},
		{"serve --log-format xml", "allowed are text, json"},
		{"serve --config testdata/none.yaml", "testdata/none.yaml"},
	} {
		status, out, errOut := try(strings.Fields(tt.line)...)
		if status != 1 || out != "" || !strings.HasPrefix(errOut, "farebox: ") || !strings.Contains(errOut, tt.says) {
			t.Errorf("farebox %s: status %d, out %q, error %q; want 1, nothing and %q", tt.line, status, out, errOut, tt.says)
		}
	}
}

func TestVersion(t *testing.T) {
	if status, out, errOut := try("version"); status != 0 || !strings.HasPrefix(out, "farebox ") || errOut != "" {
		t.Errorf("version: %d %q %q", status, out, errOut)
	}
}

// TestEnvoyFlags: every flag arrives in what is printed.
func TestEnvoyFlags(t *testing.T) {
	_, plain, _ := try("envoy", "--for", "envoy")
	status, out, errOut := try(strings.Fields("envoy --for envoy --listen 127.0.0.1:10123 --farebox unix:///run/fb.sock --upstream models.test:8443" +
		" --tls --tls-name other.test --tls-ca /ca.pem --http2 --buffer-limit 40123 --body-limit 50123 --fail-open --farebox-tls-ca /fca.pem --farebox-tls-name fb.test --farebox-tls-cert /fc.pem --farebox-tls-key /fk.pem --envoy-admin 127.0.0.1:9912 --access-log /dev/stdout")...)
	if status != 0 || errOut != "" {
		t.Fatalf("status %d, %s", status, errOut)
	}
	for _, want := range []string{
		"10123", "/run/fb.sock", "models.test", "8443", "other.test", "/ca.pem", "/fca.pem", "fb.test", "/fc.pem", "/fk.pem", "http2_protocol_options", "40123", "50123",
		"failure_mode_allow: true", "9912", "/dev/stdout",
	} {
		if !strings.Contains(out, want) || strings.Contains(plain, want) && want != "http2_protocol_options" && want != "/dev/stdout" {
			t.Errorf("%q is not there with its flag, or is there without", want)
		}
	}
}
