package config

import (
	"fmt"

	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/schedule"
	"github.com/farebox/farebox/policy/shape"
)

// AccessRule keeps some calls from some models.
type AccessRule struct {
	Match    CallMatch      `yaml:"match" doc:"The calls that it is for; not given: all."`
	Deny     []string       `yaml:"deny" max:"256" doc:"Patterns of models that they may not ask, by the name that the caller gives; upper and lower case are the same, and a name is for its dated snapshots too."`
	Allow    []string       `yaml:"allow" max:"256" doc:"Patterns of the only models that they may ask."`
	Above    PriceBound     `yaml:"above" doc:"They may not ask models whose list price of input or output is above this, in USD per million tokens. A model without a price is above."`
	Except   []AccessExcept `yaml:"except" max:"256" doc:"Calls that it is not for after all."`
	Approval string         `yaml:"approval" one:"required" doc:"required: an approval of the model for the team, which an owner requests and an approver grants (farebox approvals), lets a call pass. Not given: none does."`
	Ask      string         `yaml:"ask" max:"256" doc:"Whom to ask, such as an address or a channel: the refusal says so."`
}

// AccessExcept frees calls from a rule.
type AccessExcept struct {
	Match CallMatch
	Until Date `yaml:"until" doc:"Until just before then; not given: for good."`
}

// member takes a key of the match, which stands beside until.
func (e *AccessExcept) member(d *decoder, path string, m member) bool {
	return e.Match.member(d, path, m)
}

func (e *AccessExcept) others() []string { return e.Match.others() }

// PriceBound is a price per million tokens above which a model is dear; the zero
// PriceBound is not given.
type PriceBound struct{ money.Rate }

// MarshalText writes the number, or nothing.
func (b PriceBound) MarshalText() ([]byte, error) {
	if b.Rate == 0 {
		return nil, nil
	}
	return b.Rate.MarshalText()
}

// UnmarshalText reads a price above 0.
func (b *PriceBound) UnmarshalText(text []byte) error {
	rate, err := money.ParseRate(string(text))
	switch {
	case err != nil:
		return &Error{Message: err.Error(), Hint: "write a price per million tokens as decimal text, such as \"15\""}
	case rate <= 0:
		return &Error{Message: "is not above 0", Hint: "to keep calls from all models, write `deny: [\"*\"]`"}
	}
	b.Rate = rate
	return nil
}

// Schedule confines some calls to some hours.
type Schedule struct {
	Match    CallMatch        `yaml:"match" doc:"The calls that it is for; not given: all. A call may be made when every rule that is for it allows it."`
	Allow    []ScheduleWindow `yaml:"allow" need:"yes" max:"32" doc:"When they may be made; else they get 429 off_peak_only with the beginning of the next window."`
	Timezone Zone             `yaml:"timezone" doc:"Whose clocks, such as Europe/Berlin; not given: UTC. Where clocks change, windows follow what they show."`
}

// ScheduleWindow is a part of some days.
type ScheduleWindow struct {
	Days Days  `yaml:"days" doc:"Such as mon-fri or sat,sun; not given: every day. They are those on which the window begins."`
	From Clock `yaml:"from" doc:"00:00 to 23:59; not given: 00:00."`
	To   Clock `yaml:"to" doc:"Until just before then, up to 24:00; not after from: on the next day. Not given: 24:00."`
}

// Days are days of the week; none: every day.
type Days struct{ schedule.Days }

// MarshalText writes what UnmarshalText reads, or nothing.
func (v Days) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads days such as mon-fri.
func (v *Days) UnmarshalText(text []byte) (err error) {
	if v.Days, err = schedule.ParseDays(string(text)); err != nil {
		return &Error{Message: err.Error(), Hint: "write such as mon-fri or sat,sun"}
	}
	return nil
}

// Clock is a time of day.
type Clock struct{ schedule.Clock }

// MarshalText writes what UnmarshalText reads, or nothing for midnight.
func (v Clock) MarshalText() ([]byte, error) {
	if v.Clock == 0 {
		return nil, nil
	}
	return []byte(v.String()), nil
}

// UnmarshalText reads a time such as 20:00.
func (v *Clock) UnmarshalText(text []byte) (err error) {
	if v.Clock, err = schedule.ParseClock(string(text)); err != nil {
		return &Error{Message: err.Error(), Hint: "write hours and minutes such as \"20:00\""}
	}
	return nil
}

// ShapeRule bounds what some calls ask for.
type ShapeRule struct {
	Match     CallMatch `yaml:"match" doc:"The calls that it is for; not given: all."`
	MaxOutput Tokens    `yaml:"max_output_tokens" min:"1" max:"1000000000" doc:"The most tokens of an answer. It is set in the request, or lowered, in the member that the provider reads; never raised. Of several rules the least counts."`
	Concise   bool      `yaml:"concise" doc:"true: behind the system's text the model is asked to be concise."`
	JSON      bool      `yaml:"json" doc:"true: likewise, to answer with compact JSON only."`
	OnFixed   string    `yaml:"on_unchangeable" one:"pass refuse" doc:"What happens to a call that asks for more and cannot be changed, as one that is signed with AWS SigV4: it passes and is counted, or it gets 400 output_unbounded. Not given: pass."`
}

// Runaway is from how many tokens on a call has run away.
type Runaway struct {
	Input        Tokens        `yaml:"input" max:"1000000000000" doc:"Tokens of input above which a call is flagged: its record says so, and farebox_runaway_calls_total counts it. 0: none is."`
	Output       Tokens        `yaml:"output" max:"1000000000000" doc:"The same of output, of all answers to one call."`
	RefuseInput  bool          `yaml:"refuse_input" doc:"true: a call whose input is estimated above input gets 400 too_many_tokens."`
	RefuseOutput bool          `yaml:"refuse_output" doc:"true: a call that asks for more than output gets 400 too_many_tokens. One that sets no bound passes; shape can set one."`
	For          []RunawayRule `yaml:"for" max:"255" doc:"Other numbers for some calls. The first that matches counts."`
}

// RunawayRule is Runaway for some calls.
type RunawayRule struct {
	Match        CallMatch `yaml:"match" need:"yes" doc:"The calls that it is for."`
	Input        Tokens    `yaml:"input" max:"1000000000000" doc:"0 or not given: none is flagged."`
	Output       Tokens    `yaml:"output" max:"1000000000000" doc:"0 or not given: none is flagged."`
	RefuseInput  bool      `yaml:"refuse_input" doc:"As above."`
	RefuseOutput bool      `yaml:"refuse_output" doc:"As above."`
}

// AccessRules returns what policy/access needs. The name of each rule is its path
// in the file, as are those below.
func (c *Config) AccessRules() []access.Rule {
	rules := make([]access.Rule, len(c.Access))
	for i := range c.Access {
		a := &c.Access[i]
		r := access.Rule{
			Name: fmt.Sprintf("access[%d]", i), Match: a.Match.patterns(), Deny: a.Deny, Allow: a.Allow, Above: a.Above.Rate,
			Approval: a.Approval != "", Ask: a.Ask,
		}
		for k := range a.Except {
			r.Except = append(r.Except, access.Exception{Match: a.Except[k].Match.patterns(), Until: a.Except[k].Until.Time})
		}
		rules[i] = r
	}
	return rules
}

// ScheduleRules returns what policy/schedule needs.
func (c *Config) ScheduleRules() []schedule.Rule {
	rules := make([]schedule.Rule, len(c.Schedule))
	for i := range c.Schedule {
		s := &c.Schedule[i]
		r := schedule.Rule{Name: fmt.Sprintf("schedule[%d]", i), Match: s.Match.patterns(), Location: s.Timezone.location()}
		for _, w := range s.Allow {
			r.Allow = append(r.Allow, schedule.Window{Days: w.Days.Days, From: w.From.Clock, To: w.To.Clock})
		}
		rules[i] = r
	}
	return rules
}

// ShapeRules returns what policy/shape needs.
func (c *Config) ShapeRules() ([]shape.Rule, []shape.Limit) {
	rules := make([]shape.Rule, len(c.Shape))
	for i := range c.Shape {
		s := &c.Shape[i]
		rules[i] = shape.Rule{
			Name: fmt.Sprintf("shape[%d]", i), Match: s.Match.patterns(), MaxOutput: int64(s.MaxOutput),
			Concise: s.Concise, JSON: s.JSON, Refuse: s.OnFixed == FixedRefuse,
		}
	}
	var limits []shape.Limit
	for i := range c.Runaway.For {
		r := &c.Runaway.For[i]
		limits = append(limits, shape.Limit{
			Name: fmt.Sprintf("runaway.for[%d]", i), Match: r.Match.patterns(), Input: int64(r.Input), Output: int64(r.Output),
			RefuseInput: r.RefuseInput, RefuseOutput: r.RefuseOutput,
		})
	}
	return rules, append(limits, shape.Limit{
		Name: "runaway", Input: int64(c.Runaway.Input), Output: int64(c.Runaway.Output),
		RefuseInput: c.Runaway.RefuseInput, RefuseOutput: c.Runaway.RefuseOutput,
	})
}

// FixedRefuse turns away what cannot be changed.
const FixedRefuse = "refuse"
