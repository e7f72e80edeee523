// Package envoy holds the Envoy configuration that Farebox ships. A few typed
// options come in; a whole, commented bootstrap file for Envoy 1.40 or newer
// goes out. It refuses to know a running Envoy, Kubernetes, and everything that
// Farebox does with the calls it is shown.
//
// All functions are pure and safe for concurrent use.
package envoy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"text/template"
)

// Defaults of Options.
const (
	DefaultListen      = "127.0.0.1:10000"
	DefaultFarebox     = "127.0.0.1:9002"
	DefaultUpstream    = "api.openai.com:443"
	DefaultUpstreamCA  = "/etc/ssl/certs/ca-certificates.crt"
	DefaultBufferLimit = 1 << 20
	DefaultBodyLimit   = 33 << 20 // Farebox's own default of 32 MiB, and slack for it to say no
)

// Upper bounds of the limits in Options, in bytes.
const (
	maxBufferLimit = 1 << 30
	maxBodyLimit   = 1<<30 + 1<<20 // as much as farebox can take, and slack
)

// Options are what differs from one Envoy to the next. The zero value is a
// working example: a local listener, a local Farebox, OpenAI behind it.
//
// Addresses are host:port; IPv6 hosts stand in brackets. How many threads Envoy
// runs is not configuration but its flag --concurrency.
type Options struct {
	// Listen is where callers connect: an IP address or nothing before the
	// colon, which is every IPv4 address. Empty is DefaultListen.
	Listen string
	// ListenTLS is how TLS is spoken to callers. Nil: it is not.
	ListenTLS *ListenTLS
	// TrustXFCC sends x-forwarded-client-cert on to Farebox where the proxy before
	// Envoy shows a certificate; ListenTLS must ask for one.
	TrustXFCC bool
	// JWT are kinds of tokens: a call must carry one, or, with JWTOptional, may.
	JWT         []JWT
	JWTOptional bool
	// Attributes of Envoy that Farebox's attribution reads, beside the usual ones.
	Attributes []string
	// Admin is where Envoy serves its own pages. Empty leaves them out.
	Admin string
	// Farebox is the processor, host:port or unix:///path. A host that is a name
	// stands for all its addresses. Empty is DefaultFarebox.
	Farebox string
	// FareboxTLS is how TLS is spoken to the processor. Nil: it is not.
	FareboxTLS *FareboxTLS
	// Upstream is the provider. Empty is DefaultUpstream, with UpstreamTLS. A
	// name becomes the Host of every call and the name of the cluster; an IP
	// address leaves the Host alone, and the cluster is called "upstream".
	Upstream string
	// UpstreamTLS speaks TLS to the provider and checks its certificate.
	UpstreamTLS bool
	// UpstreamSNI is the name asked for and checked. Empty is Upstream's host,
	// which then must be a name.
	UpstreamSNI string
	// UpstreamCA is a PEM file of authorities. Empty is DefaultUpstreamCA.
	UpstreamCA string
	// UpstreamHTTP2 says that the provider speaks HTTP/2. Without it, the two
	// sides agree under TLS, and HTTP/1.1 is spoken otherwise.
	UpstreamHTTP2 bool
	// Metering is who counts tokens. Empty is Inline.
	Metering Metering
	// PerTry makes a record of each try that Envoy makes upstream, by a second
	// filter that observes them: each is paid, and none is billed twice. Answers
	// carry no cost then, and streams are not asked for usage. Inline only.
	PerTry bool
	// BufferLimit is how many bytes of one connection Envoy holds before it slows
	// the sender down. 0 is DefaultBufferLimit.
	BufferLimit int
	// BodyLimit is the largest request body, in bytes, above which Envoy itself
	// answers 413. 0 is DefaultBodyLimit. Keep it above Farebox's
	// metering.max_request_body.
	BodyLimit int
	// FailOpen lets calls pass when Farebox cannot be asked. False refuses them
	// with 503.
	FailOpen bool
	// AccessLog is a file or device for one JSON line a call. Empty writes none.
	AccessLog string
}

// FareboxTLS is TLS towards the processor, all of it in PEM files.
type FareboxTLS struct {
	// CA are the authorities one of which signed the processor's certificate;
	// required.
	CA string
	// Cert and Key are what Envoy shows, both or neither. The certificate's names
	// are those of listen.extproc.tls.allow.
	Cert, Key string
	// SNI is the name asked for and checked. Empty is Farebox's host, which then
	// must be a name.
	SNI string
}

//go:embed envoy.yaml
var source string

// Config returns the bootstrap file for o, as YAML with comments for the
// operator. An error names the option that cannot be used and why.
func Config(o Options) ([]byte, error) {
	v, err := o.view()
	if err != nil {
		return nil, fmt.Errorf("configure envoy: %w", err)
	}
	t, err := template.New("envoy.yaml").Funcs(template.FuncMap{"q": quote}).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("parse envoy.yaml: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("write envoy.yaml: %w", err)
	}
	return out.Bytes(), nil
}

// quote writes s as a double-quoted scalar. Every JSON string is one in YAML.
func quote(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

// view is what the template sees: checked values only.
type view struct {
	Listen        address
	Admin         *address
	Farebox       address
	FareboxTLS    *tls
	Upstream      upstream
	UpstreamHTTP2 bool
	TLS           *tls
	BufferLimit   int
	BodyLimit     int
	FailOpen      bool
	AccessLog     string
	Identity      identity
	Native        bool // some route is
	PerTry        bool
	Routes        []route
}

// upstream is the provider's address, the Host it expects and its cluster.
type upstream struct {
	address
	Authority string
	Cluster   string
}

type tls struct{ SNI, CA, Cert, Key string }

// view checks o and fills in the defaults.
func (o Options) view() (view, error) {
	v := view{UpstreamHTTP2: o.UpstreamHTTP2, PerTry: o.PerTry, FailOpen: o.FailOpen, AccessLog: o.AccessLog}
	var err error
	if v.Routes, v.Native, err = o.Metering.routes(); err != nil {
		return view{}, err
	}
	if o.PerTry && v.Native {
		return view{}, fmt.Errorf("observe each try: Envoy counts on native routes: use metering inline")
	}
	if v.Listen, err = bindable("listen", or(o.Listen, DefaultListen)); err != nil {
		return view{}, err
	}
	if o.Admin != "" {
		a, err := bindable("admin", o.Admin)
		if err != nil {
			return view{}, err
		}
		v.Admin = &a
	}
	if v.Farebox, err = processor(or(o.Farebox, DefaultFarebox)); err != nil {
		return view{}, err
	}
	if v.FareboxTLS, err = o.FareboxTLS.towards(v.Farebox); err != nil {
		return view{}, err
	}
	if v.Upstream, v.TLS, err = o.provider(); err != nil {
		return view{}, err
	}
	if v.Identity, err = o.identities(); err != nil {
		return view{}, err
	}
	if v.BufferLimit, err = limit("buffer limit", o.BufferLimit, DefaultBufferLimit, maxBufferLimit); err != nil {
		return view{}, err
	}
	if v.BodyLimit, err = limit("body limit", o.BodyLimit, DefaultBodyLimit, maxBodyLimit); err != nil {
		return view{}, err
	}
	if o.AccessLog != "" {
		err = absolute("access log", o.AccessLog)
	}
	return v, err
}

// provider checks the options of the provider's side.
func (o Options) provider() (upstream, *tls, error) {
	a, err := reachable("upstream", or(o.Upstream, DefaultUpstream))
	if err != nil {
		return upstream{}, nil, err
	}
	secure := o.UpstreamTLS || o.Upstream == ""
	u := upstream{address: a, Cluster: "upstream"}
	if a.Name {
		u.Cluster, u.Authority = a.Host, a.authority(secure)
	}
	if u.Cluster == "farebox" {
		u.Cluster = "upstream" // the processor's cluster has that name
	}
	if !secure {
		if o.UpstreamSNI != "" || o.UpstreamCA != "" {
			return upstream{}, nil, fmt.Errorf("use upstream SNI or CA: upstream TLS is off")
		}
		return u, nil, nil
	}
	t := &tls{SNI: o.UpstreamSNI, CA: or(o.UpstreamCA, DefaultUpstreamCA)}
	if t.SNI == "" && a.Name {
		t.SNI = a.Host
	}
	if !isName(t.SNI) {
		return upstream{}, nil, fmt.Errorf("use upstream SNI %q: not a host name", t.SNI)
	}
	return u, t, absolute("upstream CA", t.CA)
}

// towards checks TLS to the processor at a.
func (t *FareboxTLS) towards(a address) (*tls, error) {
	if t == nil {
		return nil, nil
	}
	v := &tls{SNI: t.SNI, CA: t.CA, Cert: t.Cert, Key: t.Key}
	if v.SNI == "" && a.Name {
		v.SNI = a.Host
	}
	if !isName(v.SNI) {
		return nil, fmt.Errorf("use farebox TLS name %q: not a host name", v.SNI)
	}
	if (v.Cert == "") != (v.Key == "") {
		return nil, fmt.Errorf("use farebox TLS: a certificate and its key go together")
	}
	if err := absolute("farebox TLS CA", v.CA); err != nil {
		return nil, err
	}
	if v.Cert == "" {
		return v, nil
	}
	if err := absolute("farebox TLS certificate", v.Cert); err != nil {
		return nil, err
	}
	return v, absolute("farebox TLS key", v.Key)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
