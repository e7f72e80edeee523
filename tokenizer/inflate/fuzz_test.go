package inflate

import (
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// whole decodes a body at one go.
func whole(header string, body []byte) ([]byte, error) {
	in := bytes.NewReader(body)
	var r io.Reader = in
	var err error
	switch header {
	case "gzip": // the standard library lets reserved flags pass, RFC 1952, 2.3.1.2
		r, err = gzip.NewReader(in)
	case "stdgzip":
		r, err = stdgzip.NewReader(in)
	case "zlib":
		r, err = zlib.NewReader(in)
	case "raw":
		r = flate.NewReader(in)
	case "br":
		r = brotli.NewReader(in)
	case "zstd":
		r, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	}
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, FreeOutput))
	if err == nil && in.Len() > 0 {
		err = ErrTrailing
	}
	return out, err
}

// FuzzInflate feeds any bytes in any pieces: nothing panics, the pieces do not
// matter, and what comes out is what decoding the whole at one go gives.
func FuzzInflate(f *testing.F) {
	for name := range codings {
		f.Add(byte(len(name)), byte(3), bytes.Join(flushed(f, name, events(20, 40)), nil))
	}
	f.Add(byte(0), byte(1), []byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, which, step byte, body []byte) {
		ways := []string{"gzip", "zlib", "raw", "br", "zstd", ""}
		way := ways[int(which)%len(ways)]
		header := way
		if way == "zlib" || way == "raw" {
			header = "deflate"
			asZlib := len(body) >= 2 && body[0]&0x0f == 8 && body[0]>>4 <= 7 && (int(body[0])<<8|int(body[1]))%31 == 0
			if asZlib != (way == "zlib") {
				t.Skip()
			}
		}
		if len(body) == 0 || len(body) > 1<<16 {
			t.Skip()
		}
		want, wantErr := whole(way, body)
		if len(want) == FreeOutput {
			t.Skip()
		}
		inf, err := New(header)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		sink := func(p []byte) { got = append(got, p...) }
		rest := body
		for len(rest) > 0 && err == nil {
			n := min(int(step)+1, len(rest))
			err = inf.Feed(rest[:n], sink)
			rest = rest[n:]
		}
		if err == nil {
			err = inf.End(sink)
		}
		if (err == nil) != (wantErr == nil) {
			t.Errorf("%s: %v, want %v", way, err, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) || !bytes.HasPrefix(want, got) && !bytes.HasPrefix(got, want) {
			t.Errorf("%s: %d bytes, want %d (%v)", way, len(got), len(want), wantErr)
		}
		if std, stdErr := whole("std"+way, body); way == "gzip" && stdErr == nil && err == nil && !bytes.Equal(got, std) {
			t.Errorf("gzip: %d bytes, but %d by the standard library", len(got), len(std))
		}
		if closed := inf.Close(); !errors.Is(closed, err) {
			t.Errorf("Close = %v, want %v", closed, err)
		}
	})
}
