package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/api"
)

// shown is a farebox over TLS that notes what it is shown.
func shown(t *testing.T) (url, ca string, token *string) {
	t.Helper()
	token = new(string)
	h := api.NewHandler(api.Options{Ledger: &books{}, Identify: func(r *http.Request) (api.Who, error) {
		*token = r.Header.Get("Authorization")
		return api.Who{Name: "x", Role: api.Viewer}, nil
	}})
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, ca, token
}

func tokenFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAdminOverTLSWithAToken(t *testing.T) {
	url, ca, token := shown(t)
	file := tokenFile(t, "0123456789abcdef\n")
	if status, _, errOut := try("usage", "--admin", url, "--ca", ca, "--token-file", file); status != 0 || *token != "Bearer 0123456789abcdef" {
		t.Errorf("by flags: status %d, %s, shown %q", status, errOut, *token)
	}
	t.Setenv("FAREBOX_ADMIN", url)
	t.Setenv("FAREBOX_TOKEN_FILE", tokenFile(t, "fedcba9876543210"))
	if status, _, errOut := try("usage", "--ca", ca); status != 0 || *token != "Bearer fedcba9876543210" {
		t.Errorf("by environment: status %d, %s, shown %q", status, errOut, *token)
	}
	if status, _, errOut := try("usage", "--ca", ca, "--token-file", file); status != 0 || *token != "Bearer 0123456789abcdef" {
		t.Errorf("a flag goes before: status %d, %s, shown %q", status, errOut, *token)
	}
	if status, _, errOut := try("usage"); status != 1 || !strings.Contains(errOut, "certificate") {
		t.Errorf("an authority that is not known: status %d, %s", status, errOut)
	}
}

func TestAdminFlagsRefused(t *testing.T) {
	url, ca, _ := shown(t)
	good, empty := tokenFile(t, "0123456789abcdef"), tokenFile(t, " \n")
	for name, tt := range map[string]struct{ flags, says string }{
		"a token in the clear":         {"--admin http://farebox.example:9470 --token-file " + good, "unencrypted"},
		"also without a scheme":        {"--admin farebox.example:9470 --token-file " + good, "unencrypted"},
		"an authority for nothing":     {"--admin http://127.0.0.1:1 --ca " + ca, "https://"},
		"no token":                     {"--admin " + url + " --ca " + ca + " --token-file " + empty, "holds none"},
		"no token file":                {"--admin " + url + " --ca " + ca + " --token-file " + empty + "x", "read token"},
		"no authority":                 {"--admin " + url + " --ca " + good, "holds no certificate"},
		"half a client certificate":    {"--admin " + url + " --ca " + ca + " --cert " + ca, "both --cert and --key"},
		"a certificate without a key":  {"--admin " + url + " --ca " + ca + " --cert " + ca + " --key " + ca, "read --cert and --key"},
		"a zone that there is not":     {"--admin " + url + " --tz Mars/Olympus", "read --tz"},
		"nobody there, token at hand":  {"--admin http://127.0.0.1:1 --token-file " + good, "cannot reach farebox"},
		"nobody there at a socket too": {"--admin unix:///nowhere/x.sock --token-file " + good, "cannot reach farebox"},
	} {
		status, _, errOut := try(append([]string{"usage"}, strings.Fields(tt.flags)...)...)
		if status != 1 || !strings.Contains(errOut, tt.says) || strings.Contains(errOut, "0123456789abcdef") {
			t.Errorf("%s: status %d, %s, want %q", name, status, errOut, tt.says)
		}
	}
}

// TestUsageInAZone: dates are those of the zone.
func TestUsageInAZone(t *testing.T) {
	b := &books{}
	out := ask(t, b, "usage", "--from", "2026-08-01", "--to", "2026-08-20T10:00:00Z", "--tz", "Europe/Berlin", "--team", "support")
	if want := time.Date(2026, 7, 31, 22, 0, 0, 0, time.UTC); !b.asked.From.Equal(want) {
		t.Errorf("asked from %v, want %v", b.asked.From, want)
	}
	if len(b.asked.Where) != 1 || b.asked.Where[0].Value != "support" {
		t.Errorf("asked for %+v", b.asked.Where)
	}
	if !strings.HasPrefix(out, "Calls completed from 2026-08-01T00:00:00+02:00 to 2026-08-20T12:00:00+02:00\n") {
		t.Errorf("shown as %q", out)
	}
}
