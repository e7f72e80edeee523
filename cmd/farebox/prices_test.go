package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrices(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "farebox.yaml")
	put(t, conf, "prices: {files: [rows.csv], deployments: {prod: gpt-4o}}\n")
	put(t, filepath.Join(dir, "rows.csv"), "provider,model,input,hosting_seconds,source\nopenai,gpt-4o,2.25,60000/3600,a contract\n")
	for _, x := range []struct {
		args   string
		status int
		want   []string
	}{
		{"gpt-5 --provider openai", 0, []string{"gpt-5 is priced by its name", "openai/gpt-5", "1.25", "cache_read"}},
		{"gpt-5 --provider openai --tier batch", 0, []string{"openai/gpt-5;tier=batch", "0.625", "the winner says more about the tier"}},
		{"gemini-2.5-pro --provider gemini --input 200001 --at 2026-11-20", 0, []string{"gemini/gemini-2.5-pro;above=200000", "2.50"}},
		{"gpt-4o-2024-08-06 --provider openai", 0, []string{"as a snapshot of gpt-4o"}},
		{"gpt-5 --provider openai --tier scale", 0, []string{"openai/gpt-5\n", "Unmet: this row does not know tier=scale."}},
		{"gpt-4.1-mini-2025-04-14 --provider azure --deployment data_zone --region swedencentral", 0, []string{"as a snapshot of gpt-4.1-mini", "its family's row knows more of the call"}},
		{"whisper-large-v3-turbo-x", 1, []string{"has no price: no row has this name"}},
		{"gpt-5 --provider mistral", 1, []string{"no row of this name holds", "it is openai's price, the call says mistral"}},
		{"prod --provider openai --config " + conf, 0, []string{"which is a deployment of gpt-4o,", "config:prices.files[0]:openai/gpt-4o", "60000/3600", "the configuration's rows come before it"}},
		{"gpt-5 -o csv --provider openai", 0, []string{"won,row,lost_on,why,prices,source\n", "true,openai/gpt-5,,by its name,\"input 1.25"}},
	} {
		status, out, errOut := try(append([]string{"prices"}, strings.Fields(x.args)...)...)
		if status != x.status || errOut != "" {
			t.Errorf("prices %s: status %d, want %d: %s", x.args, status, x.status, errOut)
		}
		for _, want := range x.want {
			if !strings.Contains(out, want) {
				t.Errorf("prices %s: no %q in\n%s", x.args, want, out)
			}
		}
	}
	for _, args := range []string{"", "a b", "gpt-5 --at yesterday", "gpt-5 --config none.yaml"} {
		if status, _, errOut := try(append([]string{"prices"}, strings.Fields(args)...)...); status != 1 || errOut == "" {
			t.Errorf("prices %s: status %d, %q", args, status, errOut)
		}
	}
}

func TestPricesAsJSON(t *testing.T) {
	status, out, errOut := try("prices", "gpt-5", "--provider", "openai", "--tier", "flex", "-o", "json")
	var a priceAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil || status != 0 {
		t.Fatalf("status %d, %v: %s", status, err, errOut)
	}
	if !a.Priced || a.Row == nil || a.Row.Prices["input"] != "0.625" || a.How != "by its name" || len(a.Lost) == 0 || a.Lost[0].On != "tier" {
		t.Errorf("answer %+v", a)
	}
	status, out, _ = try("prices", "nothing", "-o", "json")
	a = priceAnswer{}
	if err := json.Unmarshal([]byte(out), &a); err != nil || status != 1 || a.Priced || a.Reason == "" || a.Lost == nil {
		t.Errorf("status %d, %v: %s", status, err, out)
	}
}

// What is imported is loaded by a configuration, and diff tells what it changes.
func TestPricesImportAndDiff(t *testing.T) {
	dir := t.TempDir()
	source, rows, conf := filepath.Join(dir, "map.json"), filepath.Join(dir, "rows.csv"), filepath.Join(dir, "farebox.yaml")
	put(t, source, `{"gpt-5": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 9e-06},
		"void": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0}}`)
	put(t, conf, "prices: {files: [rows.csv]}\n")
	status, out, errOut := try("prices", "import", "litellm", source, "-o", rows)
	if status != 0 || out != "" || errOut != "1 rows, 1 doubts\n  zero 1\n" {
		t.Fatalf("import: status %d: %s%s", status, out, errOut)
	}
	if _, _, errOut = try("prices", "import", "litellm", source, "--verbose"); !strings.Contains(errOut, "zero: openai/void: all prices are 0: left out, so that it is unpriced\n") {
		t.Errorf("import --verbose: %s", errOut)
	}
	if status, out, _ = try("prices", "gpt-5", "--config", conf); status != 0 || !strings.Contains(out, "config:prices.files[0]:openai/gpt-5") {
		t.Errorf("the imported price is not found: %s", out)
	}
	other := filepath.Join(dir, "other.csv")
	put(t, other, "provider,model,input,output,source\nopenai,gpt-5,1,10,x\nopenai,new,1,2,x\n")
	for form, want := range map[string]string{
		"table": "2 changes: 1 rows came, 0 went.",
		"csv":   "row,what,was,now\nopenai/gpt-5,output,9,10\nopenai/new,row,,\"input 1, output 2\"\n",
		"json":  `"was": "9",`,
	} {
		if status, out, errOut := try("prices", "diff", rows, other, "-o", form); status != 0 || !strings.Contains(out, want) {
			t.Errorf("diff -o %s: status %d: %s%s", form, status, out, errOut)
		}
	}
	if status, out, _ := try("prices", "diff", "builtin", "builtin"); status != 0 || out != "The tables say the same.\n" {
		t.Errorf("diff of one table: %d, %s", status, out)
	}
	for _, args := range [][]string{
		{"import", "litellm"}, {"import", "yaml", source}, {"import", "litellm", "none.json"}, {"import", "litellm", rows}, {"import", "litellm", source, "-o", dir},
		{"diff", rows}, {"diff", rows, "none.csv"}, {"diff", source, rows},
	} {
		if status, _, errOut := try(append([]string{"prices"}, args...)...); status != 1 || errOut == "" {
			t.Errorf("prices %v: status %d, %q", args, status, errOut)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
