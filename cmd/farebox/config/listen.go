package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Listen is where Farebox listens.
type Listen struct {
	ExtProc ExtProc `yaml:"extproc" doc:"gRPC for Envoy's ext_proc filter, and gRPC health."`
	Admin   Admin   `yaml:"admin" doc:"HTTP for metrics, health and questions."`
}

// ExtProc is where Envoys ask.
type ExtProc struct {
	Address Address   `yaml:"address" doc:"A host and port, or unix:///path of a socket."`
	TLS     *EnvoyTLS `yaml:"tls" doc:"TLS 1.2 or newer. The files are read again when they change; connections stay."`
}

// EnvoyTLS is TLS towards Envoys, which may have to show who they are.
type EnvoyTLS struct {
	Cert     File   `yaml:"cert" need:"yes" doc:"PEM file of the certificate, and of those that lead to its authority."`
	Key      File   `yaml:"key" need:"yes" doc:"PEM file of its private key."`
	ClientCA File   `yaml:"client_ca" doc:"PEM file of authorities: an Envoy needs a certificate of one of them. Not given: any peer may connect."`
	Allow    []Glob `yaml:"allow" max:"64" doc:"URIs (spiffe://…) or DNS names of which a client's certificate must have one; not given: every certificate of client_ca."`
}

// Admin is where people and Prometheus ask.
type Admin struct {
	Address Address       `yaml:"address" doc:"A host and port, or unix:///path of a socket."`
	TLS     *TLS          `yaml:"tls" doc:"TLS 1.2 or newer. The files are read again when they change; connections stay."`
	Metrics string        `yaml:"metrics" one:"open token" doc:"Who reads /metrics: open is everyone who reaches it; token is who has a role that is not bound to a team. /healthz and /readyz are open."`
	Tokens  []AdminToken  `yaml:"tokens" max:"256" doc:"Who asks with a bearer token. With neither tokens nor clients everyone who reaches the address is admin."`
	Clients []AdminClient `yaml:"clients" max:"256" doc:"Who asks with a certificate of tls.client_ca. The first that fits is taken."`
}

// TLS is TLS towards people and programs, who may show a certificate.
type TLS struct {
	Cert     File `yaml:"cert" need:"yes" doc:"PEM file of the certificate, and of those that lead to its authority."`
	Key      File `yaml:"key" need:"yes" doc:"PEM file of its private key."`
	ClientCA File `yaml:"client_ca" doc:"PEM file of authorities whose certificates the clients below may show."`
}

// AdminToken is one bearer token: who has it, and what it may do.
type AdminToken struct {
	Name string `yaml:"name" need:"yes" max:"64" doc:"Who it is, as the audit names them."`
	File File   `yaml:"file" need:"yes" doc:"File with the token: 16 to 512 printable bytes; spaces and line ends around it do not count. Read again when it changes; while it cannot be read the token is refused."`
	Role string `yaml:"role" need:"yes" one:"viewer owner approver finance admin" doc:"What it may do; each may do what those before it may."`
	Team string `yaml:"team" max:"256" doc:"The one team that is seen and changed; not given: all. Not with finance and admin, which see all."`
}

// AdminClient is one kind of client certificate and what it may do.
type AdminClient struct {
	SAN  Glob   `yaml:"san" need:"yes" doc:"A URI (spiffe://…) or DNS name of the certificate."`
	Role string `yaml:"role" need:"yes" one:"viewer owner approver finance admin" doc:"As for tokens."`
	Team string `yaml:"team" max:"256" doc:"As for tokens."`
}

// Roles that see all teams, and so are bound to none.
const (
	RoleFinance = "finance"
	RoleAdmin   = "admin"
)

// MetricsToken is the value of metrics that asks for a token.
const MetricsToken = "token"

// File is the path of a file, relative to the folder of the configuration.
type File string

// UnmarshalText refuses what can be no path of a file.
func (f *File) UnmarshalText(text []byte) error {
	given := string(text)
	if given == "" || strings.HasSuffix(given, "/") || strings.ContainsRune(given, 0) {
		return &Error{Message: fmt.Sprintf("%q names no file", clip(given)), Hint: "write the path of a file"}
	}
	*f = File(given)
	return nil
}

// in returns f with a relative path taken from dir.
func (f File) in(dir string) File {
	if f == "" || filepath.IsAbs(string(f)) {
		return f
	}
	return File(filepath.Join(dir, string(f)))
}

// in takes relative paths from dir.
func (l *Listen) in(dir string) {
	if t := l.ExtProc.TLS; t != nil {
		t.Cert, t.Key, t.ClientCA = t.Cert.in(dir), t.Key.in(dir), t.ClientCA.in(dir)
	}
	if t := l.Admin.TLS; t != nil {
		t.Cert, t.Key, t.ClientCA = t.Cert.in(dir), t.Key.in(dir), t.ClientCA.in(dir)
	}
	for i := range l.Admin.Tokens {
		l.Admin.Tokens[i].File = l.Admin.Tokens[i].File.in(dir)
	}
}

// validateListen finds tokens of one name, and roles that cannot have a team.
func (d *decoder) validateListen(a *Admin) {
	for i, t := range a.Tokens {
		key := fmt.Sprintf("listen.admin.tokens[%d]", i)
		if first := slices.IndexFunc(a.Tokens, func(o AdminToken) bool { return o.Name == t.Name }); first < i && t.Name != "" {
			d.addAt(key+".name", &Error{Message: fmt.Sprintf("%q is the name of listen.admin.tokens[%d] too", t.Name, first), Hint: "give each token its own"})
		}
		d.validateTeam(key, t.Role, t.Team)
	}
	for i, c := range a.Clients {
		d.validateTeam(fmt.Sprintf("listen.admin.clients[%d]", i), c.Role, c.Team)
	}
}

func (d *decoder) validateTeam(key, role, team string) {
	if team != "" && (role == RoleFinance || role == RoleAdmin) {
		d.addAt(key+".team", &Error{Message: role + " sees all teams", Hint: "remove the team, or choose viewer, owner or approver"})
	}
}

func checkListen(c *Config) (found []Finding) {
	extproc, admin := &c.Listen.ExtProc, &c.Listen.Admin
	if !extproc.Address.Local() {
		found = append(found, checkEnvoyTLS(extproc)...)
	}
	if t := extproc.TLS; t != nil && t.ClientCA == "" && len(t.Allow) > 0 {
		found = append(found, alarm("listen.extproc.tls.allow", "no client certificate is asked for without client_ca", "name the authority in listen.extproc.tls.client_ca"))
	}
	found = append(found, checkAdmin(admin)...)
	if extproc.Address == admin.Address && !strings.HasSuffix(string(extproc.Address), ":0") {
		found = append(found, alarm("listen.admin.address", "it is the address of listen.extproc too", "choose another"))
	}
	return found
}

func checkEnvoyTLS(e *ExtProc) []Finding {
	const key = "listen.extproc.address"
	switch at := string(e.Address) + " can be reached from other machines"; {
	case e.TLS == nil:
		return []Finding{warn(key, at+" without TLS: prompts and API keys cross it unencrypted, and whoever reaches it can forge calls",
			"set listen.extproc.tls, listen on 127.0.0.1 or a unix socket beside Envoy, or let only Envoy's network in")}
	case e.TLS.ClientCA == "":
		return []Finding{warn(key, at+" without a client certificate: whoever reaches it can forge calls", "set listen.extproc.tls.client_ca and allow")}
	}
	return nil
}

// checkAdmin holds that who reads every team's costs over a network is known.
func checkAdmin(a *Admin) (found []Finding) {
	known := len(a.Tokens)+len(a.Clients) > 0
	if !a.Address.Local() {
		const key = "listen.admin.address"
		at := string(a.Address) + " can be reached from other machines"
		switch {
		case !known:
			found = append(found, alarm(key, at+": whoever reaches it reads what every team spends, and may change it",
				"set listen.admin.tls with tokens or clients, or listen on 127.0.0.1 or a unix socket"))
		case a.TLS == nil:
			found = append(found, warn(key, at+" without TLS: tokens and costs cross it unencrypted", "set listen.admin.tls"))
		case a.Metrics != MetricsToken:
			found = append(found, warn("listen.admin.metrics", at+": whoever reaches it reads every team's costs in /metrics", "write `metrics: token`, or let only Prometheus in"))
		}
	}
	if len(a.Clients) > 0 && (a.TLS == nil || a.TLS.ClientCA == "") {
		found = append(found, alarm("listen.admin.clients", "no client certificate is asked for without tls.client_ca", "name the authority in listen.admin.tls.client_ca"))
	}
	if !known && a.Metrics == MetricsToken {
		found = append(found, alarm("listen.admin.metrics", "there is no token and no client who could read them", "add one to listen.admin.tokens"))
	}
	if a.TLS != nil && a.TLS.ClientCA != "" && len(a.Clients) == 0 {
		found = append(found, warn("listen.admin.tls.client_ca", "a client certificate gives nobody a role", "add listen.admin.clients, or remove it"))
	}
	return found
}
