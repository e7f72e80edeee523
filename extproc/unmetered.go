package extproc

import (
	"strings"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// What goes to a known LLM host and has no better name.
const (
	unknownOperation  = "unknown"
	realtimeOperation = "realtime" // an upgraded connection: what is said on it is not read
	grpcOperation     = "grpc"
)

// unmetered names what a request to a known LLM host asks for that is not
// metered, in a word of a fixed list, and finds the dialect to say no in. It is
// "" for what costs nothing: whatever only reads or deletes, what a dialect knows
// to be free, and a call that asks for nothing.
func (st *stream) unmetered(in *wire.Message, method string) (operation string) {
	asked := st.way.operation
	st.way.dialect = st.rules.router.voice(st.way)
	switch {
	case in.Header("upgrade") != "" || method == "CONNECT":
		return realtimeOperation
	case method != "POST" && method != "PUT" && method != "PATCH":
		return ""
	case strings.HasPrefix(in.Header("content-type"), "application/grpc"):
		return grpcOperation
	case asked != "":
		return "" // has no body
	}
	operation, free, ok := st.rules.router.other(st.way.provider, method, st.path)
	switch {
	case !ok:
		return unknownOperation
	case free:
		return ""
	}
	return operation
}

// other names an operation that no dialect meters; of those that know it, the one
// named as the provider has the say.
func (r *router) other(provider, method, path string) (operation string, free, ok bool) {
	for _, d := range r.dialects {
		n, can := d.(tokenizer.Neighbour)
		if !can || ok && d.Name() != provider {
			continue
		}
		if named, costless, knows := n.Other(method, path); knows {
			operation, free, ok = named, costless, true
		}
	}
	return operation, free, ok
}

// voice is the dialect in which whoever goes w is told no.
func (r *router) voice(w way) tokenizer.Dialect {
	if w.dialect != nil {
		return w.dialect
	}
	for _, d := range r.dialects {
		if d.Name() == w.provider {
			return d
		}
	}
	return r.dialects[0]
}

// unmeteredRefusal is why what is not metered may not pass.
func unmeteredRefusal() policy.Refusal {
	return policy.Refusal{
		Code: "unmetered", Status: 403,
		Message: "This gateway cannot meter what this request asks for, and does not let it pass. Ask for an operation that it meters.",
	}
}
