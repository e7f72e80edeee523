package inflate

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// decoder reads a whole coded body and emits what it stands for. It returns nil
// when the body was whole and in ended after it.
type decoder func(in io.Reader, emit func([]byte) error) error

func decoderOf(name string) (decoder, bool) {
	switch name {
	case "gzip", "x-gzip":
		return decodeGzip, true
	case "deflate":
		return decodeDeflate, true
	case "br":
		return decodeBrotli, true
	case "zstd":
		return decodeZstd, true
	}
	return nil, false
}

const (
	inBuffer  = 4 << 10
	outBuffer = 16 << 10
	// maxWindow is the largest zstd window that a sender may assume, RFC 9659.
	maxWindow = 8 << 20
)

// decodeGzip goes from member to member itself: left to the library, the last
// bytes of a member would be held back until it is known whether another follows.
func decodeGzip(in io.Reader, emit func([]byte) error) error {
	buffered := bufio.NewReaderSize(in, inBuffer)
	r, err := gzip.NewReader(buffered)
	buf := make([]byte, outBuffer)
	for ; err == nil; err = r.Reset(buffered) {
		r.Multistream(false)
		if err := copyOut(r, buf, emit); err != nil {
			return fmt.Errorf("inflate gzip: %w", err)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("inflate gzip: %w", err)
}

// decodeDeflate takes zlib, which the coding is (RFC 9110, 8.4.1.2), and the raw
// form, which some send under its name.
func decodeDeflate(in io.Reader, emit func([]byte) error) error {
	buffered := bufio.NewReaderSize(in, inBuffer)
	r, err := openDeflate(buffered)
	if err == nil {
		err = copyOut(r, make([]byte, outBuffer), emit)
	}
	if err != nil {
		return fmt.Errorf("inflate deflate: %w", err)
	}
	return nothingIn(buffered)
}

func openDeflate(in *bufio.Reader) (io.Reader, error) {
	head, err := in.Peek(2)
	if err != nil && len(head) == 0 {
		return nil, err
	}
	// A zlib header names method 8, a window of at most 32 KiB, and is a multiple
	// of 31 (RFC 1950, 2.2).
	if len(head) == 2 && head[0]&0x0f == 8 && head[0]>>4 <= 7 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}

func decodeBrotli(in io.Reader, emit func([]byte) error) error {
	if err := copyOut(brotli.NewReader(in), make([]byte, outBuffer), emit); err != nil {
		return fmt.Errorf("inflate br: %w", err)
	}
	return nil
}

// decodeZstd writes block by block: Read would wait for the next block to fill
// its buffer.
func decodeZstd(in io.Reader, emit func([]byte) error) error {
	r, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return fmt.Errorf("inflate zstd: %w", err)
	}
	defer r.Close()
	if _, err := r.WriteTo(writer(emit)); err != nil {
		return fmt.Errorf("inflate zstd: %w", err)
	}
	return nil
}

// writer makes an io.Writer of an emit.
type writer func([]byte) error

func (w writer) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// copyOut emits what r reads, each piece as soon as it is read.
func copyOut(r io.Reader, buf []byte, emit func([]byte) error) error {
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := emit(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// nothingIn waits for the end of the body.
func nothingIn(in *bufio.Reader) error {
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return ErrTrailing
	}
	return nil
}
