package serve

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func testMetrics(t *testing.T) *tlsMetrics {
	t.Helper()
	m, err := newTLSMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// greet connects, says a word, and hears it back.
func greet(t *testing.T, l net.Listener, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", l.Addr().String(), c)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return conn, echo(conn)
}

func echo(conn *tls.Conn) error {
	if _, err := conn.Write([]byte("word")); err != nil {
		return err
	}
	heard := make([]byte, 4)
	_, err := io.ReadFull(conn, heard)
	return err
}

// serveEcho says back what it hears over TLS.
func serveEcho(t *testing.T, c *tls.Config) net.Listener {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := tls.NewListener(plain, c)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // until the client has enough
			}()
		}
	}()
	return l
}

func TestClientsAreLetInByTheirNames(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	m := &mount{dir: t.TempDir()}
	cert, key := ours.issue(t, "127.0.0.1")
	m.set(t, map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": ours.pem})
	var log bytes.Buffer
	metrics, logger := testMetrics(t), slog.New(slog.NewTextHandler(&log, nil))
	c, err := newCerts("extproc", m.files(), metrics, logger)
	if err != nil {
		t.Fatal(err)
	}
	notes, began := newRefusals("extproc", metrics, logger), time.Now()
	allow := []config.Glob{"spiffe://mesh/ns/gw/*", "*.Gateways.test"}
	l := serveEcho(t, c.server(allowOnly(allow), notes.note, "h2"))
	for name, test := range map[string]struct {
		with   []tls.Certificate
		reason string
	}{
		"a URI":             {[]tls.Certificate{ours.pair(t, "spiffe://mesh/ns/gw/sa/envoy")}, ""},
		"the second URI":    {[]tls.Certificate{ours.pair(t, "spiffe://mesh/ns/x/sa/y", "spiffe://mesh/ns/gw/sa/envoy")}, ""},
		"a DNS name":        {[]tls.Certificate{ours.pair(t, "a.gateways.TEST")}, ""},
		"another URI":       {[]tls.Certificate{ours.pair(t, "spiffe://mesh/ns/shop/sa/envoy")}, "not_allowed"},
		"no name":           {[]tls.Certificate{ours.pair(t)}, "not_allowed"},
		"another DNS name":  {[]tls.Certificate{ours.pair(t, "gateways.test.evil")}, "not_allowed"},
		"a URI as DNS name": {[]tls.Certificate{ours.pair(t, "spiffe:/mesh/ns/gw/sa/envoy")}, "not_allowed"},
		"another authority": {[]tls.Certificate{theirs.pair(t, "spiffe://mesh/ns/gw/sa/envoy")}, "untrusted"},
		"none":              {nil, "no_certificate"},
	} {
		before := map[string]float64{}
		for _, reason := range []string{"not_allowed", "untrusted", "no_certificate"} {
			before[reason] = testutil.ToFloat64(metrics.refused.WithLabelValues("extproc", reason))
		}
		_, err := greet(t, l, &tls.Config{RootCAs: ours.pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(test.with) == 0 {
				return &tls.Certificate{}, nil
			}
			return &test.with[0], nil
		}})
		if (err == nil) != (test.reason == "") {
			t.Errorf("%s: %v, want refused for %q", name, err, test.reason)
		}
		for reason, n := range before {
			if test.reason == reason {
				n++
			}
			if got := testutil.ToFloat64(metrics.refused.WithLabelValues("extproc", reason)); got != n {
				t.Errorf("%s: %v refused for %s, want %v", name, got, reason, n)
			}
		}
	}
	if n := strings.Count(log.String(), "client refused"); n == 0 || n > 1+int(time.Since(began)/time.Second) {
		t.Errorf("%d lines for six refusals within %v, want one a second:\n%s", n, time.Since(began), log.String())
	}
}

// TestNewCertificates: they are taken although the files are links, what is
// connected stays so, and half of an update changes nothing.
func TestNewCertificates(t *testing.T) {
	old, fresh := newAuthority(t, "old"), newAuthority(t, "new")
	m := &mount{dir: t.TempDir()}
	cert, key := old.issue(t, "127.0.0.1")
	m.set(t, map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": old.pem})
	var log bytes.Buffer
	metrics := testMetrics(t)
	c, err := newCerts("admin", m.files(), metrics, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l := serveEcho(t, c.server(allowOnly(nil), func(error) {}, "h2"))
	client := func(a *authority) *tls.Config {
		return &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.pair(t, "x")}}
	}
	first, err := greet(t, l, client(old))
	if err != nil {
		t.Fatal(err)
	}
	count := func(result string) float64 {
		return testutil.ToFloat64(metrics.reloads.WithLabelValues("admin", result))
	}
	newCert, newKey := fresh.issue(t, "127.0.0.1")
	m.set(t, map[string][]byte{"tls.crt": newCert, "tls.key": key, "ca.crt": fresh.pem})
	for range 3 {
		c.look()
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 || count("failed") != 1 || count("taken") != 0 {
		t.Errorf("half an update: %d errors, %v failed, %v taken:\n%s", n, count("failed"), count("taken"), log.String())
	}
	if _, err := greet(t, l, client(old)); err != nil {
		t.Errorf("half an update: %v", err)
	}
	m.set(t, map[string][]byte{"tls.crt": newCert, "tls.key": newKey, "ca.crt": fresh.pem})
	for range 3 {
		c.look()
	}
	if count("taken") != 1 {
		t.Errorf("%v taken, want 1", count("taken"))
	}
	if _, err := greet(t, l, client(fresh)); err != nil {
		t.Errorf("the new certificate: %v", err)
	}
	if _, err := greet(t, l, client(old)); err == nil {
		t.Error("the old authority is still believed")
	}
	if err := echo(first); err != nil {
		t.Errorf("the connection from before: %v", err)
	}
	if strings.Contains(log.String(), "PRIVATE") {
		t.Error("a key was logged")
	}
}

func TestCertificatesMustBeGood(t *testing.T) {
	a := newAuthority(t, "a")
	dir := t.TempDir()
	cert, key := a.issue(t, "x")
	good := config.TLS{Cert: put(t, dir+"/c", cert), Key: put(t, dir+"/k", key), ClientCA: put(t, dir+"/ca", a.pem)}
	_, other := a.issue(t, "x")
	for name, spoil := range map[string]func(*config.TLS){
		"no file":        func(c *config.TLS) { c.Cert = config.File(dir + "/none") },
		"another key":    func(c *config.TLS) { c.Key = put(t, dir+"/k2", other) },
		"no authority":   func(c *config.TLS) { c.ClientCA = put(t, dir+"/ca2", []byte("x")) },
		"a huge file":    func(c *config.TLS) { c.Cert = put(t, dir+"/c2", make([]byte, maxPEM+1)) },
		"no certificate": func(c *config.TLS) { c.Cert = put(t, dir+"/c3", key) },
	} {
		files := good
		spoil(&files)
		if _, err := newCerts("admin", &files, testMetrics(t), slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c, err := newCerts("admin", &good, testMetrics(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, err = greet(t, serveEcho(t, c.server(allowOnly(nil), func(error) {})), &tls.Config{RootCAs: a.pool(), ServerName: "x", MaxVersion: tls.VersionTLS11})
	if err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestRefusalsAreLoggedOnceASecond(t *testing.T) {
	r := newRefusals("extproc", testMetrics(t), slog.New(slog.DiscardHandler))
	at := time.Unix(100, 0)
	for i, want := range []struct {
		after   time.Duration
		skipped int
		due     bool
	}{{0, 0, true}, {999 * time.Millisecond, 0, false}, {0, 0, false}, {time.Millisecond, 2, true}, {time.Second, 0, true}} {
		at = at.Add(want.after)
		if skipped, due := r.due(at); skipped != want.skipped || due != want.due {
			t.Errorf("%d: %d, %v, want %d, %v", i, skipped, due, want.skipped, want.due)
		}
	}
}
