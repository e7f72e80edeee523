package extproc_test

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"google.golang.org/protobuf/types/known/structpb"
)

// try plays an observed try of a call, to its end; no message of it is answered.
func (s *stand) try(t *testing.T, call *structpb.Struct, n float64, messages ...*extprocv3.ProcessingRequest) {
	t.Helper()
	first := requestHeaders(false, ":method", "POST")
	first.Attributes = map[string]*structpb.Struct{"envoy.filters.http.ext_proc": {Fields: map[string]*structpb.Value{"upstream.request_attempt_count": structpb.NewNumberValue(n)}}}
	first.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{}}
	for namespace, fields := range call.GetFields() {
		first.MetadataContext.FilterMetadata[namespace] = fields.GetStructValue()
	}
	e := s.beginAs(t, "x-farebox-metering", "observe")
	for _, m := range append([]*extprocv3.ProcessingRequest{first}, messages...) {
		if err := e.stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if !e.closed() {
		t.Error("a try was answered")
	}
}

// admitted plays the request of a call whose tries are observed.
func (s *stand) admitted(t *testing.T) (e *exchange, call *structpb.Struct) {
	t.Helper()
	e = s.beginAs(t, "x-farebox-metering", "decide")
	_, reply := e.chat(streamed)
	if reply.GetRequestBody().GetResponse().GetBodyMutation() != nil {
		t.Error("the stream was asked for usage that nobody hides")
	}
	if call = reply.GetDynamicMetadata(); call == nil {
		t.Fatal("the observers are not told of the call")
	}
	return e, call
}

const usageEvent = "data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\ndata: [DONE]\n\n"

func TestEachTryIsSettled(t *testing.T) {
	s := newStand(t, nil)
	e, call := s.admitted(t)
	s.try(t, call, 1, responseHeaders(false, ":status", "503", "content-type", "application/json"))
	s.try(t, call, 2)
	e.hangUp() // the end may be heard before the last try is
	s.try(t, call, 3, responseHeaders(false, ":status", "200", "content-type", "text/event-stream"), responseBody(usageEvent, true))
	all := s.cashier.all()
	want := []policy.Outcome{{Attempt: 1, End: tokenizer.Failed, Status: 503}, {Attempt: 2, End: tokenizer.Cut}, {Attempt: 3, Status: 200}}
	if len(all) != len(want) {
		t.Fatalf("settled %d times, want %d", len(all), len(want))
	}
	for i, o := range all {
		if o.Attempt != want[i].Attempt || o.End != want[i].End || o.Status != want[i].Status || len(o.Reading.Usage) != i/2 {
			t.Errorf("try %d: %+v", i+1, o)
		}
	}
}

// A try of a call that is not known here is another's business.
func TestATryOfAnUnknownCallIsLetBe(t *testing.T) {
	s := newStand(t, nil)
	s.try(t, nil, 1, responseHeaders(false, ":status", "200", "content-type", "text/event-stream"), responseBody(usageEvent, true))
	if all := s.cashier.all(); len(all) != 0 {
		t.Errorf("settled %d times", len(all))
	}
}

// A call whose tries nobody saw never went upstream.
func TestACallWithoutTriesFailed(t *testing.T) {
	s := newStand(t, nil)
	e, _ := s.admitted(t)
	e.hangUp()
	if o := s.cashier.settled(t); o.End != tokenizer.Failed || o.Attempt != 0 {
		t.Errorf("%+v", o)
	}
}
