package envoy

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// ListenTLS is TLS towards callers, all of it in PEM files.
type ListenTLS struct {
	// Cert and Key are what Envoy shows; required.
	Cert, Key string
	// ClientCA are the authorities one of which must have signed a caller's
	// certificate. Empty asks for none.
	ClientCA string
	// Optional takes callers without a certificate too.
	Optional bool
}

// JWT is a kind of token that Envoy verifies before it asks Farebox, which is
// then shown its claims.
type JWT struct {
	// Provider is what Farebox's configuration calls who signs the tokens; required.
	Provider string
	// Issuer is the claim iss of such tokens. Empty: it is not looked at.
	Issuer string
	// Audiences are values of the claim aud, one of which a token must have. Empty: it
	// is not looked at.
	Audiences []string
	// JWKS is the set of keys that sign: the path of a file, or an http or https URL;
	// required.
	JWKS string
	// CA is a PEM file of authorities for the server of an https URL. Empty is
	// DefaultUpstreamCA.
	CA string
	// Header is the request header that carries nothing but the token. Empty:
	// authorization, after "Bearer ".
	Header string
}

// Bounds of what callers may show.
const (
	maxJWTs       = 16
	maxAttributes = 64
)

// identity is what the template sees of callers: checked values only.
type identity struct {
	TLS        *listenTLS
	JWTs       []jwt
	Optional   bool // a call without a token passes
	TrustXFCC  bool
	Attributes []string // beside the usual ones
}

// Several reports whether there is more than one way to satisfy the filter.
func (id identity) Several() bool { return id.Optional || len(id.JWTs) > 1 }

type listenTLS struct {
	Cert, Key, ClientCA string
	Required            bool
}

type jwt struct {
	JWT
	Cluster *jwksCluster // nil: the keys are in a file
}

// jwksCluster is where the keys of a URL are.
type jwksCluster struct {
	Name, URL string
	At        address
	TLS       *tls
}

// identities checks what o says of callers.
func (o Options) identities() (id identity, err error) {
	id = identity{TrustXFCC: o.TrustXFCC, Optional: o.JWTOptional}
	if id.TLS, err = o.ListenTLS.towards(); err != nil {
		return identity{}, err
	}
	if o.TrustXFCC && (id.TLS == nil || id.TLS.ClientCA == "") {
		return identity{}, errors.New("trust XFCC: Envoy sends x-forwarded-client-cert on only where the proxy before it shows a certificate: set the listen TLS client CA")
	}
	if id.JWTs, err = tokens(o.JWT); err != nil {
		return identity{}, err
	}
	if o.JWTOptional && len(id.JWTs) == 0 {
		return identity{}, errors.New("take calls without a token: no JWT is verified")
	}
	for _, name := range o.Attributes {
		if name == "" || len(name) > 256 || strings.ContainsFunc(name, unprintable) {
			return identity{}, fmt.Errorf("send attribute %q: not a name of 1 to 256 printable bytes", name)
		}
		if !slices.Contains(usualAttributes, name) && !slices.Contains(id.Attributes, name) {
			id.Attributes = append(id.Attributes, name)
		}
	}
	if n := len(id.Attributes); n > maxAttributes {
		return identity{}, fmt.Errorf("send %d attributes: at most %d beside the usual ones are possible", n, maxAttributes)
	}
	return id, nil
}

// usualAttributes are what the filter lists in any case.
var usualAttributes = []string{
	"request.id", "source.address", "xds.route_name", "xds.cluster_name",
	"connection.mtls", "connection.uri_san_peer_certificate",
	"xds.route_metadata.filter_metadata['farebox']['team']", "xds.route_metadata.filter_metadata['farebox']['project']",
	"xds.node.id", "xds.node.metadata['NAMESPACE']", "xds.node.metadata['SERVICE_ACCOUNT']", "xds.node.metadata['WORKLOAD_NAME']",
}

// towards checks TLS to callers.
func (t *ListenTLS) towards() (*listenTLS, error) {
	if t == nil {
		return nil, nil
	}
	if err := absolute("listen TLS certificate", t.Cert); err != nil {
		return nil, err
	}
	if err := absolute("listen TLS key", t.Key); err != nil {
		return nil, err
	}
	v := &listenTLS{Cert: t.Cert, Key: t.Key, ClientCA: t.ClientCA, Required: !t.Optional}
	if t.ClientCA == "" {
		if t.Optional {
			return nil, errors.New("use listen TLS: a certificate that is optional needs a client CA")
		}
		return v, nil
	}
	return v, absolute("listen TLS client CA", t.ClientCA)
}

// tokens checks kinds of tokens.
func tokens(given []JWT) (list []jwt, err error) {
	if n := len(given); n > maxJWTs {
		return nil, fmt.Errorf("verify %d kinds of JWT: at most %d are possible", n, maxJWTs)
	}
	for i, j := range given {
		if slices.ContainsFunc(given[:i], func(o JWT) bool { return o.Provider == j.Provider }) {
			return nil, fmt.Errorf("verify JWT: provider %q is given twice", j.Provider)
		}
		v := jwt{JWT: j}
		if v.Cluster, err = j.keys(); err == nil {
			err = j.check()
		}
		if err != nil {
			return nil, fmt.Errorf("verify JWT of provider %q: %w", j.Provider, err)
		}
		list = append(list, v)
	}
	return list, nil
}

func (j JWT) check() error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	if j.Provider == "" || len(j.Provider) > 64 || strings.Trim(j.Provider, letters) != "" {
		return errors.New("provider must match [A-Za-z0-9._-]{1,64}")
	}
	if j.Header != "" && (len(j.Header) > 128 || strings.Trim(j.Header, letters) != "") {
		return fmt.Errorf("header %q is not the name of a header", j.Header)
	}
	for _, text := range append(slices.Clone(j.Audiences), j.Issuer) {
		if len(text) > 512 || strings.ContainsFunc(text, unprintable) {
			return fmt.Errorf("issuer or audience %q is not at most 512 printable bytes", text)
		}
	}
	if j.CA != "" {
		return absolute("CA", j.CA)
	}
	return nil
}

// keys says where the keys are: nil for a file.
func (j JWT) keys() (*jwksCluster, error) {
	u, err := url.Parse(j.JWKS)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, absolute("jwks", j.JWKS)
	}
	secure := u.Scheme == "https"
	host := u.Host
	if u.Port() == "" {
		host += map[bool]string{true: ":443", false: ":80"}[secure]
	}
	at, err := reachable("jwks", host)
	if err != nil {
		return nil, err
	}
	if u.User != nil || u.Fragment != "" || strings.ContainsFunc(j.JWKS, unprintable) {
		return nil, fmt.Errorf("use jwks %q: not a plain URL", j.JWKS)
	}
	c := &jwksCluster{Name: "jwks-" + j.Provider, URL: j.JWKS, At: at}
	if secure {
		if !at.Name {
			return nil, fmt.Errorf("use jwks %q: https needs a host name, whose certificate is checked", j.JWKS)
		}
		c.TLS = &tls{SNI: at.Host, CA: or(j.CA, DefaultUpstreamCA)}
	}
	return c, nil
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }
