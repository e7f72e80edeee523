package serve

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/prometheus/client_golang/prometheus"
)

// certs is the certificate of one listener and the authorities of its clients.
// look reads the files again; what is connected stays connected. It is safe for
// concurrent use, but for look, which one goroutine calls.
type certs struct {
	files config.TLS
	log   *slog.Logger
	now   atomic.Pointer[identity]
	read  [3][]byte // the files as they were last looked at
	wrong string    // why they were not taken, once logged

	expires      prometheus.Gauge
	taken, stale prometheus.Counter
}

// identity is what a listener shows, and whom it believes.
type identity struct {
	own     tls.Certificate
	clients *x509.CertPool // nil: no client is asked for a certificate
}

// maxPEM bounds a certificate, key or authority file; bundles of every public
// authority have a quarter of it.
const maxPEM = 1 << 20

// newCerts reads the files, all of which must be good. A nil t is no TLS.
func newCerts(listener string, t *config.TLS, m *tlsMetrics, log *slog.Logger) (*certs, error) {
	if t == nil {
		return nil, nil
	}
	c := &certs{
		files: *t, log: log.With("listener", listener),
		expires: m.expires.WithLabelValues(listener),
		taken:   m.reloads.WithLabelValues(listener, "taken"), stale: m.reloads.WithLabelValues(listener, "failed"),
	}
	files, err := c.readAll()
	if err != nil {
		return nil, err
	}
	return c, c.take(files)
}

// readAll reads the three files, of which an authority may be absent.
func (c *certs) readAll() (files [3][]byte, err error) {
	for i, name := range []config.File{c.files.Cert, c.files.Key, c.files.ClientCA} {
		if name == "" {
			continue
		}
		if files[i], err = readAtMost(string(name), maxPEM); err != nil {
			return files, err
		}
	}
	return files, nil
}

// take makes the listener's identity of the files, whole or not at all.
func (c *certs) take(files [3][]byte) error {
	own, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return fmt.Errorf("read certificate %s with key %s: %w", c.files.Cert, c.files.Key, err)
	}
	is := &identity{own: own}
	if c.files.ClientCA != "" {
		is.clients = x509.NewCertPool()
		if !is.clients.AppendCertsFromPEM(files[2]) {
			return fmt.Errorf("read client authorities %s: no certificate in PEM form", c.files.ClientCA)
		}
	}
	c.read = files
	c.now.Store(is)
	c.expires.Set(float64(own.Leaf.NotAfter.Unix()))
	return nil
}

// look takes files that changed. Files that cannot be taken are told once, and
// the ones before serve on: a certificate and its key are two files, and may be
// met between two writes.
func (c *certs) look() {
	files, err := c.readAll()
	if err == nil {
		if same(files, c.read) {
			c.wrong = ""
			return
		}
		err = c.take(files)
	}
	if err == nil {
		c.wrong = ""
		c.taken.Inc()
		c.log.Info("certificate reloaded", "cert", string(c.files.Cert), "expires", c.now.Load().own.Leaf.NotAfter)
		return
	}
	if why := err.Error(); why != c.wrong {
		c.wrong = why
		c.stale.Inc()
		c.log.Error("certificate not reloaded: the one before serves on", "err", err)
	}
}

func same(a, b [3][]byte) bool {
	return bytes.Equal(a[0], b[0]) && bytes.Equal(a[1], b[1]) && bytes.Equal(a[2], b[2])
}

// server is the configuration of TLS. accept says whether a client may connect
// that showed the certificate leaf, which an authority of ours has signed, or
// none (nil); it is not called where no client is asked.
//
// No session is resumed: each handshake meets the authorities of its day.
func (c *certs) server(accept func(leaf *x509.Certificate) error, refused func(error), protocols ...string) *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, SessionTicketsDisabled: true}
	whole := base.Clone()
	whole.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		is := c.now.Load()
		one := base.Clone()
		one.Certificates = []tls.Certificate{is.own}
		if is.clients == nil {
			return one, nil
		}
		// Asked for here and judged below, so that every refusal is seen.
		one.ClientAuth, one.ClientCAs = tls.RequestClientCert, is.clients
		one.VerifyConnection = func(s tls.ConnectionState) error {
			leaf, err := verified(s.PeerCertificates, is.clients)
			if err == nil {
				err = accept(leaf)
			}
			if err != nil {
				refused(err)
			}
			return err
		}
		return one, nil
	}
	return whole
}

// Why a client is refused.
var (
	errNoCertificate = errors.New("it shows no certificate")
	errUntrusted     = errors.New("no authority of client_ca signed its certificate")
	errNotAllowed    = errors.New("its certificate has no allowed name")
)

// verified returns the client's own certificate if roots signed it, and nil if it
// showed none.
func verified(chain []*x509.Certificate, roots *x509.CertPool) (*x509.Certificate, error) {
	if len(chain) == 0 {
		return nil, nil
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUntrusted, err)
	}
	return chain[0], nil
}

// named returns the first name of a certificate that fits: a URI where the pattern
// has ://, else a DNS name.
func named(leaf *x509.Certificate, pattern config.Glob) (name string, ok bool) {
	if strings.Contains(string(pattern), "://") {
		for _, u := range leaf.URIs {
			if name := u.String(); pattern.Match(name) {
				return name, true
			}
		}
		return "", false
	}
	lower := config.Glob(strings.ToLower(string(pattern)))
	for _, name := range leaf.DNSNames {
		if lower.Match(strings.ToLower(name)) {
			return name, true
		}
	}
	return "", false
}

// allowOnly accepts clients whose certificate has one of the names; without
// names, every certificate.
func allowOnly(names []config.Glob) func(*x509.Certificate) error {
	return func(leaf *x509.Certificate) error {
		if leaf == nil {
			return errNoCertificate
		}
		if len(names) == 0 {
			return nil
		}
		for _, n := range names {
			if _, ok := named(leaf, n); ok {
				return nil
			}
		}
		return errNotAllowed
	}
}

// readAtMost reads a file of at most so many bytes.
func readAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("read %s: more than %d bytes", name, most)
	}
	return data, err
}
