package wire

import (
	"context"

	datav3 "github.com/envoyproxy/go-control-plane/envoy/data/ai/v3"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// usageNamespace is where Envoy's AI protocol manager puts what it counted.
const usageNamespace = "envoy.ai.token_usage"

// meteringKey is the gRPC metadata in which Envoy's configuration says how the
// route is metered.
const meteringKey = "x-farebox-metering"

// Native reports whether the exchange of ctx is on a route whose configuration
// says that Envoy counts: then no byte of the answer comes.
func Native(ctx context.Context) bool {
	said := metadata.ValueFromIncomingContext(ctx, meteringKey)
	return len(said) == 1 && said[0] == "native"
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
