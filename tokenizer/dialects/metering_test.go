package dialects_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/dialects"
	"github.com/farebox/farebox/tokenizer/inflate"
)

// read meters a recording in every way and fails the test when they differ.
// metered says that a dialect takes its path.
func (g *tally) read(t *testing.T, r *recording, cuts *rand.Rand) (_ tokenizer.Reading, metered bool) {
	host, _ := dialects.Host(r.host)
	d, operation, ok := tokenizer.Find(dialects.All(), host.Provider, r.method, r.urlPath)
	if !ok {
		return tokenizer.Reading{}, false
	}
	call, err := d.Read(operation, r.urlPath, tokenizer.NoHead{}, request(r))
	if err != nil {
		t.Errorf("%s: %v", r.path, err)
	}
	body := plain(t, r)
	whole, _ := meter(d, call, r, [][]byte{body})
	if r.form != "json" {
		bytewise, used := meter(d, call, r, slices.Collect(slices.Chunk(body, 1)))
		if anotherIn(body[used:]) {
			g.joined++
			return whole, true
		}
		same(t, r.path+" byte by byte", bytewise, whole)
	}
	random, _ := meter(d, call, r, cutAt(body, places(cuts, len(body))))
	same(t, r.path+" cut at random", random, whole)
	return whole, true
}

// anotherIn reports whether another answer begins in what follows the end of one.
func anotherIn(rest []byte) bool {
	return bytes.Contains(rest, []byte("message_start")) || bytes.Contains(rest, []byte("response.created"))
}

func same(t *testing.T, what string, got, want tokenizer.Reading) {
	if reflect.DeepEqual(got, want) {
		return
	}
	const enough = 40
	got.Text, want.Text = got.Text[:min(len(got.Text), enough)], want.Text[:min(len(want.Text), enough)]
	t.Errorf("%s: %+v, want as whole: %+v", what, got, want)
}

// request is a body that asks for an answer of this form: what was really asked
// was not recorded.
func request(r *recording) []byte {
	if r.form == "json" {
		return []byte(`{}`)
	}
	return []byte(`{"stream":true}`)
}

// meter feeds the pieces as the server does: up to the one that completes the
// call. used is how many that were.
func meter(d tokenizer.Dialect, call tokenizer.Call, r *recording, pieces [][]byte) (_ tokenizer.Reading, used int) {
	form := tokenizer.FormOf(r.kind)
	m := d.NewMeter(call, tokenizer.Answer{Status: r.status, Form: form, Head: r})
	if m == nil {
		return tokenizer.Reading{}, len(pieces)
	}
	if form == tokenizer.Opaque {
		pieces = nil
	}
	for _, p := range pieces {
		used++
		if m.Feed(p) {
			break
		}
	}
	end := tokenizer.Complete
	if r.status < 200 || r.status > 299 {
		end = tokenizer.Failed
	}
	reading := m.Close(end)
	reading.Text = append([]byte{}, reading.Text...)
	return reading, used
}

// plain is a body without its compression.
func plain(t *testing.T, r *recording) []byte {
	if !bytes.HasPrefix(r.body, []byte{0x1f, 0x8b}) {
		return r.body
	}
	in, err := inflate.New("gzip")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out []byte
	keep := func(p []byte) { out = append(out, p...) }
	if err := in.Feed(r.body, keep); err != nil {
		t.Errorf("%s: %v", r.path, err)
	}
	if err := in.End(keep); err != nil {
		t.Errorf("%s: %v", r.path, err)
	}
	return out
}

// places are 20 cuts of a body of n bytes, in order.
func places(cuts *rand.Rand, n int) []int {
	at := make([]int, 20)
	for i := range at {
		at[i] = cuts.IntN(n + 1)
	}
	slices.Sort(at)
	return at
}

func cutAt(body []byte, at []int) (pieces [][]byte) {
	from := 0
	for _, to := range append(at, len(body)) {
		pieces = append(pieces, body[from:to])
		from = to
	}
	return pieces
}
