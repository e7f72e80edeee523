package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

// Keys of two teams of a company, and one that nobody knows.
const (
	supportKey  = "sk-support-4Wq"
	researchKey = "sk-research-8Kd"
	strangeKey  = "sk-strange-1Zz"
)

// company is two teams with keys. Its ledger is in a folder of its own, since the
// hashes of keys are made with the ledger's secret.
type company struct {
	config string
	hashes map[string]string // by key
}

// newCompany asks farebox for the hashes of its keys, as an operator would.
func newCompany(t *testing.T) company {
	t.Helper()
	binary, err := kit.Farebox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := company{config: fmt.Sprintf("%sledger: {store: \"sqlite:%s/books.db\", commit_wait: 10s}\n", shop, dir), hashes: map[string]string{}}
	file := filepath.Join(dir, "farebox.yaml")
	if err := os.WriteFile(file, []byte(c.config), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := []string{supportKey, researchKey, strangeKey}
	cmd := exec.CommandContext(t.Context(), binary, "owners", "hash-key", "--config", file)
	cmd.Stdin = strings.NewReader(strings.Join(keys, "\n"))
	out, err := cmd.Output()
	hashes := strings.Fields(string(out))
	if err != nil || len(hashes) != len(keys) {
		t.Fatalf("the hashes of %d keys are %q, %v", len(keys), out, err)
	}
	for i, k := range keys {
		c.hashes[k] = hashes[i]
	}
	return c
}

// teams lists the company's owners, in the configuration itself.
func (c company) teams() string {
	return fmt.Sprintf(`owners:
  - {team: acme, entity: Acme Ltd}
  - {team: support, parent: acme, cost_centre: CC-17, keys: [%q]}
  - {team: research, parent: acme, cost_centre: CC-17, gl_account: "6400", keys: [%q]}
`, c.hashes[supportKey], c.hashes[researchKey])
}

// keyed is a call with a key and nothing else that says who pays.
func keyed(s *harness.Stack, key, body string) errand {
	e := ask(s, chatPath, body)
	e.header.Del(identityName)
	e.header.Set("Authorization", "Bearer "+key)
	return e
}

// owned is the record's owner, each attribute with its rule.
func owned(t *testing.T, s *harness.Stack, trace string) string {
	t.Helper()
	settled(t, s.Farebox, trace)
	a, err := s.Farebox.Explain(t.Context(), trace)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, at := range a.Matches[0].Owner {
		fmt.Fprintf(&b, "%s=%s (%s)\n", at.Name, at.Value, at.Rule)
	}
	return b.String()
}

// byKey takes the team from the key, and where that is unknown from a header.
const byKey = "attribution: {team: [{api_key: team}, {header: x-team}], user: [], request_type: []}\n"

func TestAKeyPaysForItsTeamWhateverItsCallerClaims(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	s := kit.Start(t, harness.StackOptions{Config: c.config + byKey + c.teams()})
	const support = "team=support (api key)\ncost_centre=CC-17 (owners)\n"
	for _, story := range []struct{ name, key, claims, body, want string }{
		{"support", supportKey, "", plainBody, support},
		{"research", researchKey, "", streamBody, "team=research (api key)\ncost_centre=CC-17 (owners)\ngl_account=6400 (owners)\n"},
		{"a forger", supportKey, "research", plainBody, support},
		{"a stranger", strangeKey, "", plainBody, "team=unattributed (unknown; api key of no owner)\n"},
		{"a stranger who claims nobody", strangeKey, "ghost", streamBody, "team=unattributed (unknown; header x-team of no owner)\n"},
		{"a stranger who is believed", strangeKey, "acme", plainBody, "team=acme (header x-team; api key of no owner)\nentity=Acme Ltd (owners)\n"},
	} {
		e := keyed(s, story.key, story.body)
		if story.claims != "" {
			e.header.Set(identityName, story.claims)
		}
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Fatalf("%s: status %d, %v", story.name, g.status, g.err)
		}
		if got := owned(t, s, e.trace); got != story.want {
			t.Errorf("%s pays as\n%swant\n%s", story.name, got, story.want)
		}
		reported(t, settled(t, s.Farebox, e.trace), 11, 8)
	}
	for _, call := range s.Provider.Calls() {
		if call.Header.Get(identityName) != "" || !strings.HasPrefix(call.Header.Get("Authorization"), "Bearer sk-") {
			t.Errorf("the provider saw %v", call.Header)
		}
	}
	calledBy(t, s)
}

// calledBy holds the sums of the six calls above.
func calledBy(t *testing.T, s *harness.Stack) {
	t.Helper()
	for by, want := range map[string]map[string]int64{
		"team":        {"support": 2, "research": 1, "unattributed": 2, "acme": 1},
		"cost_centre": {"CC-17": 3, "": 3},
	} {
		u, err := s.Farebox.Usage(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, row := range u.Rows {
			got[row.Keys[by]] = row.Calls
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("calls by %s are %v, want %v", by, got, want)
		}
	}
	out, err := s.Farebox.Command(t.Context(), "usage", "--by", "cost_centre", "-o", "csv")
	if err != nil || !strings.Contains(out, "\nCC-17,3,") {
		t.Errorf("usage by cost centre: %v\n%s", err, out)
	}
}

// noStrangers is a company that serves only who is listed.
const noStrangers = "attribution: {team: [{api_key: team}, {header: x-team}], on_unknown: refuse}\n"

func TestAStrangerIsRefusedWhereACompanySaysSo(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	s := kit.Start(t, harness.StackOptions{Config: c.config + noStrangers + c.teams() + "mode: enforce\n"})
	for claim, place := range map[string]string{"": "api key", "ghost": "header x-team"} {
		e := keyed(s, strangeKey, streamBody)
		if claim != "" {
			e.header.Set(identityName, claim)
		}
		g := e.run(t.Context())
		var said refusal
		if err := json.Unmarshal(g.body, &said); err != nil {
			t.Errorf("the answer is %q: %v", g.body, err)
		}
		if g.status != http.StatusForbidden || said.Error.Code != "unknown_owner" || !strings.Contains(said.Error.Message, "its "+place+" names none") {
			t.Errorf("status %d: %s", g.status, g.body)
		}
		if bytes.Contains(g.body, []byte(strangeKey)) || g.header.Get("X-Should-Retry") != "false" {
			t.Errorf("%s, headers %v", g.body, g.header)
		}
		if b := settled(t, s.Farebox, e.trace); b.Team != "unattributed" || b.Outcome != "refused" || b.Reason != "unknown_owner" || b.Status != 403 || b.Cost != "0" {
			t.Errorf("the record says %+v", b)
		}
	}
	if n := len(s.Provider.Calls()); n != 0 {
		t.Errorf("the provider saw %d calls", n)
	}
	if n := metric(t, s, "farebox_refused_total", `code="unknown_owner"`); n != 2 {
		t.Errorf("%v refusals are counted, want 2", n)
	}
	e := keyed(s, supportKey, plainBody)
	if g := e.run(t.Context()); g.status != http.StatusOK || settled(t, s.Farebox, e.trace).Team != "support" {
		t.Errorf("a key that is known: status %d: %s", g.status, g.body)
	}
}

func TestAStrangerIsOnlyCountedByWhoeverObserves(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	s := kit.Start(t, harness.StackOptions{Config: c.config + noStrangers + c.teams()})
	e := keyed(s, strangeKey, plainBody)
	if g := e.run(t.Context()); g.status != http.StatusOK || settled(t, s.Farebox, e.trace).Team != "unattributed" {
		t.Errorf("status %d: %s", g.status, g.body)
	}
	would, did := metric(t, s, "farebox_would_refuse_total", `code="unknown_owner"`), metric(t, s, "farebox_refused_total")
	if would != 1 || did != 0 {
		t.Errorf("would refuse %v, refused %v, want 1 and 0", would, did)
	}
}

func TestABodyMaySayWhatACallIsFor(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop +
		"attribution: {team: [], user: [{body: user}], request_type: [], project: [{body: metadata.project}, {header: x-project}], interaction: [{header: x-session-id}, {trace: true}], provider_project: [{header: openai-project}]}\n"})
	for _, story := range []struct{ body, header, want string }{
		{`{"metadata":{"project":"alpha","n":1},` + plainBody[1:], "beta", "project=alpha (body metadata.project)\ninteraction=TRACE (trace id)\n"},
		{plainBody[:len(plainBody)-1] + `,"metadata":{"project":17},"user":"ann"}`, "", "project=17 (body metadata.project)\nuser=ann (body user)\ninteraction=TRACE (trace id)\n"},
		{streamBody, "beta", "project=beta (header x-project)\ninteraction=TRACE (trace id)\n"},
		{`{"metadata":{"project":"a\u0000b"},` + streamBody[1:], "beta", "project=beta (header x-project; body metadata.project unusable)\ninteraction=TRACE (trace id)\n"},
	} {
		e := ask(s, chatPath, story.body)
		if story.header != "" {
			e.header.Set("X-Project", story.header)
		}
		e.header.Set("OpenAI-Project", "proj_1")
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Fatalf("status %d, %v", g.status, g.err)
		}
		want := strings.Replace(story.want, "TRACE", e.trace, 1) + "provider_project=proj_1 (header openai-project)\n"
		if got := owned(t, s, e.trace); got != want {
			t.Errorf("%s pays as\n%swant\n%s", story.body, got, want)
		}
		calls := s.Provider.Calls()
		if got := calls[len(calls)-1].Header.Get("OpenAI-Project"); got != "proj_1" {
			t.Errorf("the provider saw project %q", got)
		}
	}
}

// beside is the shipped configuration of an Envoy that believes to be a sidecar,
// with a route that says who pays.
func beside(o envoy.Options) ([]byte, error) {
	text, err := envoy.Config(o)
	const node = "node:\n  id: sidecar~10.0.0.9~bot-7f.shop~shop.svc.cluster.local\n  cluster: bot\n  metadata: {SERVICE_ACCOUNT: bot-account, WORKLOAD_NAME: bot}\n"
	const route = "                match: { prefix: \"/\" }\n"
	text = bytes.Replace(text, []byte(route), []byte(route+"                metadata: { filter_metadata: { farebox: { project: alpha } } }\n"), 1)
	return append([]byte(node), text...), err
}

func TestEnvoySaysWhoseCallItIs(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{
		Config: shop + "attribution: {team: [{workload: namespace}, {header: x-team}], project: [{route: metadata.project}], user: [{workload: service_account}]," +
			" request_type: [], workload: [{workload: name}], route: [{route: name}], cluster: [{route: cluster}], status: [{attribute: request.id}]}\n",
		Envoy: harness.EnvoyOptions{Config: beside},
	})
	e := ask(s, chatPath, plainBody) // it claims to be of support
	if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	want := "team=shop (workload namespace)\nproject=alpha (route metadata.project)\nuser=bot-account (workload service_account)\n" +
		"workload=bot (workload name)\nroute=llm (route name)\ncluster=upstream (route cluster)\n" +
		"status=" + s.Provider.Calls()[0].Header.Get("X-Request-Id") + " (attribute request.id)\n"
	if got := owned(t, s, e.trace); got != want {
		t.Errorf("it pays as\n%swant\n%s", got, want)
	}
}

func TestAnOwnerIsAddedWhileFareboxRuns(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	list := filepath.Join(t.TempDir(), "owners.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(list+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(list+".new", list); err != nil {
			t.Fatal(err)
		}
	}
	const head = "team,cost_centre,keys\r\n"
	support := "support,CC-17," + c.hashes[supportKey] + "\r\n"
	write(head + support)
	s := kit.Start(t, harness.StackOptions{Config: c.config + "attribution: {team: [{api_key: team}]}\n" + fmt.Sprintf("owners: {file: %q}\n", list)})
	team := func(key string) string {
		e := keyed(s, key, plainBody)
		if g := e.run(t.Context()); g.status != http.StatusOK {
			t.Fatalf("status %d: %s", g.status, g.body)
		}
		return settled(t, s.Farebox, e.trace).Team
	}
	if a, b := team(supportKey), team(researchKey); a != "support" || b != "unattributed" {
		t.Fatalf("at first %s and %s pay", a, b)
	}
	write(head + support + "research,CC-18," + c.hashes[researchKey] + "\r\n")
	eventually(t, "the new team pays", func(context.Context) (bool, error) { return team(researchKey) == "research", nil })
	write(head + "support,CC-17,sk-live-pasted-by-mistake\r\n")
	eventually(t, "the mistake is noticed", func(context.Context) (bool, error) {
		return metric(t, s, "farebox_config_last_reload_successful") == 0, nil
	})
	if a, b := team(supportKey), team(researchKey); a != "support" || b != "research" {
		t.Errorf("after the mistake %s and %s pay", a, b)
	}
	if log := s.Farebox.Log(); !strings.Contains(log, "owners.csv:2:15") || strings.Contains(log, "sk-live-pasted") {
		t.Errorf("the log does not say where the mistake is, or what it is:\n%s", log)
	}
}
