package extproc_test

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	datav3 "github.com/envoyproxy/go-control-plane/envoy/data/ai/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func number(n uint64) *wrapperspb.UInt64Value { return wrapperspb.UInt64(n) }

// counted are the trailers in which Envoy tells what it counted.
func counted(t *testing.T, status float64, u *datav3.TokenUsage) *extprocv3.ProcessingRequest {
	t.Helper()
	m := responseTrailers()
	m.Attributes = map[string]*structpb.Struct{"envoy.filters.http.ext_proc": {Fields: map[string]*structpb.Value{"response.code": structpb.NewNumberValue(status)}}}
	if u != nil {
		packed, err := anypb.New(u)
		if err != nil {
			t.Fatal(err)
		}
		m.MetadataContext = &corev3.Metadata{TypedFilterMetadata: map[string]*anypb.Any{"envoy.ai.token_usage": packed}}
	}
	return m
}

// native plays the request of an exchange that Envoy counts.
func (s *stand) native(t *testing.T) *exchange {
	t.Helper()
	e := s.beginAs(t, "x-farebox-metering", "native")
	_, reply := e.chat(streamed)
	if reply.GetRequestBody().GetResponse().GetBodyMutation() != nil {
		t.Error("the stream was asked for usage that could not be hidden")
	}
	return e
}

func TestWhatEnvoyCountedIsSettled(t *testing.T) {
	for _, c := range []struct {
		name   string
		status float64
		usage  *datav3.TokenUsage
		want   map[tokenizer.Class]int64
		from   tokenizer.Source
		end    tokenizer.End
		lost   bool
	}{
		{"all parts", 200, &datav3.TokenUsage{
			Model: "m-1", InputTokens: number(100), OutputTokens: number(50),
			InputTokenDetails:  &datav3.InputTokenDetails{CachedTokens: number(30), CacheCreationTokens: number(20), ToolUseTokens: number(5)},
			OutputTokenDetails: &datav3.OutputTokenDetails{ReasoningTokens: number(7)},
			ExtractionStatus:   datav3.TokenUsage_COMPLETE,
		}, map[tokenizer.Class]int64{
			tokenizer.Input: 45, tokenizer.CacheRead: 30, tokenizer.CacheWrite: 20, tokenizer.InputTool: 5, tokenizer.Output: 43, tokenizer.Reasoning: 7,
		}, tokenizer.Reported, tokenizer.Complete, false},
		{"no output told", 200, &datav3.TokenUsage{InputTokens: number(9)}, map[tokenizer.Class]int64{tokenizer.Input: 9}, tokenizer.Reported, tokenizer.Complete, false},
		{"some was lost", 200, &datav3.TokenUsage{InputTokens: number(9), OutputTokens: number(1), ExtractionStatus: datav3.TokenUsage_PARTIAL},
			map[tokenizer.Class]int64{tokenizer.Input: 9, tokenizer.Output: 1}, tokenizer.Partial, tokenizer.Complete, false},
		{"all was lost", 200, &datav3.TokenUsage{ExtractionStatus: datav3.TokenUsage_FAILED}, nil, tokenizer.None, tokenizer.Complete, true},
		{"beyond belief", 200, &datav3.TokenUsage{InputTokens: number(1 << 63)}, nil, tokenizer.None, tokenizer.Complete, false},
		{"nothing", 200, nil, nil, tokenizer.None, tokenizer.Complete, true},
		{"an error", 500, nil, nil, tokenizer.None, tokenizer.Failed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t, nil)
			reply := s.native(t).send(counted(t, c.status, c.usage))
			o := s.cashier.settled(t)
			if o.End != c.end || o.Lost != c.lost || o.Status != int(c.status) {
				t.Errorf("settled as %v, lost %v, status %d", o.End, o.Lost, o.Status)
			}
			checkCounts(t, o, c.want, c.from)
			told := len(reply.GetResponseTrailers().GetHeaderMutation().GetSetHeaders())
			if (told == 3) != (c.end == tokenizer.Complete) {
				t.Errorf("%d trailers tell the cost", told)
			}
		})
	}
}

func checkCounts(t *testing.T, o policy.Outcome, want map[tokenizer.Class]int64, from tokenizer.Source) {
	t.Helper()
	if len(o.Reading.Usage) == 0 {
		if len(want) > 0 {
			t.Error("nothing was counted")
		}
		return
	}
	u := o.Reading.Usage[0]
	n := 0
	for class, count := range u.All {
		if n++; count != want[class] || u.Source(class) != from {
			t.Errorf("%v: %d, %v; want %d, %v", class, count, u.Source(class), want[class], from)
		}
	}
	if n != len(want) {
		t.Errorf("%d classes, want %d", n, len(want))
	}
}

// An answer that was cut, or had no usage, ends without a word from Envoy.
func TestAnUncountedEndIsLost(t *testing.T) {
	s := newStand(t, nil)
	s.native(t).hangUp()
	if o := s.cashier.settled(t); o.End != tokenizer.Cut || !o.Lost {
		t.Errorf("settled as %v, lost %v", o.End, o.Lost)
	}
}

// Without the configuration's word, trailers that come alone are no count.
func TestTrailersAloneSettleNothingElsewhere(t *testing.T) {
	s := newStand(t, nil)
	e := s.begin(t)
	e.chat(streamed)
	e.send(counted(t, 200, &datav3.TokenUsage{InputTokens: number(9)}))
	e.hangUp()
	if o := s.cashier.settled(t); o.End != tokenizer.Cut || len(o.Reading.Usage) != 0 {
		t.Errorf("settled as %v with %d usages", o.End, len(o.Reading.Usage))
	}
}
