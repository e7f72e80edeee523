package generic

import (
	"maps"
	"reflect"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

var job = Route{Path: "/jobs/{job}", Operation: "train", Usage: []Count{
	{Meter: tokenizer.GPUSeconds, Path: "usage.gpu_hours", Times: 3600},
	{Meter: tokenizer.Input, Path: "usage.prompt_tokens"},
	{Meter: tokenizer.Images, Path: "images.*"},
}}

type counts map[tokenizer.Class]int64

func TestMeterAtEveryCut(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       counts
		unread     int
	}{
		{"all is told", `{"usage":{"gpu_hours":0.25,"prompt_tokens":12},"images":[{"b":"x"},"y"]}`, counts{tokenizer.GPUSeconds: 900, tokenizer.Input: 12, tokenizer.Images: 2}, 0},
		{"a begun second is a whole one", `{"usage":{"gpu_hours":0.0001,"prompt_tokens":0},"images":[1]}`, counts{tokenizer.GPUSeconds: 1, tokenizer.Input: 0, tokenizer.Images: 1}, 0},
		{"exact where a float is not", `{"usage":{"gpu_hours":1.1,"prompt_tokens":1e3},"images":[1]}`, counts{tokenizer.GPUSeconds: 3960, tokenizer.Input: 1000, tokenizer.Images: 1}, 0},
		{"a part is not told", `{"usage":{"gpu_hours":1}}`, counts{tokenizer.GPUSeconds: 3600}, 1},
		{"a part is no number", `{"usage":{"gpu_hours":"1","prompt_tokens":7},"images":[0]}`, counts{tokenizer.Input: 7, tokenizer.Images: 1}, 1},
		{"nothing is told", `{"status":"queued","usage":null}`, counts{tokenizer.Requests: 1}, 1},
		{"too much", `{"usage":{"gpu_hours":1e17,"prompt_tokens":-1}}`, counts{tokenizer.Requests: 1}, 1},
		{"too much to add up", `{"usage":{"gpu_hours":305000000},"usage":{"gpu_hours":305000000}}`, counts{tokenizer.Requests: 1}, 1},
	} {
		for cut := range len(c.body) + 1 {
			m := mustNew(t, job).NewMeter(tokenizer.Call{Queries: 1}, tokenizer.Answer{Head: tokenizer.NoHead{}})
			first := m.Feed([]byte(c.body[:cut]))
			done := m.Feed([]byte(c.body[cut:])) || first
			r := m.Close(tokenizer.Complete)
			if len(r.Usage) != 1 || !maps.Equal(known(&r.Usage[0]), c.want) || r.Unreadable != c.unread || !done {
				t.Fatalf("%s, cut at %d: %v, %+v, want %v", c.name, cut, done, r, c.want)
			}
		}
	}
}

func TestEndings(t *testing.T) {
	const half = `{"usage":{"gpu_hours":1},"ima`
	for _, c := range []struct {
		name   string
		route  Route
		form   tokenizer.Form
		body   string
		end    tokenizer.End
		want   counts
		from   tokenizer.Source
		unread int
	}{
		{"cut", job, tokenizer.JSON, half, tokenizer.Cut, counts{tokenizer.GPUSeconds: 3600}, tokenizer.Partial, 0},
		{"cut before anything was told", job, tokenizer.JSON, `{"us`, tokenizer.Cut, counts{tokenizer.Requests: 2}, tokenizer.Counted, 0},
		{"not whole", job, tokenizer.JSON, half, tokenizer.Complete, counts{tokenizer.GPUSeconds: 3600}, tokenizer.Reported, 1},
		{"no JSON", job, tokenizer.JSON, `<html>`, tokenizer.Complete, counts{tokenizer.Requests: 2}, tokenizer.Counted, 1},
		{"an error", job, tokenizer.JSON, `{"usage":{"gpu_hours":1}}`, tokenizer.Failed, nil, 0, 0},
		{"another form", job, tokenizer.Opaque, "", tokenizer.Complete, counts{tokenizer.Requests: 2}, tokenizer.Counted, 1},
		{"a request", Route{Path: "/x"}, tokenizer.Opaque, "", tokenizer.Complete, counts{tokenizer.Requests: 2}, tokenizer.Counted, 0},
		{"a request, cut", Route{Path: "/x"}, tokenizer.JSON, "", tokenizer.Cut, counts{tokenizer.Requests: 2}, tokenizer.Counted, 0},
		{"a request that failed", Route{Path: "/x"}, tokenizer.JSON, "", tokenizer.Failed, nil, 0, 0},
		{"queries and usage", Route{Path: "/x", Queries: "q.*", Usage: job.Usage[:1]}, tokenizer.JSON, `{"usage":{"gpu_hours":1}}`, tokenizer.Complete,
			counts{tokenizer.Requests: 2, tokenizer.GPUSeconds: 3600}, tokenizer.Counted, 0},
	} {
		m := mustNew(t, c.route).NewMeter(tokenizer.Call{Queries: 2}, tokenizer.Answer{Form: c.form, Head: tokenizer.NoHead{}})
		m.Feed([]byte(c.body))
		r := m.Close(c.end)
		if c.want == nil {
			if len(r.Usage) != 0 || r.Unreadable != 0 {
				t.Errorf("%s: %+v", c.name, r)
			}
			continue
		}
		if len(r.Usage) != 1 || !maps.Equal(known(&r.Usage[0]), c.want) || r.Unreadable != c.unread {
			t.Errorf("%s: %+v, want %v", c.name, r, c.want)
			continue
		}
		for class := range c.want {
			if got := r.Usage[0].Source(class); got != c.from && class == tokenizer.Requests == (c.from == tokenizer.Counted) {
				t.Errorf("%s: %s is %s, want %s", c.name, class, got, c.from)
			}
		}
	}
}

func TestPiecesAllocateNothing(t *testing.T) {
	m := mustNew(t, job).NewMeter(tokenizer.Call{}, tokenizer.Answer{Head: tokenizer.NoHead{}})
	m.Feed([]byte(`{"images":[`))
	piece := []byte(`{"b":"abc"},`)
	m.Feed(piece)
	if n := testing.AllocsPerRun(100, func() { m.Feed(piece) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzMeter(f *testing.F) {
	f.Add(`{"usage":{"gpu_hours":0.25,"prompt_tokens":12},"images":[{},1]}`, 9)
	f.Add(`{"usage":{"gpu_hours":1E-7}}`, 3)
	f.Fuzz(func(t *testing.T, body string, cut int) {
		cut = min(max(cut, 0), len(body))
		read := func(pieces ...string) tokenizer.Reading {
			m := mustNew(t, job).NewMeter(tokenizer.Call{Queries: 1}, tokenizer.Answer{Head: tokenizer.NoHead{}})
			for _, p := range pieces {
				m.Feed([]byte(p))
			}
			return m.Close(tokenizer.Complete)
		}
		whole := read(body)
		if got := read(body[:cut], body[cut:]); !reflect.DeepEqual(got, whole) {
			t.Fatalf("cut at %d: %+v, whole %+v", cut, got, whole)
		}
		for class, n := range whole.Usage[0].All {
			if n < 0 || n > most {
				t.Fatalf("%s is %d", class, n)
			}
		}
	})
}
