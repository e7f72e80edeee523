package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/envoy"
)

// callerFlags has a flag for each option of what callers show.
func callerFlags(f *pflag.FlagSet, o *envoy.Options, t *envoy.ListenTLS) {
	f.StringVar(&t.Cert, "listen-tls-cert", "", "speak TLS to callers; PEM `file` of the certificate that Envoy shows them")
	f.StringVar(&t.Key, "listen-tls-key", "", "PEM `file` of its private key")
	f.StringVar(&t.ClientCA, "listen-tls-client-ca", "", "PEM `file` of authorities: callers must show a certificate of one of them")
	f.BoolVar(&t.Optional, "listen-tls-optional", false, "take callers without a certificate too")
	f.BoolVar(&o.TrustXFCC, "trust-xfcc", false, "send x-forwarded-client-cert on from a proxy that shows a certificate")
	f.Var((*jwts)(&o.JWT), "jwt", "verify tokens: `provider=NAME,jwks=FILE or URL` and any of issuer=, audience= (repeatable), header= and ca=; repeatable")
	f.BoolVar(&o.JWTOptional, "jwt-optional", false, "take calls without a token too")
	f.StringArrayVar(&o.Attributes, "attribute", nil, "send farebox one more of Envoy's `attributes`; repeatable")
}

// jwts is the value of --jwt, once for each provider.
type jwts []envoy.JWT

func (j *jwts) Type() string   { return "jwt" }
func (j *jwts) String() string { return "" }

// Set reads key=value pairs.
func (j *jwts) Set(text string) error {
	var one envoy.JWT
	for pair := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(pair, "=")
		place := map[string]*string{"provider": &one.Provider, "jwks": &one.JWKS, "issuer": &one.Issuer, "header": &one.Header, "ca": &one.CA}[key]
		switch {
		case value == "":
			return fmt.Errorf("%q is not key=value", pair)
		case key == "audience":
			one.Audiences = append(one.Audiences, value)
		case place == nil:
			return fmt.Errorf("%q is not known: it is provider, jwks, issuer, audience, header or ca", key)
		case *place != "":
			return fmt.Errorf("%q is given twice", key)
		default:
			*place = value
		}
	}
	if one.Provider == "" || one.JWKS == "" {
		return errors.New("it needs provider= and jwks=")
	}
	*j = append(*j, one)
	return nil
}

// callersFromConfig takes what attribution reads from farebox's own file, and says
// what it cannot tell.
func callersFromConfig(c *config.Config, f *pflag.FlagSet, o *envoy.Options) error {
	needs := c.Reads()
	o.Attributes = append(o.Attributes, needs.Attributes...)
	if !f.Changed("trust-xfcc") {
		o.TrustXFCC = needs.XFCC
	}
	for _, provider := range needs.Tokens {
		if !hasProvider(o.JWT, provider) {
			return fmt.Errorf("configure envoy: attribution reads claims of %s: say by --jwt provider=%s,jwks=FILE or URL,issuer=… who signs its tokens", provider, provider)
		}
	}
	if needs.Certificates && (o.ListenTLS == nil || o.ListenTLS.ClientCA == "") {
		return errors.New("configure envoy: attribution reads certificates of callers (spiffe): ask for them by --listen-tls-cert, --listen-tls-key and --listen-tls-client-ca")
	}
	return nil
}

func hasProvider(list []envoy.JWT, name string) bool {
	for _, j := range list {
		if j.Provider == name {
			return true
		}
	}
	return false
}
