package config

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// Budget is what some calls may cost in a window of time.
type Budget struct {
	Name        string    `yaml:"name" need:"yes" max:"128" doc:"What refusals, metrics and reports call it; no spaces. What it has spent stays with its name."`
	Match       CallMatch `yaml:"match" doc:"The calls that count; not given: all. The model is the one that the caller asked for."`
	Per         []string  `yaml:"per" max:"16" doc:"Attributes, or model, provider, operation, whose values each have the limit for themselves; not given: all calls that match share it."`
	Limit       Amounts   `yaml:"limit" need:"yes" doc:"What may be spent in a window, of one unit."`
	Include     []string  `yaml:"include" max:"2" one:"calls charges" doc:"What counts: calls, and charges, which are costs that no call tells (farebox charges); not given: calls alone. Charges count against limits in USD."`
	Except      Excepts   `yaml:"except" doc:"Other limits of single values of per."`
	Window      Window    `yaml:"window" need:"yes" doc:"When it begins anew. A call counts in the window in which it was admitted."`
	Until       Date      `yaml:"until" doc:"The budget ends then, and its calls count against it no more; not given: never."`
	Note        string    `yaml:"note" max:"500" doc:"Who approved it, and what for."`
	ReviewBy    Date      `yaml:"review_by" doc:"When somebody is to look at it again; farebox check says so."`
	OnExhausted string    `yaml:"on_exhausted" one:"refuse allow shrink downgrade throttle" doc:"What happens to a call that may cost more than what is left: it is refused with 429 budget_exhausted; it passes and is counted; its answer is made no longer than what is left pays for; a cheaper model is asked; a few pass a minute. What cannot be done is refused. Not given: refuse."`
	DowngradeTo string    `yaml:"downgrade_to" max:"256" doc:"The cheaper model that downgrade asks."`
	Throttle    int       `yaml:"throttle_per_minute" min:"1" max:"1000000" doc:"Calls that throttle lets pass a minute, for each value of per."`
	Topups      string    `yaml:"topups" one:"free approval" doc:"Who raises the limit for a time (farebox budgets topup): free: who has the role finance or admin, at once, and others when somebody grants it; approval: whoever it is, when somebody else grants it. Not given: free."`
	Rollover    *Rollover `yaml:"rollover" doc:"What was left of the window before is spent in this one, over the limit. Of windows of the calendar."`
	Thresholds  []int     `yaml:"thresholds" max:"16" doc:"Percents of the limit at which spending is told, ascending, from 1 to 1000; not given: those of alerts.thresholds."`
	Page        bool      `yaml:"page" doc:"Whether people may be woken when it is exhausted: receivers that page are told."`
}

// Rollover is what a window of a budget leaves to the next.
type Rollover struct {
	Percent  int      `yaml:"percent" min:"1" max:"100" doc:"Of what was left, rounded down; not given: nothing of it is carried."`
	Cap      *Amounts `yaml:"cap" doc:"The most that is carried, in the unit of limit; not given: there is no bound."`
	Negative bool     `yaml:"negative" doc:"Whether what was spent beyond the limit is taken from the next window, whole."`
}

// Amounts is a limit of one unit.
type Amounts struct {
	USD        UnitPrice `yaml:"usd" doc:"What is charged, in USD."`
	Contracted UnitPrice `yaml:"contracted_usd" doc:"What the provider is paid, in USD."`
	Tokens     Tokens    `yaml:"tokens" min:"1" max:"1000000000000000" doc:"Input and output together."`
	Requests   Tokens    `yaml:"requests" min:"1" max:"1000000000000000" doc:"Calls."`
}

// Excepts are limits of single values.
type Excepts struct{ List []Except }

// Except is the limit of one value of per, or of several joined by a slash.
type Except struct {
	Of    string
	Limit Amounts
}

// Window is when a budget begins anew.
type Window struct {
	Every      string   `yaml:"every" need:"yes" one:"hour day week month quarter year total rolling" doc:"A span of the calendar; total is one window that never ends; rolling moves with the clock."`
	Timezone   Zone     `yaml:"timezone" doc:"Whose calendar, such as Europe/Berlin; not given: UTC."`
	WeekStart  string   `yaml:"week_start" one:"monday tuesday wednesday thursday friday saturday sunday" doc:"The first day of a week; not given: monday."`
	FirstMonth int      `yaml:"first_month" min:"1" max:"12" doc:"The month that a fiscal year, and its first quarter, begin with; not given: 1."`
	Length     Duration `yaml:"length" min:"1m" max:"8784h" doc:"Of a rolling window. It is counted in sixty parts: what was spent leaves it up to a part late."`
}

// RateLimit is how much of some calls may pass in a short time.
type RateLimit struct {
	Name              string    `yaml:"name" need:"yes" max:"100" doc:"What refusals, metrics and reports call it; no spaces."`
	Match             CallMatch `yaml:"match" doc:"The calls that count; not given: all."`
	Per               []string  `yaml:"per" max:"16" doc:"As in budgets."`
	TokensPerMinute   Tokens    `yaml:"tokens_per_minute" min:"1" max:"1000000000000" doc:"Input and output together: held at the most that a call may take, corrected when it ends. It is refilled evenly."`
	TokensPerHour     Tokens    `yaml:"tokens_per_hour" min:"1" max:"1000000000000" doc:"The same, over an hour."`
	RequestsPerMinute Tokens    `yaml:"requests_per_minute" min:"1" max:"1000000000000" doc:"Calls, refilled evenly."`
	RequestsPerHour   Tokens    `yaml:"requests_per_hour" min:"1" max:"1000000000000" doc:"The same, over an hour."`
	Concurrent        Tokens    `yaml:"concurrent" min:"1" max:"1000000000" doc:"Calls under way at once."`
}

// Zone is a place whose clocks count; empty: UTC.
type Zone string

// UnmarshalText reads the name of a time zone.
func (z *Zone) UnmarshalText(text []byte) error {
	if _, err := time.LoadLocation(string(text)); err != nil || string(text) == "Local" || len(text) == 0 {
		return &Error{Message: fmt.Sprintf("%q is no time zone", clip(string(text))), Hint: "write a name such as Europe/Berlin or UTC"}
	}
	*z = Zone(text)
	return nil
}

// location is the place; nil: UTC.
func (z Zone) location() *time.Location {
	if z == "" {
		return nil
	}
	in, err := time.LoadLocation(string(z))
	if err != nil {
		return nil // which UnmarshalText has refused
	}
	return in
}

// member takes the limit of one value.
func (e *Excepts) member(d *decoder, path string, m member) bool {
	if len(m.key) > maxExcept {
		return false
	}
	one := Except{Of: m.key}
	d.value(reflect.ValueOf(&one.Limit).Elem(), m.value, field{}, path+"["+clip(m.key)+"]")
	if len(e.List) >= maxExcepts {
		d.addAt(path, &Error{Message: fmt.Sprintf("has more than %d values", maxExcepts)})
		return true
	}
	e.List = append(e.List, one)
	return true
}

func (e *Excepts) others() []string { return nil }

// Bounds of the exceptions of one budget: how many, and the bytes of a value.
const (
	maxExcepts = 10_000
	maxExcept  = 4096
)

// Rules returns what policy/budget needs, in the order of the file: budgets, then
// rate limits.
func (c *Config) Rules() []budget.Rule {
	var rules []budget.Rule
	for i := range c.Budgets {
		r := c.Budgets[i].rule()
		if c.Budgets[i].Thresholds == nil {
			r.Thresholds = c.Alerts.Thresholds
		}
		rules = append(rules, r)
	}
	for i := range c.RateLimits {
		rules = append(rules, c.RateLimits[i].rules()...)
	}
	return rules
}

func (b *Budget) rule() budget.Rule {
	r := budget.Rule{
		Name: b.Name, Match: b.Match.patterns(), Per: b.Per, Window: b.Window.window(), Until: b.Until.Time,
		OnExhausted: budget.Action(b.OnExhausted), To: b.DowngradeTo, Throttled: int64(b.Throttle), Thresholds: b.Thresholds, Page: b.Page,
		Note: b.Note, Approve: b.Topups == "approval", ReviewBy: b.ReviewBy.Time,
	}
	r.Unit, r.Limit = b.Limit.one()
	switch calls, charges := slices.Contains(b.Include, "calls"), slices.Contains(b.Include, "charges"); {
	case charges && calls:
		r.Include = budget.CallsAndCharges
	case charges:
		r.Include = budget.Charges
	}
	if b.Rollover != nil {
		r.Rollover = b.Rollover.rollover()
	}
	for i := range b.Except.List {
		if r.Except == nil {
			r.Except = make(map[string]int64, len(b.Except.List))
		}
		_, r.Except[b.Except.List[i].Of] = b.Except.List[i].Limit.one()
	}
	return r
}

func (r *Rollover) rollover() *budget.Rollover {
	carried := budget.Rollover{Percent: r.Percent, Negative: r.Negative}
	if r.Cap != nil {
		_, carried.Cap = r.Cap.one()
	}
	return &carried
}

// one is the unit that is limited, and its limit, in nano-USD where it is money.
func (a *Amounts) one() (budget.Unit, int64) {
	switch {
	case a.Contracted.Given:
		return budget.Contracted, int64(a.Contracted.Nano())
	case a.Tokens > 0:
		return budget.Tokens, int64(a.Tokens)
	case a.Requests > 0:
		return budget.Requests, int64(a.Requests)
	}
	return budget.Charged, int64(a.USD.Nano())
}

// given is how many units have a limit.
func (a *Amounts) given() (n int) {
	for _, is := range []bool{a.USD.Given, a.Contracted.Given, a.Tokens > 0, a.Requests > 0} {
		if is {
			n++
		}
	}
	return n
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (w *Window) window() budget.Window {
	start := time.Monday
	if i := slices.Index(weekdays, w.WeekStart); i >= 0 {
		start = time.Weekday(i)
	}
	return budget.Window{
		Every: budget.Every(w.Every), Location: w.Timezone.location(), WeekStart: start, FirstMonth: time.Month(w.FirstMonth), Length: w.Length.Std(),
	}
}

// rules are those of one rate limit, each named after it and what it limits.
func (l *RateLimit) rules() (rules []budget.Rule) {
	for _, part := range []struct {
		name  string
		limit Tokens
		unit  budget.Unit
		over  time.Duration
	}{
		{"tokens_per_minute", l.TokensPerMinute, budget.Tokens, time.Minute},
		{"tokens_per_hour", l.TokensPerHour, budget.Tokens, time.Hour},
		{"requests_per_minute", l.RequestsPerMinute, budget.Requests, time.Minute},
		{"requests_per_hour", l.RequestsPerHour, budget.Requests, time.Hour},
		{"concurrent", l.Concurrent, budget.Concurrency, 0},
	} {
		if part.limit > 0 {
			rules = append(rules, budget.Rule{
				Name: l.Name + "." + part.name, Match: l.Match.patterns(), Per: l.Per, Unit: part.unit, Limit: int64(part.limit),
				Rate: part.over, Window: budget.Window{Every: budget.Total},
			})
		}
	}
	return rules
}

// patterns returns c for package budget.
func (c *CallMatch) patterns() map[string][]string {
	if len(c.Keys) == 0 {
		return nil
	}
	m := make(map[string][]string, len(c.Keys))
	for i := range c.Keys {
		m[c.Keys[i].Name] = c.Keys[i].Values
	}
	return m
}
