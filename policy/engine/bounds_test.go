package engine_test

import (
	"math/rand/v2"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/capacity"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

func strict(on engine.Unboundable) *engine.Bounds {
	return &engine.Bounds{
		Output: engine.Strict, OnUnboundable: on, Part: 1000, ToolCalls: 10, Tries: 2,
		Models: []engine.ModelBound{{Models: []string{"m1"}, Limit: capacity.Limit{Window: 50_000, Output: 4000}}}, Else: capacity.Limit{Window: 1 << 20, Output: 100_000},
	}
}

// tight is strict with such a window.
func tight(window int64) *engine.Bounds {
	b := strict(engine.RefuseIt)
	b.Models[0].Window = window
	return b
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
		{"as allowed", &engine.Bounds{Output: engine.Capped, Else: capacity.Limit{Output: 4000}}, plain(func(r *policy.Request) { r.Call.MaxOutput = 300 }), most(216, 300), 0},
		{"as the model can", &engine.Bounds{Output: engine.ByModel, Else: capacity.Limit{Output: 4000}}, plain(func(r *policy.Request) { r.Call.MaxOutput = 300 }), most(216, 4000), 0},
		{"strict", strict(engine.RefuseIt), plain(nil), 2 * most(500, 4000), 4000},
		{"strict, as much as the window leaves", tight(4100), plain(nil), 2 * most(500, 3884), 3884},
		{"strict, and it leaves nothing", tight(220), plain(nil), 2 * most(220, 4000), 4000},
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
		if told := len(ticket.Rulings) == 1 && ticket.Rulings[0].Rule == "holds"; told != (c.cap > 0) {
			t.Errorf("%s: bound %d, and the rulings say %+v", c.name, c.cap, ticket.Rulings)
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
		free := month("month", usd)
		free.OnExhausted = budget.Allow
		requests := month("requests", 100)
		requests.Unit = budget.Requests
		e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Bounds = strict(engine.RefuseIt) }, free, requests)
		if ticket := admit(t, e, r); ticket.Refusal != nil {
			t.Errorf("%s, where nothing that it costs is limited: %+v", name, ticket.Refusal)
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

// known are the limits that are built in, and their table.
func known(t *testing.T) ([]capacity.Row, *capacity.Table) {
	t.Helper()
	rows, err := capacity.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	table, err := capacity.New(rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rows, table
}

func TestLimitsAreThoseOfTheConfigurationThenThoseBuiltIn(t *testing.T) {
	_, table := known(t)
	b := &engine.Bounds{
		Known: table, Else: capacity.Limit{Window: 7, Output: 8},
		Models: []engine.ModelBound{{Models: []string{"gpt-4o"}, Limit: capacity.Limit{Output: 100}}},
	}
	for _, c := range []struct {
		why, model string
		want       capacity.Limit
	}{
		{"one of the configuration", "gpt-4o-2024-08-06", capacity.Limit{Window: 128_000, Output: 100, Picture: 1445}},
		{"none of it", "gpt-4.1-mini", capacity.Limit{Window: 1_047_576, Output: 32_768, Picture: 9955}},
		{"of nobody's", "own", capacity.Limit{Window: 7, Output: 8}},
	} {
		if got := b.Of("openai", c.model); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.why, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { b.Of("openai", "GPT-4.1-mini-2025-04-14") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestAModelThatNobodyKnows follows on_unboundable where its limits are needed, and
// passes where the call itself is bounded.
func TestAModelThatNobodyKnows(t *testing.T) {
	on := func(on engine.Unboundable, window int64) *engine.Bounds {
		return &engine.Bounds{Output: engine.Strict, OnUnboundable: on, Tries: 1, Else: capacity.Limit{Window: window}}
	}
	most := func(in, out int64) int64 { return in*2000 + out*10_000 }
	for _, c := range []struct {
		why     string
		bounds  *engine.Bounds
		change  func(*policy.Request)
		refused bool
		held    int64 // 0: what is learned
	}{
		{"bounded by itself", on(engine.RefuseIt, 0), func(r *policy.Request) { r.Call.MaxOutput = 300 }, false, most(500, 300)},
		{"no bound", on(engine.RefuseIt, 0), func(*policy.Request) {}, true, 0},
		{"no bound, and no window to hold", on(engine.HoldWindow, 0), func(*policy.Request) {}, true, 0},
		{"no bound, the window held", on(engine.HoldWindow, 9000), func(*policy.Request) {}, false, most(500, 9000)},
		{"no bound, allowed", on(engine.AllowIt, 0), func(*policy.Request) {}, false, 0},
		{"a picture", on(engine.RefuseIt, 0), func(r *policy.Request) { r.Call.MaxOutput, r.Content.Parts, r.Content.Pictures = 300, 1, 1 }, true, 0},
		{"a file", on(engine.HoldWindow, 0), func(r *policy.Request) { r.Call.MaxOutput, r.Content.Parts = 300, 1 }, true, 0},
		{"a file, and a window", on(engine.RefuseIt, 9000), func(r *policy.Request) { r.Call.MaxOutput, r.Content.Parts = 300, 1 }, false, most(9000, 300)},
		{"what stands elsewhere", on(engine.HoldWindow, 0), func(r *policy.Request) { r.Call.MaxOutput, r.Content.Elsewhere = 300, true }, true, 0},
	} {
		r := changeable(1)
		r.Content.Bytes = 500
		c.change(r)
		ticket, held := heldFor(t, c.bounds, r)
		switch {
		case c.refused != (ticket.Refusal != nil), c.refused && ticket.Refusal.Code != "cost_unbounded":
			t.Errorf("%s: %+v", c.why, ticket.Refusal)
		case !c.refused && c.held > 0 && held != c.held, !c.refused && held == 0:
			t.Errorf("%s: held %d, want %d", c.why, held, c.held)
		}
	}
	// Without strict, what nobody knows is learned.
	for _, output := range []engine.OutputBound{engine.Capped, engine.ByModel} {
		if ticket, held := heldFor(t, &engine.Bounds{Output: output}, changeable(1)); ticket.Refusal != nil || held != mostOfACall {
			t.Errorf("%s: held %d, want %d; %+v", output, held, mostOfACall, ticket.Refusal)
		}
	}
}

// TestPicturesAreHeldBesideTheWindow, as they may be charged more than they take of
// it: those of gpt-4o-mini are.
func TestPicturesAreHeldBesideTheWindow(t *testing.T) {
	for _, c := range []struct {
		why     string
		bounds  engine.Bounds
		content tokenizer.Content
		input   int64
	}{
		{"text", engine.Bounds{}, tokenizer.Content{Bytes: 500, Beside: 256}, 756},
		{"more text than the model reads", engine.Bounds{}, tokenizer.Content{Bytes: 500_000}, 128_000},
		{"ten pictures", engine.Bounds{}, tokenizer.Content{Bytes: 500, Parts: 10, Pictures: 10}, 500 + 481_690},
		{"pictures, and more text than the model reads", engine.Bounds{}, tokenizer.Content{Bytes: 500_000, Parts: 3, Pictures: 3}, 128_000 + 144_507},
		{"what may be pictures", engine.Bounds{}, tokenizer.Content{Bytes: 500, Parts: 3}, 128_000 + 144_507},
		{"pictures, and a file", engine.Bounds{}, tokenizer.Content{Bytes: 500, Parts: 2, Pictures: 1}, 128_000 + 96_338},
		{"a bound of your own", engine.Bounds{Part: 1000}, tokenizer.Content{Bytes: 500, Parts: 2, Pictures: 1}, 2500},
		{"by their ids", engine.Bounds{OnUnboundable: engine.HoldWindow}, tokenizer.Content{Bytes: 500, Parts: 2, Pictures: 2, Elsewhere: true}, 128_000 + 96_338},
	} {
		c.bounds.Output, c.bounds.Tries = engine.Strict, 1
		c.bounds.Else = capacity.Limit{Window: 128_000, Output: 16_384, Picture: 48_169}
		r := changeable(1)
		r.Call.MaxOutput, r.Content = 300, c.content
		if ticket, held := heldFor(t, &c.bounds, r); ticket.Refusal != nil || held != c.input*2000+300*10_000 {
			t.Errorf("%s: held %d, want %d tokens of input; %+v", c.why, held, c.input, ticket.Refusal)
		}
	}
}

// TestStrictHoldsAreNeverExceededWithWhatIsBuiltIn: of any model of the built-in
// table, however it is called, no call that passes costs more than was held, if the
// model keeps to its limits.
func TestStrictHoldsAreNeverExceededWithWhatIsBuiltIn(t *testing.T) {
	rows, table := known(t)
	anyone := price.NewRow("test:any", "", "*")
	anyone.Set(tokenizer.Input, rate(t, "2"))
	anyone.Set(tokenizer.Output, rate(t, "10"))
	anyone.Set(tokenizer.CacheRead, rate(t, "0.5"))
	prices, err := price.New([]price.Row{anyone})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Rules.Prices = prices
		o.Rules.Bounds = &engine.Bounds{Output: engine.Strict, OnUnboundable: engine.RefuseIt, Known: table, Tries: 1}
	}, month("month", 1_000_000_000*usd))
	random := rand.New(rand.NewPCG(5, 6))
	passed, refused := 0, 0
	for n := range 2000 {
		row := &rows[random.IntN(len(rows))]
		r := changeable(0)
		r.ID = policy.CallID{byte(n), byte(n >> 8)}
		r.Provider, r.Call.Model, r.Call.Choices = row.Provider, row.Model, 1+random.IntN(3)
		r.Call.MaxOutput = []int64{0, random.Int64N(300_000)}[random.IntN(2)]
		r.Content = tokenizer.Content{Bytes: 1 + random.Int64N(300_000), Pictures: random.Int64N(3), Elsewhere: random.IntN(20) == 0}
		r.Content.Parts, r.Content.Beside = r.Content.Pictures+random.Int64N(4)/3, random.Int64N(300)
		ticket := admit(t, e, r)
		if ticket.Refusal != nil {
			refused++
			continue
		}
		passed++
		before, _ := spent(t, e, "month")
		in, out := worst(row, &r.Content), ticket.Sent().MaxOutput*int64(r.Call.Choices)
		cached := random.Int64N(in + 1)
		o := answered
		o.Reading.Model, o.Reading.Usage = row.Model, reported(in-cached, cached, out)
		e.Settle(t.Context(), ticket, o)
		after, _ := spent(t, e, "month")
		if after-before > int64(ticket.Hold.Most) || out == 0 || row.Output > 0 && out > row.Output*int64(r.Call.Choices) {
			t.Fatalf("%s/%s, %+v: %d input and %d output cost %d, and %d was held", row.Provider, row.Model, r.Content, in, out, after-before, ticket.Hold.Most)
		}
	}
	if passed < 500 || refused < 50 {
		t.Errorf("%d calls passed and %d were refused: too few of one to tell", passed, refused)
	}
}

// worst is the most that a model reads of a call: all that it can where the call
// names a file, or has one. Pictures are charged what they are, however little they
// take of the window.
func worst(row *capacity.Row, c *tokenizer.Content) int64 {
	n := c.Bytes + c.Beside
	if c.Parts > c.Pictures || c.Pictures > 0 && row.Picture == 0 {
		n = row.Window
	}
	if row.Window > 0 {
		n = min(n, row.Window)
	}
	return n + c.Pictures*row.Picture
}
