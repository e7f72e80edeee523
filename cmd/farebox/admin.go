package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

// defaultAdmin is where farebox serve listens unless told.
const defaultAdmin = "http://127.0.0.1:9470"

// Environment variables that stand in for flags that are not given.
const (
	adminVariable = "FAREBOX_ADMIN"
	tokenVariable = "FAREBOX_TOKEN_FILE"
)

// adminFlags say which farebox is asked, and by whom.
type adminFlags struct {
	url, tokenFile string
	ca, cert, key  string
}

// admin adds the flags of a command that asks a running farebox.
func admin(c *cobra.Command) *adminFlags {
	a := &adminFlags{}
	f := c.Flags()
	f.StringVar(&a.url, "admin", "", "admin `URL` of the running farebox, or unix:///path (default $"+adminVariable+", else "+defaultAdmin+")")
	f.StringVar(&a.tokenFile, "token-file", "", "`file` with the bearer token to show (default $"+tokenVariable+", else none)")
	f.StringVar(&a.ca, "ca", "", "PEM `file` of the authorities of an https URL (default the system's)")
	f.StringVar(&a.cert, "cert", "", "PEM `file` of the client certificate to show")
	f.StringVar(&a.key, "key", "", "PEM `file` of its private key")
	return a
}

// client makes the client that the flags describe.
func (a *adminFlags) client() (*api.Client, error) {
	base := first(a.url, os.Getenv(adminVariable), defaultAdmin)
	secure := strings.HasPrefix(base, "https://")
	if !secure && (a.ca != "" || a.cert != "" || a.key != "") {
		return nil, fmt.Errorf("ask farebox at %s: --ca, --cert and --key are for an https:// address", base)
	}
	var token string
	if file := first(a.tokenFile, os.Getenv(tokenVariable)); file != "" {
		if !secure && !stays(base) {
			return nil, fmt.Errorf("ask farebox at %s: a token would cross the network unencrypted; use https://", base)
		}
		var err error
		if token, err = readTokenFile(file); err != nil {
			return nil, err
		}
	}
	client := &http.Client{Timeout: time.Minute}
	if secure {
		config, err := a.tls()
		if err != nil {
			return nil, err
		}
		client.Transport = &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	}
	return api.NewClient(base, client).WithToken(token), nil
}

// tls is how an https address is asked.
func (a *adminFlags) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.ca != "" {
		text, err := os.ReadFile(a.ca)
		if err != nil {
			return nil, fmt.Errorf("read --ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read --ca: %s holds no certificate in PEM form", a.ca)
		}
	}
	if a.cert == "" && a.key == "" {
		return config, nil
	}
	if a.cert == "" || a.key == "" {
		return nil, errors.New("show a client certificate: it takes both --cert and --key")
	}
	own, err := tls.LoadX509KeyPair(a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("read --cert and --key: %w", err)
	}
	config.Certificates = []tls.Certificate{own}
	return config, nil
}

// stays reports whether what is sent to base stays on this machine.
func stays(base string) bool {
	if strings.HasPrefix(base, "unix://") {
		return true
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	return u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
}

// readTokenFile reads a token, without the space around it.
func readTokenFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("read token: %s holds none", name)
	}
	return token, nil
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
