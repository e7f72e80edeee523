package mistral

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func feed(s sample, end tokenizer.End, cuts ...int) (r tokenizer.Reading, complete bool) {
	m := New().NewMeter(s.call, tokenizer.Answer{Status: 200, Form: s.form, Head: tokenizer.NoHead{}})
	at := 0
	for _, c := range append(cuts, len(s.body)) {
		p := []byte(s.body[at:c])
		complete = m.Feed(p) || complete
		for i := range p { // nothing may be kept of a piece
			p[i] = '!'
		}
		at = c
	}
	r = m.Close(end)
	r.Text = bytes.Clone(r.Text)
	return r, complete
}

func TestMeterAtEveryCut(t *testing.T) {
	for _, s := range samples() {
		want, complete := feed(s, tokenizer.Complete)
		check(t, s, want, complete)
		every := make([]int, len(s.body))
		for cut := range s.body {
			every[cut] = cut
			if got, _ := feed(s, tokenizer.Complete, cut); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s cut at %d: %+v, want %+v", s.name, cut, got, want)
			}
		}
		if got, _ := feed(s, tokenizer.Complete, every...); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s byte by byte: %+v, want %+v", s.name, got, want)
		}
	}
}

// check holds a reading to its sample: each class, and that the classes of tokens,
// with the sound that stands in seconds, are the provider's total.
func check(t *testing.T, s sample, r tokenizer.Reading, complete bool) {
	t.Helper()
	var u tokenizer.Usage
	if len(r.Usage) == 1 {
		u = r.Usage[0]
	}
	billed, waived := counted{}, counted{}
	for c, n := range u.All {
		billed[c] = n - u.Waived(c)
		if w := u.Waived(c); w > 0 {
			waived[c] = w
		}
		want := s.source
		if want == tokenizer.None {
			want = tokenizer.Reported
		}
		if from := u.Source(c); from != want {
			t.Errorf("%s: %s is %s, want %s", s.name, c, from, want)
		}
	}
	if !maps.Equal(billed, s.want) || !maps.Equal(waived, s.waived) {
		t.Errorf("%s: %v and waived %v, want %v and %v", s.name, billed, waived, s.want, s.waived)
	}
	if in, out := u.Totals(); s.total > 0 && in+out+s.sound != s.total {
		t.Errorf("%s: %d tokens in, %d out and %d of sound, want %d", s.name, in, out, s.sound, s.total)
	}
	if complete = complete || s.call.Operation == batchResults; !complete || r.Unreadable != 0 || r.Error != s.fails || string(r.Text) != s.text {
		t.Errorf("%s: complete %v, %+v", s.name, complete, r)
	}
	if r.Model != s.model || u.Known() && u.Model != s.model || r.ResponseID != s.id || r.Tier != s.tier || r.Finish != s.finish || r.Deferred != s.deferred {
		t.Errorf("%s: %+v", s.name, r)
	}
}

func TestACutStreamIsPartial(t *testing.T) {
	whole := talks[3]
	for _, at := range []string{`"content":"Ye`, `"connectors":{"web_search":1}}`} {
		s := whole
		s.body = s.body[:strings.Index(s.body, at)+len(at)]
		r, complete := feed(s, tokenizer.Cut)
		usage := len(r.Usage) == 1
		if complete || r.Unreadable != 0 || usage != (at[1:5] == "conn") {
			t.Errorf("cut at %s: complete %v, %+v", at, complete, r)
		}
		for i := range r.Usage {
			for c := range r.Usage[i].All {
				if from := r.Usage[i].Source(c); from != tokenizer.Partial {
					t.Errorf("cut at %s: %s is %s", at, c, from)
				}
			}
		}
	}
	if r, _ := feed(sample{call: of(ocr), body: `{"pages":[{"index":0},{`}, tokenizer.Cut); len(r.Usage) != 0 || r.Unreadable != 0 {
		t.Errorf("pages of a cut document: %+v", r)
	}
}

func TestWhatCannotBeReadIsCounted(t *testing.T) {
	for _, s := range []sample{
		{call: of(conversations), body: `{"outputs":[}`}, {call: of(conversations), form: tokenizer.SSE, body: "data: {]\n\n"},
		{call: of(chat), body: `{"usage":]`}, {call: of(ocr), body: `{`},
	} {
		if r, _ := feed(s, tokenizer.Complete); r.Unreadable != 1 || len(r.Usage) != 0 {
			t.Errorf("%s of %s: %+v", s.call.Operation, s.body, r)
		}
	}
	for _, operation := range []string{chat, fim, conversations, ocr, transcription, batch, batchResults} {
		if New().NewMeter(of(operation), tokenizer.Answer{Form: tokenizer.Opaque}) != nil {
			t.Errorf("%s: an opaque answer has a meter", operation)
		}
	}
}

// TestResultsThatSettleNothing: what was not read to its end, or says nothing,
// leaves the batch as it is.
func TestResultsThatSettleNothing(t *testing.T) {
	good := line(200, `{"model":"m-1","usage":{"prompt_tokens":20,"total_tokens":25,"completion_tokens":5}}`)
	for name, c := range map[string]struct {
		body       string
		end        tokenizer.End
		goesOn     bool
		unreadable int
	}{
		"whole":               {good, tokenizer.Complete, false, 0},
		"cut":                 {good + good[:30], tokenizer.Cut, true, 0},
		"torn":                {good + good[:30], tokenizer.Complete, true, 1},
		"one line is no JSON": {good + "oops{\n" + good, tokenizer.Complete, false, 1},
		"no counts":           {line(200, `{"model":"m-1"}`), tokenizer.Complete, true, 1},
		"empty":               {"\n", tokenizer.Complete, true, 0},
		"an error":            {`{"detail":"no such file"}`, tokenizer.Failed, true, 1},
	} {
		r, complete := feed(sample{call: results9, form: tokenizer.NDJSON, body: c.body}, c.end)
		if complete || (r.Deferred.ID == "f-9") != c.goesOn || r.Unreadable != c.unreadable || c.goesOn && (len(r.Usage) != 0 || r.Model != "") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestSpeechIsPaidUnlessItFailed(t *testing.T) {
	call := tokenizer.Call{Operation: speech, Characters: 12}
	m := New().NewMeter(call, tokenizer.Answer{Status: 200, Form: tokenizer.Opaque, Head: tokenizer.NoHead{}})
	if r := m.Close(tokenizer.Complete); len(r.Usage) != 1 || r.Unreadable != 0 {
		t.Errorf("%+v", r)
	}
	if r, _ := feed(sample{call: call, body: `{"detail":"no such voice"}`}, tokenizer.Failed); len(r.Usage) != 0 {
		t.Errorf("an error is paid: %+v", r)
	}
}

func TestCountsAreBelieved(t *testing.T) {
	for body, want := range map[string]counted{
		`{"prompt_tokens":-1,"completion_tokens":3}`:                                                             {tokenizer.Output: 3},
		`{"prompt_tokens":10,"completion_tokens":3,"total_tokens":5}`:                                            {tokenizer.Input: 10, tokenizer.Output: 3},
		`{"prompt_tokens":10,"completion_tokens":3,"connector_tokens":4}`:                                        {tokenizer.Input: 10, tokenizer.InputTool: 4, tokenizer.Output: 3},
		`{"prompt_tokens":10,"total_tokens":10,"prompt_tokens_details":{"audio_tokens":4}}`:                      {tokenizer.Input: 6, tokenizer.InputAudio: 4},
		`{"prompt_tokens":10,"completion_tokens":3,"prompt_audio_seconds":0}`:                                    {tokenizer.Input: 10, tokenizer.Output: 3},
		`{"prompt_tokens":10,"completion_tokens":3,"prompt_audio_seconds":1e300,"connectors":{"web_search":-1}}`: {tokenizer.Input: 10, tokenizer.Output: 3},
		`{}`: {},
	} {
		r, _ := feed(sample{call: of(conversations), body: `{"usage":` + body + `}`}, tokenizer.Complete)
		got := counted{}
		for i := range r.Usage {
			maps.Insert(got, r.Usage[i].All)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}

func TestDeltasAllocateNothing(t *testing.T) {
	for _, s := range []struct{ operation, delta string }{
		{chat, `data: {"id":"q","model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"p":"ab"}` + "\n\n"},
		{conversations, events("message.output.delta", `{"type":"message.output.delta","id":"msg_1","model":"m","content":"x"}`)},
		{transcription, events("transcription.text.delta", `{"type":"transcription.text.delta","text":"x"}`)},
	} {
		m := New().NewMeter(of(s.operation), tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
		delta := []byte(s.delta)
		for range tokenizer.TextKept + 10 {
			m.Feed(delta)
		}
		if n := testing.AllocsPerRun(100, func() { m.Feed(delta) }); n != 0 {
			t.Errorf("%s: %v allocations", s.operation, n)
		}
	}
}

func TestRefuse(t *testing.T) {
	for status, kind := range map[int]string{403: "invalid_request_error", 429: "rate_limited", 503: "internal_server_error"} {
		var got struct{ Object, Message, Type, Code string }
		if err := json.Unmarshal(New().Refuse(status, "budget_exhausted", `"no"`), &got); err != nil {
			t.Fatal(err)
		}
		if got.Object != "error" || got.Message != `"no"` || got.Type != kind || got.Code != "budget_exhausted" {
			t.Errorf("%d: %+v", status, got)
		}
	}
}

func FuzzMeter(f *testing.F) {
	operations := []string{chat, fim, conversations, ocr, transcription, speech, moderations, batch, batchResults}
	for _, s := range samples() {
		for i, operation := range operations {
			if operation == s.call.Operation {
				f.Add([]byte(s.body), uint8(i), s.form == tokenizer.SSE, 7)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, operation uint8, streamed bool, cut int) {
		s := sample{body: string(body), call: of(operations[int(operation)%len(operations)])}
		switch {
		case streamed && s.call.Operation == batchResults:
			s.form = tokenizer.NDJSON
		case streamed:
			s.form = tokenizer.SSE
		}
		cut = min(max(cut, 0), len(body))
		whole, _ := feed(s, tokenizer.Complete)
		if got, _ := feed(s, tokenizer.Complete, cut); !reflect.DeepEqual(got, whole) {
			t.Fatalf("cut at %d: %+v, whole %+v", cut, got, whole)
		}
		for i := range whole.Usage {
			for c, n := range whole.Usage[i].All {
				if n < 0 || whole.Usage[i].Waived(c) > n {
					t.Fatalf("%s: %d, waived %d", c, n, whole.Usage[i].Waived(c))
				}
			}
		}
	})
}

func BenchmarkMeter(b *testing.B) {
	delta := []byte(events("message.output.delta", `{"type":"message.output.delta","created_at":"2026-01-01T00:00:00Z","output_index":0,"id":"msg_1","content_index":0,"model":"m","role":"assistant","content":" the"}`))
	end := []byte(events("conversation.response.done", `{"type":"conversation.response.done","usage":{"prompt_tokens":188,"completion_tokens":55,"total_tokens":7355,"connector_tokens":7112,"connectors":{"web_search":1}}}`))
	b.SetBytes(int64(200*len(delta) + len(end)))
	b.ReportAllocs()
	for b.Loop() {
		m := New().NewMeter(of(conversations), tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
		for range 200 {
			m.Feed(delta)
		}
		if !m.Feed(end) || len(m.Close(tokenizer.Complete).Usage) != 1 {
			b.Fatal("not read")
		}
	}
}
