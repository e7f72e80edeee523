package e2e_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

// bank is docs/examples/bank, as it stands there but for files and addresses.
type bank struct {
	*harness.Stack
	a     *authority
	staff *issuer
	dir   string // in place of /etc/bank
}

// example is the folder of the example.
func example() string { return filepath.Join(kit.Root(), "docs", "examples", "bank") }

func newBank(t *testing.T) *bank {
	t.Helper()
	b := &bank{a: newAuthority(t), staff: newIssuer(t, "https://id.bank.example"), dir: t.TempDir()}
	files := map[string][]byte{"mesh-ca.crt": b.a.pem}
	for name, of := range map[string][]string{
		"gateway": {"127.0.0.1"}, "gateway-client": {"spiffe://bank.example/ns/gateway/sa/envoy"}, "farebox": {"farebox.bank.example", "127.0.0.1"},
	} {
		files[name+".crt"], files[name+".key"] = b.a.issue(t, of...)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(example(), "farebox.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	keys := b.directory(t)
	b.Stack = kit.Start(t, harness.StackOptions{
		Config: strings.NewReplacer("/etc/bank/", b.dir+"/", "/var/lib/farebox/", t.TempDir()+"/", "owners.csv", filepath.Join(example(), "owners.csv")).Replace(string(text)),
		Guard:  harness.Guard{Client: &http.Client{Transport: b.a.with(t, b.a, "spiffe://bank.example/ns/finance/sa/reports")}},
		Envoy: harness.EnvoyOptions{
			Options: envoy.Options{ListenTLS: &envoy.ListenTLS{}}, // callers speak TLS
			Config:  func(o envoy.Options) ([]byte, error) { return b.envoy(t, o, keys) },
		},
	})
	return b
}

// directory publishes the keys of the bank's staff, over TLS.
func (b *bank) directory(t *testing.T) (url string) {
	t.Helper()
	text := b.staff.jwks(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	cert, key := b.a.issue(t, "localhost")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/keys"
}

// envoy runs the command that the page of the example gives, at other addresses.
func (b *bank) envoy(t *testing.T, o envoy.Options, keys string) ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(example(), "README.md"))
	if err != nil {
		return nil, err
	}
	_, command, found := strings.Cut(strings.ReplaceAll(string(page), "\\\n", " "), "\nfarebox envoy ")
	command, _, printed := strings.Cut(command, "> envoy.yaml\n")
	if !found || !printed {
		return nil, errors.New("the page has no command that makes envoy.yaml")
	}
	for was, is := range map[string]string{
		"/etc/bank/": b.dir + "/", "0.0.0.0:8443": o.Listen, "farebox.bank.example:9002": o.Farebox + " --farebox-tls-name farebox.bank.example",
		"api.openai.com:443 --tls": o.Upstream, "https://id.bank.example/keys": keys,
	} {
		if !strings.Contains(command, was) {
			return nil, fmt.Errorf("the command of the page does not name %s", was)
		}
		command = strings.ReplaceAll(command, was, is)
	}
	binary, err := kit.Farebox(t.Context())
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(t.Context(), binary, append(strings.Fields("envoy "+command), "--envoy-admin", o.Admin, "--access-log", o.AccessLog)...)
	c.Dir = example()
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return out, err
}

func TestTheBankOfTheExamplesRuns(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	const mini = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Where is the ferry?"}]}`
	const dear = `{"model":"o1-pro","n":64,"max_completion_tokens":100000,"messages":[{"role":"user","content":"Where is the ferry?"}]}`
	ann := claims{"team": "retail", "sub": "ann"}
	agent := claims{"team": "retail", "sub": "ann", "act": claims{"sub": "scheduler"}}
	for _, story := range []struct {
		name, id, body string
		token          string
		status         int
		code           string // of a refusal
		want           string
	}{
		{"a workload", "payments/sa/settler", mini, "", 200, "", "team=payments (spiffe)\nworkload=payments/sa/settler (spiffe)\ncost_centre=CC-4100 (owners)\n"},
		{"a person", "portal/sa/web", mini, b.staff.token(t, ann), 200, "", "team=retail (jwt)\nuser=ann (jwt)\nworkload=portal/sa/web (spiffe)\ncost_centre=CC-5200 (owners)\n"},
		{"an agent", "portal/sa/web", mini, b.staff.token(t, agent), 200, "", "team=retail (jwt)\nuser=ann (jwt)\nactor=scheduler (jwt)\nworkload=portal/sa/web (spiffe)\ncost_centre=CC-5200 (owners)\n"},
		{"a team that is none", "archive/sa/scan", mini, "", 403, "unknown_owner", ""},
		{"a person of no team", "portal/sa/web", mini, b.staff.token(t, claims{"team": "boss", "sub": "bob"}), 403, "unknown_owner", ""},
		{"too dear", "lab/sa/notebook", dear, "", 429, "budget_exhausted", ""},
		{"an old token", "portal/sa/web", mini, b.staff.token(t, claims{"team": "retail", "sub": "ann", "exp": 1}), 401, "", ""},
		{"a stranger", "", mini, b.staff.token(t, ann), 0, "", ""},
	} {
		e := ask(b.Stack, chatPath, story.body)
		e.header.Set(identityName, "boss")
		e.header.Set("X-Request-Type", "batch")
		e.via = b.a.with(t, b.a)
		if story.id != "" {
			e.via = b.a.with(t, b.a, "spiffe://bank.example/ns/"+story.id)
		}
		if story.token != "" {
			e.header.Set("X-Identity", story.token)
		}
		g := e.run(t.Context())
		var said refusal
		_ = json.Unmarshal(g.body, &said) // an answer of Envoy's own is no JSON
		if g.status != story.status || (g.err == nil) != (story.status != 0) || said.Error.Code != story.code {
			t.Errorf("%s: status %d, %v: %s, want %d", story.name, g.status, g.err, g.body, story.status)
			continue
		}
		if story.want != "" {
			if got := b.owned(t, e.trace); got != story.want {
				t.Errorf("%s: pays\n%s, want\n%s", story.name, got, story.want)
			}
		}
	}
	b.finance(t)
}

// owned is who pays for a call, shortened to what the stories are about.
func (b *bank) owned(t *testing.T, trace string) string {
	t.Helper()
	var text strings.Builder
	for line := range strings.Lines(owned(t, b.Stack, trace)) {
		what, rule, _ := strings.Cut(strings.TrimSuffix(line, ")\n"), " (")
		name, value, _ := strings.Cut(what, "=")
		if name == "request_type" || name == "entity" {
			continue
		}
		kind, _, _ := strings.Cut(rule, " ")
		fmt.Fprintf(&text, "%s=%s (%s)\n", name, strings.TrimPrefix(value, "spiffe://bank.example/ns/"), kind)
	}
	return text.String()
}

// finance holds what finance sees, and that the provider sees nothing of who calls.
func (b *bank) finance(t *testing.T) {
	t.Helper()
	u, err := b.Farebox.Usage(t.Context(), "team", "user", "actor")
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]int64{}
	for _, r := range u.Rows {
		if r.Charged.String() != "0" {
			served[r.Keys["team"]+" "+r.Keys["user"]+" "+r.Keys["actor"]] += r.Calls
		}
	}
	if len(served) != 3 || served["retail ann scheduler"] != 1 {
		t.Errorf("finance sees %v in %+v", served, u.Rows)
	}
	calls := b.Provider.Calls()
	if len(calls) != 3 {
		t.Errorf("the provider saw %d calls, want 3", len(calls))
	}
	for _, c := range calls {
		for _, name := range []string{identityName, "X-Identity", "X-Forwarded-Client-Cert", "X-Request-Type"} {
			if v := c.Header.Values(name); v != nil {
				t.Errorf("the provider saw %s: %q", name, v)
			}
		}
	}
}
