package check

import (
	"slices"
	"strings"
)

// Needs is what Farebox's own configuration reads of callers, and Envoy therefore
// must tell it. The zero value needs nothing.
type Needs struct {
	Attributes   []string // of request_attributes
	Tokens       []string // providers of tokens whose claims are read
	Certificates bool     // of callers
	XFCC         bool     // x-forwarded-client-cert is believed
}

const (
	verifierType   = "jwt_authn.v3.JwtAuthentication"
	claimNamespace = "envoy.filters.http.jwt_authn"
	nobody         = ": every call is then of nobody, or of whom its headers claim"
)

// checkVerifier checks where tokens are verified, and for whom.
func (h *house) checkVerifier(c *chain) {
	at := c.find(verifierType)
	switch {
	case at > c.farebox && len(h.needs.Tokens) > 0:
		h.alarm(c.filters[at], "http_filters", "tokens are verified after farebox is asked: it sees no claim"+nobody, "put the filter "+claimNamespace+" before farebox")
		return
	case at > c.farebox:
		h.warn(c.filters[at], "http_filters", "tokens are verified after farebox is asked: a call without a valid one is admitted, and then gets 401", "put the filter "+claimNamespace+" before farebox")
		return
	case len(h.needs.Tokens) == 0 || c.around == nil:
		return
	case at < 0:
		h.alarm(c.filter(), "http_filters", "nothing verifies tokens before farebox is asked"+nobody, "add the filter that `farebox envoy --jwt` prints before farebox")
		return
	}
	config := c.filters[at].at("typed_config")
	for _, provider := range h.needs.Tokens {
		if !publishes(config, provider) {
			h.alarm(config, "payload_in_metadata", "no provider of tokens puts its payload where farebox looks for claims of "+provider+nobody, "payload_in_metadata: "+provider)
		}
	}
	config.at("rules").each(func(n *node) {
		if lax := n.at("allow_missing_or_failed"); lax != nil {
			h.warn(lax, "allow_missing_or_failed", "a call with a token that is not valid passes, as if it had none", "allow_missing: {}")
		}
	})
}

func publishes(config *node, provider string) bool {
	for _, p := range config.at("providers").or(&node{}).members {
		if p.value.at("payload_in_metadata").word() == provider {
			return true
		}
	}
	return false
}

// checkTold checks that a route sends farebox what it reads.
func (h *house) checkTold(x *exchange) {
	metadata, attributes := x.chain.config().at("metadata_options"), x.chain.config().at("request_attributes")
	for _, o := range x.overrides {
		metadata = o.at("overrides", "metadata_options").or(metadata)
		attributes = o.at("overrides", "request_attributes").or(attributes)
	}
	has := func(list *node, word string) bool {
		return slices.ContainsFunc(list.list(), func(n *node) bool { return n.word() == word })
	}
	if len(h.needs.Tokens) > 0 && !has(metadata.at("forwarding_namespaces", "untyped"), claimNamespace) {
		h.alarm(metadata.or(x.chain.config()), "metadata_options.forwarding_namespaces", "claims of verified tokens are not sent to farebox"+nobody, "forwarding_namespaces: { untyped: ["+claimNamespace+"] }")
	}
	var missing []string
	for _, name := range h.needs.Attributes {
		if !has(attributes, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		h.alarm(attributes.or(x.chain.config()), "request_attributes", "attribution reads what farebox is not sent ("+strings.Join(missing, ", ")+")"+nobody, "request_attributes with "+strings.Join(missing, ", "))
	}
}

// checkCallers checks that callers are who their certificates say.
func (h *house) checkCallers(m *node) {
	if h.needs.Certificates {
		h.checkCertificates(m)
	}
	if !h.needs.XFCC {
		return
	}
	const key = "forward_client_cert_details"
	details := m.at(key)
	switch named(details, []string{"SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"}, "SANITIZE") {
	case "SANITIZE", "SANITIZE_SET":
		h.alarm(details.or(m), key, "what the proxy before Envoy tells of its caller is removed before farebox is asked: every call is the proxy's own", key+": FORWARD_ONLY")
	case "APPEND_FORWARD":
		h.alarm(details, key, "Envoy appends the certificate of the proxy before it, and farebox believes the last one: every call is the proxy's own", key+": FORWARD_ONLY")
	case "ALWAYS_FORWARD_ONLY":
		h.warn(details, key, "the header is believed of callers without a certificate too: whoever reaches Envoy can be anyone", key+": FORWARD_ONLY")
	}
}

// checkCertificates checks the TLS of a listener, where it is here.
func (h *house) checkCertificates(m *node) {
	around := h.around[m]
	if around == nil {
		return // a manager by itself
	}
	context := around.at("transport_socket", "typed_config")
	common := context.at("common_tls_context")
	if common == nil {
		h.alarm(around.at("transport_socket").or(around), "transport_socket", "callers speak no TLS, and so show no certificate"+nobody, "the transport_socket that `farebox envoy --listen-tls-client-ca` prints")
		return
	}
	for _, elsewhere := range []string{"validation_context_sds_secret_config", "validation_context_certificate_provider_instance", "custom_tls_certificate_selector"} {
		if common.at(elsewhere) != nil {
			return
		}
	}
	combined := common.at("combined_validation_context")
	verified := common.at("validation_context").or(combined.at("default_validation_context"))
	switch {
	case verified == nil && combined == nil:
		h.alarm(common, "validation_context", "Envoy asks callers for no certificate, or takes any: what it says is not verified", "require_client_certificate: true, and validation_context: { trusted_ca: … }")
	case strings.EqualFold(verified.at("trust_chain_verification").word(), "ACCEPT_UNTRUSTED"), verified.at("trust_chain_verification").word() == "1":
		h.alarm(verified.at("trust_chain_verification"), "trust_chain_verification", "Envoy takes every certificate: whoever makes one can be anyone", "remove it")
	case combined == nil && !pinned(verified):
		h.alarm(verified, "validation_context.trusted_ca", "Envoy takes every certificate: whoever makes one can be anyone", "trusted_ca: { filename: … }")
	}
}

// pinned reports whether a certificate is held to something.
func pinned(v *node) bool {
	for _, key := range []string{"trusted_ca", "ca_certificate_provider_instance", "verify_certificate_spki", "verify_certificate_hash", "custom_validator_config"} {
		if v.at(key) != nil {
			return true
		}
	}
	return false
}
