package config

import (
	"strings"
	"testing"
)

// keyed is a company whose one team has a key.
const keyed = "owners: [{team: a, keys: [\"hmac:7d2f0c6a5b1e4f8890a1b2c3d4e5f607\"]}]\n"

// The beginnings of budgets that are enforced, and of those of teams that are known.
const (
	enforced = "{mode: enforce, budgets: ["
	known    = `{mode: enforce, owners: [{team: a}], attribution: {team: [{spiffe: "spiffe://x/{}"}]}, budgets: [`
)

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"a body that never fits":       {"limits: {inflight_bytes: 16MiB}", "error: limits.inflight_bytes: 16MiB cannot hold"},
		"an answer that never fits":    {"{limits: {inflight_bytes: 1MiB}, metering: {max_request_body: 1MiB, buffer_json: 2MiB}}", "error: metering.buffer_json"},
		"models of nobody's":           {`{mode: enforce, holds: {output_bound: strict}, prices: {rates: [{provider: local, model: own, output: "1"}, {provider: openai, model: gpt-4o, output: "1"}, {model: "own*", output: "1"}]}}`, "warning: holds.models: nobody knows the limits of local/own: "},
		"a model half known":           {`{mode: enforce, holds: {output_bound: strict, models: [{model: own, max_output: 8K}]}, prices: {rates: [{provider: local, model: own, output: "1"}]}}`, "warning: holds.models: nobody knows the limits of local/own (what it reads)"},
		"models that are told":         {`{mode: enforce, holds: {output_bound: strict, context_window: 8K, models: [{model: own, max_output: 8K}]}, prices: {rates: [{provider: local, model: own, output: "1"}, {provider: local, model: ears, input: "1"}]}}`, ""},
		"open gRPC":                    {`listen: {extproc: {address: "0.0.0.0:9002"}}`, "warning: listen.extproc.address"},
		"gRPC that all may forge":      {`listen: {extproc: {address: ":9002", tls: {cert: c, key: k}}}`, "warning: listen.extproc.address: :9002 can be reached from other machines without a client"},
		"gRPC for some":                {`listen: {extproc: {address: ":9002", tls: {cert: c, key: k, client_ca: a, allow: ["spiffe://x/gw/*"]}}}`, ""},
		"names nobody asks for":        {`listen: {extproc: {tls: {cert: c, key: k, allow: ["spiffe://x/gw/*"]}}}`, "error: listen.extproc.tls.allow"},
		"open admin":                   {`listen: {admin: {address: ":9470"}}`, "error: listen.admin.address: :9470 can be reached"},
		"open admin with TLS":          {`listen: {admin: {address: ":9470", tls: {cert: c, key: k}}}`, "error: listen.admin.address: :9470 can be reached"},
		"tokens in the clear":          {`listen: {admin: {address: ":9470", tokens: [{name: a, file: f, role: admin}]}}`, "warning: listen.admin.address: :9470 can be reached from other machines without TLS"},
		"metrics for all":              {`listen: {admin: {address: ":9470", tls: {cert: c, key: k}, tokens: [{name: a, file: f, role: admin}]}}`, "warning: listen.admin.metrics"},
		"clients nobody asks":          {`listen: {admin: {clients: [{san: a, role: admin}]}}`, "error: listen.admin.clients"},
		"metrics for nobody":           {`listen: {admin: {metrics: token}}`, "error: listen.admin.metrics"},
		"certificates for nothing":     {`listen: {admin: {tls: {cert: c, key: k, client_ca: a}}}`, "warning: listen.admin.tls.client_ca"},
		"a closed admin":               {`listen: {admin: {address: ":9470", metrics: token, tls: {cert: c, key: k, client_ca: a}, clients: [{san: "spiffe://x/*", role: viewer, team: a}]}}`, ""},
		"one address for two":          {`listen: {admin: {address: "127.0.0.1:9002"}}`, "error: listen.admin.address"},
		"records not waited for":       {"ledger: {durability: async}", "warning: ledger.durability"},
		"Envoy counts everything":      {"metering: {mode: native}", "warning: metering.mode: what Envoy cannot count"},
		"Envoy counts some":            {"metering: {mode: auto}", "note: metering.mode: where Envoy counts, an answer that is cut"},
		"tries of what is learned":     {"{mode: enforce, holds: {tries: 3}}", "warning: holds.tries: multiplies nothing"},
		"tries":                        {"{mode: enforce, holds: {output_bound: strict, tries: 3}}", ""},
		"stopped where nothing is":     {"holds: {on_outgrown: stop}", "note: holds.on_outgrown: in mode observe"},
		"stopped where nobody looks":   {"{mode: enforce, metering: {mode: auto}, holds: {on_outgrown: stop}}", "warning: holds.on_outgrown: stops nothing where Envoy counts"},
		"stopped though all is held":   {"{mode: enforce, holds: {output_bound: cap, on_outgrown: stop}}", "warning: holds.on_outgrown: with output_bound: cap it stops no answer"},
		"stopped":                      {"{mode: enforce, holds: {on_outgrown: stop}}", ""},
		"refused where nothing is":     {"metering: {on_unmetered: refuse}", "warning: metering.on_unmetered: mode observe"},
		"refused":                      {"{mode: enforce, metering: {on_unmetered: refuse}}", ""},
		"a stop that is cut off":       {"drain: {timeout: 26s}", "warning: drain: a stop can take 31s"},
		"observe refuses nothing":      {"attribution: {require: [team], on_missing: refuse}", "warning: attribution.on_missing: mode observe"},
		"nothing is required":          {"{mode: enforce, attribution: {on_missing: refuse}}", "warning: attribution.on_missing: nothing is required"},
		"required twice":               {"attribution: {require: [team, team]}", "warning: attribution.require[1]: team is there twice"},
		"required with a default":      {"attribution: {require: [request_type]}", "warning: attribution.require[0]: request_type has a default"},
		"no team":                      {"attribution: {team: []}", "warning: attribution: there is no attribute team"},
		"a header for the provider":    {"attribution: {team: [{header: X-Dept}]}", "warning: attribution.team[0].header: x-dept is sent"},
		"no key for the provider":      {"attribution: {strip: [Authorization]}", "warning: attribution.strip[0]: providers need authorization"},
		"a provider behind another":    {`providers: [{name: a, dialect: openai, match: {host: "*.X"}}, {name: b, dialect: openai, match: {host: "b.x", route: r}}]`, "warning: providers[1]: b is never taken: providers[0], a,"},
		"everything has one price":     {`prices: {rates: [{input: "1"}]}`, "warning: prices.rates[0]: it prices every model"},
		"everything is free":           {`prices: {rates: [{model: "*", free: true}]}`, "warning: prices.rates[0]: it makes every model of every provider free"},
		"two prices for one":           {`prices: {rates: [{model: a, input: "1"}, {model: a, input: "2", from: 2026-07-01}]}`, "warning: prices.rates[1]: it prices the same calls as prices.rates[0]"},
		"one tier beside another":      {`prices: {rates: [{model: a, input: "1"}, {model: a, tier: batch, input: "2"}, {model: a, above: 1K, input: "2"}, {model: a, region: eu, input: "2"}]}`, ""},
		"one tier in two cases":        {`prices: {rates: [{model: a, tier: batch, input: "1"}, {model: b, input: "1"}, {model: A, tier: batch, input: "2", from: 2026-07-01}]}`, "warning: prices.rates[2]: it prices the same calls as prices.rates[0]"},
		"deployed as nobody says":      {`prices: {rates: [{provider: azure, model: a, deployment: global, input: "1"}]}`, "warning: prices.rates[0].deployment: it holds for no call"},
		"deployed elsewhere":           {`{providers: [{name: a, dialect: openai, match: {host: a}, deployment: global}], prices: {rates: [{provider: b, model: a, deployment: global, input: "1"}]}}`, "warning: prices.rates[0].deployment"},
		"deployed as somebody says":    {`{providers: [{name: a, dialect: openai, match: {host: a}, deployment: global}], prices: {rates: [{provider: a, model: a, deployment: global, input: "1"}, {model: b, deployment: global, input: "1"}]}}`, ""},
		"errors come before warnings":  {"{listen: {extproc: {address: \":1\"}}, limits: {inflight_bytes: 16MiB}}", "error: limits.inflight_bytes"},
		"a port beside no port":        {"providers: [{name: a, dialect: openai, match: {host: a*}}, {name: b, dialect: openai, match: {host: \"a:1\"}}]", ""},
		"a price and then another":     {`prices: {rates: [{model: a, input: "1", until: 2026-07-01}, {model: a, input: "2", from: 2026-07-01}]}`, ""},
		"a provider beside another":    {"providers: [{name: a, dialect: openai, match: {host: a, route: r}}, {name: b, dialect: openai, match: {host: a}}]", ""},
		"ports that the system picks":  {`listen: {extproc: {address: "127.0.0.1:0"}, admin: {address: "127.0.0.1:0"}}`, ""},
		"enforced and required":        {"{mode: enforce, attribution: {require: [team], on_missing: refuse}}", ""},
		"a header before a key":        {keyed + "attribution: {team: [{header: x-team}, {api_key: team}]}", "warning: attribution.team[0]: a caller overrules api key by header x-team"},
		"a body before a workload":     {"attribution: {zone: [{body: zone}, {workload: namespace}]}", "warning: attribution.zone[0]: a caller overrules workload namespace by body zone"},
		"a header after a key":         {keyed + "attribution: {team: [{api_key: team}, {header: x-team}]}", "warning: attribution.team[1]: where api key says nothing, a caller can name any team by header x-team"},
		"keys that nobody asks for":    {keyed, "warning: attribution.team[0]: owners have keys, but a caller can name any team by header x-team"},
		"keys that nobody has":         {"{owners: [{team: a}], attribution: {team: [{api_key: team}]}}", "warning: attribution.team[0].api_key: no owner has a key"},
		"unknown to whom":              {"attribution: {on_unknown: accept}", "warning: attribution.on_unknown: there are no owners"},
		"observe refuses no stranger":  {"{owners: [{team: a}], attribution: {on_unknown: refuse}}", "warning: attribution.on_unknown: mode observe"},
		"nobody is left":               {"owners: [{team: a, until: 2020-01-01}]", "warning: owners: no team is listed from now on"},
		"nobody at all":                {"owners: []", "warning: owners: no team is listed from now on"},
		"some are gone":                {"owners: [{team: a}, {team: z, until: 2020-01-01}, {team: y, until: 2020-01-01}, {team: x, until: 2020-01-01}, {team: w, until: 2020-01-01}, {team: v, until: 2020-01-01}, {team: u, until: 2020-01-01}]", "warning: owners: the time of these teams has ended: u, v, w, x, y and 1 more"},
		"a default of nobody":          {"{owners: [{team: a}], attribution: {team: [{header: x-team, default: b}]}}", `warning: attribution.team[0].default: owners list no team "b"`},
		"an old entry of a team":       {"owners: [{team: a, until: 2020-01-01}, {team: a, from: 2020-01-01}]", ""},
		"a key and nothing else":       {keyed + "attribution: {team: [{api_key: team}]}", ""},
		"a header before a claim":      {"attribution: {team: [{header: x-team}, {jwt: {claim: team, provider: corp}}]}", "warning: attribution.team[0]: a caller overrules jwt claim team of corp by header x-team"},
		"a body before a certificate":  {"attribution: {zone: [{body: zone}, {spiffe: \"spiffe://*/{}\"}]}", "warning: attribution.zone[0]: a caller overrules spiffe spiffe://*/{} by body zone"},
		"a header after a claim":       {"attribution: {team: [{jwt: {claim: team, provider: corp}}, {header: x-team}]}", "warning: attribution.team[1]: where jwt claim team of corp says nothing, a caller can name any team"},
		"an identity that goes on":     {"attribution: {team: [{jwt: {claim: team, provider: corp}}], strip: [x-project, x-user, x-request-type, x-user-tier]}", "warning: attribution.strip: x-team of a caller goes on"},
		"identities alone":             {"attribution: {team: [{spiffe: \"spiffe://a/{}\"}, {jwt: {claim: team, provider: corp}}], user: [{jwt: {claim: sub, provider: corp}}]}", ""},
		"trust for nothing":            {"attribution: {trust_xfcc: true}", "warning: attribution.trust_xfcc: no attribute has a spiffe source"},
		"trust":                        {"attribution: {team: [{spiffe: \"spiffe://a/{}\"}], trust_xfcc: true}", "warning: attribution.trust_xfcc: whoever reaches Envoy"},
		"trust of some":                {"attribution: {team: [{spiffe: \"spiffe://a/{}\"}], trust_xfcc: true, xfcc_proxies: [\"spiffe://a/edge\"]}", ""},
		"trust of nobody":              {"attribution: {team: [{spiffe: \"spiffe://a/{}\"}], xfcc_proxies: [\"spiffe://a/edge\"]}", "warning: attribution.xfcc_proxies: x-forwarded-client-cert is believed of nobody"},
		"a header after a workload":    {"attribution: {zone: [{workload: namespace}, {header: x-project}]}", ""},
		"a header of the provider":     {"attribution: {provider_project: [{header: OpenAI-Project}]}", ""},
		"nobody grants top-ups":        {`{mode: enforce, budgets: [{name: a, limit: {usd: "1"}, window: {every: day}, topups: approval}]}`, "warning: budgets[0].topups: nobody can grant top-ups"},
		"somebody grants top-ups":      {`{mode: enforce, listen: {admin: {tokens: [{name: a, file: f, role: admin}]}}, budgets: [{name: a, limit: {usd: "1"}, window: {every: day}, topups: approval}]}`, ""},
		"a cheaper model":              {enforced + `{name: a, match: {provider: openai, model: gpt-4o}, limit: {usd: "1"}, window: {every: day}, on_exhausted: downgrade, downgrade_to: gpt-4o-mini}]}`, ""},
		"a cheaper model, misspelt":    {enforced + `{name: a, match: {provider: openai}, limit: {usd: "1"}, window: {every: day}, on_exhausted: downgrade, downgrade_to: gtp-4o-mini}]}`, "warning: budgets[0].downgrade_to: nobody knows a price of gtp-4o-mini"},
		"a dearer model":               {enforced + `{name: a, match: {provider: openai, model: gpt-4o-mini}, limit: {usd: "1"}, window: {every: day}, on_exhausted: downgrade, downgrade_to: gpt-4o}]}`, "warning: budgets[0].downgrade_to: gpt-4o costs no less than gpt-4o-mini"},
		"the same model":               {enforced + `{name: a, match: {provider: openai, model: GPT-4o}, limit: {usd: "1"}, window: {every: day}, on_exhausted: downgrade, downgrade_to: gpt-4o}]}`, "warning: budgets[0].downgrade_to: it is a model that the budget counts itself"},
		"a model that is denied":       {enforced + `{name: a, match: {provider: openai}, limit: {usd: "1"}, window: {every: day}, on_exhausted: downgrade, downgrade_to: gpt-4o-mini}], access: [{deny: ["*-mini"]}]}`, "warning: budgets[0].downgrade_to: access[0] keeps callers from gpt-4o-mini"},
		"a limit that is not reached":  {enforced + `{name: a, per: [provider], limit: {usd: "9"}, window: {every: day, timezone: Europe/Berlin}}, {name: b, per: [provider], limit: {usd: "5"}, window: {every: day, timezone: Europe/Berlin}}]}`, "warning: budgets[0].limit: it is never reached: budgets[1], b, counts the same calls"},
		"limits that differ":           {enforced + `{name: a, per: [provider], limit: {usd: "9"}, window: {every: day}}, {name: b, per: [provider], limit: {usd: "5"}, window: {every: day}, on_exhausted: allow}, {name: c, per: [model], limit: {usd: "5"}, window: {every: day}}, {name: d, per: [provider], limit: {tokens: 5}, window: {every: day}}]}`, ""},
		"a minute beyond its hour":     {`{mode: enforce, rate_limits: [{name: a, requests_per_minute: 60, requests_per_hour: 50}]}`, "warning: rate_limits[0].requests_per_minute: it is never reached"},
		"a minute within its hour":     {`{mode: enforce, rate_limits: [{name: a, requests_per_minute: 60, requests_per_hour: 500, tokens_per_minute: 600, tokens_per_hour: 5K}]}`, ""},
		"a budget is needed":           {enforced + `{name: a, limit: {usd: "1"}, window: {every: day}}], require_budget: true}`, ""},
		"no budget, and one is needed": {enforced + `{name: a, limit: {usd: "1"}, window: {every: day}, on_exhausted: allow}, {name: b, limit: {tokens: 1}, window: {every: day}}, {name: c, limit: {usd: "1"}, window: {every: day}, include: [charges]}], require_budget: true}`, "warning: require_budget: no budget in USD refuses anything"},
		"requests that are shrunk":     {enforced + `{name: a, limit: {requests: 9}, window: {every: day}, on_exhausted: shrink}]}`, "warning: budgets[0].on_exhausted: a call is one request"},
		"requests that are downgraded": {enforced + `{name: a, limit: {requests: 9}, window: {every: day}, on_exhausted: downgrade, downgrade_to: gpt-4o-mini}]}`, "warning: budgets[0].on_exhausted: a call is one request"},
		"requests that are throttled":  {enforced + `{name: a, limit: {requests: 9}, window: {every: day}, on_exhausted: throttle, throttle_per_minute: 3}]}`, ""},
		"a place for no window":        {enforced + `{name: a, limit: {usd: "1"}, window: {every: rolling, length: 24h, timezone: Europe/Berlin}}]}`, "warning: budgets[0].window.timezone: changes nothing where every is rolling"},
		"a week of a month":            {enforced + `{name: a, limit: {usd: "1"}, window: {every: month, week_start: sunday}}]}`, "warning: budgets[0].window.week_start: changes nothing"},
		"a fiscal month":               {enforced + `{name: a, limit: {usd: "1"}, window: {every: month, first_month: 4}}]}`, "warning: budgets[0].window.first_month: changes nothing"},
		"windows of places":            {enforced + `{name: a, limit: {usd: "1"}, window: {every: year, first_month: 4, timezone: Europe/Berlin}}, {name: b, limit: {usd: "1"}, window: {every: week, week_start: sunday, timezone: Asia/Tokyo}}, {name: c, limit: {usd: "1"}, window: {every: hour, timezone: Asia/Kolkata}}]}`, ""},
		"a budget of nobody":           {known + `{name: a, match: {team: b}, limit: {usd: "1"}, window: {every: day}}]}`, `warning: budgets[0].match.team: owners list no team "b"`},
		"an exception for nobody":      {known + `{name: a, per: [model, team], except: {"m/c%2Fd": {usd: "2"}}, limit: {usd: "1"}, window: {every: day}}]}`, `warning: budgets[0].except[m/c%2Fd]: owners list no team "c/d"`},
		"a budget of somebody":         {known + `{name: a, match: {team: [a, "b*"]}, per: [team], except: {a: {usd: "2"}}, limit: {usd: "1"}, window: {every: day}}]}`, ""},
		"a socket needs no encryption": {`listen: {extproc: {address: "unix:///run/a.sock"}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := Check(mustParse(t, tc.in))
			if tc.want == "" {
				if len(found) > 0 {
					t.Errorf("Check = %v, want nothing", found)
				}
				return
			}
			if len(found) == 0 || !strings.HasPrefix(found[0].String(), tc.want) {
				t.Fatalf("Check = %v, want first %q", found, tc.want)
			}
			for _, f := range found {
				if f.Key == "" || f.Message == "" || f.Hint == "" {
					t.Errorf("%+v says too little", f)
				}
			}
		})
	}
}
