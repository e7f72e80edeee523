package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/farebox/farebox/envoy"
	"github.com/goccy/go-yaml"
)

// What stands between the caller and the provider.
const (
	variantEnvoy   = "envoy"   // nothing: the shipped configuration without the filter
	variantNoop    = "noop"    // the yardstick
	variantFarebox = "farebox" // the built binary, everything on
)

// places are the addresses of one stand, host:port.
type places struct{ listen, admin, processor, metrics, provider string }

// envoyConfig is the shipped configuration, changed only where the variant needs
// it. It is JSON, which Envoy reads as well.
func envoyConfig(variant string, at places) ([]byte, error) {
	shipped, err := envoy.Config(envoy.Options{Listen: at.listen, Admin: at.admin, Farebox: at.processor, Upstream: at.provider})
	if err != nil {
		return nil, err
	}
	if variant == variantFarebox {
		return shipped, nil
	}
	var tree any
	if err := yaml.Unmarshal(shipped, &tree); err != nil {
		return nil, fmt.Errorf("read the shipped configuration: %w", err)
	}
	edit := withoutFilter
	if variant == variantNoop {
		edit = streamAnswers
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
