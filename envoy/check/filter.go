package check

import (
	"strconv"
	"time"
)

const (
	// leastWait is how long admission may take by itself, and some time to answer.
	leastWait = 500 * time.Millisecond
	// leastPing is the interval below which farebox's server takes pings for an
	// attack: it then closes the connection, and with it every call.
	leastPing = 2500 * time.Millisecond
	// usualCalls is Envoy's own limit of calls at once to a cluster.
	usualCalls = 1024
)

// checkFilter checks what holds for farebox's filter on every route.
func (h *house) checkFilter(c *chain) {
	f := c.config()
	wait := f.at("message_timeout")
	if d, err := time.ParseDuration(wait.word()); err != nil || d > 0 && d < leastWait {
		h.warn(wait.or(f), "message_timeout", "Envoy waits 200 ms unless told, and farebox may take 250 ms to decide: then callers get 504, or pass unmetered where failure_mode_allow is true",
			"message_timeout: 2s")
	}
	if !f.at("failure_mode_allow").isTrue() && f.at("status_on_error") == nil {
		h.warn(f, "status_on_error", "without farebox callers get 500, which looks like the provider's mistake", "status_on_error: { code: ServiceUnavailable }")
	}
	if f.at("disable_immediate_response").isTrue() {
		h.alarm(f.at("disable_immediate_response"), "disable_immediate_response", "what farebox refuses becomes a 500 without a reason", "remove it")
	}
	if f.at("observability_mode").isTrue() {
		h.alarm(f.at("observability_mode"), "observability_mode", "farebox only listens: nothing can be refused, and its replies go nowhere", "remove it")
	}
	if name := f.at("grpc_service", "envoy_grpc", "cluster_name"); name != nil {
		if cluster := h.clusters[name.word()]; cluster != nil {
			h.checkCluster(cluster)
		}
	}
}

// checkOrder checks where farebox stands in its chain.
func (h *house) checkOrder(c *chain) {
	if c.manager >= 0 && c.farebox > c.manager {
		h.alarm(c.filter(), "http_filters", "farebox stands after the AI protocol manager, so that on the way back it comes before it, and never sees the trailers: every call is settled at an estimate",
			"put the filter farebox before envoy.filters.http.ai_protocol_manager")
	}
	if c.decompressor > c.farebox {
		h.alarm(c.filters[c.decompressor], "http_filters", "behind farebox a decompressor hangs every compressed answer", "remove it: farebox reads compressed answers, and asks for plain ones")
	}
}

// checkCluster checks the cluster in which farebox is.
func (h *house) checkCluster(c *node) {
	most := usualCalls
	for _, t := range c.at("circuit_breakers", "thresholds").list() {
		if p := t.at("priority").word(); p == "" || p == "DEFAULT" || p == "0" {
			if n, err := strconv.Atoi(t.at("max_requests").word()); err == nil {
				most = n
			}
		}
	}
	if most <= usualCalls {
		h.warn(c.at("circuit_breakers").or(c), "circuit_breakers", "no more than "+strconv.Itoa(most)+" calls at once: those beyond are refused, or pass unmetered where failure_mode_allow is true",
			"circuit_breakers: { thresholds: [{ max_connections: 100000, max_pending_requests: 100000, max_requests: 100000 }] }")
	}
	h.checkHTTP2(c)
}

// checkHTTP2 checks how farebox is reached.
func (h *house) checkHTTP2(c *node) {
	h2 := c.at("http2_protocol_options")
	for _, m := range c.at("typed_extension_protocol_options").or(&node{}).members {
		h2 = m.value.at("explicit_http_config", "http2_protocol_options").or(h2)
	}
	if h2 == nil {
		h.alarm(c, "http2_protocol_options", "farebox is asked by gRPC, which needs HTTP/2: it cannot be reached",
			"explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: 5s, timeout: 2s } } }")
		return
	}
	interval := h2.at("connection_keepalive", "interval")
	switch d, err := time.ParseDuration(interval.word()); {
	case interval == nil || err != nil:
		h.warn(h2, "connection_keepalive", "a farebox that is there and does not answer is found by each call for itself, after message_timeout", "connection_keepalive: { interval: 5s, timeout: 2s }")
	case d < leastPing:
		h.alarm(interval, "connection_keepalive.interval", "Envoy pings more often than farebox lets it ("+leastPing.String()+"): its server closes the connection, and with it every call", "interval: 5s")
	}
}

// checkObservers checks filters of a cluster that see each try.
func (h *house) checkObservers(cluster *node) {
	for _, m := range cluster.at("typed_extension_protocol_options").or(&node{}).members {
		for _, f := range m.value.at("http_filters").list() {
			config := f.at("typed_config")
			if !config.isType(processorType) || metering(config, nil) != "observe" {
				continue
			}
			if !config.at("failure_mode_allow").isTrue() {
				h.alarm(config, "failure_mode_allow", "a filter that only observes resets calls when farebox is lost", "failure_mode_allow: true")
			}
			if !config.at("observability_mode").isTrue() {
				h.alarm(config, "observability_mode", "farebox does not answer a filter that observes: every call hangs until message_timeout", "observability_mode: true")
			}
			if mode := modeOf(config.at("processing_mode"), config); mode.responseBody != "STREAMED" || mode.response == "SKIP" || mode.responseTrailers != "SEND" {
				h.alarm(mode.at, "processing_mode", "farebox is not shown the whole of each answer: it is settled at an estimate",
					"response_header_mode: SEND, response_body_mode: STREAMED, response_trailer_mode: SEND")
			}
		}
	}
}
