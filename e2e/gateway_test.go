package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

// gateway is the TLS of an Envoy with a certificate of names; without names it
// has none.
func gateway(t *testing.T, believes, by *authority, names ...string) *envoy.FareboxTLS {
	t.Helper()
	dir := t.TempDir()
	o := &envoy.FareboxTLS{CA: filepath.Join(dir, "ca"), SNI: "farebox.test"}
	files := map[string][]byte{o.CA: believes.pem}
	if len(names) > 0 {
		o.Cert, o.Key = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
		files[o.Cert], files[o.Key] = by.issue(t, names...)
	}
	for name, data := range files {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

const gatewayName = "spiffe://story/ns/gw/sa/envoy"

// guarded is a farebox that takes Envoys of the namespace gw, with one.
func guarded(t *testing.T, a *authority) (*harness.Stack, *secret) {
	t.Helper()
	shown := newSecret(t, a, "farebox.test")
	return kit.Start(t, harness.StackOptions{
		Config: shop, Guard: harness.Guard{ExtProc: shown.tls(`, allow: ["spiffe://story/ns/gw/*"]`)},
		Envoy: harness.EnvoyOptions{Options: envoy.Options{FareboxTLS: gateway(t, a, a, gatewayName)}},
	}), shown
}

func TestOnlyEnvoysThatAreAllowedAskFarebox(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	s, _ := guarded(t, a)
	for _, body := range []string{plainBody, streamBody} {
		e := ask(s, chatPath, body)
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Fatalf("the allowed Envoy: %d, %v", g.status, g.err)
		}
		reported(t, settled(t, s.Farebox, e.trace), 11, 8)
	}
	s.Provider.Forget()
	for reason, o := range map[string]*envoy.FareboxTLS{
		"not_allowed": gateway(t, a, a, "spiffe://story/ns/shop/sa/envoy"), "untrusted": gateway(t, a, other, gatewayName), "no_certificate": gateway(t, a, a), "": nil,
	} {
		family, labels := "farebox_tls_clients_refused_total", []string{`listener="extproc"`, fmt.Sprintf("reason=%q", reason)}
		refused, err := kit.StartEnvoy(t.Context(), harness.EnvoyOptions{
			Dir: t.TempDir(), Options: envoy.Options{Farebox: s.Farebox.Addr(), Upstream: s.Provider.Addr(), FareboxTLS: o},
		})
		if err != nil {
			t.Fatal(err)
		}
		e := ask(s, chatPath, plainBody)
		e.url = refused.URL() + chatPath
		if g := e.run(t.Context()); g.status != http.StatusServiceUnavailable || g.err != nil {
			t.Errorf("an Envoy that is refused (%s): %d, %v, want 503", reason, g.status, g.err)
		}
		if reason != "" {
			eventually(t, "its refusal is counted as "+reason, func(ctx context.Context) (bool, error) {
				m, err := s.Farebox.Metrics(ctx)
				return m.Sum(family, labels...) > 0, err
			})
		}
		if err := refused.Stop(); err != nil {
			t.Error(err)
		}
	}
	if n := len(s.Provider.Calls()); n != 0 {
		t.Errorf("the provider saw %d calls of Envoys that are refused", n)
	}
}

// TestANewCertificateOfFareboxDisturbsNoCall.
func TestANewCertificateOfFareboxDisturbsNoCall(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s, shown := guarded(t, a)
	before := metric(t, s, "farebox_tls_certificate_expiry_timestamp_seconds", `listener="extproc"`)
	if before == 0 {
		t.Error("when the certificate ends is not told")
	}
	shown.renew(t, a, "farebox.test")
	eventually(t, "the certificate is taken", func(ctx context.Context) (bool, error) {
		e := ask(s, chatPath, plainBody)
		if g := e.run(ctx); g.status != http.StatusOK {
			t.Fatalf("a call meanwhile: %d, %v", g.status, g.err)
		}
		m, err := s.Farebox.Metrics(ctx)
		return m.Sum("farebox_tls_reloads_total", `listener="extproc"`, `result="taken"`) == 1, err
	})
	e := ask(s, chatPath, streamBody)
	if g := e.run(t.Context()); !g.done() {
		t.Errorf("a stream afterwards: %d, %v", g.status, g.err)
	}
	reported(t, settled(t, s.Farebox, e.trace), 11, 8)
}
