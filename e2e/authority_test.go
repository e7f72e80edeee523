package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs the certificates of a story.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a story"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a certificate of names (URIs, IP addresses or DNS names), in PEM.
func (a *authority) issue(t *testing.T, names ...string) (cert, key []byte) {
	t.Helper()
	private := newKey(t)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		u, err := url.Parse(n)
		switch ip := net.ParseIP(n); {
		case ip != nil:
			c.IPAddresses = append(c.IPAddresses, ip)
		case err == nil && strings.Contains(n, "://"):
			c.URIs = append(c.URIs, u)
		default:
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// secret is a folder as Kubernetes mounts a secret: each file is a link through
// ..data, which is swapped.
type secret struct {
	dir     string
	version int
}

// newSecret mounts a certificate of names with the authority.
func newSecret(t *testing.T, a *authority, names ...string) *secret {
	t.Helper()
	s := &secret{dir: t.TempDir()}
	s.renew(t, a, names...)
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		if err := os.Symlink(filepath.Join("..data", name), s.file(name)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *secret) file(name string) string { return filepath.Join(s.dir, name) }

// renew swaps in another certificate.
func (s *secret) renew(t *testing.T, a *authority, names ...string) {
	t.Helper()
	s.version++
	folder := fmt.Sprintf("..%d", s.version)
	if err := os.Mkdir(s.file(folder), 0o700); err != nil {
		t.Fatal(err)
	}
	cert, key := a.issue(t, names...)
	for name, data := range map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": a.pem} {
		if err := os.WriteFile(filepath.Join(s.file(folder), name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(folder, s.file("..fresh")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.file("..fresh"), s.file("..data")); err != nil {
		t.Fatal(err)
	}
}

// tls is the section of a listener that shows s.
func (s *secret) tls(more string) string {
	return fmt.Sprintf("tls: {cert: %q, key: %q, client_ca: %q%s}", s.file("tls.crt"), s.file("tls.key"), s.file("ca.crt"), more)
}
