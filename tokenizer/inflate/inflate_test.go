package inflate

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// flusher is what all encoders can do.
type flusher interface {
	io.WriteCloser
	Flush() error
}

// codings makes an encoder for each way of sending.
var codings = map[string]struct {
	header string
	encode func(io.Writer) (flusher, error)
}{
	"gzip":       {"gzip", func(w io.Writer) (flusher, error) { return gzip.NewWriter(w), nil }},
	"gzip named": {" X-GZip ", func(w io.Writer) (flusher, error) { z := gzip.NewWriter(w); z.Name = "name"; return z, nil }},
	"zlib":       {"deflate", func(w io.Writer) (flusher, error) { return zlib.NewWriter(w), nil }},
	"raw":        {"Deflate", func(w io.Writer) (flusher, error) { return flate.NewWriter(w, 6) }},
	"stored":     {"deflate", func(w io.Writer) (flusher, error) { return flate.NewWriter(w, 0) }},
	"br":         {"br", func(w io.Writer) (flusher, error) { return brotli.NewWriter(w), nil }},
	"zstd": {"zstd", func(w io.Writer) (flusher, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10))
	}},
	"identity": {"identity, ", func(w io.Writer) (flusher, error) { return plain{w}, nil }},
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }
func (plain) Flush() error { return nil }

// flushed compresses each event and flushes it; the last piece is the ending.
func flushed(t testing.TB, coding string, events [][]byte) (pieces [][]byte) {
	t.Helper()
	var out bytes.Buffer
	w, err := codings[coding].encode(&out)
	if err != nil {
		t.Fatal(err)
	}
	take := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, bytes.Clone(out.Bytes()))
		out.Reset()
	}
	for _, e := range events {
		if _, err := w.Write(e); err != nil {
			t.Fatal(err)
		}
		take(w.Flush())
	}
	take(w.Close())
	return pieces
}

func events(sizes ...int) (out [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, size := range sizes {
		e := fmt.Appendf(nil, "data: {\"n\":%d,\"delta\":\"", i)
		for len(e) < size {
			e = fmt.Appendf(e, "%x ", r.Uint32()>>12)
		}
		out = append(out, append(e, "\"}\n\n"...))
	}
	return out
}

func start(t testing.TB, header string) *Inflater {
	t.Helper()
	f, err := New(header)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// What the sender flushed is seen before anything more is fed, wherever the
// network cuts it.
func TestFlushedEventsComeOutAtEveryCut(t *testing.T) {
	for name, coding := range codings {
		t.Run(name, func(t *testing.T) {
			evs := events(10, 60, 20, 400, 15)
			pieces := flushed(t, name, evs)
			for target := range evs {
				for cut := range len(pieces[target]) + 1 {
					f := start(t, coding.header)
					var got, want []byte
					sink := func(p []byte) { got = append(got, p...) }
					for i, piece := range pieces {
						parts := [][]byte{piece}
						if i == target {
							parts = [][]byte{piece[:cut], piece[cut:]}
						}
						for _, part := range parts {
							if err := f.Feed(part, sink); err != nil {
								t.Fatal(err)
							}
						}
						if i < len(evs) {
							want = append(want, evs[i]...)
						}
						if !bytes.Equal(got, want) {
							t.Fatalf("event %d cut at %d: %d bytes are out, want %d", i, cut, len(got), len(want))
						}
					}
					if err := f.End(sink); err != nil || !bytes.Equal(got, want) {
						t.Fatalf("End = %v with %d bytes, want %d", err, len(got), len(want))
					}
					if err := f.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

func TestLargeEventsComeOut(t *testing.T) {
	for name, coding := range codings {
		evs := events(100_000, 10, 40_000)
		f := start(t, coding.header)
		var got, want []byte
		sink := func(p []byte) { got = append(got, p...) }
		for i, piece := range flushed(t, name, evs) {
			for len(piece) > 0 {
				n := min(777, len(piece))
				if err := f.Feed(piece[:n], sink); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				piece = piece[n:]
			}
			if i < len(evs) {
				want = append(want, evs[i]...)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s, event %d: %d bytes are out, want %d", name, i, len(got), len(want))
			}
		}
		if err := f.End(sink); err != nil {
			t.Errorf("%s: End = %v", name, err)
		}
	}
}

// A member of gzip that is whole comes out, whether or not another follows.
func TestGzipMembers(t *testing.T) {
	f := start(t, "gzip")
	var got, want []byte
	sink := func(p []byte) { got = append(got, p...) }
	for range 3 {
		ev := events(200)[0]
		if err := f.Feed(bytes.Join(flushed(t, "gzip", [][]byte{ev}), nil), sink); err != nil {
			t.Fatal(err)
		}
		want = append(want, ev...)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes are out, want %d", len(got), len(want))
		}
	}
	if err := f.End(sink); err != nil {
		t.Errorf("End = %v", err)
	}
}

// A body that is cut says so, and what can be known of it comes out.
func TestCutBodies(t *testing.T) {
	text := bytes.Repeat([]byte("what can be known of it "), 40)
	for name, coding := range codings {
		if name == "identity" {
			continue
		}
		var out bytes.Buffer
		w, err := coding.encode(&out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for cut := 4; cut < out.Len(); cut++ {
			f := start(t, coding.header)
			var got []byte
			sink := func(p []byte) { got = append(got, p...) }
			if err := f.Feed(out.Bytes()[:cut], sink); err != nil {
				t.Fatalf("%s: Feed = %v", name, err)
			}
			if err := f.End(sink); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d of %d: End = %v", name, cut, out.Len(), err)
			}
			if !bytes.HasPrefix(text, got) {
				t.Errorf("%s cut at %d: %q came out", name, cut, got)
			}
			if err := f.Close(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: Close = %v", name, err)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, header := range []string{"compress", "gzip, br", "gzip,gzip", "identity, lz4", "aws-chunked"} {
		if _, err := New(header); err == nil {
			t.Errorf("New(%q) gave no error", header)
		}
	}
	for _, header := range []string{"", "identity", "identity, gzip", "GZIP", "x-gzip", ",br"} {
		if f, err := New(header); err != nil || f.Close() != nil {
			t.Errorf("New(%q) = %v", header, err)
		}
	}
}

// However far it came, closing releases the coroutine.
func TestCloseReleasesAlways(t *testing.T) {
	before := runtime.NumGoroutine()
	for name, coding := range codings {
		whole := bytes.Join(flushed(t, name, events(60, 60)), nil)
		for cut := range len(whole) {
			f, err := New(coding.header)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Feed(whole[:cut], func([]byte) {}); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatalf("%s: Close = %v", name, err)
			}
			if err := f.Close(); err != nil {
				t.Fatalf("%s: second Close = %v", name, err)
			}
			if err := f.Feed(whole, func([]byte) {}); !errors.Is(err, ErrClosed) {
				t.Fatalf("%s: Feed after Close = %v", name, err)
			}
			if err := f.End(func([]byte) {}); !errors.Is(err, ErrClosed) {
				t.Fatalf("%s: End after Close = %v", name, err)
			}
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

func TestASinksPanicIsItsOwn(t *testing.T) {
	f := start(t, "gzip")
	defer func() {
		if p := recover(); p != "mine" {
			t.Errorf("recovered %v", p)
		}
	}()
	_ = f.Feed(bytes.Join(flushed(t, "gzip", events(5)), nil), func([]byte) { panic("mine") })
	t.Error("the panic was swallowed")
}

func TestADecodersPanicIsAnError(t *testing.T) {
	f := start(t, "gzip")
	f.decode = func(io.Reader, func([]byte) error) error { var none []int; _ = none[1]; return nil }
	if err := f.Feed([]byte{1}, func([]byte) {}); !errors.Is(err, errDecoder) || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("Feed = %v", err)
	}
}

// Brotli's decoder makes new tables for every block; all else has none to make.
func TestFeedAllocatesNothing(t *testing.T) {
	for _, name := range []string{"gzip", "zlib", "raw", "identity"} {
		pieces := flushed(t, name, events(make([]int, 700)...))
		f := start(t, codings[name].header)
		n := 0
		sink := func(p []byte) { n += len(p) }
		i := 0
		feed := func() {
			if err := f.Feed(pieces[i], sink); err != nil {
				t.Fatal(err)
			}
			i++
		}
		for range 100 {
			feed()
		}
		if allocs := testing.AllocsPerRun(500, feed); allocs > 0.5 {
			t.Errorf("%s: Feed allocates %v times", name, allocs)
		}
	}
}

func BenchmarkFeed(b *testing.B) {
	for _, name := range []string{"gzip", "br", "zstd"} {
		b.Run(name, func(b *testing.B) {
			evs := events(make([]int, 200)...)
			pieces := flushed(b, name, evs)
			b.SetBytes(int64(len(bytes.Join(evs, nil))))
			b.ReportAllocs()
			for b.Loop() {
				f, err := New(codings[name].header)
				if err != nil {
					b.Fatal(err)
				}
				for _, p := range pieces {
					if err := f.Feed(p, func([]byte) {}); err != nil {
						b.Fatal(err)
					}
				}
				_ = f.Close()
			}
		})
	}
}
