package estimate

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/bpe"
)

func call(model string, bytes int64) tokenizer.Call {
	return tokenizer.Call{Dialect: "d", Operation: "chat", Model: model, Choices: 1, Shares: tokenizer.Shares{Last: bytes}}
}

func reported(input, output int64) *tokenizer.Usage {
	u := &tokenizer.Usage{}
	u.Set(tokenizer.Input, input, tokenizer.Reported)
	u.Set(tokenizer.Output, output, tokenizer.Reported)
	return u
}

func TestInput(t *testing.T) {
	e := New()
	for range 200 {
		e.Learn(call("dense", 4000), reported(2000+overhead, 1))
	}
	for _, c := range []struct {
		name     string
		call     tokenizer.Call
		low, top int64
	}{
		{"nothing", call("m", 0), 0, 0},
		{"one byte", call("m", 1), 1 + overhead, 1 + overhead},
		{"by default four bytes a token", call("m", 4000), 1000 + overhead, 1000 + overhead},
		{"as learned, two bytes a token", call("dense", 4000), 1990 + overhead, 2010 + overhead},
		{"learned of a dialect only", tokenizer.Call{Dialect: "other", Model: "dense", Shares: tokenizer.Shares{System: 4000}}, 1000 + overhead, 1000 + overhead},
		{"all shares count", tokenizer.Call{Shares: tokenizer.Shares{System: 4, History: 4, Last: 4, Tools: 4}}, 4 + overhead, 4 + overhead},
		{"a small picture", tokenizer.Call{Shares: tokenizer.Shares{Media: 1}}, mediaLeast, mediaLeast},
		{"a large picture", tokenizer.Call{Shares: tokenizer.Shares{Media: 512_000}}, 1000, 1000},
	} {
		if got := e.Input(c.call); got < c.low || got > c.top {
			t.Errorf("%s: Input = %d, want %d to %d", c.name, got, c.low, c.top)
		}
	}
}

func TestOutput(t *testing.T) {
	e := New()
	lengths := make([]int64, 400)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range lengths {
		lengths[i] = 20 + r.Int64N(200)
		e.Learn(call("short", 100), reported(30, lengths[i]))
	}
	slices.Sort(lengths)
	q95 := lengths[len(lengths)*95/100]
	e.Learn(call("seldom", 100), reported(30, 3))
	e.Learn(call("seldom-long", 100), reported(30, 5000))
	choices := call("choices", 100)
	choices.Choices = 4
	for range 50 {
		e.Learn(choices, reported(30, 400))
	}
	with := func(c tokenizer.Call, n int, most int64) tokenizer.Call {
		c.Choices, c.MaxOutput = n, most
		return c
	}
	embed := call("short", 100)
	embed.Operation = "embeddings"
	other := call("short", 100)
	other.Operation = "responses"
	many := with(call("m", 100), 20, 30)
	many.Operation = "batch"
	unseen := tokenizer.Call{Operation: "batch", Choices: 1}
	for _, c := range []struct {
		name     string
		call     tokenizer.Call
		low, top int64
	}{
		{"unknown", call("m", 100), DefaultOutput, DefaultOutput},
		{"unknown, capped", with(call("m", 100), 1, 50), 50, 50},
		{"unknown, three choices", with(call("m", 100), 3, 0), 3 * DefaultOutput, 3 * DefaultOutput},
		{"unknown, three choices, capped", with(call("m", 100), 3, 50), 150, 150},
		{"no sane number of choices", with(call("m", 100), math.MaxInt, 0), math.MaxInt64, math.MaxInt64},
		{"below one choice", with(call("m", 100), -5, -5), DefaultOutput, DefaultOutput},
		{"learned", call("short", 100), q95, q95 * 5 / 4},
		{"learned, capped above", with(call("short", 100), 1, 4000), q95, q95 * 5 / 4},
		{"learned of an operation only", other, DefaultOutput, DefaultOutput},
		{"too little learned to go lower", call("seldom", 100), DefaultOutput, DefaultOutput},
		{"enough learned to go higher", call("seldom-long", 100), 5000, 6250},
		{"learned of each choice", with(choices, 1, 0), 100, 125},
		{"embeddings", embed, 0, 0},
		{"a batch whose requests are seen", many, 600, 600},
		{"a batch of a file", unseen, 0, 0},
	} {
		if got := e.Output(c.call); got < c.low || got > c.top {
			t.Errorf("%s: Output = %d, want %d to %d", c.name, got, c.low, c.top)
		}
	}
}

func TestWhatGeneratesNoTextHasNoOutput(t *testing.T) {
	for operation, generates := range map[string]bool{
		"chat": true, "fim": true, "agents": true, "conversations": true, "transcription": true, "generate_content": true,
		"embeddings": false, "batchEmbedContents": false, "rerank": false, "images": false, "video": false, "speech": false, "moderations": false,
		"classify": false, "classifications": false, "ocr": false, "cached_content": false,
	} {
		c := call("m", 100)
		c.Operation = operation
		if got := New().Output(c) > 0; got != generates {
			t.Errorf("%s: generates text %v", operation, got)
		}
	}
}

// One owner's long answers are not held for another's short ones.
func TestOutputOfOwners(t *testing.T) {
	e := New()
	for range 400 {
		e.LearnOf("reports", call("m", 100), reported(30, 8000))
		e.LearnOf("words", call("m", 100), reported(30, 20))
	}
	e.LearnOf("new", call("m", 100), reported(30, 20))
	for owner, want := range map[string]int64{"reports": 8000, "words": 20, "new": 8000, "": 8000, "nobody": 8000} {
		if got := e.OutputMostOf(owner, call("m", 100)); got < want || got > want*5/4 {
			t.Errorf("of %q: %d, want %d and little more", owner, got, want)
		}
	}
}

// What was not reported teaches nothing.
func TestLearnIsPicky(t *testing.T) {
	guess := &tokenizer.Usage{}
	guess.Set(tokenizer.Input, 4000, tokenizer.Reported)
	guess.Set(tokenizer.Output, 9000, tokenizer.Estimated)
	media := call("m", 4000)
	media.Shares.Media = 1
	nameless := call("", 4000)
	many := call("m", 4000)
	many.Operation = "batch"
	endless := call(strings.Repeat("m", maxName+1), 4000)
	for name, c := range map[string]struct {
		call tokenizer.Call
		u    *tokenizer.Usage
	}{
		"estimated":    {call("m", 4000), guess},
		"nothing":      {call("m", 4000), &tokenizer.Usage{}},
		"no model":     {nameless, reported(4000, 9000)},
		"endless name": {endless, reported(4000, 9000)},
		"a batch":      {many, reported(4000, 9000)},
	} {
		e := New()
		for range 100 {
			e.Learn(c.call, c.u)
		}
		if len(e.ratios)+len(e.outputs) != 0 {
			t.Errorf("%s: something was learned", name)
		}
	}
	e := New()
	e.Learn(media, reported(4000, 9000))
	if len(e.ratios) != 0 || len(e.outputs) != 1 {
		t.Errorf("a call with media: %d ratios, %d outputs, want 0, 1", len(e.ratios), len(e.outputs))
	}
	tools := reported(1000+overhead, 1)
	tools.Set(tokenizer.InputTool, 50_000, tokenizer.Reported)
	for range 100 {
		e.Learn(call("tools", 4000), tools)
	}
	if got := e.Input(call("tools", 4000)); got < 990 || got > 1020 {
		t.Errorf("what hosted tools added was taken for the caller's: Input = %d", got)
	}
}

// No provider's figures, however odd, make a guess absurd.
func TestRatioIsBounded(t *testing.T) {
	e := New()
	for range 1000 {
		e.Learn(call("none", 1), reported(1_000_000, 1))
		e.Learn(call("many", 1_000_000), reported(1, 1))
	}
	if got := e.Input(call("none", 1000)); got != 2000+overhead {
		t.Errorf("Input = %d, want %d", got, 2000+overhead)
	}
	if got := e.Input(call("many", 1600)); got != 100+overhead {
		t.Errorf("Input = %d, want %d", got, 100+overhead)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	e := New()
	for i := range 3 * maxOutputs {
		e.Learn(call(fmt.Sprint("model-", i), 100), reported(25, 10))
	}
	if len(e.ratios) > 2*maxModels || len(e.outputs) > maxOutputs {
		t.Errorf("%d ratios and %d outputs are remembered", len(e.ratios), len(e.outputs))
	}
}

func TestBuckets(t *testing.T) {
	for n := range int64(100_000) {
		b := bucket(n)
		if bound(b) < n || b > 0 && bound(b-1) >= max(1, n) && bound(b-1) != bound(b) {
			t.Fatalf("bucket(%d) = %d, which counts (%d, %d]", n, b, bound(max(0, b-1)), bound(b))
		}
		if n >= 8 && bound(b) > n*5/4 {
			t.Fatalf("bucket(%d) goes up to %d", n, bound(b))
		}
	}
	if got := bucket(math.MaxInt64); got != octaves*perOctave-1 {
		t.Errorf("bucket of the longest = %d", got)
	}
}

// What 99 of 100 answers stay below is not what the longest of them all were.
func TestSketchTellsWhatOneInAHundredIsAbove(t *testing.T) {
	for _, c := range []struct{ long, least, most int64 }{{5, 100, 125}, {15, 10_000, 12_500}} {
		var s sketch
		for n := range int64(1000) {
			if n%(1000/c.long) == 0 {
				s.learn(10_000)
			} else {
				s.learn(100)
			}
		}
		if got := s.upper(100, DefaultOutput); got < c.least || got > c.most {
			t.Errorf("upper = %d where %d of 1000 are long, want %d to %d", got, c.long, c.least, c.most)
		}
	}
}

// Old answers are forgotten: a model that changed is believed again soon.
func TestSketchForgets(t *testing.T) {
	var s sketch
	for range 50_000 {
		s.learn(10_000)
	}
	for range 20_000 {
		s.learn(100)
	}
	if got := s.upper(20, DefaultOutput); got > 125 {
		t.Errorf("upper = %d, want about 100", got)
	}
}

func TestText(t *testing.T) {
	e := New()
	for range 200 {
		e.Learn(call("dense", 4000), reported(2000+overhead, 1))
	}
	long := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20)
	for _, c := range []struct {
		name, model string
		text        string
		bytes       int64
		low, top    int64
		from        tokenizer.Source
	}{
		{"nothing", "gpt-4o", "", 0, 0, 0, tokenizer.None},
		{"counted", "gpt-4o", long, int64(len(long)), 201, 201, tokenizer.Counted},
		{"counted, of an older family", "gpt-4", "Hello, world!", 13, 4, 4, tokenizer.Counted},
		{"escapes are undone", "gpt-4o", `line\n\n\nbreaks\r\n \n \n\ttabs`, 31, 8, 8, tokenizer.Counted},
		{"thoughts are not seen", "openai/gpt-5-mini", long, int64(len(long)), 201, 201, tokenizer.Estimated},
		{"thoughts are not seen, tuned", "ft:o4-mini:org::id", "Hello, world!", 13, 4, 4, tokenizer.Estimated},
		{"more than was kept", "gpt-4o", long, 10 * int64(len(long)), 2005, 2015, tokenizer.Estimated},
		{"kept nothing", "gpt-4o", "", 400, 100, 100, tokenizer.Estimated},
		{"no vocabulary", "claude-sonnet-4-5", long, int64(len(long)), 225, 225, tokenizer.Estimated},
		{"no vocabulary, learned", "dense", long, int64(len(long)), 445, 455, tokenizer.Estimated},
		{"a lone byte", "claude-sonnet-4-5", "a", 1, 1, 1, tokenizer.Estimated},
	} {
		r := &tokenizer.Reading{Text: []byte(c.text), TextBytes: c.bytes}
		got, from := e.Text(Answer{Call: &tokenizer.Call{}, Model: c.model, Reading: r})
		if got < c.low || got > c.top || from != c.from {
			t.Errorf("%s: Text = %d, %v, want %d to %d, %v", c.name, got, from, c.low, c.top, c.from)
		}
	}
}

func TestTextBeyondWhatIsKeptIsBounded(t *testing.T) {
	text := []byte(strings.Repeat("word ", bpe.MaxText/4))
	got, from := New().Text(Answer{Call: &tokenizer.Call{}, Model: "gpt-4o", Reading: &tokenizer.Reading{Text: text, TextBytes: int64(len(text))}})
	if want := int64(len(text) / 5); from != tokenizer.Estimated || got < want*99/100 || got > want*101/100 {
		t.Errorf("Text = %d, %v, want about %d, estimated", got, from, want)
	}
}

// FuzzUnescape holds it against encoding/json, and cuts it anywhere.
func FuzzUnescape(f *testing.F) {
	f.Add("plain", 2)
	f.Add("\"\\/\b\f\n\r\t é 🙂 \x00", 5)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		text = strings.ToValidUTF8(text, "�")
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		in := quoted[1 : len(quoted)-1]
		if got := string(unescape(in)); got != text {
			t.Fatalf("unescape(%s) = %q, want %q", in, got, text)
		}
		if cut >= 0 && cut <= len(in) {
			unescape(in[:cut])
		}
		unescape([]byte(text))
	})
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`\ud83d\ude42`: "🙂",
		`\ud83d`:       "�",
		`\ud83dx`:      "�x",
		`\ud83d\u0041`: "�A",
		`\ude42`:       "�",
		`\u00e9`:       "é",
		`\u00`:         "�",
		`\u00zz!`:      "�!",
		`\`:            `\`,
		`a\"b\\c\/d`:   `a"b\c/d`,
	} {
		if got := string(unescape([]byte(in))); got != want {
			t.Errorf("unescape(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestEstimatorIsSafeForConcurrentUse(t *testing.T) {
	e := New()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range 3000 {
				c := call(fmt.Sprint("m", r.IntN(3*maxModels)), 1+r.Int64N(10_000))
				if r.IntN(2) == 0 {
					c.Model = "shared"
				}
				e.Learn(c, reported(1+r.Int64N(3000), r.Int64N(3000)))
				if in, out := e.Input(c), e.Output(c); in <= 0 || out <= 0 {
					t.Errorf("Input, Output = %d, %d", in, out)
				}
				if n, from := e.Text(Answer{Call: &c, Model: c.Model, Reading: &tokenizer.Reading{TextBytes: 10}}); n <= 0 || from != tokenizer.Estimated {
					t.Errorf("Text = %d, %v", n, from)
				}
			}
		})
	}
	wg.Wait()
}

func TestGuessingAllocatesNothing(t *testing.T) {
	e := New()
	c, u := call("m", 1000), reported(250, 100)
	e.Learn(c, u)
	if n := testing.AllocsPerRun(200, func() { e.Input(c); e.Output(c); e.Learn(c, u) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdmission(b *testing.B) {
	e := New()
	c := call("m", 1000)
	e.Learn(c, reported(250, 100))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e.Input(c)
			e.Output(c)
		}
	})
}

// TestInputMost: 99 of 100 calls stay below it, whatever their spread, once some
// have been seen; and it is not far above the largest of them.
func TestInputMost(t *testing.T) {
	call := func(bytes int64) tokenizer.Call {
		return tokenizer.Call{Dialect: "d", Model: "m", Shares: tokenizer.Shares{Last: bytes}}
	}
	e := New()
	if guess, most := e.Input(call(4000)), e.InputMost(call(4000)); most != 2*guess {
		t.Errorf("of an unknown model: %d, want twice %d", most, guess)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	over := 0
	const calls = 4000
	for n := range calls {
		bytes := 100 + rnd.Int64N(20_000)
		tokens := int64(float64(bytes)/3*(0.7+0.6*rnd.Float64())) + 8
		most := e.InputMost(call(bytes))
		if n >= calls/4 {
			if tokens > most {
				over++
			}
			if most > 4*tokens {
				t.Fatalf("%d guessed at most for %d", most, tokens)
			}
		}
		var u tokenizer.Usage
		u.Set(tokenizer.Input, tokens, tokenizer.Reported)
		e.Learn(call(bytes), &u)
	}
	if over > calls*3/4/100 {
		t.Errorf("%d of %d calls took more than at most", over, calls*3/4)
	}
	if e.InputMost(call(1<<62)) <= 0 {
		t.Error("a guess overflowed")
	}
}
