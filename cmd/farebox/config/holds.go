package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/capacity"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// Holds is how much is held for a call.
type Holds struct {
	OutputBound   string       `yaml:"output_bound" one:"learned cap model strict" doc:"How long an answer may be: learned is what 99 of 100 answers to such calls stay below; cap is what the caller allows, else what the model can give; model is what the model can give; what nobody knows is held as learned; strict is as cap, bounds the input by its bytes, and has a bound written into requests that have none, so that no call costs more than was held, given a provider that honours it."`
	OnOutgrown    string       `yaml:"on_outgrown" one:"let stop" doc:"With learned, what happens to a streamed answer that outgrows what is held for it where a budget of on_exhausted: refuse has too little left for more: it is let to its end and counted; or, in mode enforce, it is stopped: the caller gets an error as the last event, the provider is cancelled, and what came is charged."`
	OnUnboundable string       `yaml:"on_unboundable" one:"refuse context_window allow" doc:"With strict, what happens to a call that has no bound, as it names files, earlier answers or hosted tools, is signed, or is of a model whose limits nobody knows: it gets 400 cost_unbounded; all that the model can read is held, or it gets 400 where nobody knows how much that is; or what is learned is held. With context_window, hosted tools are told to stop after tool_calls calls, and all that the model can read is held for each of them and once more; what cannot be told so gets 400."`
	ContextWindow Tokens       `yaml:"context_window" min:"1" max:"1000000000" doc:"Tokens that a model can read, where neither models nor the built-in limits say; not given: nobody knows."`
	MaxOutput     Tokens       `yaml:"max_output" min:"1" max:"1000000000" doc:"Tokens of an answer that a model can give, where neither models nor the built-in limits say; not given: nobody knows."`
	Models        []ModelBound `yaml:"models" max:"1000" doc:"What models can read and give, over the built-in limits, which farebox prices MODEL shows. The first that fits counts."`
	Part          Tokens       `yaml:"part" min:"1" max:"1000000000" doc:"Tokens that a picture, sound or file of a request takes at most; not given: of a picture what its provider documents, of all else what the model can read."`
	ToolCalls     int          `yaml:"tool_calls" max:"1000" doc:"Calls of hosted tools that a request is allowed and held for, with on_unboundable: context_window; a lower bound of the caller stays. 0: such requests get 400."`
	Tries         int          `yaml:"tries" min:"1" max:"20" doc:"How often Envoy tries a call at most: its retry policy's num_retries and one. Each try may be billed."`
}

// What happens to an answer that outgrows what is held for it.
const (
	OutgrownLet  = "let"
	OutgrownStop = "stop"
)

// ModelBound is what some models can read and give.
type ModelBound struct {
	Model         Glob   `yaml:"model" need:"yes" doc:"A name is for its dated snapshots too."`
	ContextWindow Tokens `yaml:"context_window" min:"1" max:"1000000000" doc:"Tokens that it can read; not given: as is built in."`
	MaxOutput     Tokens `yaml:"max_output" min:"1" max:"1000000000" doc:"Tokens of an answer that it can give; not given: as is built in."`
	Hosted        *bool  `yaml:"hosted" doc:"Whether it searches, or runs other tools of its provider, for calls that name none; not given: as is built in."`
}

// Bounds returns what policy/engine needs.
func (c *Config) Bounds() (*engine.Bounds, error) {
	h := &c.Holds
	b := &engine.Bounds{
		Output: engine.OutputBound(h.OutputBound), OnUnboundable: engine.Unboundable(h.OnUnboundable),
		Else: capacity.Limit{Window: int64(h.ContextWindow), Output: int64(h.MaxOutput)},
		Part: int64(h.Part), ToolCalls: int64(h.ToolCalls), Tries: int64(h.Tries), StopOutgrown: h.OnOutgrown == OutgrownStop,
	}
	for i := range h.Models {
		m := &h.Models[i]
		b.Models = append(b.Models, engine.ModelBound{
			Models: []string{strings.ToLower(string(m.Model))},
			Limit:  capacity.Limit{Window: int64(m.ContextWindow), Output: int64(m.MaxOutput)},
			Hosted: m.Hosted,
		})
	}
	rows, err := capacity.Builtin()
	if err != nil {
		return nil, err
	}
	var deployments map[string]string
	if d := c.Prices.Deployments; d != nil {
		deployments = d.Models
	}
	b.Known, err = capacity.New(rows, deployments)
	return b, err
}

// checkHolds finds budgets that may be overspent by what is not bounded.
func checkHolds(c *Config) (found []Finding) {
	if c.Holds.OutputBound != string(engine.Strict) && len(c.Holds.Models) > 0 && c.Holds.OutputBound == string(engine.Learned) {
		found = append(found, warn("holds.models", "is used by no one: with output_bound: learned nothing asks what a model can give", "write output_bound: strict, cap or model, or remove it"))
	}
	if c.Holds.OutputBound != string(engine.Strict) && c.Holds.Tries > 1 {
		found = append(found, warn("holds.tries", fmt.Sprintf("multiplies nothing: with output_bound: %s one try is held, and what others cost is counted when it is known", c.Holds.OutputBound), "write output_bound: strict, or remove it"))
	}
	if c.Holds.OutputBound == string(engine.Strict) && c.Mode == Observe {
		found = append(found, Finding{Note, "holds.output_bound", fmt.Sprintf("in mode %s no request is changed, so that strict bounds what is held and not what is generated", c.Mode), "write mode: enforce"})
	}
	if c.Holds.OutputBound == string(engine.Strict) {
		found = append(found, checkKnown(c)...)
	}
	return append(found, checkOutgrown(c)...)
}

// checkOutgrown finds answers that would not be stopped though they should be.
func checkOutgrown(c *Config) (found []Finding) {
	const key = "holds.on_outgrown"
	if c.Holds.OnOutgrown != OutgrownStop {
		return nil
	}
	if c.Holds.OutputBound != string(engine.Learned) {
		found = append(found, warn(key, fmt.Sprintf("with output_bound: %s it stops no answer but those of models whose limits nobody knows: the others cannot outgrow what is held for them", c.Holds.OutputBound), "write output_bound: learned, or remove it"))
	}
	if c.Metering.Mode != MeteringInline {
		found = append(found, warn(key, "stops nothing where Envoy counts: nobody sees how an answer grows there", "write `metering: {mode: inline}` for routes whose answers are to be stopped"))
	}
	if c.Mode == Observe {
		found = append(found, Finding{Note, key, "in mode observe no answer is stopped: what would be is counted", "write mode: enforce"})
	}
	return found
}

// shownModels bounds the models that one finding names.
const shownModels = 10

// checkKnown names the models of the configuration of which nobody knows what they
// can read or give, so that some of their calls have no bound.
func checkKnown(c *Config) []Finding {
	b, err := c.Bounds()
	if err != nil {
		return nil // nothing is built in; serve says so
	}
	var open []string
	for _, m := range c.namedModels() {
		l := b.Of(m[0], m[1])
		if l.Window > 0 && l.Output > 0 {
			continue
		}
		name := strings.TrimPrefix(m[0]+"/"+m[1], "/")
		switch {
		case l.Window > 0:
			name += " (what it gives)"
		case l.Output > 0:
			name += " (what it reads)"
		}
		if !slices.Contains(open, name) {
			open = append(open, name)
		}
	}
	if len(open) == 0 {
		return nil
	}
	more := ""
	if n := len(open) - shownModels; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return []Finding{warn("holds.models", fmt.Sprintf("nobody knows the limits of %s%s: calls that need them to be bounded follow on_unboundable, %s",
		strings.Join(open[:min(len(open), shownModels)], ", "), more, c.Holds.OnUnboundable), "give their context_window and max_output")}
}

// namedModels are the provider, if it is said, and the name of each model that the
// configuration spells out.
func (c *Config) namedModels() (all [][2]string) {
	add := func(provider, model string) {
		if model != "" && !strings.Contains(provider+model, "*") {
			all = append(all, [2]string{provider, model})
		}
	}
	for i := range c.Prices.Rates {
		if r := &c.Prices.Rates[i]; r.USD[tokenizer.Output] != (price.Price{}) { // else it gives no text
			add(string(r.Provider), string(r.Model))
		}
	}
	if d := c.Prices.Deployments; d != nil {
		for _, name := range slices.Sorted(maps.Keys(d.Models)) {
			add("azure", name)
		}
	}
	for i := range c.Budgets {
		add("", c.Budgets[i].DowngradeTo)
	}
	return all
}
