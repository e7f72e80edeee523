package generic

import "testing"

// BenchmarkMatch is what every call pays for each route that does not take it.
func BenchmarkMatch(b *testing.B) {
	d := mustNew(b, Route{Path: "/collections/{collection}/points/search"})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := d.Match("POST", "/v1/chat/completions"); ok {
			b.Fatal("taken")
		}
	}
}

// BenchmarkRead counts a batch of a hundred searches by vectors of 384 numbers.
func BenchmarkRead(b *testing.B) {
	d := mustNew(b, Route{Path: "/x", Queries: "searches.*"})
	body := []byte(`{"searches":[`)
	for i := range 100 {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"limit":3,"query":[0.12345678`...)
		for range 383 {
			body = append(body, `,0.12345678`...)
		}
		body = append(body, "]}"...)
	}
	body = append(body, "]}"...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if call, err := d.Read("o", "/x", nil, body); err != nil || call.Queries != 100 {
			b.Fatal(call, err)
		}
	}
}
