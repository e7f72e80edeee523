package wire

import corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

// MadeOf is a Message that did not come from Envoy: of a kind, with headers of
// lower-case names. A Conn of another kind than a gRPC stream gives such messages;
// their Body and End are the caller's to set.
func MadeOf(k Kind, headers []Pair) Message {
	m := Message{Kind: k, headers: make([]*corev3.HeaderValue, len(headers))}
	for i, h := range headers {
		m.headers[i] = &corev3.HeaderValue{Key: h.Name, RawValue: []byte(h.Value)}
	}
	return m
}
