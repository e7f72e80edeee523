package wire

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

// tokenNamespace is where Envoy's jwt_authn filter puts the payload of each token
// that it has verified, under the name that payload_in_metadata gives.
const tokenNamespace = "envoy.filters.http.jwt_authn"

// Claim returns a claim of the token that Envoy verified for a provider, or "".
// Dots in its name lead into objects; where a name itself has dots, the longest
// that is there is taken. A list of one is that one. One is false for what is
// there and is not one text or number: an object, several values, a number that
// has lost digits on its way.
func (m *Message) Claim(provider, name string) (value string, one bool) {
	payload := m.untyped[tokenNamespace].GetFields()[provider].GetStructValue()
	found := member(payload, name)
	if list := found.GetListValue().GetValues(); len(list) == 1 {
		found = list[0]
	}
	switch v := found.GetKind().(type) {
	case nil, *structpb.Value_NullValue:
		return "", true
	case *structpb.Value_StringValue:
		return v.StringValue, true
	case *structpb.Value_NumberValue:
		return digits(v.NumberValue)
	case *structpb.Value_ListValue:
		return "", len(v.ListValue.GetValues()) == 0
	}
	return "", false
}

// member finds a value by its path, nil for none.
func member(in *structpb.Struct, path string) *structpb.Value {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		v := in.GetFields()[path[:end]]
		switch {
		case v == nil:
		case end == len(path):
			return v
		default:
			return member(v.GetStructValue(), path[end+1:])
		}
	}
	return nil
}

// digits writes a whole number. Beyond 2^53 two of them may look the same.
func digits(n float64) (text string, exact bool) {
	const most = 1 << 53
	if n >= most || n <= -most || n != float64(int64(n)) {
		return "", false
	}
	return strconv.FormatInt(int64(n), 10), true
}
