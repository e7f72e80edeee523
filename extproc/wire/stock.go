package wire

import (
	"context"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// filterName is the key under which Envoy sends attributes, whatever the filter
// is called in the chain.
const filterName = "envoy.filters.http.ext_proc"

// Message is one message of Envoy. Its zero value is ready to be received into.
type Message struct {
	Kind Kind
	Body []byte // of a body message
	End  bool   // nothing follows in this direction, trailers apart

	headers []*corev3.HeaderValue
	attrs   map[string]*structpb.Value
	typed   map[string]*anypb.Any // metadata
	untyped map[string]*structpb.Struct
}

// Header returns the value of the first header of that lower-case name, or "".
func (m *Message) Header(name string) string {
	for _, h := range m.headers {
		if h.GetKey() == name {
			if raw := h.GetRawValue(); len(raw) > 0 {
				return string(raw)
			}
			return h.GetValue()
		}
	}
	return ""
}

// Attribute returns an attribute of Envoy as text, or "". Numbers are integers
// in text, and what is so or not is "true" or "false".
func (m *Message) Attribute(name string) string {
	switch v := m.attrs[name].GetKind().(type) {
	case *structpb.Value_StringValue:
		return v.StringValue
	case *structpb.Value_NumberValue:
		return strconv.FormatInt(int64(v.NumberValue), 10)
	case *structpb.Value_BoolValue:
		return strconv.FormatBool(v.BoolValue)
	}
	return ""
}

// Handler serves one exchange. Returning nil closes the gRPC stream cleanly,
// which tells Envoy to go on without us; ctx ends when Envoy has gone.
type Handler func(ctx context.Context, c Conn) error

// Register makes s serve the ext_proc service with h.
func Register(s grpc.ServiceRegistrar, h Handler) {
	extprocv3.RegisterExternalProcessorServer(s, processor{handle: h})
}

type processor struct{ handle Handler }

func (p processor) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	return p.handle(stream.Context(), &stock{stream: stream, in: frame{ProcessingRequest: &extprocv3.ProcessingRequest{}}})
}

// stock is a Conn of generated messages. The parts of a reply are kept and
// reused: grpc has marshalled them when SendMsg returns. So is the message that is
// read; what is in it is made anew for each.
type stock struct {
	stream extprocv3.ExternalProcessor_ProcessServer
	in     frame

	out     extprocv3.ProcessingResponse
	common  extprocv3.CommonResponse
	headers extprocv3.HeaderMutation
	joined  []byte
}

func (c *stock) Recv(m *Message) error {
	if err := c.stream.RecvMsg(&c.in); err != nil {
		return err
	}
	c.in.later = true
	in := c.in.ProcessingRequest
	*m = Message{attrs: in.GetAttributes()[filterName].GetFields(), typed: in.GetMetadataContext().GetTypedFilterMetadata(), untyped: in.GetMetadataContext().GetFilterMetadata()}
	switch r := in.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		m.Kind, m.headers, m.End = RequestHeaders, r.RequestHeaders.GetHeaders().GetHeaders(), r.RequestHeaders.GetEndOfStream()
	case *extprocv3.ProcessingRequest_RequestBody:
		m.Kind, m.Body, m.End = RequestBody, r.RequestBody.GetBody(), r.RequestBody.GetEndOfStream()
	case *extprocv3.ProcessingRequest_RequestTrailers:
		m.Kind, m.headers, m.End = RequestTrailers, r.RequestTrailers.GetTrailers().GetHeaders(), true
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		m.Kind, m.headers, m.End = ResponseHeaders, r.ResponseHeaders.GetHeaders().GetHeaders(), r.ResponseHeaders.GetEndOfStream()
	case *extprocv3.ProcessingRequest_ResponseBody:
		m.Kind, m.Body, m.End = ResponseBody, r.ResponseBody.GetBody(), r.ResponseBody.GetEndOfStream()
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		m.Kind, m.headers, m.End = ResponseTrailers, r.ResponseTrailers.GetTrailers().GetHeaders(), true
	}
	return nil
}

func (c *stock) Send(r *Reply) error {
	c.out.Response = nil
	c.out.ModeOverride, c.out.DynamicMetadata = modes[r.Mode], nil
	if r.Call != "" {
		c.out.DynamicMetadata = callMetadata(r.Call)
	}
	if r.Local != nil {
		c.out.Response = &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: immediate(r.Local)}
		return c.stream.SendMsg(&c.out)
	}
	if err := c.change(r); err != nil || r.Cut == nil {
		return err
	}
	// Envoy takes it unasked, amid an answer, and sends none of its body.
	c.out.Response = &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: immediate(r.Cut)}
	return c.stream.SendMsg(&c.out)
}

// change sends what goes on, with changes.
func (c *stock) change(r *Reply) error {
	mutation := c.mutation(r)
	c.common.HeaderMutation, c.common.BodyMutation = mutation, c.body(r)
	switch r.Kind {
	case RequestHeaders:
		c.out.Response = &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{Response: &c.common}}
	case ResponseHeaders:
		c.out.Response = &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{Response: &c.common}}
	case RequestBody:
		c.out.Response = &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{Response: &c.common}}
	case ResponseBody:
		c.out.Response = &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: &extprocv3.BodyResponse{Response: &c.common}}
	case RequestTrailers:
		c.out.Response = &extprocv3.ProcessingResponse_RequestTrailers{RequestTrailers: &extprocv3.TrailersResponse{HeaderMutation: mutation}}
	case ResponseTrailers:
		c.out.Response = &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{HeaderMutation: mutation}}
	case Unknown: // an empty answer is all that can be said
	}
	return c.stream.SendMsg(&c.out)
}

func (c *stock) mutation(r *Reply) *extprocv3.HeaderMutation {
	if len(r.Set) == 0 && len(r.Drop) == 0 {
		return nil
	}
	c.headers.SetHeaders = options(c.headers.SetHeaders[:0], r.Set)
	c.headers.RemoveHeaders = r.Drop
	return &c.headers
}

func (c *stock) body(r *Reply) *extprocv3.BodyMutation {
	if !r.Swap {
		return nil
	}
	c.joined = c.joined[:0]
	for _, piece := range r.Body {
		c.joined = append(c.joined, piece...)
	}
	whole := c.joined
	if cap(whole) > keepJoined {
		c.joined = nil // a prompt of many megabytes is not kept for as long as its answer streams
	}
	return &extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_Body{Body: whole}}
}

// keepJoined bounds the memory that a stream keeps for joining pieces, in bytes.
const keepJoined = 64 << 10

func options(to []*corev3.HeaderValueOption, pairs []Pair) []*corev3.HeaderValueOption {
	for _, p := range pairs {
		to = append(to, &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: p.Name, RawValue: []byte(p.Value)},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		})
	}
	return to
}

func immediate(l *Local) *extprocv3.ImmediateResponse {
	return &extprocv3.ImmediateResponse{
		Status:  &typev3.HttpStatus{Code: typev3.StatusCode(l.Status)},
		Headers: &extprocv3.HeaderMutation{SetHeaders: options(nil, l.Set)},
		Body:    l.Body,
		Details: l.Details,
	}
}

// modes are shared by all streams and never written to.
var modes = [...]*modev3.ProcessingMode{
	Keep: nil,
	LetGo: {
		RequestHeaderMode: modev3.ProcessingMode_SEND, RequestBodyMode: modev3.ProcessingMode_NONE, RequestTrailerMode: modev3.ProcessingMode_SKIP,
		ResponseHeaderMode: modev3.ProcessingMode_SKIP, ResponseBodyMode: modev3.ProcessingMode_NONE, ResponseTrailerMode: modev3.ProcessingMode_SKIP,
	},
	StreamAnswer: {
		ResponseHeaderMode: modev3.ProcessingMode_SEND, ResponseBodyMode: modev3.ProcessingMode_STREAMED, ResponseTrailerMode: modev3.ProcessingMode_SEND,
	},
	BufferAnswer: {
		ResponseHeaderMode: modev3.ProcessingMode_SEND, ResponseBodyMode: modev3.ProcessingMode_BUFFERED, ResponseTrailerMode: modev3.ProcessingMode_SEND,
	},
	SkipAnswer: {
		ResponseHeaderMode: modev3.ProcessingMode_SEND, ResponseBodyMode: modev3.ProcessingMode_NONE, ResponseTrailerMode: modev3.ProcessingMode_SKIP,
	},
}
