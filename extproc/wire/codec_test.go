package wire

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// claimed are metadata with the claims of a token.
func claimed(t testing.TB) *corev3.Metadata {
	t.Helper()
	payload, err := structpb.NewStruct(map[string]any{"sub": "ann", "team": "retail", "groups": []any{"a", "b", "c"}, "act": map[string]any{"sub": "bot"}})
	if err != nil {
		t.Fatal(err)
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{tokenNamespace: {Fields: map[string]*structpb.Value{"corp": structpb.NewStructValue(payload)}}}}
}

// kinds are messages of each kind.
func kinds() map[string]*extprocv3.ProcessingRequest {
	headers := &extprocv3.HttpHeaders{Headers: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: ":path", RawValue: []byte("/")}}}}
	trailers := &extprocv3.HttpTrailers{Trailers: headers.Headers}
	body := &extprocv3.HttpBody{Body: []byte("data: {}\n\n"), EndOfStream: true}
	return map[string]*extprocv3.ProcessingRequest{
		"request headers":   {Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: headers}},
		"request body":      {Request: &extprocv3.ProcessingRequest_RequestBody{RequestBody: body}},
		"request trailers":  {Request: &extprocv3.ProcessingRequest_RequestTrailers{RequestTrailers: trailers}},
		"response headers":  {Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: headers}},
		"response body":     {Request: &extprocv3.ProcessingRequest_ResponseBody{ResponseBody: body}},
		"response trailers": {Request: &extprocv3.ProcessingRequest_ResponseTrailers{ResponseTrailers: trailers}},
		"nothing":           {},
	}
}

func read(t testing.TB, raw []byte, later bool) (*extprocv3.ProcessingRequest, error) {
	t.Helper()
	f := frame{ProcessingRequest: &extprocv3.ProcessingRequest{ObservabilityMode: true}, later: later} // what was read before is gone
	return f.ProcessingRequest, codec{encoding.GetCodecV2("proto")}.Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw)}, &f)
}

func TestOnlyLaterBodiesAreReadWithoutMetadata(t *testing.T) {
	for name, want := range kinds() {
		want.MetadataContext = claimed(t)
		want.Attributes = map[string]*structpb.Struct{filterName: {}}
		raw, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, later := range []bool{false, true} {
			if later && (name == "request body" || name == "response body") {
				want.MetadataContext = nil
			}
			if got, err := read(t, raw, later); err != nil || !proto.Equal(got, want) {
				t.Errorf("%s, later %v: %v, %v, want %v", name, later, got, err, want)
			}
		}
	}
}

func TestClaimsCostAChunkNothing(t *testing.T) {
	chunk := kinds()["response body"]
	allocated := func() float64 {
		raw, err := proto.Marshal(chunk)
		if err != nil {
			t.Fatal(err)
		}
		f := frame{ProcessingRequest: &extprocv3.ProcessingRequest{}, later: true}
		c, data := codec{encoding.GetCodecV2("proto")}, mem.BufferSlice{mem.SliceBuffer(raw)}
		return testing.AllocsPerRun(100, func() {
			if err := c.Unmarshal(data, &f); err != nil {
				t.Fatal(err)
			}
		})
	}
	plain := allocated()
	chunk.MetadataContext = claimed(t)
	if with := allocated(); with > plain {
		t.Errorf("a chunk with claims allocates %v times, without %v", with, plain)
	}
}

// FuzzCodec holds the codec to the generated one, but for the metadata of bodies.
func FuzzCodec(f *testing.F) {
	for _, m := range kinds() {
		m.MetadataContext = claimed(f)
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want extprocv3.ProcessingRequest
		wrong := proto.Unmarshal(raw, &want)
		got, err := read(t, raw, true)
		if wrong != nil && err == nil {
			from, to := repeated(raw)
			wrong = proto.Unmarshal(append(raw[:from:from], raw[to:]...), &want) // it was the metadata that cannot be read
		}
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%v, want %v", err, wrong)
		}
		if err != nil {
			return
		}
		want.MetadataContext, got.MetadataContext = nil, nil
		if !proto.Equal(got, &want) {
			t.Errorf("%v, want %v", got, &want)
		}
	})
}
