package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/farebox/farebox/envoy"
	"github.com/goccy/go-yaml"
)

// fareboxConfig has everything on that counts money: attribution, prices, the
// ledger in a file, metrics. The harness adds where it listens.
var fareboxConfig = fmt.Sprintf(`mode: observe
ledger: {store: "sqlite:farebox.db"}
providers:
  - {name: bench, dialect: openai, match: {cluster: upstream}}
attribution:
  team: [{header: x-team}]
  project: [{header: x-project}]
prices:
  rates:
    - {provider: bench, model: %q, input: "%.2f", output: "%.2f"}
`, model, inputPrice, outputPrice)

// fiveBudgets count every call against five accounts, none of which is ever
// exhausted.
var fiveBudgets = `
budgets:
  - {name: day, limit: {usd: "1000000"}, window: {every: day}}
  - {name: team, per: [team], limit: {usd: "1000000"}, window: {every: month}}
  - {name: project, per: [team, project], limit: {contracted_usd: "1000000"}, window: {every: month}}
  - {name: quarter, per: [team], limit: {tokens: 1000000000000}, window: {every: quarter}}
  - {name: year, match: {model: "bench-*"}, limit: {requests: 1000000000}, window: {every: year}}
`

// enforcing is fareboxConfig with the budgets; more follows it.
func enforcing(more string) string {
	return strings.Replace(fareboxConfig, "mode: observe", "mode: enforce", 1) + fiveBudgets + more
}

// configFor makes the shipped configuration, changed only where the variant
// needs it. A changed one is JSON, which is YAML too.
func configFor(variant string) func(envoy.Options) ([]byte, error) {
	return func(o envoy.Options) ([]byte, error) {
		shipped, err := envoy.Config(o)
		if err != nil {
			return nil, err
		}
		switch variant {
		case variantEnvoy:
			return change(shipped, withoutFilter)
		case variantNoop:
			return change(shipped, streamAnswers)
		}
		return shipped, nil
	}
}

// change lets edit have the filter chain in which the ext_proc filter is.
func change(shipped []byte, edit func(chain []any, at int) []any) ([]byte, error) {
	var tree any
	if err := yaml.Unmarshal(shipped, &tree); err != nil {
		return nil, fmt.Errorf("read the shipped configuration: %w", err)
	}
	if found := eachFilter(tree, edit); found != 1 {
		return nil, fmt.Errorf("edit the shipped configuration: %d ext_proc filters, want 1", found)
	}
	out, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return out, nil
}

// eachFilter finds every ext_proc filter below node, gives the chain it stands
// in to edit, and returns how many it found.
func eachFilter(node any, edit func(chain []any, at int) []any) int {
	found := 0
	switch n := node.(type) {
	case map[string]any:
		chain, _ := n["http_filters"].([]any)
		for i, f := range chain {
			if isProcessor(f) {
				n["http_filters"] = edit(chain, i)
				return 1
			}
		}
		for _, child := range n {
			found += eachFilter(child, edit)
		}
	case []any:
		for _, child := range n {
			found += eachFilter(child, edit)
		}
	}
	return found
}

func isProcessor(filter any) bool {
	kind, _ := typedConfig(filter)["@type"].(string)
	return strings.HasSuffix(kind, ".ext_proc.v3.ExternalProcessor")
}

func typedConfig(filter any) map[string]any {
	f, _ := filter.(map[string]any)
	config, _ := f["typed_config"].(map[string]any)
	return config
}

func withoutFilter(chain []any, at int) []any {
	return append(chain[:at:at], chain[at+1:]...)
}

// streamAnswers lets the no-op see the body messages that Farebox asks for on
// seeing the head of the answer, which a no-op does not.
func streamAnswers(chain []any, at int) []any {
	if mode, ok := typedConfig(chain[at])["processing_mode"].(map[string]any); ok {
		mode["response_body_mode"] = "STREAMED"
	}
	return chain
}
