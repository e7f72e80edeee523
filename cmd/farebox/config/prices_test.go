package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// write puts files into a new folder, and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

func TestPricesFromFiles(t *testing.T) {
	path := write(t,
		"farebox.yaml", `prices:
  files: [a.csv, b.csv]
  deployments:
    chat-prod: gpt-4o
    "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x": eu.amazon.nova-pro-v1:0
  rates: [{provider: openai, model: gpt-4o-mini, input: "9"}]`,
		"a.csv", "provider,model,tier,input,hosting_seconds\nopenai,gpt-4o,,7,\nopenai,gpt-4o-mini,,7,\nopenai,gpt-5,batch,7,60000/3600\n",
		"b.csv", "provider,model,input\nopenai,gpt-4o,8\n")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	prices, err := c.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ name, provider, model, tier, id, input string }{
		{"a later file wins", "openai", "gpt-4o", "", "config:prices.files[1]:openai/gpt-4o", "8"},
		{"rates win over files", "openai", "gpt-4o-mini", "", "config:prices.rates[0]", "9"},
		{"conditions of a file", "openai", "gpt-5", "batch", "config:prices.files[0]:openai/gpt-5;tier=batch", "7"},
		{"what no file says", "openai", "gpt-5", "", "openai/gpt-5", "1.25"},
		{"a deployment", "openai", "Chat-Prod", "", "config:prices.files[1]:openai/gpt-4o", "8"},
		{"a profile", "bedrock", "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x", "", "bedrock/eu.amazon.nova-pro-v1:0", "1.05"},
	} {
		row, ok := prices.Find(price.Query{Provider: x.provider, Model: x.model, Tier: x.tier, At: time.Now()})
		if !ok {
			t.Errorf("%s: nothing was found", x.name)
			continue
		}
		if rate, _, _ := row.Rate(tokenizer.Input); row.ID != x.id || rate.String() != x.input {
			t.Errorf("%s: %s at %v, want %s at %s", x.name, row.ID, rate, x.id, x.input)
		}
	}
	if files := c.Files(); len(files) != 2 || files[0] != filepath.Join(filepath.Dir(path), "a.csv") {
		t.Errorf("Files() = %v", files)
	}
}

func TestPricesFromFilesRefused(t *testing.T) {
	for _, x := range []struct{ name, yaml, table, want string }{
		{"no such file", "prices: {files: [none.csv]}", "", "`prices.files[0]`: cannot be read"},
		{"no table", "prices: {files: [a.csv]}", "smell\n1\n", "`prices.files[0]`: is no table of prices: read column smell: no such meter"},
		{"the same twice", "prices: {files: [a.csv]}", "model,input\nm,1\nm,2\n", "`prices.files[0]`: check price row"},
		{"as specific", "prices: {files: [a.csv]}", "model,until,input\nm,2026-01-01,1\nM,2027-01-01,2\n", "a call may fulfil both"},
		{"one name, two models", "prices: {deployments: {a: m, A: n}}", "", "it is there twice"},
		{"no model", "prices: {deployments: {a: \"\"}}", "", "`prices.deployments[a]`: is empty"},
		{"no name", "prices: {deployments: [a]}", "", "must be a section of keys"},
	} {
		_, err := Load(write(t, "farebox.yaml", x.yaml, "a.csv", x.table))
		if err == nil || !strings.Contains(Explain(err), x.want) {
			t.Errorf("%s: %v, want %q", x.name, err, x.want)
		}
	}
}
