package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/envoy"
)

func newEnvoy() *cobra.Command {
	var o envoy.Options
	var t envoy.FareboxTLS
	var callers envoy.ListenTLS
	var target, file string
	c := &cobra.Command{
		Use:   "envoy --for envoy",
		Short: "Print the Envoy side of the configuration",
		Long: `Print a whole, commented bootstrap file for Envoy 1.40 or newer that sends LLM
calls through farebox to one provider. Without flags it is a working example: a
local listener, a local farebox, OpenAI behind it.

With --config it takes from farebox's own file what no flag says: who counts
tokens (metering.mode), where farebox listens, the longest request and the
longest answer that it asks for whole, what of Envoy's attribution reads, and to
fail open while it only observes.

With --listen-tls-client-ca callers show a certificate, and with --jwt a token,
before farebox is asked: what attribution reads by spiffe and jwt. A call without
one gets no further, unless it is optional. A token is taken from authorization,
where most SDKs put the provider's key: name another header by header=.

By default calls are refused with 503 when farebox cannot be asked; --fail-open
lets them pass uncounted. Istio, Envoy Gateway and kgateway are not written by
this version.`,
		Example: `  farebox envoy --for envoy > envoy.yaml
  farebox envoy --for envoy --config farebox.yaml --fail-open=false > envoy.yaml
  farebox envoy --for envoy --upstream api.anthropic.com:443 --tls
  farebox envoy --for envoy --farebox farebox.example:9002 --farebox-tls-ca /ca.pem \
    --farebox-tls-cert /envoy.pem --farebox-tls-key /envoy.key
  farebox envoy --for envoy --upstream 127.0.0.1:8000 --listen 0.0.0.0:8080 --fail-open
  farebox envoy --for envoy --listen :8443 --listen-tls-cert /envoy.pem --listen-tls-key /envoy.key \
    --listen-tls-client-ca /callers.pem
  farebox envoy --for envoy --jwt provider=corp,jwks=https://id.example/keys,issuer=https://id.example,header=x-identity`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkTarget(target); err != nil {
				return err
			}
			if t != (envoy.FareboxTLS{}) {
				o.FareboxTLS = &t
			}
			if callers != (envoy.ListenTLS{}) {
				o.ListenTLS = &callers
			}
			if file != "" {
				conf, err := config.Load(file)
				if err != nil {
					return err
				}
				if err := fromConfig(conf, c.Flags(), &o); err != nil {
					return err
				}
			}
			b, err := envoy.Config(o)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(b)
			return err
		},
	}
	c.Flags().StringVar(&target, "for", "", "what runs Envoy; this version knows `envoy`, a plain one (required)")
	c.Flags().StringVarP(&file, "config", "c", "", "farebox's own configuration `file`, for what no flag says")
	envoyFlags(c.Flags(), &o, &t)
	callerFlags(c.Flags(), &o, &callers)
	return c
}

// envoyFlags has a flag for each of the options.
func envoyFlags(f *pflag.FlagSet, o *envoy.Options, t *envoy.FareboxTLS) {
	f.StringVar(&o.Listen, "listen", envoy.DefaultListen, "`address` where callers connect")
	f.StringVar(&o.Farebox, "farebox", envoy.DefaultFarebox, "`address` of the processor, host:port or unix:///path")
	f.StringVar(&t.CA, "farebox-tls-ca", "", "speak TLS to the processor; PEM `file` of its authorities")
	f.StringVar(&t.SNI, "farebox-tls-name", "", "`name` that its certificate must have (default the host of --farebox)")
	f.StringVar(&t.Cert, "farebox-tls-cert", "", "PEM `file` of the certificate that Envoy shows it")
	f.StringVar(&t.Key, "farebox-tls-key", "", "PEM `file` of its private key")
	f.StringVar(&o.Upstream, "upstream", "", "`address` of the provider, host:port (default "+envoy.DefaultUpstream+" with --tls)")
	f.BoolVar(&o.UpstreamTLS, "tls", false, "speak TLS to the provider and check its certificate")
	f.StringVar(&o.UpstreamSNI, "tls-name", "", "`name` that the certificate must have (default the host of --upstream)")
	f.StringVar(&o.UpstreamCA, "tls-ca", "", "PEM `file` of authorities (default "+envoy.DefaultUpstreamCA+")")
	f.BoolVar(&o.UpstreamHTTP2, "http2", false, "the provider speaks HTTP/2")
	f.StringVar((*string)(&o.Metering), "metering", string(envoy.Inline), "who counts tokens: inline (farebox), native (Envoy) or auto (Envoy on the `paths` that it knows)")
	f.BoolVar(&o.PerTry, "per-try", false, "make a record of each try that Envoy makes upstream")
	f.IntVar(&o.BufferLimit, "buffer-limit", envoy.DefaultBufferLimit, "`bytes` of one connection that Envoy holds")
	f.IntVar(&o.BodyLimit, "body-limit", envoy.DefaultBodyLimit, "largest request body in `bytes`; keep it above metering.max_request_body")
	f.BoolVar(&o.FailOpen, "fail-open", false, "let calls pass when farebox cannot be asked")
	f.StringVar(&o.Admin, "envoy-admin", "", "`address` of Envoy's own admin pages; none: they are off")
	f.StringVar(&o.AccessLog, "access-log", "", "`file` for one JSON line a call; none: no log")
}

// checkTarget accepts what there is, and tells what is only planned from what
// is misspelt.
func checkTarget(target string) error {
	const use = "use --for envoy"
	switch target {
	case "envoy":
		return nil
	case "":
		return fmt.Errorf("choose what to configure: %s", use)
	case "istio", "envoy-gateway", "kgateway":
		return fmt.Errorf("configure %s: this version does not have it yet; %s", target, use)
	}
	return fmt.Errorf("configure %s: it is not known; %s", strings.TrimSpace(target), use)
}
