package wire

import (
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that ours stands before
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Codec makes a server read chunks without what Envoy repeats with each of them.
// All other messages are read as grpc reads them, and without the option all are.
func Codec() grpc.ServerOption {
	return grpc.ForceServerCodecV2(codec{encoding.GetCodecV2("proto")})
}

// frame is what a message is read into.
type frame struct {
	*extprocv3.ProcessingRequest
	later bool // it is not the first message of its stream
}

type codec struct{ encoding.CodecV2 }

// Unmarshal leaves the metadata of later bodies out: Envoy sends them whole with
// every message, and a token has dozens of claims. Nobody asks for them there.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ours := v.(*frame)
	if !ours || !f.later {
		return c.CodecV2.Unmarshal(data, v)
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	raw := buffer.ReadOnlyData()
	from, to := repeated(raw)
	proto.Reset(f.ProcessingRequest)
	merge := proto.UnmarshalOptions{Merge: true}
	if err := merge.Unmarshal(raw[:from], f.ProcessingRequest); err != nil {
		return err
	}
	return merge.Unmarshal(raw[to:], f.ProcessingRequest)
}

// Numbers of fields of a ProcessingRequest.
const (
	requestBodyField, responseBodyField = 4, 5
	metadataField                       = 8
)

// repeated returns where the metadata of a body are; nowhere, when it is none or
// cannot be read.
func repeated(raw []byte) (from, to int) {
	body := false
	for at := 0; at < len(raw); {
		number, _, n := protowire.ConsumeField(raw[at:])
		switch {
		case n < 0:
			return 0, 0
		case number == metadataField:
			from, to = at, at+n
		case number == requestBodyField || number == responseBodyField:
			body = true
		}
		at += n
	}
	if !body {
		return 0, 0
	}
	return from, to
}
