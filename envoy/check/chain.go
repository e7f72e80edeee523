package check

import (
	"slices"
	"strings"
)

// The types of filters that matter.
const (
	processorType    = "ext_proc.v3.ExternalProcessor"
	managerType      = "ai_protocol_manager.v3.AiProtocolManager"
	decompressorType = "decompressor.v3.Decompressor"
)

// chain is one list of HTTP filters. Indexes are -1 for what is not there.
type chain struct {
	filters                        []*node
	farebox, manager, decompressor int
	around                         *node // what the list stands in; nil for a patch
}

func newChain(m *node) chain {
	c := chain{filters: m.at("http_filters").list(), around: m, farebox: -1}
	c.manager, c.decompressor = c.find(managerType), c.find(decompressorType)
	processors := 0
	for i, f := range c.filters {
		if !f.at("typed_config").isType(processorType) {
			continue
		}
		processors++
		if c.ours(f) {
			c.farebox = i
		}
	}
	if c.farebox < 0 && processors == 1 {
		c.farebox = c.find(processorType) // whatever it is called
	}
	return c
}

func (c *chain) find(kind string) int {
	return slices.IndexFunc(c.filters, func(f *node) bool { return f.at("typed_config").isType(kind) })
}

func (c *chain) filter() *node { return c.filters[c.farebox] }
func (c *chain) config() *node { return c.filter().at("typed_config") }

// ours reports whether an ext_proc filter asks farebox: it is called so, or its
// cluster is, or it says how farebox meters.
func (c *chain) ours(f *node) bool {
	config := f.at("typed_config")
	for _, name := range []*node{f.at("name"), config.at("grpc_service", "envoy_grpc", "cluster_name"), config.at("grpc_service", "google_grpc", "target_uri")} {
		if strings.Contains(name.word(), "farebox") {
			return true
		}
	}
	return metering(config, nil) != ""
}

// route is one route, and the places where filters are configured for it, the
// narrowest last.
type route struct {
	at      *node
	levels  []*node
	limited bool // it says how long a request may be, or is not known
}

// routesOf lists the routes of a route configuration, with the clusters among
// which a route divides its calls as routes of their own.
func routesOf(table *node) (list []route) {
	for _, host := range table.at("virtual_hosts").list() {
		for _, r := range host.at("routes").list() {
			if r.at("route") == nil {
				continue // a redirect, or an answer of Envoy's own
			}
			levels := []*node{table.at(perFilter), host.at(perFilter), r.at(perFilter)}
			limited := r.at("request_body_buffer_limit") != nil
			parts := r.at("route", "weighted_clusters", "clusters").list()
			if len(parts) == 0 {
				list = append(list, route{r, levels, limited})
			}
			for _, p := range parts {
				list = append(list, route{p, append(slices.Clone(levels), p.at(perFilter)), limited})
			}
		}
	}
	return list
}

const perFilter = "typed_per_filter_config"

// configs are what a route says of a filter, the narrowest last. off is the last
// word on whether the filter works there at all.
func (r *route) configs(filter *node) (list []*node, off bool) {
	off = filter.at("disabled").isTrue()
	for _, level := range r.levels {
		said := level.at(filter.at("name").word())
		if said == nil {
			continue
		}
		off = said.at("disabled").isTrue()
		if said.isType("route.v3.FilterConfig") {
			said = said.at("config")
		}
		if said != nil {
			list = append(list, said)
		}
	}
	return list, off
}

// counts reports whether Envoy counts the answers of r and says so in trailers.
func (c *chain) counts(r *route) bool {
	if c.manager < 0 {
		return false
	}
	filter := c.filters[c.manager]
	said, off := r.configs(filter)
	usage := filter.at("typed_config", "response_handling", "token_usage")
	if off || !slices.Contains([]string{"SYNTHESIZE_TRAILERS", "1"}, usage.at("usage_signal").word()) {
		return false
	}
	return len(said) > 0 || usage.at("include_unconfigured_routes").isTrue()
}

// metering is the word by which a filter, or the overrides of a route, say how
// farebox meters there.
func metering(config *node, overrides []*node) string {
	word := ""
	say := func(list *node) {
		for _, h := range list.list() {
			if strings.EqualFold(h.at("key").word(), "x-farebox-metering") {
				word = h.at("value").word()
			}
		}
	}
	say(config.at("grpc_service", "initial_metadata"))
	for _, o := range overrides {
		say(o.at("overrides", "grpc_service", "initial_metadata"))
		say(o.at("overrides", "grpc_initial_metadata"))
	}
	return word
}

// mode is a processing mode in force, by the names that it has in Envoy's API.
type mode struct {
	at                                       *node // where it is said
	request, requestBody                     string
	response, responseBody, responseTrailers string
}

var (
	headerModes = []string{"DEFAULT", "SEND", "SKIP"}
	bodyModes   = []string{"NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED", "GRPC"}
)

// modeOf reads a processing mode with its defaults.
func modeOf(n, around *node) mode {
	return mode{
		at:      n.or(around),
		request: named(n.at("request_header_mode"), headerModes, "SEND"), requestBody: named(n.at("request_body_mode"), bodyModes, "NONE"),
		response: named(n.at("response_header_mode"), headerModes, "SEND"), responseBody: named(n.at("response_body_mode"), bodyModes, "NONE"),
		responseTrailers: named(n.at("response_trailer_mode"), headerModes, "SKIP"),
	}
}

// named is the name of an enum's value, which may also come as its number.
func named(n *node, names []string, otherwise string) string {
	word := n.word()
	if len(word) == 1 && word[0] >= '0' && int(word[0]-'0') < len(names) {
		word = names[word[0]-'0']
	}
	if word == "" || word == "DEFAULT" {
		return otherwise
	}
	return word
}
