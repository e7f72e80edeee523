package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/owners"
)

func TestOwnersOfTheFileItself(t *testing.T) {
	data, err := os.ReadFile("testdata/good_owners.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := mustParse(t, string(data))
	july := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	dir := c.Attribution().Owners
	got, _ := dir.At("support", july.Add(-1))
	want := owners.Entry{
		Team: "support", Parent: "acme", CostCentre: "CC-17", GLAccount: "6400", Lead: "lead@example.com", Slack: "#support", Pager: "support-oncall",
		Keys: []string{"hmac:7d2f0c6a5b1e4f8890a1b2c3d4e5f607"}, Until: july,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("support in June (-want +got):\n%s", diff)
	}
	if team, ok := dir.ByKey("0f1e2d3c4b5a69788796a5b4c3d2e1f0", july); !ok || team != "support" {
		t.Errorf("the second key is of %q", team)
	}
	rules := c.Attribution().Rules
	sources := map[string][]attribution.Source{}
	for _, r := range rules {
		sources[r.Name] = r.Sources
	}
	for name, want := range map[string][]attribution.Source{
		"team":        {{APIKey: "team"}, {Workload: "namespace"}},
		"project":     {{Route: "metadata.project"}, {Body: "metadata.project"}, {Header: "x-project"}},
		"interaction": {{Header: "x-session-id"}, {Trace: true}},
		"path":        {{Route: "name"}, {Route: "cluster"}},
		"server_name": {{Attribute: "connection.requested_server_name"}},
	} {
		if diff := cmp.Diff(want, sources[name]); diff != "" {
			t.Errorf("sources of %s (-want +got):\n%s", name, diff)
		}
	}
	if c.Attribution().OnUnknown != attribution.RefuseUnknown {
		t.Error("on_unknown is lost")
	}
}

func TestOwnersOfAFile(t *testing.T) {
	dir := t.TempDir()
	file, list := filepath.Join(dir, "farebox.yaml"), filepath.Join(dir, "teams", "owners.csv")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "attribution: {team: [{api_key: team}]}\nowners: {file: teams/owners.csv}\n")
	const key = "hmac:7d2f0c6a5b1e4f8890a1b2c3d4e5f607"
	write(list, "team,keys,entity\nsupport,"+key+",Acme Ltd\n")
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if team, _ := c.Owners.Directory.ByKey(key, time.Now()); team != "support" {
		t.Errorf("the key is of %q", team)
	}
	if !slices.Equal(c.Files(), []string{list}) {
		t.Errorf("Files = %q", c.Files())
	}
	if found := Check(c); found != nil {
		t.Errorf("Check = %v", found)
	}
	for name, tc := range map[string]struct{ list, want string }{
		"a mistake in it":      {"team,keys\n\nsupport,sk-live-abcdefgh\n", list + ":3:9: `keys`: number 1 is no hash"},
		"two of them":          {"team,lead\na,b\nc,d\n", list + ":3:3: `lead`: \"d\" is no e-mail address"},
		"a mistake of no team": {"lead\n", list + ":1:1: there is no column team"},
		"nothing in it":        {"", list + ":1:1: the file is empty"},
	} {
		write(list, tc.list)
		_, err := Load(file)
		if err == nil || !strings.Contains(Explain(err), tc.want) || strings.Contains(Explain(err), "sk-live") {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	write(file, "attribution: {entity: [{header: x-entity}]}\nowners: {file: teams/owners.csv}\n")
	write(list, "team,entity\na,Acme\n")
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), `"entity" has a rule, and the owners know it too`) {
		t.Errorf("a fact with a rule: %v", err)
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "farebox.yaml:2:16: `owners.file`: cannot be read: ") {
		t.Errorf("no file: %v", err)
	}
	if c := Default(); c.Files() != nil {
		t.Errorf("by default there are files: %q", c.Files())
	}
}

func TestMistakesInOwnersShowNoLine(t *testing.T) {
	const secret = "sk-live-abcdefgh"
	for _, text := range []string{
		"owners: [{team: a, keys: [" + secret + "]}]", "owners: [{team: a, keyz: [" + secret + "]}]", "owners: [{team: a, keys: " + secret + "}]",
		"owners: [{team: a, keys: [[" + secret + "]]}]", "owners: " + secret, "owners: [" + secret + "]",
	} {
		_, err := Parse("a.yaml", []byte(text))
		if err == nil || strings.Contains(Explain(err), secret) {
			t.Errorf("%s: %v", text, Explain(err))
		}
	}
}
