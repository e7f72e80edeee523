package config

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy/engine"
)

// Holds is how much is held for a call.
type Holds struct {
	OutputBound   string       `yaml:"output_bound" one:"learned cap model strict" doc:"How long an answer may be: learned is what 99 of 100 answers to such calls stay below; cap is what the caller allows, else what the model can give; model is what the model can give; strict is as cap, bounds the input by its bytes, and has a bound written into requests that have none, so that no call costs more than was held, given a provider that honours it."`
	OnUnboundable string       `yaml:"on_unboundable" one:"refuse context_window allow" doc:"With strict, what happens to a call that has no bound, as it names files, earlier answers or hosted tools, or is signed: it gets 400 cost_unbounded; all that the model can read is held, and tool_calls; or what is learned is held."`
	ContextWindow Tokens       `yaml:"context_window" min:"1" max:"1000000000" doc:"Tokens that a model can read, where models does not say."`
	MaxOutput     Tokens       `yaml:"max_output" min:"1" max:"1000000000" doc:"Tokens of an answer that a model can give, where models does not say."`
	Models        []ModelBound `yaml:"models" max:"1000" doc:"What models can read and give. The first that fits counts."`
	Part          Tokens       `yaml:"part" min:"1" max:"1000000000" doc:"Tokens that a picture, sound or file of a request takes at most."`
	ToolCalls     int          `yaml:"tool_calls" max:"1000" doc:"Calls of hosted tools that are held for, with on_unboundable: context_window."`
	Tries         int          `yaml:"tries" min:"1" max:"20" doc:"How often Envoy tries a call at most: its retry policy's num_retries and one. Each try may be billed."`
}

// ModelBound is what some models can read and give.
type ModelBound struct {
	Model         Glob   `yaml:"model" need:"yes" doc:"A name is for its dated snapshots too."`
	ContextWindow Tokens `yaml:"context_window" min:"1" max:"1000000000" doc:"Tokens that it can read; not given: as above."`
	MaxOutput     Tokens `yaml:"max_output" min:"1" max:"1000000000" doc:"Tokens of an answer that it can give; not given: as above."`
}

// Bounds returns what policy/engine needs.
func (c *Config) Bounds() *engine.Bounds {
	h := &c.Holds
	b := &engine.Bounds{
		Output: engine.OutputBound(h.OutputBound), OnUnboundable: engine.Unboundable(h.OnUnboundable),
		Else: engine.ModelBound{Window: int64(h.ContextWindow), MaxOutput: int64(h.MaxOutput)},
		Part: int64(h.Part), ToolCalls: int64(h.ToolCalls), Tries: int64(h.Tries),
	}
	for i := range h.Models {
		m := engine.ModelBound{Models: []string{strings.ToLower(string(h.Models[i].Model))}, Window: b.Else.Window, MaxOutput: b.Else.MaxOutput}
		if n := h.Models[i].ContextWindow; n > 0 {
			m.Window = int64(n)
		}
		if n := h.Models[i].MaxOutput; n > 0 {
			m.MaxOutput = int64(n)
		}
		b.Models = append(b.Models, m)
	}
	return b
}

// checkHolds finds budgets that may be overspent by what is not bounded.
func checkHolds(c *Config) (found []Finding) {
	if c.Holds.OutputBound != string(engine.Strict) && len(c.Holds.Models) > 0 && c.Holds.OutputBound == string(engine.Learned) {
		found = append(found, warn("holds.models", "is used by no one: with output_bound: learned nothing asks what a model can give", "write output_bound: strict, cap or model, or remove it"))
	}
	if c.Holds.OutputBound == string(engine.Strict) && c.Mode == Observe {
		found = append(found, Finding{Note, "holds.output_bound", fmt.Sprintf("in mode %s no request is changed, so that strict bounds what is held and not what is generated", c.Mode), "write mode: enforce"})
	}
	return found
}
