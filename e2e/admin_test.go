package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/policy/api"
)

// shows adds a bearer token to every question.
type shows struct {
	token string
	http.RoundTripper
}

func (s shows) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	return s.RoundTripper.RoundTrip(r)
}

// asking is a client that believes an authority, and shows a token and a
// certificate, or neither.
func asking(a *authority, token string, certs ...tls.Certificate) *http.Client {
	return &http.Client{Transport: shows{token, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool(), Certificates: certs}, ForceAttemptHTTP2: true}}}
}

// office is a farebox whose operators have roles.
type office struct {
	*harness.Stack
	a      *authority
	shown  *secret
	tokens map[string]string // by name: reports is finance, support its team's viewer, lead its owner
	dir    string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	c := &office{a: newAuthority(t), dir: t.TempDir(), tokens: map[string]string{}}
	c.shown = newSecret(t, c.a, "127.0.0.1")
	var list []string
	for name, role := range map[string]string{"reports": "finance", "support": "viewer, team: support", "lead": "owner, team: support"} {
		c.tokens[name] = "token-of-" + name + "-0123456789"
		if err := os.WriteFile(c.file(name), []byte(c.tokens[name]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("{name: %s, file: %q, role: %s}", name, c.file(name), role))
	}
	c.Stack = kit.Start(t, harness.StackOptions{Config: shop, Guard: harness.Guard{
		Admin:  c.shown.tls("") + ", metrics: token, tokens: [" + strings.Join(list, ", ") + `], clients: [{san: "spiffe://story/ns/ops/*", role: admin}]`,
		Client: asking(c.a, c.tokens["reports"]),
	}})
	for _, team := range []string{"support", "search"} {
		e := ask(c.Stack, chatPath, plainBody)
		e.header.Set("X-Team", team)
		e.run(t.Context())
		reported(t, settled(t, c.Farebox, e.trace), 11, 8)
	}
	return c
}

// file is where a token is.
func (c *office) file(token string) string { return filepath.Join(c.dir, token) }

// usage runs the command of that name.
func (c *office) usage(t *testing.T, flags ...string) (out, errOut string, status int) {
	t.Helper()
	return command(t, append([]string{"usage", "--admin", c.Farebox.AdminURL(), "--ca", c.shown.file("ca.crt"), "--by", "team"}, flags...)...)
}

// client asks as whoever has the token.
func (c *office) client(token string) *api.Client {
	return api.NewClient(c.Farebox.AdminURL(), asking(c.a, "")).WithToken(token)
}

// refusedAs is the status and code of an error that farebox sent.
func refusedAs(err error) string {
	var e *api.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("%d %s", e.Status, e.Code)
	}
	return fmt.Sprint(err)
}

func TestOperatorsShowWhoTheyAreAndSeeWhatIsTheirs(t *testing.T) {
	t.Parallel()
	c := newOffice(t)
	own, other := newAuthority(t), t.TempDir()
	pairOf := func(a *authority, name string) (cert, key string) {
		certPEM, keyPEM := a.issue(t, name)
		cert, key = filepath.Join(other, "cert"), filepath.Join(other, "key")
		if err := errors.Join(os.WriteFile(cert, certPEM, 0o600), os.WriteFile(key, keyPEM, 0o600)); err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	if err := os.WriteFile(c.file("wrong"), []byte("token-of-nobody-0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]struct{ file, team, has, lacks, refused string }{
		"finance sees all":         {"reports", "", "search", "", ""},
		"a team sees its own":      {"support", "", "support", "search", ""},
		"also when it says so":     {"support", "support", "support", "search", ""},
		"and not another's":        {"support", "search", "", "", "(forbidden, status 403)"},
		"a wrong token is refused": {"wrong", "", "", "", "(unauthenticated, status 401)"},
	} {
		flags := []string{"--token-file", c.file(token.file)}
		if token.team != "" {
			flags = append(flags, "--team", token.team)
		}
		out, errOut, status := c.usage(t, flags...)
		if (status == 0) != (token.refused == "") || !strings.Contains(errOut, token.refused) || strings.Contains(errOut, "0123456789") {
			t.Errorf("%s: status %d: %s", name, status, errOut)
		}
		if !strings.Contains(out, token.has) || token.lacks != "" && strings.Contains(out, token.lacks) {
			t.Errorf("%s: %s", name, out)
		}
	}
	if _, errOut, status := c.usage(t); status != 1 || !strings.Contains(errOut, "status 401") {
		t.Errorf("nothing shown: status %d: %s", status, errOut)
	}
	for name, want := range map[string]struct {
		by   *authority
		says string
	}{
		"spiffe://story/ns/ops/sa/anna": {c.a, ""}, "spiffe://story/ns/shop/sa/anna": {c.a, "status 401"}, "spiffe://story/ns/ops/sa/mallory": {own, "cannot reach farebox"},
	} {
		cert, key := pairOf(want.by, name)
		out, errOut, status := c.usage(t, "--cert", cert, "--key", key)
		if (status == 0) != (want.says == "") || !strings.Contains(errOut, want.says) || status == 0 && !strings.Contains(out, "search") {
			t.Errorf("%s: status %d: %s%s", name, status, errOut, out)
		}
	}
	if _, errOut, status := command(t, "usage", "--admin", c.Farebox.AdminURL()); status != 1 || !strings.Contains(errOut, "certificate") {
		t.Errorf("whose certificate it is does not matter: status %d: %s", status, errOut)
	}
}

// TestProbesAreOpenAndMetricsAreAsChosen.
func TestProbesAreOpenAndMetricsAreAsChosen(t *testing.T) {
	t.Parallel()
	c := newOffice(t)
	for path, want := range map[string]map[string]int{
		"/healthz": {"": 200}, "/readyz": {"": 200}, "/api/v1/openapi.json": {"": 401, c.tokens["support"]: 200},
		"/metrics": {"": 401, "token-of-nobody-0123456789": 401, c.tokens["support"]: 403, c.tokens["reports"]: 200},
	} {
		for token, status := range want {
			resp, err := asking(c.a, token).Get(c.Farebox.AdminURL() + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != status || resp.ProtoMajor != 2 {
				t.Errorf("%s with %q: %d over HTTP/%d, want %d over HTTP/2", path, token, resp.StatusCode, resp.ProtoMajor, status)
			}
		}
	}
	if n := metric(t, c.Stack, "farebox_admin_refused_total", `reason="unauthenticated"`); n != 3 {
		t.Errorf("%v refused for who they are, want 3", n)
	}
	if strings.Contains(c.Farebox.Log(), "0123456789") {
		t.Error("a token is in the log")
	}
}

func TestWhatOwnersSayOfACallIsKeptAndAudited(t *testing.T) {
	t.Parallel()
	c := newOffice(t)
	calls, err := c.client(c.tokens["reports"]).Calls(t.Context(), api.CallsQuery{})
	if err != nil || len(calls.Calls) != 2 {
		t.Fatalf("%+v, %v", calls, err)
	}
	search, support := &calls.Calls[0].ID, &calls.Calls[1].ID // newest first
	lead := c.client(c.tokens["lead"])
	for _, o := range []api.Outcome{{Call: support, Success: true}, {Call: support, Reason: "it came back"}} {
		if _, err := lead.SetOutcome(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	_, err = lead.SetOutcome(t.Context(), api.Outcome{Call: search})
	if got := refusedAs(err); got != "404 not_found" {
		t.Errorf("another team's call: %s", got)
	}
	_, err = c.client(c.tokens["support"]).SetOutcome(t.Context(), api.Outcome{Call: support})
	if got := refusedAs(err); got != "403 forbidden" {
		t.Errorf("a viewer: %s", got)
	}
	_, err = lead.Audit(t.Context(), api.AuditQuery{})
	if got := refusedAs(err); got != "403 forbidden" {
		t.Errorf("an owner asks for the audit: %s", got)
	}
	if err := c.Farebox.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	audit, err := c.client(c.tokens["reports"]).Audit(t.Context(), api.AuditQuery{})
	if err != nil || len(audit.Changes) != 2 {
		t.Fatalf("%+v, %v", audit, err)
	}
	last := audit.Changes[0]
	if last.Actor != "lead" || last.Action != api.OutcomeSet || last.Reason != "it came back" || !strings.Contains(string(last.Before), `"success":true`) ||
		!strings.Contains(string(last.After), `"success":false`) || last.Subject != "call "+support.String() {
		t.Errorf("the audit says %+v", last)
	}
}

// TestANewCertificateAndANewTokenAreTakenWithoutARestart.
func TestANewCertificateAndANewTokenAreTakenWithoutARestart(t *testing.T) {
	t.Parallel()
	c := newOffice(t)
	stays := asking(c.a, c.tokens["reports"])
	get := func(ctx context.Context, client *http.Client) (serial string, status int, err error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Farebox.AdminURL()+"/api/v1/usage", nil)
		if err != nil {
			return "", 0, err
		}
		resp, err := client.Do(r)
		if err != nil {
			return "", 0, err
		}
		resp.Body.Close()
		return resp.TLS.PeerCertificates[0].SerialNumber.String(), resp.StatusCode, nil
	}
	before, _, err := get(t.Context(), stays)
	if err != nil {
		t.Fatal(err)
	}
	c.shown.renew(t, c.a, "127.0.0.1")
	eventually(t, "a new certificate is shown", func(ctx context.Context) (bool, error) {
		now, _, err := get(ctx, asking(c.a, c.tokens["reports"]))
		return now != before, err
	})
	if still, status, err := get(t.Context(), stays); err != nil || status != http.StatusOK || still != before {
		t.Errorf("the connection from before: %s (was %s), %d, %v", still, before, status, err)
	}
	const fresh = "a-fresh-token-of-reports-9876543210"
	if err := os.WriteFile(c.file("reports"), []byte(fresh), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new token is taken", func(ctx context.Context) (bool, error) {
		_, status, err := get(ctx, asking(c.a, fresh))
		return status == http.StatusOK, err
	})
	if _, status, err := get(t.Context(), asking(c.a, c.tokens["reports"])); err != nil || status != http.StatusUnauthorized {
		t.Errorf("the old token: %d, %v", status, err)
	}
}
