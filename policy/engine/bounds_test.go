package engine_test

import (
	"math/rand/v2"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/tokenizer"
)

func strict(on engine.Unboundable) *engine.Bounds {
	return &engine.Bounds{
		Output: engine.Strict, OnUnboundable: on, Part: 1000, ToolCalls: 10, Tries: 2,
		Models: []engine.ModelBound{{Models: []string{"m1"}, Window: 50_000, MaxOutput: 4000}}, Else: engine.ModelBound{Window: 1 << 20, MaxOutput: 100_000},
	}
}

func heldFor(t *testing.T, b *engine.Bounds, r *policy.Request) (policy.Ticket, int64) {
	t.Helper()
	e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Bounds = b }, month("month", 1000*usd))
	ticket := admit(t, e, r)
	return ticket, int64(ticket.Hold.Most)
}

func TestHoldsAreBoundedAsTold(t *testing.T) {
	plain := func(change func(*policy.Request)) *policy.Request {
		r := changeable(1)
		r.Content = tokenizer.Content{Bytes: 500}
		if change != nil {
			change(r)
		}
		return r
	}
	most := func(in, out int64) int64 { return 2*in*1000 + 10*out*1000 }
	for _, c := range []struct {
		name   string
		bounds *engine.Bounds
		call   *policy.Request
		held   int64
		cap    int64
	}{
		{"learned", &engine.Bounds{Output: engine.Learned}, plain(nil), mostOfACall, 0},
		{"as allowed", &engine.Bounds{Output: engine.Capped, Else: engine.ModelBound{MaxOutput: 4000}}, plain(func(r *policy.Request) { r.Call.MaxOutput = 300 }), most(216, 300), 0},
		{"as the model can", &engine.Bounds{Output: engine.ByModel, Else: engine.ModelBound{MaxOutput: 4000}}, plain(func(r *policy.Request) { r.Call.MaxOutput = 300 }), most(216, 4000), 0},
		{"strict", strict(engine.RefuseIt), plain(nil), 2 * most(500, 4000), 4000},
		{"strict, as allowed", strict(engine.RefuseIt), plain(func(r *policy.Request) { r.Call.MaxOutput, r.Call.Choices = 300, 3 }), 2 * most(500, 900), 0},
		{"strict, more than the model can", strict(engine.RefuseIt), plain(func(r *policy.Request) { r.Call.MaxOutput = 5000 }), 2 * most(500, 4000), 4000},
		{"strict, with pictures", strict(engine.RefuseIt), plain(func(r *policy.Request) { r.Content.Parts = 3; r.Call.MaxOutput = 300 }), 2 * most(3500, 300), 0},
		{"strict, with what its provider adds", strict(engine.RefuseIt), plain(func(r *policy.Request) { r.Content.Beside = 200; r.Call.MaxOutput = 300 }), 2 * most(700, 300), 0},
		{"strict, more than the window", strict(engine.RefuseIt), plain(func(r *policy.Request) { r.Content.Bytes = 70_000; r.Call.MaxOutput = 300 }), 2 * most(50_000, 300), 0},
		{"strict, of what stands elsewhere", strict(engine.HoldWindow), plain(func(r *policy.Request) { r.Content.Elsewhere = true; r.Call.MaxOutput = 300 }), 2 * most(50_000, 300), 0},
	} {
		ticket, held := heldFor(t, c.bounds, c.call)
		if ticket.Refusal != nil || held != c.held || ticket.MaxOutput != c.cap {
			t.Errorf("%s: held %d, want %d; bound %d, want %d; %+v", c.name, held, c.held, ticket.MaxOutput, c.cap, ticket.Refusal)
		}
	}
}

func TestACallWithoutABoundIsRefusedWhereBoundsAreStrict(t *testing.T) {
	for name, change := range map[string]func(*policy.Request){
		"signed, no bound":     func(r *policy.Request) { r.Changes, r.Signed = 0, true },
		"of a file":            func(r *policy.Request) { r.Content.Elsewhere = true },
		"with hosted tools":    func(r *policy.Request) { r.Content.Hosted = true },
		"that nobody can read": func(r *policy.Request) { r.Malformed = true; r.Call.MaxOutput = 300 },
		"that nobody weighed":  func(r *policy.Request) { r.Content.Bytes = 0 },
	} {
		r := changeable(1)
		r.Content.Bytes = 500
		change(r)
		if ticket, _ := heldFor(t, strict(engine.RefuseIt), r); ticket.Refusal == nil || ticket.Refusal.Code != "cost_unbounded" {
			t.Errorf("%s: %+v", name, ticket.Refusal)
		}
		if ticket, held := heldFor(t, strict(engine.AllowIt), r); ticket.Refusal != nil || held == 0 {
			t.Errorf("%s, allowed: %+v", name, ticket.Refusal)
		}
	}
}

// However calls turn out within their bounds, none costs more than was held.
func TestStrictHoldsAreNeverExceeded(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		r := changeable(1)
		r.Content.Bytes = 1 + random.Int64N(100_000)
		r.Call.Choices = 1 + random.IntN(4)
		r.Call.MaxOutput = random.Int64N(6000)
		e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Bounds = strict(engine.RefuseIt) }, month("month", 1000*usd))
		ticket := admit(t, e, r)
		sent := ticket.Sent()
		in, out := random.Int64N(min(r.Content.Bytes, 50_000)+1), random.Int64N(sent.MaxOutput*int64(sent.Choices)+1)
		cached := random.Int64N(in + 1)
		o := answered
		o.Reading.Usage = reported(in-cached, cached, out)
		e.Settle(t.Context(), ticket, o)
		if s, _ := spent(t, e, "month"); s > int64(ticket.Hold.Most) || sent.MaxOutput == 0 {
			t.Fatalf("%d input, %d output cost %d, and %d was held", in, out, s, ticket.Hold.Most)
		}
	}
}
