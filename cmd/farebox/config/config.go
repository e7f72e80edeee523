// Package config reads the one configuration file.
//
// In comes YAML text, out goes a Config or every mistake in it with line, column
// and, for misspelt words, a suggestion. The file is strict: an unknown key, a
// key given twice, a key without a value and a feature that this version does
// not have are mistakes, never ignored. Check then says which choices contradict
// each other or are unsafe.
//
// The package opens nothing but the file, connects to nothing and knows no store
// and no server. A Config is plain data: who shares one must not change it.
package config

import "github.com/farebox/farebox/policy/price"

// Config is the whole file. Each field carries its key, range and description in
// its tag, from which decoding and docs/config.md are both made:
//
//	yaml  the key                     one    the values allowed
//	doc   what it means               later  keys or values of versions to come
//	min   least value or length       max    greatest value or length
//	need  the key must be given
type Config struct {
	Mode         Mode         `yaml:"mode" one:"observe enforce" doc:"observe decides, counts and refuses nothing; enforce refuses."`
	Listen       Listen       `yaml:"listen" doc:"Where Farebox listens."`
	Metering     Metering     `yaml:"metering" doc:"How answers are counted."`
	Limits       Limits       `yaml:"limits" doc:"What one process may take up. Beyond it calls get 503 with retry-after."`
	Ledger       Ledger       `yaml:"ledger" doc:"Where the records of calls are kept."`
	State        State        `yaml:"state" doc:"Where holds and counts are kept."`
	Interactions Interactions `yaml:"interactions" doc:"What serves a person: all calls of one interaction."`
	Drain        Drain        `yaml:"drain" doc:"How a graceful stop goes. Give the process more than wait and timeout together before it is killed."`
	Providers    []Provider   `yaml:"providers" max:"256" doc:"Upstreams that host, route or cluster tell better than the path of the request does. The first that matches is taken."`
	Routes       []Route      `yaml:"routes" max:"256" doc:"Calls that no dialect reads, such as searches of vectors, rerankers, tools and jobs, priced by the request or by what the answer tells. The first that takes a request reads it, whatever dialect would."`
	Stamp        *Stamp       `yaml:"stamp" doc:"For calls that pass two Fareboxes, as at a sidecar and at an egress gateway: the first admits and settles the call, and stamps it; the next observes it."`
	Attributes   Attributes   `yaml:"attribution" doc:"Who pays. Beside the keys below, every key is the name of an attribute and its value the list of its sources."`
	Owners       *Owners      `yaml:"owners" max:"10000" doc:"The teams there are, and what is known of them. When not given, any team may be named."`
	Prices       Prices       `yaml:"prices" doc:"Prices beside the built-in catalogue."`
	Budgets      []Budget     `yaml:"budgets" max:"10000" doc:"What calls may cost. The most that a call may cost is held before it goes to its provider, and settled when it ends: calls at the same time cannot overspend together."`
	Holds        Holds        `yaml:"holds" doc:"How much is held for a call before its cost is known."`
	NeedBudget   bool         `yaml:"require_budget" doc:"Whether a call that counts against no budget in USD, but for those that allow all, gets 403 no_budget, in mode enforce."`
	RateLimits   []RateLimit  `yaml:"rate_limits" max:"1000" doc:"How much may pass in a short time. Beyond it calls get 429 rate_limited with retry-after."`
	Access       []AccessRule `yaml:"access" max:"256" doc:"Who may ask which model. A call that a rule keeps from its model gets 403 model_not_allowed, which says who can change that."`
	Schedule     []Schedule   `yaml:"schedule" max:"256" doc:"When calls may be made that can wait."`
	Shape        []ShapeRule  `yaml:"shape" max:"256" doc:"How much calls may ask for. Requests are changed in mode enforce only."`
	Runaway      Runaway      `yaml:"runaway" doc:"From how many tokens on a single call has run away."`
	Alerts       Alerts       `yaml:"alerts" doc:"What people are told: alerts are kept in the ledger, and told to receivers."`
	Receivers    Receivers    `yaml:"receivers" doc:"Who can be told, by name. Secrets are files, which are read for each message."`
	_            struct{}     `later:"cache privacy"`
}

// Mode says whether calls are refused.
type Mode string

// The modes.
const (
	Observe Mode = "observe"
	Enforce Mode = "enforce"
)

// Metering is how answers are counted.
type Metering struct {
	Mode           string `yaml:"mode" one:"inline native auto" doc:"Who counts, as Envoy is configured to have it: inline is Farebox, which the answer passes chunk by chunk; native is Envoy's own filter (1.40 or newer), which shows Farebox the count alone; auto is Envoy on the paths that it knows and Farebox on the rest. farebox envoy reads it here; a call that comes otherwise is served and counted as metering_mismatch."`
	InjectUsage    bool   `yaml:"inject_usage" doc:"Ask streaming providers to report usage when the caller did not, and hide that from the caller."`
	MaxRequestBody Size   `yaml:"max_request_body" min:"1KiB" max:"1GiB" doc:"A longer request gets 413. Envoy must be set to buffer no more."`
	BufferJSON     Size   `yaml:"buffer_json" max:"64MiB" doc:"A JSON answer of known length up to this is buffered whole, so that its cost can be a response header; 0B buffers none. Keep it well below the buffer limit of Envoy's listener (32 KiB behind Envoy Gateway, 1 MiB by default): beyond that Envoy fails at random."`
	OnUnmetered    string `yaml:"on_unmetered" one:"pass refuse" doc:"What happens to a request to a known LLM host that may cost money and is not metered: it passes, or in mode enforce it gets 403 unmetered. It is counted either way. Reading, deleting and what providers do for nothing always pass."`
	OnAbort        string `yaml:"on_abort" one:"estimate hold" doc:"What a call costs when it broke off before its usage was known: a learned estimate, or all that was held for it."`
}

// Who counts.
const (
	MeteringInline = "inline"
	MeteringNative = "native"
	MeteringAuto   = "auto"
)

// What happens to a request that is not metered.
const (
	UnmeteredPass   = "pass"
	UnmeteredRefuse = "refuse"
)

// Settlements of a call that broke off.
const (
	AbortEstimate = "estimate"
	AbortHold     = "hold"
)

// Limits is what one process may take up.
type Limits struct {
	InflightBytes Size `yaml:"inflight_bytes" min:"1MiB" max:"1TiB" doc:"Buffered bodies, all calls together."`
	Streams       int  `yaml:"streams" min:"1" max:"10000000" doc:"Calls at once."`
}

// Ledger is where the records of calls are kept.
type Ledger struct {
	Store      LedgerStore `yaml:"store" doc:"sqlite:PATH, relative to the folder of this file."`
	Durability string      `yaml:"durability" one:"process power async" doc:"What a committed record survives: process the end of the process; power a power cut too; async is not waited for."`
	CommitWait Duration    `yaml:"commit_wait" min:"1ms" max:"10s" doc:"The longest that the end of an answer waits for its commit; after it the call goes on and is counted as degraded."`
}

// Promises of a commit.
const (
	DurableProcess = "process"
	DurablePower   = "power"
	DurableAsync   = "async"
)

// State is where holds and counts are kept.
type State struct {
	Store        StateStore `yaml:"store" doc:"memory: of one process. After a restart what was spent is read from the ledger. redis://HOST:PORT/DATABASE: Redis or Valkey 7 or newer, which all replicas share; rediss:// over TLS. Several addresses, joined by commas, are nodes of a Cluster, and USER@ before the first is the user. Its maxmemory-policy must be noeviction."`
	Timeout      Duration   `yaml:"timeout" min:"10ms" max:"10s" doc:"How long the store may take to answer. Then it is asked once more, and after as long again a call goes on without it, as state.on_error says. Envoy's message_timeout must be longer than both together."`
	OnError      string     `yaml:"on_error" one:"closed open" doc:"What happens to a call with a budget while the store does not answer: it gets 503 unavailable, or it passes within state.allowance_percent and is counted when the store is back. open starts without the store too, closed does not."`
	Allowance    int        `yaml:"allowance_percent" min:"0" max:"100" doc:"How much of each limit calls of one replica may take, in percent and rounded down, while the store does not answer and state.on_error is open; beyond it they are refused. What was taken counts in the store when it is back."`
	PasswordFile File       `yaml:"password_file" doc:"File with the password of the store, without the line end; it is read at the start."`
	CAFile       File       `yaml:"ca_file" doc:"Authorities, as PEM, whom rediss:// believes. When not given, those of the system."`
	Org          string     `yaml:"org" max:"64" doc:"Sets accounts apart from those of others on the same server: letters, digits, dots, dashes and underscores. Replicas that share budgets have the same."`
	Leases       bool       `yaml:"leases" doc:"Each replica takes shares of accounts, and counts most calls out of them without asking the store: needed from about 8,500 calls a second on, which one server cannot count for long. docs/budgets.md tells what it changes."`
	Sentinel     *Sentinel  `yaml:"sentinel" doc:"The Sentinels that know where the store is, after a failover too. state.store then says redis:// or rediss://, the user and the database, and its addresses are not asked."`
}

// Sentinel is how Sentinels are asked for the store.
type Sentinel struct {
	Master       string   `yaml:"master" need:"yes" max:"128" doc:"The name by which they know it."`
	Addresses    []string `yaml:"addresses" need:"yes" max:"16" doc:"host:port of each."`
	PasswordFile File     `yaml:"password_file" doc:"File with the password of the Sentinels; when not given, they ask for none."`
}

// What happens while the store of budgets does not answer.
const (
	StoreClosed = "closed"
	StoreOpen   = "open"
)

// Interactions is how interactions are counted.
type Interactions struct {
	Idle Duration `yaml:"idle" min:"1m" max:"24h" doc:"How long nothing comes of an interaction that is over: farebox_interactions_total counts it then. What is said of it until then is heeded."`
}

// Drain is how a graceful stop goes.
type Drain struct {
	Wait    Duration `yaml:"wait" max:"5m" doc:"How long health says NOT_SERVING before listening ends, so that Envoy looks elsewhere."`
	Timeout Duration `yaml:"timeout" min:"1s" max:"1h" doc:"The longest to wait for calls under way after that; the rest are settled as partial."`
}

// Provider is one upstream told by where the call goes.
type Provider struct {
	Name        string   `yaml:"name" need:"yes" max:"64" doc:"What records and prices call it: [a-z0-9][a-z0-9._-]*."`
	Dialect     string   `yaml:"dialect" need:"yes" one:"openai anthropic gemini bedrock cohere mistral ollama" doc:"What it speaks."`
	Match       Match    `yaml:"match" need:"yes" doc:"At least one; all that are given must match."`
	InjectUsage *bool    `yaml:"inject_usage" doc:"Whether its streams may be asked to report usage. When not given, metering.inject_usage decides."`
	Account     string   `yaml:"account" max:"128" doc:"The account, project or subscription that its calls are billed to, for prices of one account."`
	Deployment  string   `yaml:"deployment" one:"global data_zone regional provisioned" doc:"How its models are deployed, for prices of one kind; Azure tells it in no answer."`
	Region      string   `yaml:"region" max:"64" doc:"Region or geography in which its calls run, for prices of a region, where the call itself tells none; global is none."`
	Tier        string   `yaml:"tier" max:"32" doc:"Service tier in which calls that ask for none, or auto, are served, as the provider's project or deployment has it, for prices of a tier; the answer's own word counts more. default is that of no tier. Not given: where strict budgets hold, the dearest that the model has a price for, at providers that may serve one unasked; else default."`
	_           struct{} `later:"tls"`
}

// Match says where a call goes. An empty glob is not asked. Host is lower case.
type Match struct {
	Host    Glob `yaml:"host" doc:":authority without its port, or with it where the pattern has one; upper and lower case are the same."`
	Route   Glob `yaml:"route" doc:"Envoy's route name."`
	Cluster Glob `yaml:"cluster" doc:"Envoy's cluster name."`
}

// Stamp is how one Farebox tells the next that a call is paid.
type Stamp struct {
	KeyFile File  `yaml:"key_file" need:"yes" doc:"File with the keys that the Fareboxes share, one a line, of 32 to 512 printable bytes: the first signs, all are believed. Who has a key passes for a Farebox. Read when the configuration is."`
	Sign    *bool `yaml:"sign" doc:"Whether calls that are admitted here are stamped; not given: true. Say false at the last one before the provider, who would see the stamp."`
}

// Signs reports whether admitted calls are stamped.
func (s *Stamp) Signs() bool { return s != nil && (s.Sign == nil || *s.Sign) }

// Attributes is who pays. List holds the attributes in order.
type Attributes struct {
	List      []Attribute
	Require   []string `yaml:"require" max:"16" doc:"Attributes that every call must have."`
	OnMissing string   `yaml:"on_missing" one:"unattributed refuse" doc:"What happens to a call without one: it is counted as unattributed, or it gets 400 missing_metadata."`
	Strip     []string `yaml:"strip" max:"64" doc:"Request headers that the provider does not get."`
	OnUnknown string   `yaml:"on_unknown" one:"unattributed refuse accept" doc:"What happens to a call of a team that owners does not list: it is counted as unattributed, it gets 403 unknown_owner, or the team is taken as it stands."`
	TrustXFCC bool     `yaml:"trust_xfcc" doc:"Whether spiffe believes x-forwarded-client-cert: where a call has it, its last element is the caller's certificate, and that of the connection is the proxy's before Envoy. Only where nobody but such proxies reaches Envoy, and each of them writes the header anew or appends to it. The provider does not get it then."`
	Proxies   []string `yaml:"xfcc_proxies" max:"64" doc:"With trust_xfcc, patterns of the SPIFFE IDs of those proxies, as in spiffe: a call over a certificate of another is that one's, whatever header it sends. Not given: everyone is believed."`
}

// What happens to a call without a required attribute.
const (
	MissingUnattributed = "unattributed"
	MissingRefuse       = "refuse"
)

// What happens to a call of a team that owners does not list.
const (
	UnknownUnattributed = "unattributed"
	UnknownRefuse       = "refuse"
	UnknownAccept       = "accept"
)

// Attribute is one fact about who pays and where it is looked for.
type Attribute struct {
	Name    string
	Sources []Source
}

// Source is one place to look, named by exactly one key. OneOf and Default speak of the attribute, and so
// stand in its last source only.
type Source struct {
	Header    string `yaml:"header" doc:"A request header. A caller may write what it likes."`
	Body      string `yaml:"body" doc:"A member of the request's JSON, a text or a number: metadata.project is project in metadata. A caller may write what it likes, and the provider gets it."`
	APIKey    string `yaml:"api_key" one:"team" doc:"The team that has the caller's API key in owners."`
	Route     string `yaml:"route" doc:"What Envoy's routing says: name of the route, cluster, or metadata.KEY of the route, in the namespace farebox."`
	Workload  string `yaml:"workload" one:"namespace service_account name" doc:"Of the workload whose sidecar Envoy is, as Istio tells it; nothing in a gateway."`
	Attribute string `yaml:"attribute" doc:"Any attribute of Envoy that the filter's request_attributes list."`
	Path      string `yaml:"path" doc:"A part of the request's path, by the name that routes has for it: collection where the path of a route has {collection}. Whoever asks there has said it."`
	Trace     bool   `yaml:"trace" doc:"true: the trace id of traceparent."`
	SPIFFE    string `yaml:"spiffe" doc:"A pattern of the SPIFFE ID in the caller's certificate, which Envoy has verified: {} is the value, and without it the whole ID is. * stands for characters of one part between slashes, at the very end for slashes too."`
	JWT       *Claim `yaml:"jwt" doc:"A claim of a token that Envoy's jwt_authn filter has verified."`

	OneOf   []string `yaml:"one_of" max:"64" doc:"Values allowed; another counts as not given. In the last source only, for all of them."`
	Default string   `yaml:"default" doc:"The value when no source gives one. In the last source only."`
}

// Claim is a claim of a verified token.
type Claim struct {
	Claim    string `yaml:"claim" need:"yes" max:"256" doc:"A text or a number, or a list of one. Dots lead into objects: act.sub is sub in act. Where names have dots themselves, the longest that is there is taken."`
	Provider string `yaml:"provider" need:"yes" max:"256" doc:"Who signed it: what payload_in_metadata says at a provider of jwt_authn. farebox envoy --jwt writes it."`
}

// Prices is what models cost beside the built-in catalogue.
type Prices struct {
	OnUnpriced string   `yaml:"on_unpriced" one:"pass refuse ceiling" doc:"What happens to a call of a model without a price: it passes and its record says unpriced, never free; in mode enforce it gets 403 model_unpriced; or it passes, and its tokens are charged at prices.ceiling until the model has a price and they are rated anew. A price of the rate card is one."`
	Ceiling    *Ceiling `yaml:"ceiling" doc:"For on_unpriced: ceiling."`
	Files      []File   `yaml:"files" max:"16" doc:"CSV tables of prices, as prices import writes them; they win over the catalogue, and a later one over an earlier one."`
	Rates      []Rate   `yaml:"rates" max:"10000" doc:"Price rows; they win over the catalogue and the files."`

	Deployments *Deployments `yaml:"deployments" doc:"Names that only their owner knows, and the model behind each: an Azure deployment, the ARN of a Bedrock inference profile, a Vertex endpoint."`

	Discounts []Discount     `yaml:"discounts" max:"2000" doc:"What contracts with providers make of list prices. Without one the list price is paid."`
	RateCard  []CardRow      `yaml:"rate_card" max:"2000" doc:"What teams are charged. Where no row matches, a team is charged what is paid."`
	FX        []ExchangeRate `yaml:"fx" max:"5000" doc:"Exchange rates of the currencies that discounts and rate_card name."`

	// Tables are the rows of Files, in order; until they are read there are none.
	Tables [][]price.Row
}

// Ceiling is what tokens without a price are charged at.
type Ceiling struct {
	Input  UnitPrice `yaml:"input" need:"yes" doc:"USD per million tokens of input."`
	Output UnitPrice `yaml:"output" need:"yes" doc:"USD per million tokens of output."`
}

// What happens to a call of a model without a price.
const (
	UnpricedPass    = "pass"
	UnpricedRefuse  = "refuse"
	UnpricedCeiling = "ceiling"
)

// Deployments is what model stands behind a name.
type Deployments struct {
	Models map[string]string
}
