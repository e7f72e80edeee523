package main

import (
	"errors"
	"net"

	"github.com/spf13/pflag"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/envoy"
)

// bodySlack is how much longer than the longest body that farebox takes one may
// be for Envoy, so that it is farebox who refuses it.
const bodySlack = 1 << 20

// bufferRoom is how many times the longest answer that farebox asks for whole fits
// into what Envoy holds: near its limit Envoy fails at random.
const bufferRoom = 4

// fromConfig takes from farebox's own file what no flag says.
func fromConfig(c *config.Config, f *pflag.FlagSet, o *envoy.Options) error {
	otherwise := func(flag string, take func()) {
		if !f.Changed(flag) {
			take()
		}
	}
	otherwise("metering", func() { o.Metering = envoy.Metering(c.Metering.Mode) })
	otherwise("farebox", func() { o.Farebox = beside(c.Listen.ExtProc.Address) })
	otherwise("body-limit", func() { o.BodyLimit = int(c.Metering.MaxRequestBody) + bodySlack })
	otherwise("buffer-limit", func() { o.BufferLimit = max(envoy.DefaultBufferLimit, bufferRoom*int(c.Metering.BufferJSON)) })
	otherwise("fail-open", func() { o.FailOpen = c.Mode == config.Observe })
	if err := callersFromConfig(c, f, o); err != nil {
		return err
	}
	tls := c.Listen.ExtProc.TLS
	switch {
	case tls == nil:
		return nil
	case !f.Changed("farebox-tls-ca"):
		return errors.New("configure envoy: farebox listens with TLS (listen.extproc.tls): say by --farebox-tls-ca whose certificate it shows")
	case tls.ClientCA != "" && !f.Changed("farebox-tls-cert"):
		return errors.New("configure envoy: farebox asks for a certificate (listen.extproc.tls.client_ca): give Envoy one by --farebox-tls-cert and --farebox-tls-key")
	}
	return nil
}

// beside is how a process on the same machine reaches a: every address of the
// machine is none to connect to.
func beside(a config.Address) string {
	network, at := a.Network()
	if network == "unix" {
		return string(a)
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return at
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return at
}
