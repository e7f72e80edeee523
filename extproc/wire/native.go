package wire

import (
	"context"

	datav3 "github.com/envoyproxy/go-control-plane/envoy/data/ai/v3"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// usageNamespace is where Envoy's AI protocol manager puts what it counted.
const usageNamespace = "envoy.ai.token_usage"

// meteringKey is the gRPC metadata in which Envoy's configuration says how the
// route is metered.
const meteringKey = "x-farebox-metering"

// Shape is how the messages of one exchange stand to its answer.
type Shape uint8

// Inline: they show it. Native: Envoy counts, and tells the count alone. Decide:
// the call is admitted here, and others observe its tries. Observe: one try of a
// call that was admitted elsewhere; Envoy expects no replies.
const (
	Inline Shape = iota
	Native
	Decide
	Observe
)

var shapes = map[string]Shape{"native": Native, "decide": Decide, "observe": Observe}

// ShapeOf returns what Envoy's configuration says of the exchange of ctx.
func ShapeOf(ctx context.Context) Shape {
	if said := metadata.ValueFromIncomingContext(ctx, meteringKey); len(said) == 1 {
		return shapes[said[0]]
	}
	return Inline
}

// The dynamic metadata in which an observer finds the call.
const (
	callNamespace = "farebox"
	callField     = "call"
)

// Call returns the call that another filter of ours admitted (Reply.Call), or "".
func (m *Message) Call() string {
	return m.untyped[callNamespace].GetFields()[callField].GetStringValue()
}

func callMetadata(id string) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		callNamespace: structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{callField: structpb.NewStringValue(id)}}),
	}}
}

// Usage returns what Envoy counted; ok is false where it published nothing.
func (m *Message) Usage() (u Usage, ok bool) {
	var from datav3.TokenUsage
	raw := m.typed[usageNamespace]
	if raw == nil || raw.UnmarshalTo(&from) != nil {
		return u, false
	}
	in, out := from.GetInputTokenDetails(), from.GetOutputTokenDetails()
	status := from.GetExtractionStatus()
	return Usage{
		Model: from.GetModel(),
		Input: count(from.GetInputTokens()), Output: count(from.GetOutputTokens()),
		Cached: count(in.GetCachedTokens()), CacheWrite: count(in.GetCacheCreationTokens()), Tool: count(in.GetToolUseTokens()),
		Reasoning: count(out.GetReasoningTokens()),
		Partial:   status == datav3.TokenUsage_PARTIAL, Failed: status == datav3.TokenUsage_FAILED,
	}, true
}

// count is below 0 for what was not told, or cannot be meant.
func count(v *wrapperspb.UInt64Value) int64 {
	const most = 1 << 40
	if v == nil || v.GetValue() > most {
		return -1
	}
	return int64(v.GetValue())
}
