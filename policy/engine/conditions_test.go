package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

// listed is an engine with the list prices that the program carries.
func listed(t *testing.T) (*engine.Engine, *book, *prometheus.Registry) {
	t.Helper()
	rows, err := price.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	prices, err := price.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return newEngine(t, func(o *engine.Options, _ *attribution.Options) { o.Rules.Prices = prices })
}

// tokens are a thousand in and a hundred out.
func tokens() tokenizer.Usage {
	var u tokenizer.Usage
	u.Set(tokenizer.Input, 1000, tokenizer.Reported)
	u.Set(tokenizer.Output, 100, tokenizer.Reported)
	return u
}

func images(n int64) tokenizer.Usage {
	var u tokenizer.Usage
	u.Set(tokenizer.Images, n, tokenizer.Reported)
	return u
}

func paintedTokens() tokenizer.Usage {
	var u tokenizer.Usage
	u.Set(tokenizer.Input, 40, tokenizer.Reported)
	u.Set(tokenizer.OutputImage, 4160, tokenizer.Reported)
	u.Set(tokenizer.Images, 1, tokenizer.Reported)
	return u
}

// autumn is when the calls are.
var autumn = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const (
	sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	nova   = "amazon.nova-lite-v1:0"
)

// conditioned are calls whose price hangs on more than the model: 1000 tokens in
// and 100 out, unless they say what else they used. cost is by hand, of the
// provider's price page.
var conditioned = []struct {
	name    string
	ask     policy.Request
	outcome policy.Outcome
	usage   tokenizer.Usage
	cost    string
	unmet   string
}{
	{"bedrock, plain, in a region", at("bedrock", sonnet, "us-east-1"), answers("", "", ""), tokens(), "0.0045", ""},
	{"bedrock, profile of the US", at("bedrock", "us."+sonnet, "us-east-1"), answers("", "", ""), tokens(), "0.00495", ""},
	{"bedrock, profile of the EU, answered by the maker's name", at("bedrock", "eu."+sonnet, "eu-west-1"), answers("claude-sonnet-4-5-20250929", "", ""), tokens(), "0.00495", ""},
	{"bedrock, global profile", at("bedrock", "global."+sonnet, "us-east-1"), answers("", "", ""), tokens(), "0.0045", ""},
	{"bedrock, global profile by its ARN", at("bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global."+sonnet, "us-east-1"), answers("", "", ""), tokens(), "0.0045", ""},
	{"bedrock, profile of Asia", at("bedrock", "apac."+nova, "ap-northeast-1"), answers("", "", ""), tokens(), "0.0000882", ""},
	{"bedrock, plain, of the government", at("bedrock", sonnet, "us-gov-west-1"), answers("", "", ""), tokens(), "0.0054", ""},
	{"bedrock, a region's own price", at("bedrock", "deepseek.v3.2", "ap-south-1"), answers("", "", ""), tokens(), "0.000962", ""},
	{"bedrock, priority in a region", at("bedrock", "deepseek.v3.2", "us-east-1"), answers("", "priority", ""), tokens(), "0.00140875", ""},
	{"bedrock, reserved, of which no row is", at("bedrock", "deepseek.v3.2", "us-east-1"), answers("", "reserved", ""), tokens(), "0.000805", "tier=reserved"},

	{"azure, global", deployed("gpt-4o-2024-08-06", "global", ""), answers("", "", "East US"), tokens(), "0.0035", ""},
	{"azure, zone of the EU by a region", deployed("gpt-4o-2024-08-06", "data_zone", ""), answers("", "", "Sweden Central"), tokens(), "0.00385", ""},
	{"azure, zone of the US as configured", deployed("gpt-4o-2024-08-06", "data_zone", "us"), answers("", "default", "East US 2"), tokens(), "0.00385", ""},
	{"azure, zone, batch", deployed("gpt-4o-2024-08-06", "data_zone", "eastus"), answers("", "batch", ""), tokens(), "0.001925", ""},
	{"azure, zone that only the family has", deployed("chat-prod", "data_zone", ""), answers("gpt-4.1-mini-2025-04-14", "", "Sweden Central"), tokens(), "0.000616", ""},
	{"azure, zone without a region", deployed("gpt-4o-2024-08-06", "data_zone", ""), answers("", "", ""), tokens(), "0.0035", "deployment=data_zone"},
	{"azure, region outside of the zones", deployed("gpt-4o-2024-08-06", "data_zone", "norwayeast"), answers("", "", ""), tokens(), "0.0035", "deployment=data_zone"},
	{"azure, regional, of which no row is", deployed("gpt-4o-2024-08-06", "regional", "eastus"), answers("", "priority", ""), tokens(), "0.0035", "deployment=regional tier=priority"},
	{"azure, of the government", deployed("o3-mini", "", "usgovvirginia"), answers("", "", ""), tokens(), "0.002118", ""},

	{"vertex, in a location", at("vertex", "claude-sonnet-4-5@20250929", "us-east5"), answers("claude-sonnet-4-5-20250929", "", ""), tokens(), "0.00495", ""},
	{"vertex, global", at("vertex", "claude-sonnet-4-5@20250929", "global"), answers("claude-sonnet-4-5-20250929", "", ""), tokens(), "0.0045", ""},
	{"vertex, flex in a location", at("vertex", "gemini-3.5-flash", "europe-west4"), answers("", "flex", ""), tokens(), "0.00132", ""},

	{"anthropic, in the US", at("anthropic", "claude-opus-4-6", "us"), answers("", "standard", ""), tokens(), "0.00825", ""},
	{"anthropic, in the US as answered", at("anthropic", "claude-opus-4-6", ""), within(answers("", "", ""), "us"), tokens(), "0.00825", ""},
	{"anthropic, anywhere", at("anthropic", "claude-opus-4-6", ""), within(answers("", "", ""), "global"), tokens(), "0.0075", ""},
	{"anthropic, batch in the US", at("anthropic", "claude-opus-5", "us"), answers("", "batch", ""), tokens(), "0.004125", ""},
	{"anthropic, priority, which is paid for beforehand", at("anthropic", "claude-opus-4-6", ""), answers("", "priority", ""), tokens(), "0.0075", "tier=priority"},

	{"openai, batch", at("openai", "gpt-5", ""), answers("", "batch", ""), tokens(), "0.001125", ""},
	{"openai, flex", at("openai", "gpt-5", ""), answers("", "flex", ""), tokens(), "0.001125", ""},
	{"openai, priority", at("openai", "gpt-5", ""), answers("", "priority", ""), tokens(), "0.0045", ""},
	{"openai, priority asked, standard served", asking("gpt-5", "priority"), answers("", "default", ""), tokens(), "0.00225", ""},
	{"openai, priority asked, nothing said", asking("gpt-5", "priority"), answers("", "", ""), tokens(), "0.0045", ""},
	{"openai, left to choose, nothing said", asking("gpt-5", "auto"), answers("", "", ""), tokens(), "0.00225", ""},
	{"openai, a tier without a row", at("openai", "gpt-5", ""), answers("", "scale", ""), tokens(), "0.00225", "tier=scale"},
	{"openai, host of the EU", at("openai", "gpt-5.4", "eu"), answers("", "default", ""), tokens(), "0.0044", ""},

	{"image of a size and quality", picture("1024x1024", "high"), answers("", "", ""), images(3), "0.501", ""},
	{"image of another", picture("1024x1536", "low"), answers("", "", ""), images(2), "0.032", ""},
	{"image as made", picture("auto", "auto"), sized(answers("", "", ""), "1536x1024", "medium"), images(1), "0.063", ""},
	{"image told in tokens", picture("1024x1024", "high"), answers("", "", ""), paintedTokens(), "0.1666", ""},
}

func at(provider, model, region string) policy.Request {
	return policy.Request{Provider: provider, Region: region, Call: tokenizer.Call{Model: model}}
}

func deployed(model, deployment, region string) policy.Request {
	r := at("azure", model, region)
	r.Deployment = deployment
	return r
}

func asking(model, tier string) policy.Request {
	r := at("openai", model, "")
	r.Call.Tier = tier
	return r
}

func picture(size, quality string) policy.Request {
	r := at("openai", "gpt-image-1", "")
	r.Call.Size, r.Call.Quality = size, quality
	return r
}

func answers(model, tier, region string) policy.Outcome {
	return policy.Outcome{Status: 200, Region: region, Reading: tokenizer.Reading{Model: model, Tier: tier}}
}

func within(o policy.Outcome, region string) policy.Outcome {
	o.Reading.Region = region
	return o
}

func sized(o policy.Outcome, size, quality string) policy.Outcome {
	o.Reading.Size, o.Reading.Quality = size, quality
	return o
}

// What is known of a call reaches its price; what the price does not know of is
// told; and priced anew by the same rows, nothing changes.
func TestConditionsReachThePrice(t *testing.T) {
	e, b, _ := listed(t)
	for _, c := range conditioned {
		t.Run(c.name, func(t *testing.T) {
			ask, out := c.ask, c.outcome
			ask.At, ask.Identity, ask.Call.Choices = autumn, headers{}, 1
			out.At, out.Reading.Usage = autumn.Add(time.Second), []tokenizer.Usage{c.usage}
			ticket, err := e.Admit(t.Context(), &ask)
			if err != nil {
				t.Fatal(err)
			}
			got := e.Settle(t.Context(), ticket, out)
			r := b.last(t)
			if got.Cost.String() != c.cost || !r.Priced {
				t.Errorf("it costs %s (priced: %v), want %s; lines %+v", got.Cost, r.Priced, c.cost, r.Lines)
			}
			for _, l := range r.Lines {
				if l.Unmet != c.unmet {
					t.Errorf("%v: unmet %q, want %q", l.Class, l.Unmet, c.unmet)
				}
			}
			if again, changed := e.Correction([]policy.Record{r}, "test"); changed {
				t.Errorf("priced anew it is another: %+v", again.Lines)
			}
		})
	}
}

// A record keeps the conditions that it was priced by, and what the answer told
// beside them.
func TestRecordsKeepConditions(t *testing.T) {
	e, b, _ := listed(t)
	ask := picture("auto", "high")
	ask.At, ask.Identity, ask.Account, ask.Deployment, ask.Region = noon, headers{}, "acme", "regional", "eu"
	ticket, err := e.Admit(t.Context(), &ask)
	if err != nil {
		t.Fatal(err)
	}
	out := policy.Outcome{Status: 200, At: noon, AccountTold: "organization=o", Region: "East US"}
	out.Reading = tokenizer.Reading{Size: "1024x1024", Usage: []tokenizer.Usage{images(1)}}
	e.Settle(t.Context(), ticket, out)
	r := b.last(t)
	if got := [...]string{r.Account, r.AccountTold, r.Deployment, r.Region, r.Size, r.Quality}; got != [...]string{"acme", "organization=o", "regional", "eu", "1024x1024", "high"} {
		t.Errorf("kept %q", got)
	}
}

// A rate of one account holds for its calls alone, also when a call is priced
// anew; and that nothing more is known of a tier is told by the new price.
func TestAnAccountsRateCorrects(t *testing.T) {
	e, b, _ := listed(t)
	ask := at("openai", "gpt-5", "")
	ask.At, ask.Identity, ask.Account = noon, headers{}, "acme"
	ticket, err := e.Admit(t.Context(), &ask)
	if err != nil {
		t.Fatal(err)
	}
	out := answers("", "priority", "")
	out.At, out.Reading.Usage = noon, []tokenizer.Usage{tokens()}
	e.Settle(t.Context(), ticket, out)
	first := b.last(t)
	own := func(account string) price.Row {
		row := price.NewRow("own", "openai", "gpt-5")
		row.Account = account
		row.Set(tokenizer.Input, rate(t, "1"))
		row.Set(tokenizer.Output, rate(t, "5"))
		return row
	}
	configure(t, e, terms.Options{}, own("other"))
	if c, changed := e.Correction([]policy.Record{first}, "test"); !changed || c.Priced {
		t.Errorf("another account's rate: changed %v, priced %v", changed, c.Priced)
	}
	configure(t, e, terms.Options{}, own("acme"))
	c, changed := e.Correction([]policy.Record{first}, "test")
	if !changed || len(c.Lines) != 2 || c.Lines[0].RateID != "own" || c.Lines[0].Unmet != "tier=priority" || c.Lines[0].Charged.String() != "-0.0015" {
		t.Errorf("its own: changed %v, %+v", changed, c.Lines)
	}
}

// What is not met is counted once a call, by the name of the condition alone.
func TestUnmetIsCounted(t *testing.T) {
	e, _, reg := listed(t)
	for _, c := range conditioned {
		if c.unmet == "" {
			continue
		}
		ask, out := c.ask, c.outcome
		ask.At, ask.Identity, ask.Call.Choices = autumn, headers{}, 1
		out.At, out.Reading.Usage = autumn, []tokenizer.Usage{c.usage}
		ticket, err := e.Admit(t.Context(), &ask)
		if err != nil {
			t.Fatal(err)
		}
		e.Settle(t.Context(), ticket, out)
	}
	want := `
# HELP farebox_price_unmet_total Calls priced by a row that does not know their tier or deployment: they may be billed at another price.
# TYPE farebox_price_unmet_total counter
farebox_price_unmet_total{condition="deployment",model="gpt-4o-2024-08-06",provider="azure"} 3
farebox_price_unmet_total{condition="tier",model="claude-opus-4-6",provider="anthropic"} 1
farebox_price_unmet_total{condition="tier",model="deepseek.v3.2",provider="bedrock"} 1
farebox_price_unmet_total{condition="tier",model="gpt-4o-2024-08-06",provider="azure"} 1
farebox_price_unmet_total{condition="tier",model="gpt-5",provider="openai"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_price_unmet_total"); err != nil {
		t.Error(err)
	}
}

// Beyond the most series, what is not met is counted as that of another.
func TestUnmetIsBounded(t *testing.T) {
	e, _, reg := newEngine(t, func(o *engine.Options, _ *attribution.Options) { o.MaxSeries = 1 })
	for _, model := range []string{"m1", "m2", "m3", "m1"} {
		ask := at("local", model, "")
		ask.At, ask.Identity = noon, headers{}
		ticket, err := e.Admit(t.Context(), &ask)
		if err != nil {
			t.Fatal(err)
		}
		out := answers(model, "fast", "")
		out.At, out.Reading.Usage = noon, []tokenizer.Usage{tokens()}
		e.Settle(t.Context(), ticket, out)
	}
	want := `
# HELP farebox_price_unmet_total Calls priced by a row that does not know their tier or deployment: they may be billed at another price.
# TYPE farebox_price_unmet_total counter
farebox_price_unmet_total{condition="tier",model="m1",provider="local"} 2
farebox_price_unmet_total{condition="tier",model="other",provider="other"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_price_unmet_total"); err != nil {
		t.Error(err)
	}
}
