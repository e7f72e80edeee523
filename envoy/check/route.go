package check

import "slices"

// exchange is what one filter and one route make of a call.
type exchange struct {
	chain     *chain
	route     *route
	overrides []*node
	mode      mode
	metering  string // the word that farebox is told
}

// checkRoute checks how one route is metered.
func (h *house) checkRoute(c *chain, r *route) {
	overrides, off := r.configs(c.filter())
	if off {
		return
	}
	x := exchange{chain: c, route: r, overrides: overrides, metering: metering(c.config(), overrides)}
	x.mode = modeOf(c.config().at("processing_mode"), c.config())
	for _, o := range overrides {
		if m := o.at("overrides", "processing_mode"); m != nil {
			x.mode = modeOf(m, o)
		}
	}
	h.checkRequest(&x)
	h.checkTold(&x)
	switch counts := c.counts(r); {
	case counts:
		h.report.Native++
		h.checkNative(&x)
	case x.metering == "native":
		h.report.Native++
		h.alarm(r.at, "x-farebox-metering", "farebox is told that Envoy counts here, and no AI protocol manager makes trailers of it: every call is settled at an estimate",
			"add envoy.filters.http.ai_protocol_manager after farebox, with token_usage: { usage_signal: SYNTHESIZE_TRAILERS }, and its configuration for this route")
	case x.metering == "decide":
		h.report.Inline++
		h.checkDecide(&x)
	default:
		h.report.Inline++
		h.checkInline(&x)
	}
}

func (h *house) checkRequest(x *exchange) {
	if x.mode.request == "SKIP" {
		h.alarm(x.mode.at.at("request_header_mode"), "request_header_mode", "farebox is not shown the call: nothing is metered", "request_header_mode: SEND")
	}
	if x.mode.requestBody != "BUFFERED" {
		h.alarm(x.mode.at.at("request_body_mode").or(x.mode.at), "request_body_mode",
			x.mode.requestBody+": farebox reads a call whole, before it lets it pass: the call is admitted without its model, or hangs", "request_body_mode: BUFFERED")
		return
	}
	if !x.route.limited && x.chain.find("buffer.v3.Buffer") < 0 {
		h.warn(x.route.at, "request_body_buffer_limit", "a request longer than the listener's per_connection_buffer_limit_bytes (1 MiB unless set) gets 413 from Envoy, in no provider's error shape",
			"request_body_buffer_limit, a little above metering.max_request_body")
	}
}

// checkNative checks a route where Envoy counts.
func (h *house) checkNative(x *exchange) {
	const trailers = "the AI protocol manager makes trailers on this route"
	m := x.mode
	if m.responseBody != "NONE" {
		h.alarm(m.at.at("response_body_mode").or(m.at), "response_body_mode", trailers+", and with them every response body mode hangs the call",
			"response_body_mode: NONE in the route's overrides")
	}
	if m.response != "SKIP" {
		happens := trailers + ", and with response headers sent they are lost in most calls that come at once"
		if x.chain.config().at("allow_mode_override").isTrue() {
			happens += "; a mode that farebox then chooses would hang the call"
		}
		h.alarm(m.at.at("response_header_mode").or(m.at), "response_header_mode", happens, "response_header_mode: SKIP in the route's overrides")
	}
	if m.responseTrailers != "SEND" {
		h.alarm(m.at.at("response_trailer_mode").or(m.at), "response_trailer_mode", "the count comes in trailers, which farebox is not sent: every call is settled at an estimate",
			"response_trailer_mode: SEND in the route's overrides")
	}
	if x.metering != "native" {
		h.alarm(x.route.at, "x-farebox-metering", "farebox is not told that Envoy counts here, and waits for an answer that it is not shown: every call is settled at an estimate",
			"grpc_initial_metadata: [{ key: x-farebox-metering, value: native }] in the route's overrides")
	}
	if !x.forwards() {
		h.alarm(x.chain.config(), "metadata_options.forwarding_namespaces", "Envoy's count is not sent to farebox: every call is settled at an estimate",
			"forwarding_namespaces: { typed: [envoy.ai.token_usage] }")
	}
	if a := x.chain.around; a != nil && !a.at("http_protocol_options", "enable_trailers").isTrue() {
		h.warn(a, "http_protocol_options.enable_trailers", "HTTP/1.1 callers get no trailers, and so never see what a call cost", "http_protocol_options: { enable_trailers: true }")
	}
	h.checkOthers(x)
}

// checkOthers finds ext_proc filters beside farebox's that read answers.
func (h *house) checkOthers(x *exchange) {
	for i, f := range x.chain.filters {
		if i == x.chain.farebox || !f.at("typed_config").isType(processorType) {
			continue
		}
		said, off := x.route.configs(f)
		m := modeOf(f.at("typed_config", "processing_mode"), f.at("typed_config"))
		for _, o := range said {
			if n := o.at("overrides", "processing_mode"); n != nil {
				m = modeOf(n, o)
			}
		}
		if !off && m.responseBody != "NONE" {
			h.alarm(m.at.at("response_body_mode"), "response_body_mode", "the AI protocol manager makes trailers on a route of this filter, and with them every response body mode hangs the call",
				"turn this filter off on native routes, or meter them inline")
		}
	}
}

// forwards reports whether farebox is sent what Envoy counted.
func (x *exchange) forwards() bool {
	options := x.chain.config().at("metadata_options")
	for _, o := range x.overrides {
		options = o.at("overrides", "metadata_options").or(options)
	}
	return slices.ContainsFunc(options.at("forwarding_namespaces", "typed").list(), func(n *node) bool { return n.word() == "envoy.ai.token_usage" })
}

// checkInline checks a route where farebox counts.
func (h *house) checkInline(x *exchange) {
	m, override := x.mode, x.chain.config().at("allow_mode_override").isTrue()
	switch {
	case m.responseBody == "FULL_DUPLEX_STREAMED" || m.responseBody == "GRPC":
		h.alarm(m.at.at("response_body_mode"), "response_body_mode", m.responseBody+": Envoy waits for farebox to send each byte on, which it does not", "response_body_mode: NONE, and allow_mode_override: true")
	case m.responseBody == "NONE" && !override:
		h.alarm(x.chain.config(), "allow_mode_override", "farebox cannot ask for an answer: every call is settled at an estimate", "allow_mode_override: true")
	case m.responseBody == "BUFFERED":
		h.warn(m.at.at("response_body_mode"), "response_body_mode", "BUFFERED: streams are held back to their end, and an answer beyond the buffer's limit becomes a 500",
			"response_body_mode: NONE, and allow_mode_override: true")
	}
	if m.response == "SKIP" {
		h.alarm(m.at.at("response_header_mode"), "response_header_mode", "farebox is not shown the head of an answer, and so asks for none: every call is settled at an estimate", "response_header_mode: SEND")
	}
	if m.responseTrailers != "SEND" {
		h.alarm(m.at.at("response_trailer_mode").or(m.at), "response_trailer_mode", "of an answer that ends in trailers Envoy never says that it has ended: its last bytes are lost",
			"response_trailer_mode: SEND")
	}
}

// checkDecide checks a route whose answers are seen try by try.
func (h *house) checkDecide(x *exchange) {
	if m := x.mode; m.response != "SKIP" || m.responseBody != "NONE" {
		h.warn(m.at.at("response_header_mode").or(m.at), "response_header_mode", "answers are seen by the filters of the clusters; what this one is sent is paid for and not looked at",
			"response_header_mode: SKIP, response_body_mode: NONE, response_trailer_mode: SKIP")
	}
	if !h.observed && len(h.clusters) > 0 {
		h.alarm(x.chain.config(), "x-farebox-metering", "decide: no cluster here has a filter that observes tries: every call is settled as failed",
			"add the upstream filter that `farebox envoy --per-try` prints, or leave the word out")
	}
	if !slices.ContainsFunc(x.chain.config().at("metadata_options", "receiving_namespaces", "untyped").list(), func(n *node) bool { return n.word() == "farebox" }) {
		h.alarm(x.chain.config(), "metadata_options.receiving_namespaces", "the observing filter is not told which call a try is of: every call is settled as failed", "receiving_namespaces: { untyped: [farebox] }")
	}
}
